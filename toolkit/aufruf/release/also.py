"""A release's rows as CSV and JSON Lines, beside the Parquet files that count.

Class labels stand as names. In CSV, lists and structs are JSON, null is an empty field, and a cell that a
spreadsheet could take for a formula begins with an apostrophe; so does one that begins with an apostrophe
itself: whoever takes one leading apostrophe away again has the text as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import polars as pl

from aufruf.errors import InputError
from aufruf.release.features import named_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

Also = Literal["csv", "jsonl"]
FORMATS: tuple[Also, ...] = ("csv", "jsonl")
_FORMULA = "^[-=+@\t\r\n'\uff1d\uff0b\uff0d\uff20]"
"""The last four are = + - @ in full width, which some spreadsheets take for the others."""


def known_formats(names: Collection[str]) -> list[Also]:
    """Return the formats of these names.

    Raises:
        InputError: if one is none.
    """
    unknown = sorted(set(names) - set(FORMATS))
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is no format to write beside Parquet; choose {' or '.join(FORMATS)}"
        )
    return [kind for kind in FORMATS if kind in names]


def write_also(
    folder: Path, formats: Sequence[Also], frames: Mapping[tuple[str, str], pl.DataFrame], features: Any
) -> None:
    """Write ``<format>/<config>-<split>.<format>`` for every split that has rows.

    Args:
        folder: the release's.
        formats: which.
        frames: the stored rows of each (config, split).
        features: of each config.
    """
    for kind in formats:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for (config, split), rows in frames.items():
            if rows.height:
                path = folder / kind / f"{config}-{split}.{kind}"
                write = _write_csv if kind == "csv" else _write_jsonl
                write(path, named(rows, features[config]))


def named(rows: pl.DataFrame, features: Mapping[str, Any]) -> pl.DataFrame:
    """Return stored rows with the names of class labels in place of their numbers."""
    names = named_schema(features)
    return rows.select(_named(pl.col(name), dtype).alias(name) for name, dtype in names.items())


def _named(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Enum):
        names = dtype.categories.to_list()
        return column.replace_strict(list(range(len(names))), names, return_dtype=pl.String)
    if isinstance(dtype, pl.List):
        return column.list.eval(_named(pl.element(), cast("pl.DataType", dtype.inner)))
    if isinstance(dtype, pl.Struct):
        fields = [
            _named(column.struct.field(field.name), cast("pl.DataType", field.dtype)).alias(field.name)
            for field in dtype.fields
        ]
        return pl.when(column.is_not_null()).then(pl.struct(fields))
    return column


def _write_jsonl(path: Path, rows: pl.DataFrame) -> None:
    rows.write_ndjson(path)


def _write_csv(path: Path, rows: pl.DataFrame) -> None:
    flat = rows.with_columns(
        _as_json(rows.get_column(name)) for name, dtype in rows.schema.items() if dtype.is_nested()
    )
    texts = [name for name, dtype in flat.schema.items() if dtype == pl.String]
    flat.with_columns(defused(pl.col(name)) for name in texts).write_csv(path)


def defused(texts: pl.Expr) -> pl.Expr:
    """Return texts that no spreadsheet takes for a formula."""
    return pl.when(texts.str.contains(_FORMULA)).then(pl.format("'{}", texts)).otherwise(texts)


def _as_json(column: pl.Series) -> pl.Series:
    """Return lists as JSON; null stays null."""
    frame = column.to_frame()
    if frame.height == 0:
        return pl.Series(column.name, [], dtype=pl.String)
    wrapped = frame.select(pl.struct(pl.col(column.name).alias("v")).struct.json_encode().alias(column.name))
    inner = wrapped.get_column(column.name).str.slice(len('{"v":')).str.head(-1)
    return frame.select(pl.when(pl.col(column.name).is_not_null()).then(inner).alias(column.name)).to_series()
