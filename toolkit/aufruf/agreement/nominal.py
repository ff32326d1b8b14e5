"""Coefficients of agreement on values that are the same or not, with bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_RESAMPLED_AT_ONCE = 4_000_000
_UNDEFINED_AT_MOST = 0.05
NO_PAIRS = "no record has two answers"
ONE_VALUE = "all answers are the same value: agreement by chance cannot be told apart"
ONE_CLUSTER = "no interval: all records are of one duplicate cluster"
UNSTABLE = "no interval: too many resamples hold one value only"


@dataclass(frozen=True)
class Coefficient:
    """A coefficient with its 95 % interval.

    ``value`` is null where the coefficient is undefined, ``low`` and ``high`` where the interval is;
    ``reason`` says why. ``records`` counts those with two answers or more, ``annotators`` who gave these.
    """

    coefficient: str
    level: str
    value: float | None
    low: float | None
    high: float | None
    records: int
    annotators: int
    reason: str | None


@dataclass(frozen=True)
class _Sums:
    """What clusters contribute to the coefficients, clusters that contribute the same being one row.

    ``clusters`` says how many they are, ``(rows,)``. ``counts`` are answers of each value,
    ``(rows, values)``. ``disagreement`` is the sum over units of m - sum_c n_c (n_c - 1) / (m - 1), with m
    answers, n_c of them the value c; ``agreement`` that of sum_c n_c (n_c - 1) / (m (m - 1)), the share of
    pairs that agree; ``units`` the number of units.
    """

    clusters: NDArray[np.int64]
    counts: Floats
    disagreement: Floats
    agreement: Floats
    units: Floats

    def weighted(self, weights: Floats) -> _Sums:
        """Return the sums over all rows, one row for each row of ``weights``, ``(resamples, rows)``."""
        return _Sums(
            clusters=np.ones(len(weights), np.int64),
            counts=weights @ self.counts,
            disagreement=weights @ self.disagreement,
            agreement=weights @ self.agreement,
            units=weights @ self.units,
        )


def coefficients(answers: pl.DataFrame, *, seed: int, resamples: int = 1000) -> list[Coefficient]:
    """Return Krippendorff's alpha and the raw agreement, each with a bootstrap interval.

    Alpha is 1 - D_o / D_e, observed by expected disagreement, computed from coincidences of values within
    units (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"): 1 is perfect agreement, 0 what
    chance would give, below 0 is systematic disagreement. Raw agreement is the share of agreeing pairs of
    answers in a unit, averaged over units. A unit with one answer tells nothing and is left out; a missing
    answer is missing, not a value.

    The intervals are percentiles over resamples of whole clusters, drawn with replacement; the annotators
    are taken as they are, so the interval does not say how other annotators would agree. Clusters that
    contribute the same are drawn together, as one multinomial draw: the distribution is the same.

    Args:
        answers: ``unit``, ``cluster``, ``annotator``, ``value``; a null value is missing. An annotator
            answers a unit once.
        seed: of the bootstrap.
        resamples: of the bootstrap; 0 for no intervals.
    """
    paired = answers.drop_nulls("value").filter(pl.len().over("unit") > 1)
    records, annotators = (paired.get_column(name).n_unique() for name in ("unit", "annotator"))
    sums = None if paired.is_empty() else _sums(paired)
    found: list[Coefficient] = []
    for name, formula in (("krippendorff_alpha", _alpha), ("raw", _raw)):
        value, low, high, reason = _estimate(sums, formula, seed, resamples)
        found.append(Coefficient(name, "nominal", value, low, high, records, annotators, reason))
    return found


def _sums(paired: pl.DataFrame) -> _Sums:
    """Return the sums; rows are sorted, so that a seed gives the same intervals for any order of rows."""
    units = (
        paired.group_by("unit", "cluster", "value")
        .agg(n=pl.len().cast(pl.Float64))
        .with_columns(m=pl.col("n").sum().over("unit"))
        .with_columns(same=pl.col("n") * (pl.col("n") - 1), pairs=pl.col("m") - 1)
        .with_columns(
            disagreement=pl.col("n") - pl.col("same") / pl.col("pairs"),
            agreement=pl.col("same") / (pl.col("m") * pl.col("pairs")),
            unit_share=pl.col("n") / pl.col("m"),
        )
    )
    places = units.select(
        cluster=pl.col("cluster").rank("dense") - 1, value=pl.col("value").rank("dense") - 1
    )
    clusters, values = places.get_column("cluster").to_numpy(), places.get_column("value").to_numpy()
    shape = (int(clusters.max()) + 1, int(values.max()) + 1)

    def summed(name: str) -> Floats:
        return np.bincount(clusters, units.get_column(name).to_numpy(), shape[0]).astype(np.float64)

    cells = clusters.astype(np.int64) * shape[1] + values
    counts = np.bincount(cells, units.get_column("n").to_numpy(), shape[0] * shape[1]).reshape(shape)
    fractions = [summed(name).round(12) for name in ("disagreement", "agreement", "unit_share")]
    rows = pl.from_numpy(np.column_stack([counts, *fractions]))
    alike = rows.group_by(rows.columns).agg(clusters=pl.len()).sort(rows.columns)
    matrix = alike.drop("clusters").to_numpy()
    return _Sums(
        clusters=alike.get_column("clusters").cast(pl.Int64).to_numpy(),
        counts=matrix[:, :-3],
        disagreement=matrix[:, -3],
        agreement=matrix[:, -2],
        units=matrix[:, -1],
    )


def _alpha(sums: _Sums) -> Floats:
    """Return alpha for each row of sums, NaN where only one value was given."""
    n = sums.counts.sum(axis=1)
    expected = n**2 - (sums.counts**2).sum(axis=1)
    undefined = (sums.counts > 0).sum(axis=1) < 2  # noqa: PLR2004 -- two values make a disagreement possible
    ratio = (n - 1) * sums.disagreement / np.where(undefined, 1.0, expected)
    return np.where(undefined, np.nan, 1 - ratio)


def _raw(sums: _Sums) -> Floats:
    return sums.agreement / sums.units


def _estimate(
    sums: _Sums | None, formula: Callable[[_Sums], Floats], seed: int, resamples: int
) -> tuple[float | None, float | None, float | None, str | None]:
    """Return value, low, high and the reason why one of them is null."""
    if sums is None:
        return None, None, None, NO_PAIRS
    value = float(formula(sums.weighted(sums.clusters[np.newaxis].astype(np.float64)))[0])
    if np.isnan(value):
        return None, None, None, ONE_VALUE
    if resamples == 0:
        return value, None, None, None
    if sums.clusters.sum() == 1:
        return value, None, None, ONE_CLUSTER
    resampled = _resampled(sums, formula, np.random.default_rng(seed), resamples)
    if np.isnan(resampled).mean() > _UNDEFINED_AT_MOST:
        return value, None, None, UNSTABLE
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return value, float(low), float(high), None


def _resampled(
    sums: _Sums, formula: Callable[[_Sums], Floats], generator: np.random.Generator, resamples: int
) -> Floats:
    total = int(sums.clusters.sum())
    at_once = max(1, _RESAMPLED_AT_ONCE // len(sums.clusters))
    parts: list[Any] = []
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        weights = generator.multinomial(total, sums.clusters / total, size).astype(np.float64)
        parts.append(formula(sums.weighted(weights)))
    return np.concatenate(parts)
