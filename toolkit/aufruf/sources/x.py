"""X (Twitter): pages of API v2, flat tweets as twarc writes them, and tweets of API 1.1.

A retweet has the text of its original where the file holds that. Tweets that a page only includes
because others refer to them are no items. All versions of an edited tweet count as one post: its first
id. Where a time is missing, the id tells it. Tweets that are withheld anywhere are refused, whatever text
they show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.sources.items import Post
from aufruf.sources.json_posts import (
    DELETED,
    NO_POST,
    WITHHELD,
    Platform,
    Refused,
    Remark,
    digits,
    unescaped,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aufruf.sources.json_posts import Found

_Id = str | int | None
_Anything = dict[str, Any] | list[Any] | str | bool | None
_WITHHELD_TITLES = ("Authorization Error", "Forbidden")


_TIMES_FROM = 10**15
_EPOCH_MS = 1_288_834_974_657
_CLOCK_BITS = 22


class _User(msgspec.Struct):
    id: _Id = None
    id_str: str | None = None


class _Media(msgspec.Struct):
    media: list[Any] | None = None
    media_keys: list[str] | None = None


class _Extended(msgspec.Struct):
    full_text: str | None = None
    extended_entities: _Media | None = None
    entities: _Media | None = None


class _Note(msgspec.Struct):
    text: str | None = None


class _History(msgspec.Struct):
    initial_tweet_id: str | None = None


class _Tweet(msgspec.Struct, kw_only=True):
    id: _Id = None
    id_str: str | None = None
    text: str | None = None
    full_text: str | None = None
    extended_tweet: _Extended | None = None
    note_tweet: _Note | None = None
    truncated: bool | None = None
    created_at: str | None = None
    author_id: _Id = None
    user: _User | None = None
    conversation_id: _Id = None
    in_reply_to_status_id: _Id = None
    in_reply_to_status_id_str: str | None = None
    referenced_tweets: list[_Reference] | None = None
    retweeted_status: _Tweet | None = None
    quoted_status_id: _Id = None
    quoted_status_id_str: str | None = None
    attachments: _Media | None = None
    entities: _Media | None = None
    extended_entities: _Media | None = None
    withheld: _Anything = None
    withheld_in_countries: list[str] | str | None = None
    withheld_copyright: bool | None = None
    edit_history_tweet_ids: list[str] | None = None
    edit_history: _History | None = None


class _Reference(_Tweet, kw_only=True):
    type: str | None = None


class _Includes(msgspec.Struct):
    tweets: list[_Tweet] = []


class _Error(msgspec.Struct):
    title: str | None = None
    parameter: str | None = None
    resource_type: str | None = None


class _Line(_Tweet, kw_only=True):
    """A tweet, a page of tweets, or a notice of the stream."""

    data: list[_Tweet] | _Tweet | None = None
    includes: _Includes | None = None
    errors: list[_Error] | None = None
    statuses: list[_Tweet] | None = None
    delete: _Anything = None
    status_withheld: _Anything = None


def posts(line: _Line, _around: Mapping[str, str]) -> Iterator[Found]:
    """Yield the tweets of a line or document."""
    if line.delete is not None:
        yield Refused(*DELETED)
    elif line.status_withheld is not None:
        yield Refused(*WITHHELD)
    elif line.data is not None or line.errors is not None:
        yield from _page(line)
    elif line.statuses is not None:
        for tweet in line.statuses:
            yield _found(tweet, {})
    else:
        yield _found(line, {})


def _page(page: _Line) -> Iterator[Found]:
    tweets = [] if page.data is None else page.data if isinstance(page.data, list) else [page.data]
    others = page.includes.tweets if page.includes else []
    included = {digits(tweet.id): tweet for tweet in (*others, *tweets)}
    for tweet in tweets:
        yield _found(tweet, included)
    asked = {digits(tweet.id) for tweet in tweets}
    for tweet in others:
        if digits(tweet.id) not in asked:
            yield Remark("tweets included because others refer to them, no items of their own")
    for error in page.errors or []:
        if error.parameter in ("id", "ids") and error.resource_type in ("tweet", None):
            yield Refused(*(WITHHELD if error.title in _WITHHELD_TITLES else DELETED))


def _found(tweet: _Tweet, included: Mapping[str | None, _Tweet]) -> Found:
    identity = _identity(tweet)
    if identity is None:
        return Refused(*NO_POST)
    references = {one.type: _whole(one, included) for one in tweet.referenced_tweets or []}
    original = references.get("retweeted", tweet.retweeted_status)
    if _is_withheld(tweet) or (original and _is_withheld(original)):
        return Refused(*WITHHELD)
    shown = original if original and _text(original) else tweet
    user = tweet.user or _User()
    own = _own_id(tweet)
    written = tweet.created_at or time_of(own)
    return Post(
        text=unescaped(_text(shown)),
        id=identity,
        author=digits(tweet.author_id) or user.id_str or digits(user.id),
        conversation=identity if digits(tweet.conversation_id) == own else digits(tweet.conversation_id),
        reply_to=_identity(references.get("replied_to"))
        or tweet.in_reply_to_status_id_str
        or digits(tweet.in_reply_to_status_id),
        repost_of=_identity(original),
        quote_of=_identity(references.get("quoted"))
        or tweet.quoted_status_id_str
        or digits(tweet.quoted_status_id),
        created_at=written,
        edited_at=None if identity == own else written,
        has_media=_has_media(shown),
        truncated=_is_truncated(shown, is_cut=original is not None and shown is tweet),
    )


def _whole(reference: _Tweet, included: Mapping[str | None, _Tweet]) -> _Tweet:
    """Return the tweet that is referred to: written there, or included, or nothing but its id."""
    return reference if _text(reference) else included.get(digits(reference.id), reference)


def _identity(tweet: _Tweet | None) -> str | None:
    if tweet is None:
        return None
    first = tweet.edit_history and tweet.edit_history.initial_tweet_id
    return (tweet.edit_history_tweet_ids or [None])[0] or first or _own_id(tweet)


def _own_id(tweet: _Tweet) -> str | None:
    return tweet.id_str or digits(tweet.id)


def time_of(identity: str | None) -> str | None:
    """Return when an id was given out, in milliseconds since 1970: ids since November 2010 hold that."""
    if identity is None or not identity.isdecimal() or int(identity) < _TIMES_FROM:
        return None
    return str((int(identity) >> _CLOCK_BITS) + _EPOCH_MS)


def _is_withheld(tweet: _Tweet) -> bool:
    return bool(tweet.withheld or tweet.withheld_in_countries or tweet.withheld_copyright)


def _text(tweet: _Tweet) -> str | None:
    extended, note = tweet.extended_tweet, tweet.note_tweet
    return (extended and extended.full_text) or (note and note.text) or tweet.full_text or tweet.text


def _has_media(tweet: _Tweet) -> bool:
    extended = tweet.extended_tweet or _Extended()
    places = (tweet.attachments, tweet.entities, tweet.extended_entities)
    places += (extended.entities, extended.extended_entities)
    return any(place is not None and bool(place.media or place.media_keys) for place in places)


def _is_truncated(tweet: _Tweet, *, is_cut: bool) -> bool:
    """Say whether the platform cut the text: as it says, or a retweet whose original is not there."""
    whole = tweet.extended_tweet is not None or tweet.note_tweet is not None
    text = (_text(tweet) or "").rstrip()
    return (bool(tweet.truncated) and not whole) or (is_cut and text.endswith(("…", "...")))


PLATFORM = Platform(_Line, posts)
