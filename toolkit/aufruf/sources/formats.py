"""Which format a file has, found out from its content, and which function reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO, Literal, get_args

from aufruf.errors import InputError
from aufruf.sources.csv import layout_of, read_csv
from aufruf.sources.encoding import encoding_of
from aufruf.sources.jsonl import keys_of, read_jsonl
from aufruf.sources.news_text import read_news_text
from aufruf.sources.parquet import read_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aufruf.sources.fields import FieldMap
    from aufruf.sources.items import Batch

    Reader = Callable[[BinaryIO, str, FieldMap], Iterator[Batch]]

Format = Literal["csv", "jsonl", "parquet", "news-text"]
FORMATS: tuple[Format, ...] = get_args(Format)
READERS: dict[Format, Reader] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "news-text": read_news_text,
}
_HEAD = 200_000
_PARQUET = b"PAR1"
_CONTROL = bytes([*range(9), *range(14, 27), *range(28, 32)])
_MAX_CONTROL_SHARE = 0.01


def detect_format(stream: BinaryIO, file: str) -> Format:
    """Return the format of a file by its content, and leave the stream at its start.

    Raises:
        InputError: if it is empty, or none of the formats.
    """
    head = stream.read(_HEAD)
    stream.seek(0)
    if not head.strip():
        raise InputError(f"{file}: the file is empty")
    if head.startswith(_PARQUET):
        return "parquet"
    encoding = encoding_of(stream)
    if encoding != "utf-16" and _is_binary(head):
        raise InputError(f"{file}: a binary file of no known format; expected {', '.join(FORMATS)}")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{") and keys_of(stream):
        return "jsonl"
    if start.startswith((b"{", b"[")) and _is_json_document(start):
        raise InputError(f"{file}: one JSON document; expected JSON Lines, one object a line")
    if start[:200].lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<rss")):
        raise InputError(f"{file}: a page or feed in HTML or XML; expected {', '.join(FORMATS)}")
    return "csv" if layout_of(head.decode(encoding, errors="replace")) else "news-text"


def _is_binary(head: bytes) -> bool:
    return len(head) - len(head.translate(None, _CONTROL)) > _MAX_CONTROL_SHARE * len(head)


def _is_json_document(start: bytes) -> bool:
    """Say whether the beginning of a text is that of JSON: what fails, fails only at its end."""
    try:
        json.loads(start)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        return getattr(error, "pos", 0) >= min(len(start), _HEAD) - 10 or start.count(b'":') > 1
    except RecursionError:
        return True
    return True
