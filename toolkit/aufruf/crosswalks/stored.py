"""Tables of a labelled set that are no text: Parquet, and objects of JSON, as data sets on hubs are stored.

Values become the strings that a table of text would hold: whole numbers without a point, truth as true and
false, nothing as null, and lists with what separates single answers in a cell of the set's own files.
"""
# pyarrow has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.sources.items import Refusal
from aufruf.sources.json_posts import why
from aufruf.sources.json_values import values_of
from aufruf.sources.parquet import strings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.crosswalks.definition import Layout

    Rows = tuple[pl.DataFrame, list[Refusal]]

_PARQUET = b"PAR1"
_HEAD = 4096
_SAMPLE = 50
_NAMED_BY_PANDAS = {"Unnamed: 0": ""}
_INDEX = "__index_level_0__"


def stored_columns(stream: BinaryIO) -> tuple[str, ...] | None:
    """Return the names of a stored table's columns, None if it is none; leave the stream at its start.

    A column without a name counts as such again where its program gave it one.
    """
    head = stream.read(_HEAD)
    stream.seek(0)
    if head.startswith(_PARQUET):
        names = _parquet_columns(stream)
    elif head.lstrip().startswith((b"{", b"[")):
        names = _keys(stream)
    else:
        return None
    stream.seek(0)
    return tuple(_NAMED_BY_PANDAS.get(name, name) for name in names if name != _INDEX)


def stored_rows(stream: BinaryIO, name: str, layout: Layout) -> Rows:
    """Return the columns of a layout, and ``item``, the number of the row from 1; all as strings.

    Raises:
        InputError: if the file is damaged, or ids are floating-point numbers: those have lost digits.
    """
    head = stream.read(len(_PARQUET))
    stream.seek(0)
    separators = {column: one.separator for one in layout.singles for column in one.columns}
    columns = list(dict.fromkeys(layout.columns))
    if head == _PARQUET:
        return _parquet_rows(stream, name, columns, separators, layout.id)
    return _json_rows(stream, columns, separators)


def _parquet_columns(stream: BinaryIO) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(stream).schema_arrow.names
    except (pa.ArrowException, OSError):
        return []


def _keys(stream: BinaryIO) -> list[str]:
    keys: dict[str, None] = {}
    for number, value in enumerate(values_of(stream)):
        found = _decoded(value.content)
        if number >= _SAMPLE or not isinstance(found, dict):
            break
        keys |= dict.fromkeys(found)
    return list(keys)


def _decoded(content: bytes | Refusal) -> dict[str, Any] | tuple[str, str]:
    if isinstance(content, Refusal):
        return content.reason, content.message
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return why(error)


def _parquet_rows(
    stream: BinaryIO, name: str, columns: Sequence[str], separators: Mapping[str, str], id_: str | None
) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(stream, page_checksum_verification=True).read()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{name}: not readable as Parquet: the file is damaged or cut off") from error
    table = table.rename_columns([_NAMED_BY_PANDAS.get(column, column) for column in table.column_names])
    if id_ is not None and pa.types.is_floating(table.schema.field(id_).type):
        raise InputError(f"{name}: column {id_} holds floating-point numbers, in which long ids lose digits")
    damaged = pl.Series([False] * table.num_rows, dtype=pl.Boolean)
    found: dict[str, pl.Series] = {}
    for column in columns:
        found[column], bad = _strings(table.column(column).combine_chunks(), separators.get(column, ", "))
        damaged |= bad
    items = pl.Series("item", range(1, table.num_rows + 1), dtype=pl.Int64).cast(pl.String)
    refusals = [Refusal(item, "bad_encoding", "bytes that are no UTF-8") for item in items.filter(damaged)]
    frame = pl.DataFrame({"item": items, **found})
    return frame.filter(~damaged).with_columns(pl.exclude("item").replace("", None)), refusals


def _strings(column: Any, separator: str) -> tuple[pl.Series, pl.Series]:
    import pyarrow as pa

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        lists = pl.Series(column).list.eval(pl.element().cast(pl.String)).list.join(separator)
        return lists, pl.Series([False] * len(lists), dtype=pl.Boolean)
    if pa.types.is_floating(column.type):
        numbers = pl.Series(column).cast(pl.Float64)
        if (numbers.drop_nulls().drop_nans() % 1 == 0).all():
            whole = numbers.fill_nan(None).cast(pl.Int64).cast(pl.String)
            return whole, pl.Series([False] * len(whole), dtype=pl.Boolean)
    return strings_of(column)


def _json_rows(stream: BinaryIO, columns: Sequence[str], separators: Mapping[str, str]) -> Rows:
    rows: list[tuple[str | None, ...]] = []
    refused: list[Refusal] = []
    names = {"": "Unnamed: 0"}
    for value in values_of(stream):
        found = _decoded(value.content)
        if isinstance(found, tuple):
            refused.append(Refusal(value.item, *found))
            continue
        cells = [found.get(column, found.get(names.get(column, column))) for column in columns]
        rows.append((value.item, *map(_string, cells, (separators.get(column, ", ") for column in columns))))
    schema = dict.fromkeys(("item", *columns), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row"), refused


def _string(value: Any, separator: str) -> str | None:
    if isinstance(value, list):
        return separator.join(_string(one, separator) or "" for one in cast("list[Any]", value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None or value == "" else str(value)
