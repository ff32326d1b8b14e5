"""Compiled loops that count, for each draw of the bootstrap, what the figures of a head are made of.

Import this module late: numba takes a second to load, and compiles on first use.
"""
# numba has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

SUMS = (
    "true_positives",
    "false_positives",
    "false_negatives",
    "true_negatives",
    "precision_gained",
    "pairs_won",
    "squared_error",
    "calibration_error",
    "mentions",
    "mentions_claimed",
    "mentions_at_recall",
)
"""Columns of what `count` returns."""
BINS = 10
_ALMOST = 1 - 1e-12
_HALF = 0.5
_Bools = NDArray[np.bool_]
_Counts = NDArray[np.int32]
_Places = NDArray[np.int64]
_Reals = NDArray[np.float64]


@njit(cache=True, nogil=True)
def times_drawn(drawn: _Counts) -> _Counts:
    """Return how often each unit stands in each row of units drawn, shape (n_draws, n_units)."""
    counts = np.zeros(drawn.shape, dtype=np.int32)
    for row in range(drawn.shape[0]):
        for place in range(drawn.shape[1]):
            counts[row, drawn[row, place]] += 1
    return counts


@njit(cache=True, nogil=True)
def count(  # noqa: C901, PLR0912, PLR0913, PLR0917 -- one pass over the texts
    drawn: _Counts,
    units: _Places,
    weights: _Reals,
    truth: _Bools,
    predicted: _Bools,
    mentions: _Bools,
    last: _Bools,
    probabilities: _Reals,
    recall: float,
) -> _Reals:
    """Count texts by draw, shape (n_draws, n_sums); texts come from the highest score to the lowest.

    Args:
        drawn: how often each unit is drawn, shape (n_draws, n_units).
        units: the unit of each text.
        weights: how much each text counts, once drawn.
        truth: whether it holds.
        predicted: whether the head says so.
        mentions: whether the text merely mentions what is asked for.
        last: whether no further text has this score.
        probabilities: scores as probabilities; empty where they are none.
        recall: the share of positive texts at which mentions are counted.
    """
    found = np.zeros((len(drawn), 11))
    errors = np.zeros(BINS)
    for draw in range(len(drawn)):
        times, sums = drawn[draw], found[draw]
        positives = 0.0
        for row in range(len(units)):
            if truth[row]:
                positives += times[units[row]] * weights[row]
        errors[:] = 0.0
        hits = taken = tied_yes = tied_no = mentioned = 0.0
        reached = positives == 0.0
        for row in range(len(units)):
            weight = times[units[row]] * weights[row]
            if truth[row]:
                tied_yes += weight
                sums[0 if predicted[row] else 2] += weight
            else:
                tied_no += weight
                sums[1 if predicted[row] else 3] += weight
            if mentions[row]:
                mentioned += weight
                if predicted[row]:
                    sums[9] += weight
            if len(probabilities):
                error = probabilities[row] - (1.0 if truth[row] else 0.0)
                sums[6] += weight * error * error
                errors[min(int(probabilities[row] * BINS), BINS - 1)] += weight * error
            if last[row]:
                sums[5] += tied_no * (hits + _HALF * tied_yes)
                hits += tied_yes
                taken += tied_yes + tied_no
                if tied_yes > 0:
                    sums[4] += tied_yes * hits / taken
                tied_yes = tied_no = 0.0
                if not reached and hits >= recall * positives * _ALMOST:
                    sums[10] = mentioned
                    reached = True
        sums[8] = mentioned
        for place in range(BINS):
            sums[7] += abs(errors[place])
    return found
