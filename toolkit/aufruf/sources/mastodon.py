"""Mastodon and its kin: `outbox.json` of an account's archive, and statuses as the API gives them.

A content warning stands before the text. What is not public is refused. A boost in an archive is
nothing but an address; one from the API has the text of its original.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.sources.html_text import plain_text
from aufruf.sources.items import Post
from aufruf.sources.json_posts import DELETED, NO_POST, Platform, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aufruf.sources.json_posts import Found

_PUBLIC = {"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"}
_NOT_PUBLIC = ("not_public", "addressed to some people only")
_NO_TEXT = ("empty_post", "a boost: nothing but the address of its original")
_POSTS = ("Note", "Question", "Article", "Page")


class _Account(msgspec.Struct):
    id: str | None = None
    acct: str | None = None
    url: str | None = None


class _Quote(msgspec.Struct):
    id: str | None = None
    quoted_status: _Quote | None = None
    quoted_status_id: str | None = None


class _Note(msgspec.Struct, kw_only=True):
    """A post in an archive."""

    id: str | None = None
    type: str | None = None
    published: str | None = None
    updated: str | None = None
    attributedTo: str | None = None  # noqa: N815 -- the file's own names here and below
    inReplyTo: str | None = None  # noqa: N815
    conversation: str | None = None
    context: str | None = None
    summary: str | None = None
    content: str | None = None
    attachment: list[Any] | None = None
    quote: str | None = None
    quoteUri: str | None = None  # noqa: N815
    quoteUrl: str | None = None  # noqa: N815
    to: list[str] | str | None = None
    cc: list[str] | str | None = None


class _Value(msgspec.Struct, kw_only=True):
    """An activity of an archive, or a status of the API."""

    id: str | None = None
    type: str | None = None
    object: _Note | str | None = None
    created_at: str | None = None
    edited_at: str | None = None
    in_reply_to_id: str | None = None
    visibility: str | None = None
    spoiler_text: str | None = None
    content: str | None = None
    account: _Account | None = None
    media_attachments: list[Any] | None = None
    reblog: _Value | None = None
    quote: _Quote | None = None


def posts(value: _Value, _around: Mapping[str, str]) -> Iterator[Found]:
    """Yield the post of an activity or a status."""
    if value.account is not None:
        yield _status(value)
    elif value.type == "Announce":
        yield Refused(*_NO_TEXT)
    elif value.type == "Delete" or (isinstance(value.object, _Note) and value.object.type == "Tombstone"):
        yield Refused(*DELETED)
    elif isinstance(value.object, _Note) and value.object.type in _POSTS:
        yield _note(value.object)
    else:
        yield Refused(*NO_POST)


def _note(note: _Note) -> Found:
    audience = {*_listed(note.to), *_listed(note.cc)}
    if audience and not audience & _PUBLIC:
        return Refused(*_NOT_PUBLIC)
    return Post(
        text=_text(note.summary, note.content),
        id=note.id,
        author=note.attributedTo,
        conversation=note.conversation or note.context,
        reply_to=note.inReplyTo,
        quote_of=note.quote or note.quoteUri or note.quoteUrl,
        created_at=note.published,
        edited_at=note.updated,
        has_media=bool(note.attachment),
        truncated=False,
    )


def _status(status: _Value) -> Found:
    shown = status.reblog or status
    if {status.visibility, shown.visibility} & {"private", "direct"}:
        return Refused(*_NOT_PUBLIC)
    account, quote = status.account or _Account(), shown.quote or _Quote()
    return Post(
        text=_text(shown.spoiler_text, shown.content),
        id=status.id,
        author=account.url or account.acct or account.id,
        reply_to=status.in_reply_to_id,
        repost_of=status.reblog and status.reblog.id,
        quote_of=quote.quoted_status_id or (quote.quoted_status or quote).id,
        created_at=status.created_at,
        edited_at=status.edited_at,
        has_media=bool(shown.media_attachments),
        truncated=False,
    )


def _text(warning: str | None, content: str | None) -> str:
    parts = (plain_text(warning or ""), plain_text(content or ""))
    return "\n\n".join(part for part in parts if part)


def _listed(given: list[str] | str | None) -> list[str]:
    return [given] if isinstance(given, str) else given or []


PLATFORM = Platform(_Value, posts, frozenset({("orderedItems",)}))
