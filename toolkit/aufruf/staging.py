"""What an import has made so far, on disk: memory stays bounded, and a killed import is taken up again.

A part is a few Parquet files and, written last, a small one that says how far it reaches; without that
one the part does not count. Articles wait as they were read until all of them are there, because the lines
that recur on a site's pages show only then. The folder is gone when the import is stored.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.files import sync, write_bytes
from aufruf.records import MADE, Made
from aufruf.sources.items import BATCH, ITEMS, REFUSALS
from aufruf.sources.reading import placed
from aufruf.tombstones import NOTHING_TAKEN_DOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from aufruf.sources.items import Batch, Refusal
    from aufruf.tombstones import Screen

Cursor = tuple[int, int]
"""What was read in which batch of it: both count from 0."""

_START: Cursor = (-1, -1)
_SECONDS = 10.0
_LARGE = 1 << 27
_RECORDS, _REFUSED, _ARTICLES = "records", "refused", "articles"
_NONE: Mapping[str, int] = {}


class Totals(msgspec.Struct):
    """Counts in source items: ``items`` = ``kept`` + ``reasons``. ``residue`` counts lines of articles."""

    items: int = 0
    kept: int = 0
    reasons: dict[str, int] = {}
    residue: dict[str, int] = {}
    notes: list[str] = []

    def plus(self, other: Totals) -> Totals:
        """Return both together."""
        return Totals(
            self.items + other.items,
            self.kept + other.kept,
            dict(Counter(self.reasons) + Counter(other.reasons)),
            dict(Counter(self.residue) + Counter(other.residue)),
            [*self.notes, *other.notes],
        )


class _Part(msgspec.Struct):
    cursor: Cursor
    totals: Totals


@dataclass
class _Waiting:
    """What belongs to the part under way."""

    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict[str, list[pl.DataFrame]])
    totals: Totals = field(default_factory=Totals)
    cursor: Cursor = _START
    since: float = field(default_factory=time.monotonic)

    def add(self, kind: str, frame: pl.DataFrame) -> None:
        if not frame.is_empty():
            self.frames.setdefault(kind, []).append(frame)

    @property
    def is_full(self) -> bool:
        rows = sum(frame.height for frames in self.frames.values() for frame in frames)
        size = sum(frame.estimated_size() for frames in self.frames.values() for frame in frames)
        return rows >= BATCH or size >= _LARGE or time.monotonic() - self.since > _SECONDS


class Staging:
    """Records (see `MADE`), refusals (see `REFUSALS`) and waiting articles (see `ITEMS`) of one import.

    Args:
        folder: where the parts lie; parts that are there are taken over.
        screen: what was taken down and is refused.
    """

    def __init__(self, folder: Path, screen: Screen = NOTHING_TAKEN_DOWN) -> None:
        self._folder = folder
        self._screen = screen
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(folder.glob("*.json"))
        self._parts = [msgspec.json.decode(path.read_bytes(), type=_Part) for path in found]
        for unfinished in self._folder.glob(f"{len(self._parts):06}.*"):
            unfinished.unlink()
        self._waiting = _Waiting(cursor=self.reached)

    @property
    def reached(self) -> Cursor:
        """The last batch that is in the finished parts; (-1, -1) before the first."""
        return self._parts[-1].cursor if self._parts else _START

    @property
    def totals(self) -> Totals:
        """The counts of the finished parts, with those of the part under way."""
        total = Totals()
        for part in self._parts:
            total = total.plus(part.totals)
        return total.plus(self._waiting.totals)

    def add(self, items: pl.DataFrame, made: Made) -> Made:
        """Take in the records that were made of items (see `ITEMS`); return those not taken down."""
        made = self._screen.screened(items, made)
        self._waiting.add(_RECORDS, made.records)
        self._waiting.add(_REFUSED, made.refused)
        self._count(items.height, len(made.units), Counter(made.refused["reason"]), made.residue)
        return made

    def wait(self, name: str, batch: Batch, slug: str) -> None:
        """Keep a batch with articles until all are read; `waiting` gives it back, under its slug."""
        self._waiting.add(_ARTICLES, placed(name, batch).with_columns(slug=pl.lit(slug)))

    def refuse(self, name: str, refusals: Sequence[Refusal]) -> None:
        """Count items of a file that were refused."""
        if not refusals:
            return
        rows = [{"file": name, **refusal._asdict()} for refusal in refusals]
        self._waiting.add(_REFUSED, pl.DataFrame(rows, schema=REFUSALS))
        self._count(len(rows), reasons=Counter(refusal.reason for refusal in refusals))

    def about(self, items: int) -> None:
        """Count items that tell something about units which other items brought."""
        self._count(items, items)

    def note(self, notes: Iterable[str]) -> None:
        """Keep what is to be told at the end."""
        self._count(notes=tuple(notes))

    def reach(self, cursor: Cursor) -> None:
        """Say that a batch is taken in; finish the part if it is large or old enough."""
        self._waiting.cursor = cursor
        if self._waiting.is_full:
            self.finish()

    def finish(self) -> None:
        """Write the part under way."""
        waiting, number = self._waiting, len(self._parts)
        for kind, frames in waiting.frames.items():
            path = self._folder / f"{number:06}.{kind}.parquet"
            pl.concat(frames).write_parquet(path, compression="lz4", statistics=False)
            sync(path)
        part = _Part(waiting.cursor, waiting.totals)
        write_bytes(self._folder / f"{number:06}.json", msgspec.json.encode(part))
        self._parts.append(part)
        self._waiting = _Waiting(cursor=waiting.cursor)

    def records(self) -> pl.LazyFrame:
        """Return the records of the finished parts, in the order in which they were read."""
        return self._scan(_RECORDS, MADE)

    def refused(self) -> pl.LazyFrame:
        """Return the refusals of the finished parts."""
        return self._scan(_REFUSED, REFUSALS)

    def articles(self) -> pl.LazyFrame:
        """Return the articles that wait in finished parts."""
        return self._scan(_ARTICLES, pl.Schema({**ITEMS, "slug": pl.String}))

    def waiting(self) -> Iterator[pl.DataFrame]:
        """Yield the batches of articles that wait in finished parts, each of one slug."""
        for path in self._files(_ARTICLES):
            yield from pl.read_parquet(path).partition_by("slug", maintain_order=True)

    @property
    def size(self) -> int:
        """How many bytes lie here: of a compression that is weaker than that of the tables."""
        return sum(path.stat().st_size for path in self._files(_RECORDS))

    def discard(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _count(
        self,
        items: int = 0,
        kept: int = 0,
        reasons: Mapping[str, int] = _NONE,
        residue: Mapping[str, int] = _NONE,
        notes: Sequence[str] = (),
    ) -> None:
        more = Totals(items, kept, dict(reasons), dict(residue), list(notes))
        self._waiting.totals = self._waiting.totals.plus(more)

    def _files(self, kind: str) -> list[Path]:
        named = (self._folder / f"{number:06}.{kind}.parquet" for number in range(len(self._parts)))
        return [path for path in named if path.exists()]

    def _scan(self, kind: str, schema: pl.Schema) -> pl.LazyFrame:
        files = self._files(kind)
        return pl.scan_parquet(files) if files else pl.DataFrame(schema=schema).lazy()
