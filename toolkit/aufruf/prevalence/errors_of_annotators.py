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
