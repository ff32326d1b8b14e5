"""Agreement on anybody's long table: one row an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.agreement.rounds import AgreementRow, rows_of
from aufruf.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_SEPARATORS = (",", ";", "\t")
_MOST_VALUES = 500


def agreement_of_table(  # noqa: PLR0913 -- the command's options, in the same words
    path: Path, *, unit: str, annotator: str, value: str, seed: int = 0, resamples: int = 1000
) -> list[AgreementRow]:
    """Return the agreement of a table that holds one answer in each row.

    Rows without a value are missing answers. The bootstrap resamples units.

    Raises:
        InputError: if the file cannot be read, lacks a column, holds two answers of one annotator to one
            unit, or has so many values that the column is hardly one of labels.
    """
    answers = read_answers(path, unit=unit, annotator=annotator, value=value)
    values = answers.get_column("value").n_unique()
    if values > _MOST_VALUES:
        raise InputError(
            f"{path}: column '{value}' has {values:,} different values, {_MOST_VALUES} at most are compared: "
            "name the column that holds the labels"
        )
    clustered = answers.with_columns(cluster=pl.col("unit"))
    return rows_of(clustered, value, "all", seed=seed, resamples=resamples)


def read_answers(path: Path, *, unit: str, annotator: str, value: str) -> pl.DataFrame:
    """Return ``unit``, ``annotator``, ``value`` as text, rows without a value left out.

    Read are csv (separated by comma, semicolon or tab, whichever the header has most), tsv, jsonl and
    parquet.

    Raises:
        InputError: as `agreement_of_table`.
    """
    table = _read(path)
    names = {"unit": unit, "annotator": annotator, "value": value}
    missing = [name for name in names.values() if name not in table.columns]
    if missing:
        raise InputError(
            f"{path}: no column {', '.join(map(repr, missing))}; columns are {', '.join(table.columns)}"
        )
    nested = [name for name in names.values() if table.schema[name].is_nested()]
    if nested:
        raise InputError(f"{path}: column {', '.join(map(repr, nested))} holds lists, not single values")
    answers = table.select(pl.col(name).cast(pl.String).alias(key) for key, name in names.items())
    answers = answers.filter(pl.col("value") != "")
    twice = answers.filter(pl.struct("unit", "annotator").is_duplicated()).height
    if twice or answers.select("unit", "annotator").null_count().sum_horizontal().item():
        raise InputError(
            f"{path}: {twice} rows share unit and annotator with another, or one of these is empty: each row "
            "must be one annotator's only answer to one unit"
        )
    return answers


def _read(path: Path) -> pl.DataFrame:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise InputError(f"{path}: cannot read '{suffix}'; expected one of {', '.join(_FORMATS)}")
    try:
        if suffix == ".parquet":
            return pl.read_parquet(path)
        if suffix in (".jsonl", ".ndjson"):
            return pl.read_ndjson(path, infer_schema_length=None)
        return pl.read_csv(path, separator=_separator(path), infer_schema=False)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        # Polars quotes content in its messages, and content stays out of errors.
        raise InputError(f"{path}: not a readable {suffix[1:]} file ({type(error).__name__})") from None


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as handle:
        header = handle.readline()
    return max(_SEPARATORS, key=header.count)
