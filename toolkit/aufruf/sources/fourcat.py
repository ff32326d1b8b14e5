"""4CAT: its tables of any platform, their lines as JSON, and what Zeeschuimer captured for it.

4CAT gives all platforms the same columns (`id`, `thread_id`, `body`, `author`, `timestamp`); a subject
stands before the body. Captured items keep their platform's own form: those of X and of TikTok are read,
others come as the table that 4CAT makes of them.
"""

from __future__ import annotations

import codecs
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.sources.csv import header_of, read_csv
from aufruf.sources.encoding import encoding_of
from aufruf.sources.fields import FieldMap
from aufruf.sources.items import FIELDS, Post
from aufruf.sources.json_posts import NO_POST, Platform, Refused, digits, unescaped, unnamed
from aufruf.sources.x import time_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aufruf.sources.items import Batch
    from aufruf.sources.json_posts import Found

_COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "text": ("body",),
    "title": ("subject",),
    "author": ("author_id", "author"),
    "conversation": ("thread_id",),
    "reply_to": ("reply_to", "reply_to_id", "parent", "parent_id"),
    "repost_of": ("retweeted_user", "author_forwarded_from_id", "author_forwarded_from_username", "repost"),
    "quote_of": ("quote_tweet_id", "quoted_post"),
    "created_at": ("unix_timestamp", "timestamp"),
    "edited_at": ("unix_timestamp_edited", "timestamp_edited"),
}
_HEAD = 200_000
_NEEDED = {"id", "thread_id", "body", "timestamp"}
_NUMBERED_BY_CHAT = "author_forwarded_from_name"


def is_fourcat(columns: Sequence[str]) -> bool:
    """Say whether a table's columns are those that 4CAT gives to all platforms."""
    return set(columns) >= _NEEDED


def read_fourcat(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read a table, or lines of JSON, in batches.

    Raises:
        InputError: if a field map was given, or a table lacks 4CAT's columns.
    """
    start = stream.read(1000).lstrip(codecs.BOM_UTF8).lstrip()[:1]
    stream.seek(0)
    if start in (b"{", b"["):
        yield from _LINES.read(stream, file, given)
        return
    columns = _header(stream)
    if given.columns or not is_fourcat(columns):
        raise InputError(f"{file}: expected 4CAT's columns {', '.join(sorted(_NEEDED))}, and no --map")
    there = {name: next((one for one in usual if one in columns), "") for name, usual in _COLUMNS.items()}
    chosen = FieldMap({**dict.fromkeys(FIELDS, ""), **there}, given.kind or "post")
    by_chat = _NUMBERED_BY_CHAT in columns
    for batch in read_csv(stream, file, chosen):
        yield replace(batch, items=_as_posts(batch.items, by_chat=by_chat))


def _header(stream: BinaryIO) -> list[str]:
    encoding = encoding_of(stream)
    columns = header_of(stream.read(_HEAD).decode(encoding, errors="replace"))
    stream.seek(0)
    return columns


def _as_posts(items: pl.DataFrame, *, by_chat: bool) -> pl.DataFrame:
    """Put subjects before bodies, give what is reposted a name, and Telegram's messages their chat."""
    full = items.with_columns(
        pl.lit(None, pl.String).alias(name) for name in _COLUMNS if name not in items.columns
    )
    if by_chat:
        chat = pl.col("conversation") + pl.lit("/")
        full = full.with_columns(id=chat + pl.col("id"), reply_to=chat + pl.col("reply_to"))
    return full.with_columns(
        text=pl.concat_str("title", "text", separator="\n\n", ignore_nulls=True),
        repost_of=pl.struct("repost_of", "text").map_elements(_reposted, return_dtype=pl.String),
    ).drop("title")


def _reposted(row: dict[str, str | None]) -> str | None:
    return unnamed(row["repost_of"], row["text"] or "") if row["repost_of"] else None


class _Result(msgspec.Struct):
    result: _Captured | None = None


class _NoteText(msgspec.Struct):
    text: str | None = None


class _NoteResult(msgspec.Struct):
    result: _NoteText | None = None


class _LongNote(msgspec.Struct):
    note_tweet_results: _NoteResult | None = None


class _Entities(msgspec.Struct):
    media: list[Any] | None = None


class _Legacy(msgspec.Struct, kw_only=True):
    """A tweet as X's own pages have it."""

    id_str: str | None = None
    full_text: str | None = None
    user_id_str: str | None = None
    created_at: str | None = None
    conversation_id_str: str | None = None
    in_reply_to_status_id_str: str | None = None
    quoted_status_id_str: str | None = None
    retweeted_status_result: _Result | None = None
    extended_entities: _Entities | None = None
    entities: _Entities | None = None


class _Edits(msgspec.Struct):
    initial_tweet_id: str | None = None


class _Creator(msgspec.Struct, rename={"unique_id": "uniqueId"}):
    id: str | None = None
    unique_id: str | None = None


class _Captured(msgspec.Struct, kw_only=True, rename={"create_time": "createTime"}):
    """An item in its platform's own form, or with 4CAT's columns."""

    id: str | int | None = None
    rest_id: str | None = None
    legacy: _Legacy | None = None
    tweet: _Captured | None = None
    note_tweet: _LongNote | None = None
    edit_control: _Edits | None = None
    desc: str | None = None
    create_time: int | str | None = None
    author: _Creator | str | int | None = None
    author_id: str | int | None = None
    thread_id: str | int | None = None
    subject: str | None = None
    body: str | None = None
    timestamp: str | int | None = None
    unix_timestamp: str | float | None = None
    reply_to: str | int | None = None


class _Line(_Captured, kw_only=True):
    data: _Captured | None = None


def posts(line: _Line, _around: Mapping[str, str]) -> Iterator[Found]:
    """Yield the post of a captured item."""
    item = line.data or line
    if item.tweet is not None:
        item = item.tweet
    if item.legacy is not None:
        yield _tweet(item)
    elif item.body is not None:
        yield _row(item)
    elif item.desc is not None:
        yield _video(item)
    elif item.id is None and item.rest_id is None:
        yield Refused(*NO_POST)
    else:
        yield Refused("unknown_platform", "a captured item of a platform that is not read; export it as CSV")


def _tweet(item: _Captured) -> Post:
    legacy = item.legacy or _Legacy()
    reposted = legacy.retweeted_status_result and legacy.retweeted_status_result.result
    original = reposted and (reposted.tweet or reposted)
    shown = original or item
    content = shown.legacy or legacy
    note = shown.note_tweet and shown.note_tweet.note_tweet_results
    media = content.extended_entities or content.entities or _Entities()
    own = item.rest_id or legacy.id_str
    first = item.edit_control and item.edit_control.initial_tweet_id
    written = legacy.created_at or time_of(own)
    return Post(
        text=unescaped((note and note.result and note.result.text) or content.full_text),
        id=first or own,
        author=legacy.user_id_str,
        conversation=legacy.conversation_id_str,
        reply_to=legacy.in_reply_to_status_id_str,
        repost_of=original and (original.rest_id or content.id_str),
        quote_of=legacy.quoted_status_id_str,
        created_at=written,
        edited_at=written if first and first != own else None,
        has_media=bool(media.media),
        truncated=False,
    )


def _video(item: _Captured) -> Post:
    author = item.author
    name = (author.id or author.unique_id) if isinstance(author, _Creator) else digits(author)
    return Post(
        text=item.desc,
        id=digits(item.id),
        author=name,
        created_at=digits(item.create_time),
        has_media=True,
        truncated=False,
    )


def _row(item: _Captured) -> Post:
    author = item.author.id if isinstance(item.author, _Creator) else item.author
    return Post(
        text="\n\n".join(part for part in (item.subject, item.body) if part),
        id=digits(item.id),
        author=digits(item.author_id) or digits(author),
        conversation=digits(item.thread_id),
        reply_to=digits(item.reply_to),
        created_at=digits(item.unix_timestamp) or digits(item.timestamp),
    )


_LINES = Platform(_Line, posts)
