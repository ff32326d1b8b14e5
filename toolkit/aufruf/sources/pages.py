"""From the bytes of a web page to its article: text, headline, teaser, outlet, date and address.

The author list is never read. Nothing is fetched.
"""
# trafilatura's types name trees of lxml, which has none
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import codecs
import logging
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from aufruf.sources.markup import lines_of, text_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_PAGE = 20_000_000
"""Longest page in bytes: what is longer is refused unread."""

_HEAD = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_LATIN = re.compile(r"(?:iso-?8859-?1|latin-?1|us-ascii|ascii)", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…][“”\"«»‘’')\]]*(?:\s|$)")
_MIN_PROSE = 60
_TIME = re.compile(r'"datePublished"\s*:\s*"([^"]{10,40})"')
_ISO = re.compile(r"\s*(?:19|20)\d\d-[01]\d-[0-3]\d")
_TITLE_JOINT = r"\s+[-–—|·:»]\s+"


class Page(NamedTuple):
    """An article as a page holds it; null is what the page does not say.

    ``text`` has one paragraph, heading, list item or row of a table a line. ``created_at`` is often a date
    alone.
    """

    text: str
    title: str | None
    teaser: str | None
    outlet: str | None
    url: str | None
    created_at: str | None


def page_of(content: bytes, *, charset: str | None = None, url: str | None = None) -> Page | None:
    """Return the article of a page, or None if there is none: no line is a sentence of some length.

    ``charset`` and ``url`` are what the server said; both win over what the page says of itself.
    """
    tree = tree_of(decoded(content, charset))
    if tree is None:
        return None
    links = {_plain(link.text_content()) for link in tree.iter("a")}
    found: Any = _extractor()(tree, url)
    if found is None or found.body is None:
        return None
    lines = list(_article_lines(found.body, links))
    if not any(_is_prose(line) for line in lines):
        return None
    address = url or found.url
    names = (_site_name(tree), found.sitename)
    title = _without_outlet(found.title, names)
    teaser = " ".join(text_of(found.description or "").split()) or None
    outlet = names[0] or host_of(address) or names[1]
    return Page("\n".join(lines), title, teaser, outlet, address, _published(tree) or found.date)


def decoded(content: bytes, charset: str | None = None) -> str:
    """Return a page's text by its byte order mark, else the server's word, else its own, else UTF-8.

    What cannot be read that way is read as Windows-1252, which is also what browsers take Latin-1 for;
    bytes without meaning become U+FFFD.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content.decode(name, "replace")
    own = _CHARSET.search(content[:_HEAD])
    for name in (charset, own.group(1).decode("ascii") if own else None, "utf-8"):
        try:
            if name is not None:
                return content.decode("cp1252" if _LATIN.fullmatch(name) else name)
        except (LookupError, UnicodeDecodeError):
            continue
    return content.decode("cp1252", "replace")


def _article_lines(body: Any, links: set[str]) -> Iterator[str]:
    """Yield the lines of an article; the row of a table is one.

    Left out are headings and list items that are nothing but a link, for they lead to other articles, and
    what stands beside prose in tables: old pages are laid out by them.
    """
    for table in list(body.iter("table")):
        cells = list(table.iter("cell"))
        beside = [cell for cell in cells if not any(_is_prose(line.text) for line in lines_of(cell))]
        if len(beside) == len(cells):
            _join_cells(table)
        else:
            for cell in beside:
                cell.clear()
    for line in lines_of(body):
        if not (line.kind in ("head", "item") and line.text in links):
            yield line.text


def _is_prose(text: str) -> bool:
    return len(text) >= _MIN_PROSE and _SENTENCE_END.search(text) is not None


def _join_cells(table: Any) -> None:
    """Make a table's rows paragraphs, with bars between what were cells."""
    table.tag = "div"
    for row in list(table.iter("row")):
        cells = [_plain("".join(cell.itertext())) for cell in row.iter("cell")]
        tail = row.tail
        row.clear()
        row.tag, row.tail, row.text = "p", tail, " | ".join(filter(None, cells))


def host_of(address: str | None) -> str | None:
    """Return the host of an address without ``www.``, or None if it has none."""
    try:
        host = urlsplit(address or "").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None


def _site_name(tree: Any) -> str | None:
    """Return what a page calls its site, which is more to the point than the publisher's firm."""
    names = tree.xpath("//meta[@property='og:site_name' or @name='og:site_name']/@content")
    return _plain(names[0]) or None if names else None


def _published(tree: Any) -> str | None:
    """Return when a page says that it was published, with time of day and zone where it says them."""
    written = [
        *tree.xpath("//meta[@property='article:published_time' or @itemprop='datePublished']/@content"),
        *(
            time
            for data in tree.xpath("//script[@type='application/ld+json']/text()")
            for time in _TIME.findall(data)
        ),
    ]
    return next((text.strip() for text in written if _ISO.match(text)), None)


def _without_outlet(title: str | None, outlets: Iterable[str | None]) -> str | None:
    """Return a headline without the outlet's name that pages put behind it."""
    for outlet in outlets:
        if title and outlet:
            title = re.sub(rf"{_TITLE_JOINT}{re.escape(outlet)}\s*$", "", title, flags=re.IGNORECASE) or title
    return title or None


def _plain(text: str) -> str:
    return " ".join(text.split())


@cache
def _extractor() -> Any:
    """Return trafilatura's extraction with our options; its messages, which hold addresses, go nowhere."""
    from trafilatura import bare_extraction

    for name in ("trafilatura", "htmldate", "courlan", "justext", "readability"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    dates = {"original_date": True, "extensive_search": False}

    def extract(tree: Any, url: str | None) -> Any:
        return bare_extraction(
            tree, url=url, include_comments=False, with_metadata=True, date_extraction_params=dates
        )

    return extract
