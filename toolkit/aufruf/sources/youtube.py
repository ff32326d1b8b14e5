"""YouTube: comments and comment threads as the Data API gives them, single or in lists, with replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from aufruf.sources.html_text import looks_like_html, plain_text
from aufruf.sources.items import Post
from aufruf.sources.json_posts import NO_POST, WITHHELD, Platform, Refused, Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aufruf.sources.json_posts import Found

_UNFETCHED = Remark("threads with more replies than the file holds")


class _Channel(msgspec.Struct):
    value: str | None = None


class _Snippet(msgspec.Struct, kw_only=True, rename="camel"):
    """What a comment or a thread says."""

    text_original: str | None = None
    text_display: str | None = None
    author_channel_id: _Channel | str | None = None
    author_channel_url: str | None = None
    author_display_name: str | None = None
    video_id: str | None = None
    channel_id: str | None = None
    parent_id: str | None = None
    published_at: str | None = None
    updated_at: str | None = None
    moderation_status: str | None = None
    top_level_comment: _Value | None = None
    total_reply_count: int | None = None


class _Replies(msgspec.Struct):
    comments: list[_Value] = []


class _Value(msgspec.Struct, kw_only=True):
    """A comment, a thread, or a list of either."""

    kind: str | None = None
    id: str | None = None
    snippet: _Snippet | None = None
    replies: _Replies | None = None
    items: list[_Value] | None = None


def posts(value: _Value, _around: Mapping[str, str]) -> Iterator[Found]:
    """Yield the comments of a value, each before its replies."""
    if value.items is not None:
        for item in value.items:
            yield from _thread(item)
    else:
        yield from _thread(value)


def _thread(value: _Value) -> Iterator[Found]:
    snippet = value.snippet or _Snippet()
    if snippet.top_level_comment is None:
        yield _comment(value, None)
        return
    replies = value.replies.comments if value.replies else []
    yield _comment(snippet.top_level_comment, snippet.video_id)
    for reply in replies:
        yield _comment(reply, snippet.video_id)
    if (snippet.total_reply_count or 0) > len(replies):
        yield _UNFETCHED


def _comment(comment: _Value, video: str | None) -> Found:
    snippet = comment.snippet
    if snippet is None or (snippet.text_display is None and snippet.text_original is None):
        return Refused(*NO_POST)
    if snippet.moderation_status in ("heldForReview", "likelySpam", "rejected"):
        return Refused(*WITHHELD)
    channel = snippet.author_channel_id
    author = channel.value if isinstance(channel, _Channel) else channel
    return Post(
        text=snippet.text_original or _shown(snippet.text_display or ""),
        id=comment.id,
        author=author or snippet.author_channel_url or snippet.author_display_name,
        conversation=snippet.video_id or video or snippet.parent_id or comment.id,
        reply_to=snippet.parent_id,
        created_at=snippet.published_at,
        edited_at=snippet.updated_at,
        has_media=False,
        truncated=False,
    )


def _shown(text: str) -> str:
    """Return a text that is HTML or not, as the request wanted it."""
    return plain_text(text) if looks_like_html(text) else text


PLATFORM = Platform(_Value, posts, frozenset({("items",)}))
