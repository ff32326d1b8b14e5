"""Divide records into past and future: what is trained on was written before what is tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aufruf.release.ties import FREE, OUT, TRAIN

if TYPE_CHECKING:
    from datetime import datetime

    from aufruf.release.ties import Flags, Rows

Borders = tuple["datetime", "datetime"]
"""When validation begins, and when test begins."""

NO_TIME = "no time is known"
OTHER_PERIOD = "tied to records of another period"
LATE_FOR_TRAIN = "for training only, and written after train ends"


def borders_of(times: pl.Series, train: float, validation: float) -> Borders | None:
    """Return the times at which the wanted shares of records have been written; None without any time."""
    known = times.drop_nulls().sort()
    if known.is_empty():
        return None
    first, second = (min(int(share * len(known)), len(known) - 1) for share in (train, train + validation))
    return known[first], known[second]


def periods_of(times: pl.Series, borders: Borders) -> Rows:
    """Return the split whose period each time falls into; `OUT` for null."""
    since = pl.sum_horizontal((pl.col("at") >= border).cast(pl.Int64) for border in borders)
    frame = times.rename("at").to_frame().select(pl.when(pl.col("at").is_not_null()).then(since))
    return frame.to_series().fill_null(OUT).to_numpy()


def divide_by_time(split: Rows, group: Rows, period: Rows, *, new: Flags, train_only: Flags) -> None:
    """Give free units to the split of the period that most of their records are of, in place.

    A unit's records of other periods stay out, and so does a new record that an earlier release ties to
    a split of another period. At equal counts the later period wins.

    Args:
        split: of each row as far as earlier releases decide it, `FREE` or `OUT`.
        group: the number of each row's unit.
        period: of each row, see `periods_of`.
        new: rows that no earlier release holds.
        train_only: rows that may stand in no other split than train.
    """
    unfit = (period == OUT) | (train_only & (period != TRAIN))
    split[new & (split != OUT) & (unfit | ((split != FREE) & (split != period)))] = OUT
    free = split == FREE
    counts = np.zeros((int(group.max(initial=-1)) + 1, 3), dtype=np.int64)
    np.add.at(counts, (group[free], period[free]), 1)
    chosen = 2 - counts[:, ::-1].argmax(axis=1)
    split[free] = np.where(chosen[group[free]] == period[free], period[free], OUT)


def reason_of_period(period: Rows, train_only: Flags) -> pl.Expr:
    """Return why each row that `divide_by_time` left out stays out."""
    return (
        pl.when(pl.Series(period == OUT))
        .then(pl.lit(NO_TIME))
        .when(pl.Series(train_only & (period != TRAIN)))
        .then(pl.lit(LATE_FOR_TRAIN))
        .otherwise(pl.lit(OTHER_PERIOD))
    )
