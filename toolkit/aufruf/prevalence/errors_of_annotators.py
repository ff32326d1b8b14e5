"""Take known errors of the labels out of a share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError
from aufruf.prevalence.estimates import Estimate

if TYPE_CHECKING:
    from pathlib import Path

_CRITICAL = 1.959964
_COLUMNS = {
    "label": pl.String,
    "column": pl.String,
    "sensitivity": pl.Float64,
    "specificity": pl.Float64,
    "positives": pl.Float64,
    "negatives": pl.Float64,
}


@dataclass(frozen=True)
class ErrorRates:
    """How often gold is right where the label holds and where it does not, and on how many that was seen."""

    sensitivity: float
    specificity: float
    positives: float
    negatives: float


def corrected(found: Estimate, rates: ErrorRates) -> Estimate | None:
    """Return the share of records that truly have the label; None where errors hide it.

    (p + specificity - 1) / (sensitivity + specificity - 1), Rogan and Gladen (1978), within 0 and 1. The
    interval, by Lang and Reiczigel (2014), carries the uncertainty of all three figures, p at its effective
    size. None where sensitivity + specificity is at most 1: such gold says nothing.
    """
    power = rates.sensitivity + rates.specificity - 1
    if power <= 0 or math.isinf(found.effective):
        return None
    square = _CRITICAL**2
    value = min(1.0, max(0.0, (found.value + rates.specificity - 1) / power))
    size = found.effective + square
    share = (found.effective * found.value + square / 2) / size
    positives, negatives = rates.positives + 2, rates.negatives + 2
    right = (rates.positives * rates.sensitivity + 1) / positives
    clean = (rates.negatives * rates.specificity + 1) / negatives
    middle = (share + clean - 1) / (right + clean - 1)
    of_right = right * (1 - right) / positives
    of_clean = clean * (1 - clean) / negatives
    shift = 2 * square * (middle * of_right - (1 - middle) * of_clean)
    variance = share * (1 - share) / size + (1 - middle) ** 2 * of_clean + middle**2 * of_right
    half = _CRITICAL * math.sqrt(variance) / abs(right + clean - 1)
    low, high = (min(1.0, max(0.0, middle + shift + side * half)) for side in (-1, 1))
    spread = (half / _CRITICAL) ** 2
    return Estimate(
        value, min(low, value), max(high, value), middle * (1 - middle) / spread if 0 < middle < 1 else 0
    )


def modelled_error_rates(gold: pl.DataFrame) -> dict[tuple[str, str], ErrorRates]:
    """Return how often gold is right as the model that decided it sees it, by label and column.

    With p the probability of yes that the model gives a record, and d what gold says (1, 0, or the share of
    annotators where it is open): sensitivity = sum(p d) / sum(p), specificity = sum((1 - p)(1 - d)) /
    sum(1 - p), seen on these sums of records. The model trusts itself here: where its assumptions fail, as
    when annotators err alike, so do the rates.

    Args:
        gold: rows of `GOLD` in one run. Columns that no model decided have no rates.

    Raises:
        InputError: if no model decided anything.
    """
    said = (
        pl.when(pl.col("value").is_null())
        .then("share")
        .otherwise((pl.col("value") == "true").cast(pl.Float64))
    )
    p, d = pl.col("posterior"), pl.col("said")
    rows = (
        gold.filter(pl.col("posterior").is_not_null())
        .with_columns(said=said)
        .drop_nulls("said")
        .group_by("label", "column")
        .agg(
            sensitivity=(p * d).sum() / p.sum(),
            specificity=((1 - p) * (1 - d)).sum() / (1 - p).sum(),
            positives=p.sum(),
            negatives=(1 - p).sum(),
        )
        .filter(pl.col("positives") > 0, pl.col("negatives") > 0)
    )
    if rows.is_empty():
        raise InputError(
            "no model decided the newest gold, so its errors are not known: run `aufruf gold --model "
            "dawid-skene`, or give a file of error rates"
        )
    return {(row[0], row[1]): ErrorRates(*row[2:]) for row in rows.iter_rows()}


def read_error_rates(path: Path) -> dict[tuple[str, str], ErrorRates]:
    """Read error rates of gold by label and column from a CSV file.

    Its columns are label, column (contained or author), sensitivity, specificity, positives, negatives: the
    last two on how many records the rates were seen.

    Raises:
        InputError: if it cannot be read, or a value is not possible.
    """
    try:
        rows = pl.read_csv(path).select(pl.col(name).cast(kind) for name, kind in _COLUMNS.items())
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: expected a CSV file with the columns {', '.join(_COLUMNS)}") from error
    rates = pl.col("sensitivity", "specificity").is_between(0, 1).fill_null(value=False)
    counts = (pl.col("positives", "negatives") > 0).fill_null(value=False)
    wrong = rows.filter(~pl.all_horizontal(rates, counts)).height
    if wrong or rows.select("label", "column").is_duplicated().any():
        raise InputError(
            f"{path}: {wrong} rows with a rate outside 0 to 1 or a count of 0 or less, or a label and column "
            "twice; expected one row for each label and column"
        )
    return {(row[0], row[1]): ErrorRates(*row[2:]) for row in rows.iter_rows()}
