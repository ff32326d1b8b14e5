"""Telegram Desktop: `result.json` of one chat or of a full account.

Messages are numbered within their chat, so a post's id is that of its chat and its own. A forwarded
message names the author of the original but not its id: its text and author stand for it. What members
did (joined, pinned, called) is no post.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.sources.items import Post
from aufruf.sources.json_posts import NO_POST, Platform, Refused, digits, unnamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aufruf.sources.json_posts import Found

_Id = str | int | None
_MEDIA = ("photo", "file", "media_type", "location_information", "contact_information")


class _Part(msgspec.Struct):
    text: str = ""


class _Answer(msgspec.Struct):
    text: str = ""


class _Poll(msgspec.Struct):
    question: str = ""
    answers: list[_Answer] = []


class _Message(msgspec.Struct, kw_only=True, rename={"from_": "from"}):
    id: _Id = None
    type: str = "message"
    date: str | None = None
    date_unixtime: str | int | None = None
    edited: str | None = None
    edited_unixtime: str | int | None = None
    from_: str | None = None
    from_id: _Id = None
    text: str | list[str | _Part] = ""
    poll: _Poll | None = None
    reply_to_message_id: _Id = None
    reply_to_peer_id: _Id = None
    forwarded_from: str | None = None
    forwarded_from_id: _Id = None
    photo: Any = None
    file: Any = None
    media_type: Any = None
    location_information: Any = None
    contact_information: Any = None


def posts(message: _Message, around: Mapping[str, str]) -> Iterator[Found]:
    """Yield the message as a post; ``around`` tells its chat."""
    identity = digits(message.id)
    if message.type != "message" or identity is None:
        yield Refused(*NO_POST)
        return
    chat = around.get("id") or around.get("name") or ""
    text = _text(message)
    origin = digits(message.forwarded_from_id) or message.forwarded_from
    yield Post(
        text=text,
        id=f"{chat}/{identity}",
        author=digits(message.from_id) or message.from_,
        conversation=chat or None,
        reply_to=_reply_to(message, chat),
        repost_of=unnamed(origin, text) if origin else None,
        created_at=digits(message.date_unixtime) or message.date,
        edited_at=digits(message.edited_unixtime) or _edited(message.edited),
        has_media=any(getattr(message, name) for name in _MEDIA),
        truncated=False,
    )


def _reply_to(message: _Message, chat: str) -> str | None:
    answered = digits(message.reply_to_message_id)
    place = (digits(message.reply_to_peer_id) or chat).removeprefix("channel").removeprefix("chat")
    return answered and f"{place}/{answered}"


def _edited(time: str | None) -> str | None:
    """Return when a message was edited; older exports write the start of 1970 where it was not."""
    return None if time is None or time.startswith("1970-01-01") else time


def _text(message: _Message) -> str:
    written = message.text
    if isinstance(written, list):
        written = "".join(part if isinstance(part, str) else part.text for part in written)
    if not written and message.poll:
        written = "\n".join([message.poll.question, *(answer.text for answer in message.poll.answers)])
    return written


PLATFORM = Platform(
    _Message,
    posts,
    frozenset({("messages",), ("chats", "list", "messages"), ("left_chats", "list", "messages")}),
    always_cut=True,
)
