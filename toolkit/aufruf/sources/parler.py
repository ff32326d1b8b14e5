"""Parler: saved pages of a post, with the post that it echoes and the comments below it.

An echo without words of its own is a repost and has the text of its original, an echo with words quotes
it. Pages tell the age of a post ("3 days ago"), not its time, and no id of what is echoed: its author and
text stand for it.
"""
# lxml has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, BinaryIO, cast

from aufruf.errors import InputError
from aufruf.sources.html_text import text_of
from aufruf.sources.items import Post, Refusal
from aufruf.sources.json_posts import DELETED, PostBatch, Refused, Remark, unnamed
from aufruf.text import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.html import HtmlElement

    from aufruf.sources.fields import FieldMap
    from aufruf.sources.items import Batch
    from aufruf.sources.json_posts import Found

_MAX_PAGE = 16 * MAX_BYTES
_POST = "card--post-container"
_NO_TIME = Remark("posts without a time (pages tell their age alone)")
_MEDIA = ".//*[contains(@class, 'media-container--wrapper')]//*[self::img or self::video or self::iframe]"


def is_parler(head: bytes) -> bool:
    """Say whether a page is one of Parler's, by its beginning."""
    return b'content="Parler"' in head and b"<html" in head[:1000].lower()


def read_parler(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read the post of a page, and the comments below it.

    Raises:
        InputError: if a field map was given.
    """
    from lxml import html

    if given.columns:
        raise InputError(f"{file}: a platform's own format has known fields; import it without --map")
    gathered = PostBatch(file, given.kind or "post")
    content = stream.read(_MAX_PAGE + 1)
    if len(content) > _MAX_PAGE:
        gathered.refusals.append(Refusal("1", "too_long", f"a page of more than {_MAX_PAGE:,} bytes"))
    else:
        parser = html.HTMLParser(encoding="utf-8", no_network=True)
        gathered.add("1", list(posts(cast("HtmlElement", html.document_fromstring(content, parser)))))
    yield gathered.take(last=True)


def posts(page: HtmlElement) -> Iterator[Found]:
    """Yield the post of a page and its comments."""
    cards = _with_class(page, _POST)
    identity = _identity(page)
    if not cards:
        yield Refused(*DELETED)
        return
    yield _post(cards[0], identity)
    yield _NO_TIME
    for card in _with_class(page, "comment--card--wrapper"):
        yield Post(
            text=_body(card),
            id=_own_id(card),
            author=_author(card),
            conversation=identity,
            reply_to=identity,
            has_media=bool(card.xpath(_MEDIA)),
            truncated=False,
        )
        yield _NO_TIME


def _post(card: HtmlElement, identity: str | None) -> Found:
    echoed = _with_class(card, "echo--parent") or _with_class(card, "echo--root")
    own = _with_class(card, "post") or ([] if echoed else [card])
    original = unnamed(_author(echoed[0]) or "", _body(echoed[0])) if echoed else None
    words = _body(own[0]) if own else ""
    shown = own[0] if words or not echoed else echoed[0]
    by = _with_class(card, "echo-byline--wrapper")
    return Post(
        text=words or _body(shown),
        id=identity,
        author=(_echoed_by(by[0]) if by else None) or _author(own[0] if own else shown),
        conversation=identity,
        repost_of=None if words else original,
        quote_of=original if words else None,
        has_media=bool(shown.xpath(_MEDIA)),
        truncated=False,
    )


def _with_class(element: HtmlElement, name: str) -> list[HtmlElement]:
    path = f".//*[contains(concat(' ', normalize-space(@class), ' '), ' {name} ')]"
    return cast("list[HtmlElement]", element.xpath(path))


def _first_text(element: HtmlElement, name: str) -> str | None:
    found = _with_class(element, name)
    return text_of(found[0]) or None if found else None


def _author(card: HtmlElement) -> str | None:
    return (_first_text(card, "author--username") or "").removeprefix("@") or None


def _echoed_by(byline: HtmlElement) -> str | None:
    return (_first_text(byline, "eb--statement") or "").removeprefix("Echoed By").strip() or None


def _body(card: HtmlElement) -> str:
    paths = (
        "./*[contains(@class, 'card--body')]/p",
        ".//*[contains(@class, 'card--body')]/p",
        ".//*[contains(@class, 'comment--body')]//p",
    )
    for path in paths:
        if paragraphs := cast("list[HtmlElement]", card.xpath(path)):
            return "\n".join(text_of(paragraph) for paragraph in paragraphs)
    return ""


def _identity(page: HtmlElement) -> str | None:
    found = cast("list[str]", page.xpath("//meta[@property='og:url']/@content"))
    return found[0].rstrip("/").rsplit("/", 1)[-1] or None if found else None


def _own_id(card: HtmlElement) -> str:
    """Return a comment's id, or what stands for it."""
    found = str(card.get("id") or "")
    tail = found.rsplit("--", 1)[-1]
    return tail or hashlib.sha256(unnamed(_author(card) or "", _body(card)).encode()).hexdigest()
