"""Divide released records into train, validation and test so that nothing leaks between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aufruf.release.allocation import allocate, least_deviations
from aufruf.release.features import SPLITS
from aufruf.release.periods import divide_by_time, periods_of, reason_of_period
from aufruf.release.ties import FREE, OUT, RELATIONS, TRAIN, components, find_ties, settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.release.allocation import Counts, Reals
    from aufruf.release.periods import Borders
    from aufruf.release.ties import Flags, Rows, Ties

ENOUGH = 50
NEAR = 0.02
"""A category with enough records should come this near to its shares."""
_LARGEST = pl.max_horizontal(pl.col(name).abs() for name in SPLITS)
BRIDGE = "tied to records of two splits"
TIED_TO_HELD_OUT = "for training only, and tied to validation or test"
FROZEN_CONFLICT = "a new tie to a stronger split"


@dataclass(frozen=True)
class Splits:
    """Where each record goes.

    Attributes:
        placed: ``record_id``, its ``row`` in the records that were divided, ``split``, ``group`` (number of
            its component, in the order of their smallest record_ids); sorted by id.
        left_out: ``record_id``, ``reason``; sorted by id.
        deviations: ``category``, ``n``, for each split the share that it got less the wanted one, and
            ``least``: no division has a smaller largest deviation, for a unit's records stay together
            and those of earlier releases where they are (null: divided by time).
    """

    placed: pl.DataFrame
    left_out: pl.DataFrame
    deviations: pl.DataFrame

    @property
    def common(self) -> pl.DataFrame:
        """The deviations of categories with enough records for shares to mean something."""
        return self.deviations.filter(pl.col("n") >= ENOUGH)

    @property
    def largest_deviation(self) -> float | None:
        """The largest absolute deviation of a common category, 0 to 1; None if there is none."""
        return self.common.select(_LARGEST.max()).item()

    @property
    def far(self) -> pl.DataFrame:
        """Common categories more than two points off: ``category``, ``n``, ``least``, ``largest``."""
        return self.common.select("category", "n", "least", largest=_LARGEST).filter(pl.col("largest") > NEAR)


@dataclass(frozen=True)
class SplitPlan:
    """What is wanted: each split's share, the relations that it must not cross, the seed of chance.

    With ``borders`` time divides instead of chance, and the shares follow.
    """

    shares: Mapping[str, float]
    seed: int
    relations: tuple[str, ...] = tuple(RELATIONS)
    borders: Borders | None = None


def split_records(
    records: pl.DataFrame, categories: Sequence[str], plan: SplitPlan, lock: Mapping[str, str]
) -> Splits:
    """Divide records by components, stratified over categories, honouring an earlier division.

    The result does not depend on the order of the rows.

    Args:
        records: ``record_id``; the key columns of `RELATIONS` (null: no such tie); ``train_only``
            (bool: may stand in no other split than train); one boolean column a category (null: no);
            ``created_at``, if time divides.
        categories: names of the category columns; all records are a category of their own.
        plan: what is wanted.
        lock: the split of each record_id in earlier releases; these never move.
    """
    rows = _needed(records, categories).with_row_index("row").sort("record_id")
    ties = find_ties(rows, plan.relations)
    train_only = rows.get_column("train_only").to_numpy()
    frozen = _frozen(rows, lock)
    split = settle(frozen, train_only, ties)
    reasons = rows.select("record_id", reason=_tied(frozen, train_only)).filter(pl.Series(split == OUT))
    table = _category_table(rows, categories)
    least = np.full(table.shape[1], np.nan)
    if plan.borders is not None:
        reasons = pl.concat([reasons, _divide_by_time(split, ties, rows, frozen, plan.borders)])
    kept = split != OUT
    group = components(ties.among(kept))
    if plan.borders is None:
        least = _divide_evenly(split, group, train_only, table, plan)
    _check_no_crossing(split, ties)
    deviations = _deviations(split, table, ["all", *categories], plan.shares)
    return Splits(
        placed=_placed(rows, split, group),
        left_out=reasons.sort("record_id"),
        deviations=deviations.with_columns(least=pl.Series(least).fill_nan(None)).filter(pl.col("n") > 0),
    )


def _needed(records: pl.DataFrame, categories: Sequence[str]) -> pl.DataFrame:
    """Return the columns that a division looks at: sorting the texts as well would take far longer."""
    keys = {key for columns in RELATIONS.values() for key in columns}
    wanted = {"record_id", "train_only", "created_at", *keys, *categories}
    return records.select(name for name in records.columns if name in wanted)


def _frozen(rows: pl.DataFrame, lock: Mapping[str, str]) -> Rows:
    known = pl.DataFrame(
        {"record_id": list(lock), "split": list(lock.values())},
        schema={"record_id": pl.String, "split": pl.Enum(SPLITS)},
    ).select("record_id", number=pl.col("split").to_physical().cast(pl.Int64))
    found = rows.join(known, on="record_id", how="left", maintain_order="left").get_column("number")
    return found.fill_null(FREE).to_numpy().copy()


def _category_table(rows: pl.DataFrame, categories: Sequence[str]) -> Flags:
    """Return which categories each record has, shape (n, 1 + n_categories); the first is everything."""
    columns = [
        pl.repeat(value=True, n=pl.len()).alias("all"),
        *(pl.col(name).fill_null(value=False) for name in categories),
    ]
    return rows.select(columns).to_numpy()


def _divide_by_time(
    split: Rows, ties: Ties, rows: pl.DataFrame, frozen: Rows, borders: Borders
) -> pl.DataFrame:
    """Place the rows that are still free, in place; return who stays out for its time, and why."""
    period = periods_of(rows.get_column("created_at"), borders)
    train_only = rows.get_column("train_only").to_numpy()
    before = split == OUT
    group = components(ties.among(~before))
    divide_by_time(split, group, period, new=frozen == FREE, train_only=train_only)
    reasons = rows.select("record_id", reason=reason_of_period(period, train_only))
    return reasons.filter(pl.Series((split == OUT) & ~before))


def _divide_evenly(split: Rows, group: Rows, train_only: Flags, table: Flags, plan: SplitPlan) -> Reals:
    """Give the units that are still free to splits, in place; return the least deviations possible."""
    _hold_in_train(split, group, train_only)
    free = split == FREE
    divided = np.bincount(group[free], minlength=int(group.max(initial=-1)) + 1) > 0
    unit = (np.cumsum(divided) - 1)[group]
    counts = _sums(table, free, unit, int(divided.sum()))
    fixed = _sums(table, split >= TRAIN, split, len(SPLITS))
    shares = [plan.shares[name] for name in SPLITS]
    split[free] = allocate(counts, fixed, shares, plan.seed)[unit[free]]
    return least_deviations(counts, fixed, shares)


def _hold_in_train(split: Rows, group: Rows, train_only: Flags) -> None:
    """Put free components that hold a train-only row into train, in place."""
    held = np.zeros(int(group.max(initial=-1)) + 1, dtype=np.bool_)
    held[group[(split == FREE) & train_only]] = True
    split[(split == FREE) & held[group]] = TRAIN


def _sums(table: Flags, chosen: Flags, member: Rows, size: int) -> Counts:
    """Return how many chosen rows of each member number 0 to size - 1 have a category.

    Category by category, as the table lies in memory: (size, n_categories), the last axis the slow one.
    """
    sums = np.empty((table.shape[1], size), dtype=np.int64)
    for category, has in zip(sums, table.T, strict=True):
        category[:] = np.bincount(member[chosen & has], minlength=size)
    return sums.T


def _check_no_crossing(split: Rows, ties: Ties) -> None:
    keys = np.array([ties.keys_of(split == number) for number in range(len(SPLITS))])
    assert keys.sum(axis=0).max(initial=0) <= 1, "a tie crosses splits"


def _placed(rows: pl.DataFrame, split: Rows, group: Rows) -> pl.DataFrame:
    kept = split != OUT
    places = rows.select("record_id", "row").filter(pl.Series(kept))
    return places.with_columns(split=pl.Series(SPLITS).gather(split[kept]), group=pl.Series(group[kept]))


def _tied(frozen: Rows, train_only: Flags) -> pl.Expr:
    """Return why each row that its ties keep out stays out."""
    return (
        pl.when(pl.Series(frozen) != FREE)
        .then(pl.lit(FROZEN_CONFLICT))
        .when(pl.Series(train_only))
        .then(pl.lit(TIED_TO_HELD_OUT))
        .otherwise(pl.lit(BRIDGE))
    )


def _deviations(
    split: Rows, table: Flags, categories: Sequence[str], shares: Mapping[str, float]
) -> pl.DataFrame:
    counts = _sums(table, split != OUT, split, len(SPLITS))
    total = counts.sum(axis=0)
    columns = {
        name: np.divide(counts[number], total, out=np.full(len(total), np.nan), where=total > 0)
        - shares[name]
        for number, name in enumerate(SPLITS)
    }
    return pl.DataFrame({"category": list(categories), "n": total, **columns})
