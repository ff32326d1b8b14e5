"""Intervals: what coefficients would have been with other records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aufruf.agreement.sums import Sums, cluster_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.agreement.coding import Coded, Floats, Ints

_RESAMPLED_AT_ONCE = 4_000_000
_UNDEFINED_AT_MOST = 0.05
_ALIKE = 6
ONE_CLUSTER = "no interval: all records are of one duplicate cluster"
UNSTABLE = "no interval: too many resamples hold one value only"
NO_SPREAD = "no interval: all resamples give the same, so they do not tell how sure that is"


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, or the reason why there is none (both null: none was asked for)."""

    low: float | None = None
    high: float | None = None
    reason: str | None = None


def draws(sums: Sums, *, seed: int, resamples: int) -> Iterator[Sums]:
    """Yield sums over clusters drawn with replacement, many resamples at once.

    Clusters that contribute the same are drawn together, as one multinomial draw: the distribution is the
    same, and a million answers cost little more than a thousand. Where few are alike, drawing them one by
    one is quicker.
    """
    generator = np.random.default_rng(seed)
    total = int(sums.clusters.sum())
    drawn = _one_by_one if total < _ALIKE * len(sums.clusters) else _together
    at_once = max(1, _RESAMPLED_AT_ONCE // len(sums.clusters))
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        yield sums.weighted(drawn(sums.clusters, total, size, generator).astype(np.float64))


def _together(clusters: Ints, total: int, size: int, generator: np.random.Generator) -> Ints:
    """Return how often clusters of each row are drawn in each of ``size`` resamples, (size, rows)."""
    return generator.multinomial(total, clusters / total, size)


def _one_by_one(clusters: Ints, total: int, size: int, generator: np.random.Generator) -> Ints:
    starts = np.cumsum(clusters) - clusters
    times = (np.bincount(generator.integers(total, size=total), minlength=total) for _ in range(size))
    return np.stack([np.add.reduceat(each, starts) for each in times])


def crossed_draws(
    coded: Coded, distances: Floats | None, *, ordered: bool, seed: int, resamples: int
) -> Iterator[Sums]:
    """Yield sums over clusters and annotators, both drawn with replacement, one resample at a time.

    Owen 2007, "The pigeonhole bootstrap": it overstates the spread a little, never understates it. Copies
    of one annotator are not compared with each other.
    """
    generator = np.random.default_rng(seed)
    names = np.unique(coded.annotator)
    place = np.searchsorted(names, coded.annotator)
    for _ in range(resamples):
        drawn = np.bincount(generator.integers(len(names), size=len(names)), minlength=len(names))
        parts = cluster_parts(coded, distances, ordered=ordered, times=drawn[place].astype(np.float64))
        clusters = len(parts["units"])
        weights = np.bincount(generator.integers(clusters, size=clusters), minlength=clusters)
        yield Sums(np.ones(clusters, np.int64), parts).weighted(weights[np.newaxis].astype(np.float64))


def interval(resampled: Floats) -> Interval:
    """Return the interval between the percentiles 2.5 and 97.5 of a coefficient's resamples."""
    if np.isnan(resampled).mean() > _UNDEFINED_AT_MOST:
        return Interval(reason=UNSTABLE)
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    if np.nanmax(resampled) - np.nanmin(resampled) < 1e-9:  # noqa: PLR2004 -- rounding
        return Interval(reason=NO_SPREAD)
    return Interval(float(low), float(high))
