"""Which format a file has, found out from its content, and which function reads it."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, get_args

from aufruf.errors import InputError
from aufruf.sources import bluesky, mastodon, reddit, telegram, x, youtube
from aufruf.sources.csv import NO_TABLE, header_of, layout_of, read_csv
from aufruf.sources.encoding import encoding_of
from aufruf.sources.feed import read_feed
from aufruf.sources.fourcat import is_fourcat, read_fourcat
from aufruf.sources.json_values import is_lines
from aufruf.sources.jsonl import keys_of, read_jsonl
from aufruf.sources.labelstudio import read_labelstudio
from aufruf.sources.news_html import read_news_html
from aufruf.sources.news_text import read_news_text
from aufruf.sources.parler import is_parler, read_parler
from aufruf.sources.parquet import read_parquet
from aufruf.sources.signatures import platform_of
from aufruf.sources.warc import read_warc
from aufruf.sources.web_signatures import web_format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aufruf.sources.fields import FieldMap
    from aufruf.sources.items import Batch

    Reader = Callable[[BinaryIO, str, FieldMap], Iterator[Batch]]

Format = Literal[
    "csv",
    "jsonl",
    "parquet",
    "news-text",
    "news-html",
    "feed",
    "warc",
    "x",
    "telegram",
    "mastodon",
    "bluesky",
    "reddit",
    "youtube",
    "parler",
    "4cat",
    "labelstudio",
    "huggingface",
]
FORMATS: tuple[Format, ...] = get_args(Format)
"""All formats. Those that are no files, but folders or places elsewhere, are not in `READERS`."""

READERS: dict[Format, Reader] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "news-text": read_news_text,
    "news-html": read_news_html,
    "feed": read_feed,
    "warc": read_warc,
    "x": x.PLATFORM.read,
    "telegram": telegram.PLATFORM.read,
    "mastodon": mastodon.PLATFORM.read,
    "bluesky": bluesky.PLATFORM.read,
    "reddit": reddit.PLATFORM.read,
    "youtube": youtube.PLATFORM.read,
    "parler": read_parler,
    "4cat": read_fourcat,
    "labelstudio": read_labelstudio,
}
ONE_NAMING: frozenset[Format] = frozenset({"x", "telegram", "bluesky", "reddit", "youtube"})
"""Platforms that give out ids once, whatever file they stand in: no server of theirs numbers by itself."""

_HEAD = 200_000
_PARQUET = b"PAR1"
_TABLES = {".csv", ".tsv"}
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
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if known := _by_signature(head, start):
        return known
    encoding = encoding_of(stream)
    if encoding != "utf-16" and _is_binary(head):
        raise InputError(f"{file}: a binary file of no known format; expected {', '.join(FORMATS)}")
    if start.startswith(b"{") and is_lines(stream) and keys_of(stream):
        return "jsonl"
    if start.startswith((b"{", b"[")) and _is_json_document(start):
        raise InputError(
            f"{file}: one JSON document of no known platform; expected JSON Lines, one object a line "
            "(`jq -c '.[]' FILE > posts.jsonl` makes them of a list)"
        )
    if start.lower().startswith((b"<?xml", b"<!--")):
        raise InputError(f"{file}: XML, but no page and no feed; expected {', '.join(FORMATS)}")
    sample = head.decode(encoding, errors="replace")
    if layout_of(sample) is not None:
        return "4cat" if is_fourcat(header_of(sample)) else "csv"
    if _TABLES & {suffix.lower() for suffix in Path(file).suffixes}:
        raise InputError(f"{file}: {NO_TABLE}; if it is an article, say --format news-text")
    return "news-text"


def _by_signature(head: bytes, start: bytes) -> Format | None:
    """Return the format of what names itself in its first bytes."""
    if head.startswith(_PARQUET):
        return "parquet"
    if start.startswith((b"{", b"[")) and (platform := platform_of(start)):
        return platform
    return "parler" if is_parler(head) else web_format_of(head)


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
