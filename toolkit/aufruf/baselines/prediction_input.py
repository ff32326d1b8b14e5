"""What is to be scored, read in batches: a table of any size, or a workspace's own records."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.sources.fields import FieldMap
from aufruf.sources.items import FIELDS
from aufruf.sources.reading import files_of, parts_of
from aufruf.tables import RECORDS
from aufruf.views import qualification_records

if TYPE_CHECKING:
    from collections.abc import Generator

    from aufruf.sources.items import Batch
    from aufruf.workspace import Workspace


class Rows(NamedTuple):
    """A batch: ``id`` and ``text`` as strings, null where a text is missing; and what could not be read.

    ``refused`` counts rows by the code of the reason; ``done`` is the share of all bytes that was read.
    """

    frame: pl.DataFrame
    refused: dict[str, int]
    done: float


@dataclass(frozen=True)
class Source:
    """Something to be scored.

    Attributes:
        name: how it is called in reports.
        files: its files, by the name that rows without an id are called by.
        fields: which columns are read.
        left_out: ids of rows that do not count as read.
    """

    name: str
    files: list[tuple[str, Path]]
    fields: FieldMap
    left_out: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))

    @property
    def fingerprint(self) -> str:
        """A hash that changes when a file, its size or time, or what is read of it changes."""
        states = [(name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in self.files]
        return hashlib.sha256(msgspec.json.encode([states, dict(self.fields.columns)])).hexdigest()

    def batches(self) -> Generator[Rows]:
        """Yield the rows in their order, in batches that are the same each time; one at least.

        Rows without an id are called by their line or row, with several files by ``file:line``.

        Raises:
            InputError: if a file cannot be read to its end, or no column for the text can be found.
        """
        parts = [(path, part) for _, path in self.files for part in parts_of(path, None, self.fields)]
        size = sum(path.stat().st_size for _, path in self.files) or 1
        before = n_batches = 0
        for path, part in parts:
            for name, batch in part.batches():
                yield self._rows(name, batch, (before + part.position) / size)
                n_batches += 1
            before += path.stat().st_size
        if not n_batches:
            yield Rows(pl.DataFrame(schema={"id": pl.String, "text": pl.String}), {}, 1.0)

    def _rows(self, name: str, batch: Batch, done: float) -> Rows:
        place = pl.col("item") if len(self.files) == 1 else pl.format("{}:{}", pl.lit(name), "item")
        has_id = "id" in batch.items.columns
        frame = batch.items.select(id=pl.coalesce("id", place) if has_id else place, text="text")
        if len(self.left_out):
            frame = frame.filter(~pl.col("id").is_in(self.left_out.implode()))
        return Rows(frame, dict(Counter(refusal.reason for refusal in batch.refusals)), min(done, 1.0))


def table_source(path: Path, *, text: str | None = None, id: str | None = None) -> Source:  # noqa: A002 -- as the command line says
    """Return a file, or all files of a folder, as something to be scored.

    Args:
        path: Parquet, JSON Lines, CSV or TSV, also compressed (gzip, bzip2, xz, Zstandard).
        text: the column of texts; by default one of a usual name.
        id: the column of ids; likewise, and without one the number of the line or row.

    Raises:
        InputError: if there is nothing at the path.
    """
    named = {name: column for name, column in (("text", text), ("id", id)) if column is not None}
    others = {name: "" for name in FIELDS if name not in ("id", "text")}
    return Source(path.name, files_of(path), FieldMap({**others, **named}, "post"))


def records_source(workspace: Workspace) -> Source:
    """Return a workspace's records as something to be scored: the newest version of each.

    Records behind qualification items are left out: they are invented.

    Raises:
        InputError: if there are none.
    """
    store = workspace.store
    paths = [Path(file) for file in store.files(RECORDS)]
    if not paths:
        raise InputError(f"{workspace.root}: there are no records yet; `aufruf import` some")
    records = store.scan(RECORDS)
    older = records.select(record_id="supersedes").drop_nulls()
    unreal = qualification_records(records).select("record_id")
    left_out = pl.concat([older, unreal]).collect().to_series()
    others = {name: "" for name in FIELDS if name not in ("id", "text")}
    fields = FieldMap({**others, "id": "record_id", "text": "text"}, "post")
    return Source("records", [(path.name, path) for path in paths], fields, left_out)
