"""Web archives (WARC): every record of the archive is an item, kept or refused.

A page is kept if its response is whole: as long as declared and, where a digest stands beside it, the
same. An archive that breaks off ends with one refused item (``partial``) that stands for the rest.
"""
# fastwarc's types leave out what some functions return
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, BinaryIO, cast

from aufruf.errors import InputError
from aufruf.sources.inflating import Inflated
from aufruf.sources.items import Batch, Collected, Refusal
from aufruf.sources.news_html import add_page
from aufruf.sources.pages import MAX_PAGE, Page, page_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastwarc.warc import WarcRecord

    from aufruf.sources.fields import FieldMap

START = b"WARC/"
"""What every record begins with."""

_PAGES = 500
_BLOCK = 1 << 20
_AFTER_RECORD = b"\r\n\r\n"
_HTML = ("text/html", "application/xhtml+xml")
_OK = 200
_DIGESTS = ("sha1", "sha256", "sha512", "md5")


class _RefusedError(Exception):
    """A record that is not kept, with the reason and the message of its refusal."""


def read_warc(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read the pages of an archive, compressed with gzip or not, in batches.

    Raises:
        InputError: if it holds no record at all, or a field map was given.
    """
    if given.columns:
        raise InputError(f"{file}: a web archive has no columns that a field map could name")
    source = Inflated(stream)
    gathered = Collected()
    records = 0
    for records, (record, block) in enumerate(_records(source), 1):
        try:
            add_page(gathered, str(records), _page(record, block))
        except _RefusedError as refused:
            gathered.refusals.append(Refusal(str(records), *refused.args))
        if len(gathered) >= _PAGES:
            yield gathered.take(Page._fields, given.kind or "news")
    if not records:
        raise InputError(f"{file}: not a web archive, or damaged from its first record on")
    if source.damaged or not source.tail.endswith(_AFTER_RECORD):
        message = "the archive is cut off or damaged here; nothing behind it could be read"
        gathered.refusals.append(Refusal(f"after {records}", "partial", message))
    yield gathered.take(Page._fields, given.kind or "news")


def _records(source: Inflated) -> Iterator[tuple[WarcRecord, bytes | None]]:
    """Yield records with their blocks, None for one too long; mark the source if it breaks off."""
    from fastwarc.warc import ArchiveIterator

    records = ArchiveIterator(cast("BinaryIO", source), parse_http=False, fsspec_args=False)
    while True:
        try:
            record = next(records)
            block = _block(record)
        except StopIteration:
            return
        except OSError:
            source.damaged = True
            return
        source.damaged |= block is not None and len(block) < record.content_length
        yield record, block


def _block(record: WarcRecord) -> bytes | None:
    if record.content_length <= MAX_PAGE:
        return record.reader.read(record.content_length)
    while record.reader.read(_BLOCK):
        pass
    return None


def _page(record: WarcRecord, block: bytes | None) -> Page | None:
    """Return the article of a record.

    Raises:
        _RefusedError: if it is no whole response with a page.
    """
    kind = record.headers.get("WARC-Type") or "none"
    if kind.lower() == "revisit":
        raise _RefusedError(
            "revisit", "a page that had not changed since an earlier visit, without its content"
        )
    if kind.lower() not in ("response", "resource"):
        raise _RefusedError(
            "not_a_response", f"a record of type {_word(kind)}, expected response or resource"
        )
    if block is None:
        raise _RefusedError("too_long", f"a response of more than {MAX_PAGE:,} bytes")
    if len(block) < record.content_length:
        raise _RefusedError("truncated", f"{len(block):,} bytes, expected {record.content_length:,}")
    if "WARC-Truncated" in record.headers:
        raise _RefusedError("truncated", "the archive says that it holds a part of the response only")
    content, charset = _resource(record, block) if kind.lower() == "resource" else _response(record, block)
    address = (record.headers.get("WARC-Target-URI") or "").strip("<>") or None
    return page_of(content, charset=charset, url=address)


def _resource(record: WarcRecord, block: bytes) -> tuple[bytes, str | None]:
    media_type, _, parameters = (record.headers.get("Content-Type") or "").partition(";")
    if media_type.strip().lower() not in _HTML:
        raise _RefusedError("not_html", f"content of type {_word(media_type)}, expected text/html")
    if not _agrees(record, block, block):
        raise _RefusedError("bad_digest", "the content is not what its digest says")
    return block, parameters.partition("charset=")[2].strip(" \"'") or None


def _response(record: WarcRecord, block: bytes) -> tuple[bytes, str | None]:
    """Return the page that a server sent, decoded, and its charset."""
    from fastwarc.warc import WarcRecord, WarcRecordType

    answer = WarcRecord()
    answer.init_headers(WarcRecordType.response)
    answer.is_http = True
    answer.set_bytes_content(block)
    try:
        answer.parse_http(auto_decode="all")
        status = answer.http_headers.status_code
        content = answer.reader.read(MAX_PAGE + 1)
    except (OSError, AttributeError) as error:
        raise _RefusedError("bad_record", "not a readable answer of a web server") from error
    if status != _OK:
        raise _RefusedError("not_ok", f"the server answered with status {status}, expected {_OK}")
    if (answer.http_content_type or "").lower() not in _HTML:
        found = _word(answer.http_content_type or "unknown")
        raise _RefusedError("not_html", f"content of type {found}, expected text/html")
    if len(content) > MAX_PAGE:
        raise _RefusedError("too_long", f"a page of more than {MAX_PAGE:,} bytes")
    if not _agrees(record, block, content):
        raise _RefusedError("bad_digest", "the response is not what its digests say")
    return content, answer.http_charset


def _agrees(record: WarcRecord, block: bytes, content: bytes) -> bool:
    """Say whether a digest of the record holds, or none is given that can be checked.

    One is enough: some writers count a payload before decoding and some after, and some rewrite the
    header in front of it.
    """
    body = block.partition(_AFTER_RECORD)[2]
    found = [
        _matches(written, part)
        for name, parts in (("WARC-Block-Digest", (block,)), ("WARC-Payload-Digest", (body, content)))
        if (written := record.headers.get(name)) and written.partition(":")[0].lower() in _DIGESTS
        for part in parts
    ]
    return not found or any(found)


def _matches(written: str, content: bytes) -> bool:
    """Say whether a digest such as ``sha1:…`` in base 32 or 16 is that of the content."""
    name, _, value = written.partition(":")
    digest = hashlib.new(name.lower(), content, usedforsecurity=False).digest()
    plain = value.strip().rstrip("=").lower()
    return plain in (digest.hex(), base64.b32encode(digest).decode().rstrip("=").lower())


def _word(text: str) -> str:
    """Return a header's value if it is a plain word, so that no message repeats foreign text."""
    plain = text.strip().lower()
    return plain if plain.replace("/", "").replace("-", "").isalnum() and len(plain) <= 40 else "unknown"  # noqa: PLR2004 -- no media type is longer
