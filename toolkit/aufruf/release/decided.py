"""Lay out what a gold run decided: one row a record, a column for each question of the label scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme

YES_NO = ("contained", "author")
"""The two columns of each label that say yes, no or null."""


def decided_records(run: pl.LazyFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return the records of a gold run with what was decided of each; null: not asked or undecided.

    Args:
        run: rows of the gold table.
        scheme: says which columns there are.

    Returns:
        ``record_id``, sorted; of each label the columns that a release has, with ``_asked`` for those of
        `YES_NO`; ``spans``.
    """
    names = pl.col("label", "column").cast(pl.Categorical)
    gold = run.select("record_id", names, "value", "share", "n").collect()
    stretch = gold.get_column("record_id").rle_id()  # a record's rows stand together: few ids to compare
    ids = gold.select("record_id").filter(stretch.diff().fill_null(1) > 0)
    ids = ids.with_columns(row=pl.col("record_id").rank("dense") - 1)
    gold = gold.drop("record_id").with_columns(row=ids.get_column("row").gather(stretch))
    records = ids.unique("row").sort("row").select("record_id")
    return pl.concat([records, *_cells(gold.lazy(), records.height, scheme)], how="horizontal")


def _cells(gold: pl.LazyFrame, height: int, scheme: LabelScheme) -> list[pl.DataFrame]:
    """Return the columns of all labels, ``height`` rows each; null: not asked or undecided."""
    cells = [
        gold.filter(pl.col("label") == label.name, pl.col("column") == column).select(
            "row", *_named(label.name, column)
        )
        for label in scheme.labels
        for column in ("contained", "author", "voice", *(a.name for a in scheme.attributes_of(label.name)))
    ]
    return [_laid_out(cell, height) for cell in pl.collect_all([*cells, _spans(gold, scheme)])]


def _laid_out(cell: pl.DataFrame, height: int) -> pl.DataFrame:
    """Return a cell's columns with each row in its place, and nulls in the others."""
    source = np.full(height, -1, dtype=np.int64)
    source[cell.get_column("row").to_numpy()] = np.arange(cell.height)
    places = pl.Series("row", source).to_frame()
    known = pl.when(pl.col("row") >= 0).then("row")
    return cell.drop("row").select(pl.all().gather(places.select(known).to_series()))


def _named(label: str, column: str) -> list[pl.Expr]:
    value = pl.col("value").alias(f"{label}_{column}")
    if column not in YES_NO:
        return [value]
    asked = pl.lit(value=True).alias(f"{label}_{column}_asked")
    counts = [pl.col("share").alias(f"{label}_share"), pl.col("n").alias(f"{label}_n")]
    return [value == "true", asked, *(counts if column == "contained" else [])]


def _spans(gold: pl.LazyFrame, scheme: LabelScheme) -> pl.LazyFrame:
    """Return ``row`` and its decided ``spans`` in the order of labels and places."""
    held = gold.filter((pl.col("column") == "contained") & (pl.col("value") == "true"))
    decided = gold.filter((pl.col("column") == "spans") & pl.col("value").is_not_null())
    ends = pl.col("span").str.split_exact(":", 1).struct
    labelled = (
        decided.join(held, on=["row", "label"], how="semi")
        .select("row", "label", span=pl.col("value").str.split("+"))
        .explode("span")
        .with_columns(start=ends.field("field_0"), end=ends.field("field_1"))
        .with_columns(pl.col("start", "end").cast(pl.Int64, strict=False))
        .sort("row", pl.col("label").cast(pl.Enum(scheme.label_names)), "start")
    )
    span = pl.struct("label", "start", "end").filter(pl.col("start").is_not_null())
    return labelled.group_by("row").agg(spans=span)
