"""Read files and make records of what they hold, batch by batch, while others are being made.

Posts become records at once. Articles wait until all are read: what recurs on the pages of a site belongs
to none of them, and shows only then.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import polars as pl

from aufruf.making import makers
from aufruf.records import records_from_items
from aufruf.recurring import recurring_lines, site_of
from aufruf.sources.reading import placed
from aufruf.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from aufruf.records import Made, Origin
    from aufruf.sources.items import Batch
    from aufruf.sources.reading import Part
    from aufruf.staging import Staging

_AHEAD = 3
_ENOUGH = 2_000


class Progress(Protocol):
    """What is told how far an import is. Reading counts bytes, what follows counts records."""

    def __call__(self, stage: str, done: int, total: int | None, /) -> None:
        """Take the stage, how much is done, and of how much, if that is known."""
        ...


def silent(_stage: str, _done: int, _total: int | None, /) -> None:
    """Tell nobody."""


def take_in(
    staging: Staging, parts: Sequence[tuple[Part, str]], origins: Mapping[str, Origin], progress: Progress
) -> None:
    """Make records of all items, from where an earlier run was stopped.

    Args:
        staging: where they go.
        parts: what is read, each with the slug of its source.
        origins: what holds for the items of each source, by slug.
        progress: is told of the stages `read` and `articles`.
    """
    _take_in_posts(staging, parts, origins, progress)
    _take_in_articles(staging, len(parts), origins, progress)


def _take_in_posts(
    staging: Staging, parts: Sequence[tuple[Part, str]], origins: Mapping[str, Origin], progress: Progress
) -> None:
    """Make records of all posts, and let articles wait."""
    size = sum(part.size for part, _ in parts)
    with makers(size) as make:
        under_way: deque[_UnderWay] = deque()
        for group in _grouped(_batches(parts, staging.reached)):
            last = group[-1]
            origin = replace(origins[last.slug], platform=last.content.platform)
            posts = [placed(batch.name, batch.content) for batch in group if not last.is_news]
            items = pl.concat(posts) if posts else None
            under_way.append((group, items, None if items is None else make(items, origin)))
            while under_way and (len(under_way) > _AHEAD or _is_done(under_way[0])):
                _settle(staging, *under_way.popleft())
            progress("read", last.position, size)
        for group, items, made in under_way:
            _settle(staging, group, items, made)
    staging.finish()


@dataclass(frozen=True)
class _Batch:
    """A batch, where it stands, whose it is, and how many bytes were read up to its end."""

    cursor: tuple[int, int]
    name: str
    slug: str
    content: Batch
    position: int

    @property
    def is_news(self) -> bool:
        return "news" in self.content.items["kind"]

    @property
    def like(self) -> tuple[str, str | None, bool]:
        """What batches have in common that become records together."""
        return self.slug, self.content.platform, self.is_news


_UnderWay = tuple[list[_Batch], pl.DataFrame | None, "Future[Made] | None"]


def _is_done(one: _UnderWay) -> bool:
    made = one[-1]
    return made is None or made.done()


def _batches(parts: Sequence[tuple[Part, str]], reached: tuple[int, int]) -> Iterator[_Batch]:
    """Yield the batches behind the last that was reached; whole parts before it are not read again."""
    before = 0
    for number, (part, slug) in enumerate(parts):
        if number >= reached[0]:
            for place, (name, content) in enumerate(part.batches()):
                if (number, place) > reached:
                    yield _Batch((number, place), name, slug, content, before + part.position)
        before += part.size


def _grouped(batches: Iterable[_Batch]) -> Iterator[list[_Batch]]:
    """Put small batches that follow each other together: small files cost little more than their rows."""
    group: list[_Batch] = []
    rows = 0
    for batch in batches:
        if group and (rows >= _ENOUGH or batch.like != group[0].like):
            yield group
            group, rows = [], 0
        group.append(batch)
        rows += len(batch.content.items) + 1
    if group:
        yield group


def _settle(
    staging: Staging, group: list[_Batch], items: pl.DataFrame | None, made: Future[Made] | None
) -> None:
    for batch in group:
        staging.note(batch.content.notes)
        staging.refuse(batch.name, batch.content.refusals)
        if made is None:
            staging.wait(batch.name, batch.content, batch.slug)
    if items is not None and made is not None:
        staging.add(items, made.result())
    staging.reach(group[-1].cursor)


def _take_in_articles(
    staging: Staging, first: int, origins: Mapping[str, Origin], progress: Progress
) -> None:
    """Make records of the articles that wait, all of which show what recurs on the pages of a site."""
    reached = staging.reached
    waiting = staging.articles().select(pl.len()).collect().item()
    if not waiting:
        return
    recurring = _recurring(staging.articles(), origins)
    done = 0
    for place, batch in enumerate(staging.waiting()):
        done += batch.height
        if (first, place) > reached:
            origin = replace(origins[batch.item(0, "slug")], recurring=recurring)
            items = batch.drop("slug")
            staging.add(items, records_from_items(items, origin))
            staging.reach((first, place))
        progress("articles", done, waiting)
    staging.finish()


def _recurring(articles: pl.LazyFrame, origins: Mapping[str, Origin]) -> dict[str, frozenset[str]]:
    """Return the lines that recur, by site."""
    names = {slug: origin.outlet or slug for slug, origin in origins.items()}
    site = site_of(pl.col("url"), pl.col("outlet"), pl.col("slug").replace(names))
    texts = articles.filter(pl.col("kind") == "news").select(site=site, text=normalise(pl.col("text")))
    return recurring_lines(texts.collect())
