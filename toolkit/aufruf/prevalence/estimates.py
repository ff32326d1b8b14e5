"""Shares in a corpus and their intervals: arrays to values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]
_FEWEST = 2
_LEAST_LEFT = 0.5


@dataclass(frozen=True)
class Sampled:
    """Judged records of a probability sample, one for each duplicate cluster; arrays of (n_records,).

    truth: 1 if the label holds, 0 if not; between them where people were divided.
    size: records in the cluster.
    probability: of the cluster, in its round, given the earlier rounds.
    share: of the round in the estimate, see `aufruf.sampling.overall_weights`.
    weight: clusters that the record stands for, over all rounds.
    stratum: number of the round's stratum, drawn with a fixed size.
    """

    truth: Floats
    size: Floats
    probability: Floats
    share: Floats
    weight: Floats
    stratum: NDArray[np.int64]

    def take(self, kept: NDArray[np.bool_]) -> Sampled:
        """Return some of the records."""
        names = ("truth", "size", "probability", "share", "weight", "stratum")
        return replace(self, **{name: getattr(self, name)[kept] for name in names})


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval. ``effective`` is the size of a simple random sample that sure."""

    value: float
    low: float
    high: float
    effective: float


def estimate(sampled: Sampled, scores: Floats | None = None, mean_score: float = 0.0) -> Estimate | None:
    """Return the share of records that the label holds of; None below two records.

    Without scores: Hájek's ratio Σ w y / Σ w. With scores m: Σ w (y - λm) / Σ w + λ · mean of m over the
    corpus (regression estimator, Särndal, Swensson and Wretman 1992, 6; prediction-powered inference with
    tuned λ, Angelopoulos, Duchi and Zrnic 2023), λ being the weighted slope of y on m, from 0 to 1: a useless
    model changes little, an uncalibrated one does no harm.

    Interval: the shares q that a score test does not reject, (p - q)² <= t² V(q); for a simple random sample
    that is Wilson's. V is Hájek's approximation of the variance of a fixed-size draw without replacement,
    estimated within strata as Deville (1999) does, summed over rounds, which are uncorrelated. Where
    positives are few, heavy ones may be missing by chance, and V at p would be too small: so a share above p
    is taken to come from positives as heavy as those seen and one more that is as heavy as what is open.

    Args:
        sampled: the judged records.
        scores: of the same records.
        mean_score: mean over all records of the corpus.
    """
    if len(sampled.truth) < _FEWEST:
        return None
    heavy = sampled.weight * sampled.size
    slope = 0.0 if scores is None else _slope(sampled.truth, scores, heavy)
    left = sampled.truth if scores is None else sampled.truth - slope * scores
    centre = float(np.average(left, weights=heavy))
    value = min(1.0, max(0.0, centre + slope * mean_score))
    spread = _spread(sampled, heavy, left - centre, value)
    return _score_interval(value, spread, _critical(len(sampled.truth) - len(np.unique(sampled.stratum))))


@dataclass(frozen=True)
class _Spread:
    """What a unit of share adds to the variance: of positives seen, of negatives, of positives not seen."""

    yes: float
    no: float
    unseen: float

    def below(self, share: float) -> float:
        """Return the variance if the true share is this, at most the estimate."""
        return share * (1 - share) * ((1 - share) * self.yes + share * self.no)

    def above(self, share: float, value: float) -> float:
        """Return the variance if the true share is this, at least the estimate ``value``."""
        of_yes = value * self.yes + (share - value) * self.unseen
        return (1 - share) ** 2 * of_yes + (1 - share) * share**2 * self.no


def _slope(truth: Floats, scores: Floats, heavy: Floats) -> float:
    spread = scores - np.average(scores, weights=heavy)
    square = float(np.average(spread**2, weights=heavy))
    if square <= 0:
        return 0.0
    return float(np.clip(np.average(spread * truth, weights=heavy) / square, 0, 1))


def _spread(sampled: Sampled, heavy: Floats, residual: Floats, value: float) -> _Spread:
    total = heavy.sum()
    pull = (sampled.share * sampled.size / sampled.probability) ** 2 * (1 - sampled.probability)
    within = _within_strata(sampled, residual) / total
    usual = pull.sum() / total
    square = residual**2 * pull
    yes, no = sampled.truth, 1 - sampled.truth
    # What the seen positives say of those not seen, and one pseudo-positive as heavy as the open part.
    beyond = heavy * (1 - sampled.probability)
    pseudo = _ratio((heavy * beyond).sum(), beyond.sum(), 0.0)
    reach = pull / heavy
    common = _ratio((reach * beyond).sum(), beyond.sum(), 0.0)
    unseen = _ratio((yes * beyond * reach).sum() + pseudo * common, (yes * beyond).sum() + pseudo, 0.0)
    own = _ratio((yes * square).sum(), (yes * heavy).sum() * (1 - value) ** 2, usual)
    others = _ratio((no * square).sum(), (no * heavy).sum() * value**2, usual)
    return _Spread(within * own, within * others, within * unseen)


def _ratio(above: float, below: float, otherwise: float) -> float:
    return float(above / below) if below > 0 else float(otherwise)


def _within_strata(sampled: Sampled, residual: Floats) -> float:
    """Return how much smaller the variance is for what strata explain, with each stratum's n / (n - 1).

    A stratum that gave one record only is put together with all others such. Where there is one stratum,
    nothing is explained: the residuals' mean is 0 already. Never below a half: strata seldom explain more of
    a yes or no, but few positives may look so.
    """
    counts = np.bincount(sampled.stratum)
    stratum = np.where(counts[sampled.stratum] < _FEWEST, len(counts), sampled.stratum)
    stratum = np.unique(stratum, return_inverse=True)[1]
    n = np.bincount(stratum)
    if len(n) == 1:
        return float(n[0] / (n[0] - 1))
    spare = 1 - sampled.probability
    reach = sampled.share * sampled.size / sampled.probability * residual
    spares = np.bincount(stratum, spare)
    means = np.divide(np.bincount(stratum, spare * reach), spares, out=np.zeros(len(n)), where=spares > 0)
    centred = np.bincount(stratum, spare * (reach - means[stratum]) ** 2)
    grown = float((centred * np.where(n > 1, n / np.maximum(n - 1, 1), 1)).sum())
    whole = float((spare * reach**2).sum())
    return max(_LEAST_LEFT, grown / whole) if whole > 0 else 1.0


def _critical(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(max(1, freedom), 0.975))


def _score_interval(value: float, spread: _Spread, critical: float) -> Estimate:
    """Return the shares that a score test does not reject: (p - share)² <= t² · V(share)."""
    square = critical**2

    def low_gap(share: float) -> float:
        return (value - share) ** 2 - square * spread.below(share)

    def high_gap(share: float) -> float:
        return (share - value) ** 2 - square * spread.above(share, value)

    low = _root(low_gap, 0.0, value)
    high = _root(high_gap, 1.0, value)
    variance = spread.below(value) / (value * (1 - value)) if 0 < value < 1 else spread.unseen
    return Estimate(value, low, high, float(1 / variance) if variance > 0 else float("inf"))


def _root(gap: Callable[[float], float], outside: float, value: float) -> float:
    """Return where ``gap`` changes sign between a bound and the estimate, by halving."""
    inside = value
    for _ in range(60):
        middle = (outside + inside) / 2
        if gap(middle) > 0:
            outside = middle
        else:
            inside = middle
    return (outside + inside) / 2
