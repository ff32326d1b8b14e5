"""Parquet, read in batches with its columns checked."""
# pyarrow has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import polars as pl

from aufruf.errors import InputError
from aufruf.sources.fields import FieldMap, choose_columns, kind_of
from aufruf.sources.items import BATCH, Batch, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

_TIMES = "%Y-%m-%dT%H:%M:%S%.6f%:z"


def read_parquet(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read rows in batches. Items are numbered by row, from 1.

    Raises:
        InputError: if the file is damaged or cut off, if no column for the text can be found, or if ids
            are floating-point numbers: those have lost digits already.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if given.by_number:
        raise InputError(f"{file}: the field map numbers columns, but Parquet has names")
    try:
        # buffered ahead, the bytes of all row groups read so far would stay in memory
        opened = pq.ParquetFile(stream, pre_buffer=False, page_checksum_verification=True)
        chosen = columns_of(opened.schema_arrow, file, given)
        yield from batches_of(opened.iter_batches(BATCH, columns=_each(chosen)), chosen, file, given)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file}: not readable as Parquet: the file is damaged or cut off") from error


def columns_of(schema: pa.Schema, file: str, given: FieldMap) -> dict[str, str]:
    """Return the column of each field that a table has.

    Raises:
        InputError: as `read_parquet`.
    """
    import pyarrow as pa

    usable = [column.name for column in schema if not pa.types.is_nested(column.type)]
    chosen = choose_columns(usable, given, file)
    for name in ("id", "reply_to", "conversation"):
        if name in chosen and pa.types.is_floating(schema.field(chosen[name]).type):
            raise InputError(
                f"{file}: column {chosen[name]} holds floating-point numbers, in which long ids lose "
                "digits; export them as text or whole numbers"
            )
    return chosen


def batches_of(
    parts: Iterable[pa.RecordBatch], chosen: dict[str, str], file: str, given: FieldMap
) -> Iterator[Batch]:
    """Yield the rows of a table, items numbered from 1."""
    notes = (f"{file}: " + ", ".join(f"{name} = {column}" for name, column in chosen.items()),)
    first = 1
    for part in parts:
        items, refusals = _items(part, chosen, first)
        yield Batch(items.with_columns(kind=pl.lit(kind_of(chosen, given))), refusals, notes)
        notes = ()
        first += part.num_rows


def _each(chosen: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(chosen.values()))


def _items(part: pa.RecordBatch, chosen: dict[str, str], first: int) -> tuple[pl.DataFrame, list[Refusal]]:
    columns = {name: strings_of(part.column(column)) for name, column in chosen.items()}
    rows = pl.Series("item", range(first, first + part.num_rows), dtype=pl.Int64).cast(pl.String)
    damaged = pl.Series([False] * part.num_rows)
    for name, (values, bad) in columns.items():
        damaged = damaged | bad
        columns[name] = (values, bad)
    refusals = [Refusal(item, "bad_encoding", "bytes that are no UTF-8") for item in rows.filter(damaged)]
    frame = pl.DataFrame([rows, *(values.alias(name) for name, (values, _) in columns.items())])
    return frame.filter(~damaged), refusals


def _text(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None


def strings_of(column: pa.Array[Any]) -> tuple[pl.Series, pl.Series]:
    """Return a column as strings, and where its bytes are no UTF-8: Arrow does not check on reading."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_string()).view(pa.large_binary())
    values = pl.Series(column)
    if values.dtype == pl.Binary:
        strings = pl.Series([_text(content) for content in values], dtype=pl.String)
        return strings, strings.is_null() & values.is_not_null()
    if isinstance(values.dtype, pl.Datetime):
        zoned = values.dt.replace_time_zone("UTC") if values.dtype.time_zone is None else values
        values = zoned.dt.convert_time_zone("UTC").dt.to_string(_TIMES)
    return values.cast(pl.String), pl.Series([False] * len(values))
