"""Bluesky: post records, lists of posts, feeds and threads as its API gives them, and Jetstream's events.

A post's id is its `at://` address, its author's the DID in it. A repost in a feed has the text of its
original. Of a thread, parents and replies are posts of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from aufruf.sources.items import Post
from aufruf.sources.json_posts import DELETED, NO_POST, WITHHELD, Platform, Refused, digits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aufruf.sources.json_posts import Found

_POST = "app.bsky.feed.post"
_MEDIA = ("images", "video", "external")
_TAKEN_DOWN = {"!takedown", "!hide", "!suspend"}


class _Link(msgspec.Struct):
    uri: str | None = None
    record: _Link | None = None


class _Reply(msgspec.Struct):
    root: _Link | None = None
    parent: _Link | None = None


class _Embed(msgspec.Struct, rename={"type": "$type"}):
    type: str = ""
    record: _Link | None = None
    media: _Embed | None = None


class _Record(msgspec.Struct, rename={"type": "$type", "created_at": "createdAt"}):
    type: str = ""
    text: str | None = None
    created_at: str | None = None
    reply: _Reply | None = None
    embed: _Embed | None = None


class _Author(msgspec.Struct):
    did: str | None = None
    handle: str | None = None


class _Label(msgspec.Struct):
    val: str = ""


class _View(msgspec.Struct):
    uri: str | None = None
    author: _Author | None = None
    record: _Record | None = None
    labels: list[_Label] | None = None


class _Reason(msgspec.Struct, rename={"type": "$type", "indexed_at": "indexedAt"}):
    type: str = ""
    by: _Author | None = None
    uri: str | None = None
    indexed_at: str | None = None


class _Thread(msgspec.Struct, rename={"not_found": "notFound"}):
    post: _View | None = None
    parent: _Thread | None = None
    replies: list[_Thread] | None = None
    not_found: bool | None = None
    blocked: bool | None = None


class _Commit(msgspec.Struct):
    operation: str | None = None
    collection: str | None = None
    rkey: str | None = None
    record: _Record | None = None


class _Value(
    msgspec.Struct,
    kw_only=True,
    rename={"type": "$type", "created_at": "createdAt", "not_found": "notFound"},
):
    """Any of the forms; only some of the fields are filled."""

    uri: str | None = None
    author: _Author | None = None
    record: _Record | None = None
    labels: list[_Label] | None = None
    value: _Record | None = None
    post: _View | None = None
    reason: _Reason | None = None
    thread: _Thread | None = None
    feed: list[_Value] | None = None
    posts: list[_Value] | None = None
    records: list[_Value] | None = None
    did: str | None = None
    time_us: int | None = None
    commit: _Commit | None = None
    not_found: bool | None = None
    blocked: bool | None = None
    type: str = ""
    text: str | None = None
    created_at: str | None = None
    reply: _Reply | None = None
    embed: _Embed | None = None


def posts(value: _Value, _around: Mapping[str, str]) -> Iterator[Found]:
    """Yield the posts of a value, whichever of Bluesky's forms it has."""
    several = value.feed or value.posts or value.records
    if several is not None:
        for one in several:
            yield from posts(one, _around)
    elif value.thread is not None:
        yield from _thread(value.thread)
    elif value.not_found or value.blocked:
        yield Refused(*(DELETED if value.not_found else WITHHELD))
    elif value.commit is not None:
        yield _event(value.did or "", value.commit, value.time_us)
    elif value.post is not None and value.reason is not None and value.reason.type.endswith("Repost"):
        yield _repost(value.post, value.reason)
    else:
        yield _single(value)


def _single(value: _Value) -> Found:
    if value.post is not None:
        return _viewed(value.post)
    if value.record is not None:
        return _viewed(_View(value.uri, value.author, value.record, value.labels))
    if value.value is not None:
        return _post(value.uri, None, value.value)
    return _post(None, None, _Record(value.type, value.text, value.created_at, value.reply, value.embed))


def _thread(thread: _Thread) -> Iterator[Found]:
    """Yield the posts of a thread: the parents, the post itself, the replies, depth first."""
    parents: list[_Thread] = []
    above = thread.parent
    while above is not None:
        parents.append(above)
        above = above.parent
    for parent in reversed(parents):
        yield _branch(parent)
    waiting = [thread]
    while waiting:
        branch = waiting.pop()
        yield _branch(branch)
        waiting += reversed(branch.replies or [])


def _branch(branch: _Thread) -> Found:
    if branch.post is not None:
        return _viewed(branch.post)
    return Refused(*(DELETED if branch.not_found else WITHHELD if branch.blocked else NO_POST))


def _event(did: str, commit: _Commit, time: int | None) -> Found:
    if commit.collection != _POST or commit.operation not in ("create", "update", "delete"):
        return Refused(*NO_POST)
    if commit.operation == "delete" or commit.record is None:
        return Refused(*DELETED)
    found = _post(f"at://{did}/{_POST}/{commit.rkey}", did, commit.record)
    is_edit = isinstance(found, Post) and commit.operation == "update"
    return found._replace(edited_at=digits(time)) if is_edit else found


def _viewed(view: _View) -> Found:
    if any(label.val in _TAKEN_DOWN for label in view.labels or []):
        return Refused(*WITHHELD)
    return _post(view.uri, view.author and view.author.did, view.record or _Record())


def _repost(view: _View, reason: _Reason) -> Found:
    found = _viewed(view)
    if isinstance(found, Post):
        by = reason.by.did if reason.by else None
        identity = reason.uri or f"{by} {view.uri}"
        return found._replace(
            id=identity, author=by, repost_of=view.uri, created_at=reason.indexed_at, reply_to=None
        )
    return found


def _post(uri: str | None, author: str | None, record: _Record) -> Found:
    if record.type != _POST:
        return Refused(*NO_POST)
    reply, embed = record.reply or _Reply(), record.embed or _Embed()
    quoted = embed.record and (embed.record.record or embed.record)
    return Post(
        text=record.text,
        id=uri,
        author=author or (uri or "").removeprefix("at://").split("/")[0] or None,
        conversation=reply.root.uri if reply.root else uri,
        reply_to=reply.parent and reply.parent.uri,
        quote_of=quoted and quoted.uri,
        created_at=record.created_at,
        has_media=any(kind in one.type for one in (embed, embed.media or _Embed()) for kind in _MEDIA),
        truncated=False,
    )


PLATFORM = Platform(_Value, posts, frozenset({("feed",), ("posts",), ("records",)}))
