"""A prediction under way, on disk: memory stays bounded, and a killed one is taken up again.

Each batch becomes a part, a Parquet file and, written last, a small one with its counts; without that one
the part does not count. The parts lie beside the output, and are gone when it is whole.
"""
# pyarrow has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
import os
import shutil
from typing import TYPE_CHECKING, BinaryIO

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.files import sync, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ENDINGS = (".parquet", ".jsonl")
METADATA = "aufruf"
_PLAN = "plan.json"


class Counts(msgspec.Struct, frozen=True):
    """Counts of rows: ``read`` = ``scored`` + ``without_text`` + ``refused`` (by reason).

    ``yes`` says of how many a yes/no head says yes.
    """

    scored: int = 0
    without_text: int = 0
    refused: dict[str, int] = {}
    yes: dict[str, int] = {}

    @property
    def read(self) -> int:
        """How many rows there were."""
        return self.scored + self.without_text + sum(self.refused.values())

    def plus(self, other: Counts) -> Counts:
        """Return both together."""
        return Counts(
            self.scored + other.scored,
            self.without_text + other.without_text,
            _sum(self.refused, other.refused),
            _sum(self.yes, other.yes),
        )


class Parts:
    """The parts of one prediction.

    Args:
        output: the file that they become, Parquet or JSON Lines by its ending.
        plan: what is predicted from what; parts of another plan are removed.
    """

    def __init__(self, output: Path, plan: str) -> None:
        self._output = output
        self._folder = output.parent / f".{output.name}.parts"
        if self._folder.exists() and self._plan() != plan:
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self._folder / _PLAN, plan.encode())
        self._counts: dict[int, Counts] = {}
        for file in self._folder.glob("[0-9]*.json"):
            self._counts[int(file.stem)] = msgspec.json.decode(file.read_bytes(), type=Counts)

    def __contains__(self, number: int) -> bool:
        return number in self._counts

    @property
    def counts(self) -> Counts:
        """The counts of all parts that are there."""
        total = Counts()
        for _, counts in sorted(self._counts.items()):
            total = total.plus(counts)
        return total

    def counts_of(self, number: int) -> Counts:
        """Return the counts of a part that is there."""
        return self._counts[number]

    def add(self, number: int, frame: pl.DataFrame, counts: Counts) -> None:
        """Keep a part; it is durable when this returns."""
        content = io.BytesIO()
        frame.write_parquet(content, compression="zstd", statistics=False)
        write_bytes(self._folder / f"{number:06}.parquet", content.getvalue())
        write_bytes(self._folder / f"{number:06}.json", msgspec.json.encode(counts))
        self._counts[number] = counts

    def finish(self, metadata: Mapping[str, object]) -> None:
        """Write the output of all parts in their order: it appears whole."""
        temporary = self._folder / "output"
        with temporary.open("wb") as handle:
            if self._output.suffix == ".parquet":
                _write_parquet(handle, self._frames(), metadata)
            else:
                for frame in self._frames():
                    frame.write_ndjson(handle)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(self._output)
        sync(self._output.parent)
        shutil.rmtree(self._folder)

    def _frames(self) -> Iterator[pl.DataFrame]:
        for number in sorted(self._counts):
            yield pl.read_parquet(self._folder / f"{number:06}.parquet")

    def _plan(self) -> str:
        path = self._folder / _PLAN
        return path.read_text("utf-8") if path.is_file() else ""


def check_output(output: Path) -> None:
    """Refuse an output that cannot become a file of predictions.

    Raises:
        InputError: if its ending is none that is known, or a folder is there.
    """
    if output.suffix not in ENDINGS:
        raise InputError(f"{output}: expected an output that ends in {' or '.join(ENDINGS)}")
    if output.is_dir():
        raise InputError(f"{output}: a folder is there; choose another --output")


def read_metadata(path: Path) -> dict[str, object]:
    """Return what a Parquet file of predictions says of itself; nothing of a file by others."""
    content = pl.read_parquet_metadata(path).get(METADATA)
    return {} if content is None else msgspec.json.decode(content, type=dict[str, object])


def _write_parquet(handle: BinaryIO, frames: Iterator[pl.DataFrame], metadata: Mapping[str, object]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    told = {METADATA: msgspec.json.encode(metadata, order="deterministic")}
    writer: pq.ParquetWriter | None = None
    for frame in frames:
        table = pa.table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
        if writer is None:
            schema = table.schema.with_metadata(told)
            writer = pq.ParquetWriter(handle, schema, compression="zstd", write_page_checksum=True)
        writer.write_table(table.replace_schema_metadata(told))
    assert writer is not None, "a source yields one batch at least"
    writer.close()


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({*one, *other})}
