"""The bundled sample: invented posts, news and the answers of four invented annotators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from aufruf.assets import asset
from aufruf.label_scheme import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LabelAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one annotator answers about one label, in both passes. ``spans`` are exact parts of the text."""

    voice: tuple[str, ...]
    serious: str
    spans: tuple[str, ...]
    explicitness: str | None = None
    target: str | None = None
    agent: str | None = None
    form: str | None = None
    time_place: str | None = None

    def attributes(self) -> dict[str, str]:
        """Return the attributes that have an answer, by name."""
        names = ("serious", "explicitness", "target", "agent", "form", "time_place")
        answers = {name: getattr(self, name) for name in names}
        return {name: value for name, value in answers.items() if value is not None}


class SampleAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one annotator answers about one record."""

    labels: dict[str, LabelAnswer] = {}
    flags: tuple[str, ...] = ()
    comment: str | None = None
    skip: bool = False


class SampleItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answers about a post (``item`` is its id) or about the excerpt that ``contains`` a string.

    ``by`` replaces ``answer`` for single annotators.
    """

    item: str
    answer: SampleAnswer
    by: dict[str, SampleAnswer] = {}
    contains: str | None = None

    def of(self, annotator: str) -> SampleAnswer:
        """Return the answer of one annotator."""
        return self.by.get(annotator, self.answer)


class SamplePost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A post of the sample as it lies in the file."""

    id: str
    author: str
    conversation: str | None
    reply_to: str | None
    created_at: str
    text: str


def sample_paths() -> list[Path]:
    """Return the files that `aufruf import` takes: posts in both languages, and the news."""
    posts = [asset("annotation", "sample", f"posts.{language}.jsonl") for language in LANGUAGES]
    return [*posts, asset("annotation", "sample", "news")]


def sample_posts() -> list[SamplePost]:
    """Return the posts of both languages."""
    return [msgspec.json.decode(line, type=SamplePost) for line in _lines("posts")]


def sample_items() -> list[SampleItem]:
    """Return the answers about posts and excerpts of both languages."""
    return [msgspec.json.decode(line, type=SampleItem) for line in _lines("answers")]


def _lines(name: str) -> Iterator[bytes]:
    for language in LANGUAGES:
        yield from asset("annotation", "sample", f"{name}.{language}.jsonl").read_bytes().splitlines()
