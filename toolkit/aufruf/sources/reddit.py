"""Reddit: listings of its API with nested replies, and Pushshift's lines.

Ids bear their kind (`t1_` a comment, `t3_` a submission), as Reddit's own references do. The text of a
submission is its title and, below, what its author wrote. A crosspost counts as a repost. Recorded
exchanges with the API (the cassettes of its clients' tests) are read as the answers in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.sources.items import Post
from aufruf.sources.json_posts import DELETED, NO_POST, Platform, Refused, Remark, digits, unescaped, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aufruf.sources.json_posts import Found

_GONE = {"[deleted]", "[removed]", "[ Removed by Reddit ]", "[deleted by user]"}
_NOBODY = {"[deleted]", "[removed]"}
_UNFETCHED = Remark("places with more replies that the file does not hold")
_COMMENT, _SUBMISSION, _MORE = "t1", "t3", "more"


class _Thing(msgspec.Struct, kw_only=True):
    """A comment, a submission, or a listing of them, with or without its kind."""

    kind: str | None = None
    data: _Thing | None = None
    children: list[_Thing | str] | None = None
    replies: _Thing | str | None = None
    id: str | None = None
    name: str | None = None
    author: str | None = None
    author_fullname: str | None = None
    body: str | None = None
    title: str | None = None
    selftext: str | None = None
    link_id: str | None = None
    parent_id: str | int | None = None
    created_utc: float | str | None = None
    edited: float | str | bool | None = None
    crosspost_parent: str | None = None
    is_gallery: bool | None = None
    is_video: bool | None = None
    post_hint: str | None = None
    media: Any = None
    media_metadata: Any = None


class _Body(msgspec.Struct):
    string: str = ""


class _Response(msgspec.Struct):
    body: _Body | str | None = None


class _Interaction(msgspec.Struct):
    response: _Response | None = None


class _Value(_Thing, kw_only=True):
    interactions: list[_Interaction] | None = None


_ANSWER: msgspec.json.Decoder[_Thing | list[_Thing]] = msgspec.json.Decoder(_Thing | list[_Thing])


def posts(value: _Value, _around: Mapping[str, str]) -> Iterator[Found]:
    """Yield the submissions and comments of a listing, each before its replies."""
    if value.interactions is not None:
        for interaction in value.interactions:
            yield from _answer(interaction)
    else:
        yield from _things([value])


def _answer(interaction: _Interaction) -> Iterator[Found]:
    body = interaction.response.body if interaction.response else None
    content = body.string if isinstance(body, _Body) else body or ""
    try:
        answer = _ANSWER.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        yield Refused(*why(error))
        return
    things = answer if isinstance(answer, list) else [answer]
    if all(thing.kind is None for thing in things):
        yield Refused(*NO_POST)
    else:
        yield from _things(things)


def _things(things: list[_Thing]) -> Iterator[Found]:
    waiting: list[_Thing | str] = list(reversed(things))
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, str):
            continue
        content = thing.data or thing
        if thing.kind == _MORE:
            yield _UNFETCHED
            continue
        if content.children is None:
            yield _post(content, thing.kind)
        waiting += reversed(content.children or [])
        waiting += [content.replies] if isinstance(content.replies, _Thing) else []


def _post(thing: _Thing, kind: str | None) -> Found:
    kind = kind or (_COMMENT if thing.body is not None else _SUBMISSION if thing.title is not None else None)
    if kind not in (_COMMENT, _SUBMISSION) or thing.id is None:
        return Refused(*NO_POST)
    written = thing.body if kind == _COMMENT else thing.selftext
    if (written or "").strip() in _GONE:
        return Refused(*DELETED)
    name = thing.name or f"{kind}_{thing.id.removeprefix(f'{kind}_')}"
    texts = (written,) if kind == _COMMENT else (thing.title, written)
    return Post(
        text=unescaped("\n\n".join(text for text in texts if text)),
        id=name,
        author=thing.author_fullname or (None if thing.author in _NOBODY else thing.author),
        conversation=thing.link_id if kind == _COMMENT else name,
        reply_to=digits(thing.parent_id) if kind == _COMMENT else None,
        repost_of=thing.crosspost_parent,
        created_at=digits(thing.created_utc),
        edited_at=None if isinstance(thing.edited, bool) else digits(thing.edited),
        has_media=_has_media(thing),
        truncated=False,
    )


def _has_media(thing: _Thing) -> bool:
    shown = (thing.post_hint or "").endswith(("image", "video"))
    return bool(thing.is_gallery or thing.is_video or thing.media or thing.media_metadata or shown)


PLATFORM = Platform(_Value, posts)
