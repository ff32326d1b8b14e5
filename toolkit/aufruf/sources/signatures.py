"""Tell platforms' JSON apart by what only they have in it."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

JsonFormat = Literal["4cat", "telegram", "mastodon", "bluesky", "reddit", "youtube", "labelstudio", "x"]

_SIGNATURES: tuple[tuple[JsonFormat, tuple[str, ...]], ...] = (
    ("4cat", ("source_platform", "timestamp_collected", "data")),
    ("4cat", ("__import_meta",)),
    ("4cat", ("thread_id", "body", "timestamp")),
    ("telegram", ("messages", "type")),
    ("telegram", ("messages/date", "messages/text")),
    ("telegram", ("chats/list",)),
    ("telegram", ("about", "personal_information")),
    ("mastodon", ("orderedItems",)),
    ("mastodon", ("account/acct", "content")),
    ("mastodon", ("object", "actor", "published")),
    ("bluesky", ("thread/post/uri",)),
    ("bluesky", ("feed/post/uri",)),
    ("bluesky", ("posts/record/$type",)),
    ("bluesky", ("records/value/$type",)),
    ("bluesky", ("value/$type=app.bsky.", "uri")),
    ("bluesky", ("record/$type=app.bsky.", "uri")),
    ("bluesky", ("post/record/$type=app.bsky.",)),
    ("bluesky", ("commit/collection", "did")),
    ("bluesky", ("$type=app.bsky.",)),
    ("reddit", ("kind", "data/children")),
    ("reddit", ("kind=t1", "data/body")),
    ("reddit", ("kind=t3", "data/title")),
    ("reddit", ("interactions/response",)),
    ("reddit", ("body", "link_id", "parent_id")),
    ("reddit", ("selftext", "title", "subreddit")),
    ("youtube", ("kind=youtube#comment",)),
    ("youtube", ("snippet/textDisplay",)),
    ("youtube", ("snippet/topLevelComment",)),
    ("labelstudio", ("annotations", "data")),
    ("labelstudio", ("predictions", "data")),
    ("labelstudio", ("annotation_id", "annotator")),
    ("x", ("data/id", "data/text")),
    ("x", ("errors/resource_type",)),
    ("x", ("statuses/id_str",)),
    ("x", ("statuses/user",)),
    ("x", ("id_str", "user")),
    ("x", ("delete/status",)),
    ("x", ("id", "text", "edit_history_tweet_ids")),
    ("x", ("id", "text", "public_metrics")),
    ("x", ("id", "text", "referenced_tweets")),
    ("x", ("id", "text", "possibly_sensitive")),
    ("x", ("id", "text", "__twarc")),
)
_SAMPLE_LINES = 20
_DEEPEST = 100
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]', re.DOTALL)


def platform_of(head: bytes) -> JsonFormat | None:
    """Return the platform whose JSON a file holds, by its beginning; None if it is none of them."""
    for value in _samples(head):
        for name, paths in _SIGNATURES:
            if all(_has(value, path) for path in paths):
                return name
    return None


def _samples(head: bytes) -> Iterator[Any]:
    """Yield the values of the first lines or, where the first line is none, of the first document."""
    values = [_decoded(line) for line in head.split(b"\n")[:_SAMPLE_LINES] if line.strip()]
    if not values or values[0] is None:
        values.insert(0, _beginning(head))
    for value in values:
        if isinstance(value, dict | list):
            yield cast("Any", value)


def _beginning(head: bytes) -> Any:
    """Return a document as far as it goes: up to where it is cut off or damaged."""
    ends = [*_ends(head)]
    broken = bisect_left(ends, 1, key=lambda end: _is_broken(head, end))
    return _decoded(_closed(head, ends[broken - 1])) if broken else None


def _is_broken(head: bytes, end: tuple[int, bytes]) -> bool:
    return _decoded(_closed(head, end)) is None


def _closed(head: bytes, end: tuple[int, bytes]) -> bytes:
    return head[: end[0]] + end[1]


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _ends(head: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the places behind whole values of a document, each with the brackets that close it there."""
    open_brackets = bytearray()
    for match in _TOKEN.finditer(head):
        sign = match[0]
        if sign == b",":
            yield match.start(), bytes(reversed(open_brackets))
        elif sign in (b"{", b"["):
            open_brackets += b"}" if sign == b"{" else b"]"
            yield match.end(), bytes(reversed(open_brackets))
        elif sign in (b"}", b"]"):
            del open_brackets[-1:]
            if not open_brackets:
                yield match.end(), b""
                return
        if len(open_brackets) > _DEEPEST:
            return


def _has(value: Any, path: str) -> bool:
    """Say whether a value has something at a path; of lists, the first element counts."""
    path, _, expected = path.partition("=")
    for key in path.split("/"):
        if isinstance(value, list):
            value = cast("list[Any]", value)[0] if value else None
        if not isinstance(value, dict) or key not in value:
            return False
        value = cast("dict[str, Any]", value)[key]
    return not expected or (isinstance(value, str) and value.startswith(expected))
