"""Inclusion probabilities of a mixture, and one draw that has exactly these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = NDArray[np.float64]
_CERTAIN = 1 - 1e-12


def mixed_probabilities(measures: Mapping[str, Floats], shares: Mapping[str, float], n: int) -> Floats:
    """Return each cluster's inclusion probability in one draw of ``n`` by mixed size measures.

    Each strategy divides 1 among the clusters by its measure; q is their sum, weighted by their shares. The
    probability is min(1, b + λq), where b = random's share · n / clusters is everybody's and λ makes the sum
    n. It is never below b. A strategy whose measure is 0 everywhere leaves its share to random.

    Args:
        measures: strategy to measure, 0 or above, (n_clusters,); random has none.
        shares: of each strategy, random's among them, summing to 1.
        n: how many to draw; from the number of clusters on, all are certain.
    """
    clusters = len(next(iter(measures.values())))
    if n >= clusters:
        return np.ones(clusters)
    sums = {name: float(measure.sum()) for name, measure in measures.items() if name in shares}
    parts = [shares[name] * measures[name] / total for name, total in sums.items() if total > 0]
    base = n / clusters * (1 - sum(shares[name] for name, total in sums.items() if total > 0))
    if not parts:
        return np.full(clusters, n / clusters)
    targeted = np.sum(parts, axis=0)
    certain = np.zeros(clusters, dtype=np.bool_)
    while True:
        left = n - int(certain.sum())
        rest = float(targeted[~certain].sum())
        if rest <= 0:  # what targeting cannot use is everybody's
            return np.where(certain, 1.0, left / max(1, int((~certain).sum())))
        scale = (left - base * int((~certain).sum())) / rest
        found = np.where(certain, 1.0, base + scale * targeted)
        full = found >= _CERTAIN
        if (full == certain).all():
            return found
        certain = full


def draw_systematically(probabilities: Floats, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Choose units with exactly these inclusion probabilities, as many as they sum to.

    Randomised systematic sampling (Madow 1949; Hartley and Rao 1962): in random order, unit k is chosen where
    the running sum of probabilities passes u, u + 1, u + 2, … for one u. The random order keeps it close to
    the design of greatest entropy, which is what `aufruf.prevalence` takes its variance from.

    Args:
        probabilities: above 0, at most 1, summing to a whole number; (n_units,).
        generator: of the order and of u.
    """
    chosen = probabilities >= _CERTAIN
    open_units = generator.permutation(np.flatnonzero(~chosen))
    start = generator.random()
    if open_units.size == 0:
        return chosen
    passed = np.cumsum(probabilities[open_units])
    passed *= round(passed[-1]) / passed[-1]
    steps = np.diff(np.floor(passed + start), prepend=np.floor(start))
    chosen[open_units[steps > 0]] = True
    return chosen


def attributed(
    measures: Mapping[str, Floats],
    shares: Mapping[str, float],
    probabilities: Floats,
    generator: np.random.Generator,
    n: int,
) -> NDArray[Any]:
    """Return the part of the mixture that each unit is counted to, should it be chosen.

    Random's part of a unit's probability is b for all alike, so those counted to it are a sample in which
    every unit had the same chance, and may stand in a test set. What remains goes by the strategies' parts;
    where those are 0, it is random's (and above b only if more are drawn than the strategies can use).
    """
    names = [name for name in shares if name != "random" and measures[name].sum() > 0]
    base = n / len(probabilities) * (1 - sum(shares[name] for name in names))
    if not names:
        return np.full(len(probabilities), "random", dtype=object)
    parts = np.stack([shares[name] * measures[name] / measures[name].sum() for name in names])
    bounds = np.cumsum(parts, axis=0)
    place = generator.random(len(probabilities)) * np.where(bounds[-1] > 0, bounds[-1], 1)
    number = np.minimum((place >= bounds).sum(axis=0), len(names) - 1)
    by_chance = generator.random(len(probabilities)) * probabilities < base
    by_chance |= bounds[-1] == 0
    return np.where(by_chance, "random", np.array(names, dtype=object)[number])
