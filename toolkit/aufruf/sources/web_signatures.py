"""Tell a web archive, a page or a feed by the first bytes of a file."""

from __future__ import annotations

import codecs
import re
import zlib
from typing import Literal

_WARC = b"WARC/"
_GZIP = b"\x1f\x8b"
_LOOKED_AT = 20_000
_ROOT = re.compile(
    rb"\s*(?>(?:<\?.*?\?>|<!--.*?-->|<!doctype\b[^>]*>)\s*)*+<([a-z][\w:]*)", re.IGNORECASE | re.DOTALL
)
_PAGES = frozenset(b"html head body meta title link base script style div p h1 main article section".split())
_FEEDS = frozenset((b"rss", b"feed", b"rdf:rdf"))


def web_format_of(head: bytes) -> Literal["warc", "news-html", "feed"] | None:
    """Return the format of a file by its first bytes, or None if it is nothing of the web.

    Markup is told by its first element, so a feed below the document type of a page is a feed.
    """
    if _inflated(head).startswith(_WARC):
        return "warc"
    found = _ROOT.match(head.removeprefix(codecs.BOM_UTF8)[:_LOOKED_AT])
    root = found.group(1).lower() if found else b""
    return "news-html" if root in _PAGES else "feed" if root in _FEEDS else None


def _inflated(head: bytes) -> bytes:
    """Return the first bytes of a file's content, inflated where it is gzip."""
    if not head.startswith(_GZIP):
        return head
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, len(_WARC))
    except zlib.error:
        return b""
