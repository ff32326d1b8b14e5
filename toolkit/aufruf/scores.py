"""Scores of a model for records, from a file of anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

SCORES = {"record_id": pl.String, "label": pl.String, "score": pl.Float64}


def read_scores(path: Path) -> pl.DataFrame:
    """Read how sure a model is that a label holds: Parquet, CSV or JSON Lines, by the file's ending.

    Returns:
        ``record_id``, ``label``, ``score`` (from 0 to 1); one row for each record and label.

    Raises:
        InputError: if the file cannot be read, lacks a column, has a score that is missing or outside 0 to
            1, or two for one record and label.
    """
    readers = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}
    if path.suffix not in readers:
        raise InputError(f"{path}: expected a file that ends in .parquet, .csv or .jsonl")
    try:
        found = readers[path.suffix](path)
        rows = found.select(pl.col(name).cast(kind) for name, kind in SCORES.items())
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{path}: expected a table with the columns record_id, label and score (a number)"
        ) from error
    wrong = rows.filter(~pl.col("score").is_between(0, 1).fill_null(value=False)).height
    twice = rows.height - rows.select("record_id", "label").n_unique()
    if rows.is_empty() or wrong or twice:
        raise InputError(
            f"{path}: {rows.height} rows, {wrong} without a score from 0 to 1, {twice} for a record and "
            "label that had one; expected one score from 0 to 1 for each record and label"
        )
    return rows
