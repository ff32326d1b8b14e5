"""Compiled dual coordinate descent for a linear support vector machine with squared hinge loss.

Minimises ``|w|²/2 + Σ cost_i max(0, 1 - y_i (w·x_i + b))²`` with ``b`` penalised like the weights: the
objective of scikit-learn's LinearSVC. Method: Hsieh et al., *A Dual Coordinate Descent Method for Large-scale
Linear SVM*, ICML 2008, algorithm 3. Import this module late: numba takes a second to load, and compiles
on first use.
"""
# numba has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# pyright: reportArgumentType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from aufruf.band_kernels import mixed

_Ints = NDArray[np.int32]
_Reals = NDArray[np.float64]


@njit(cache=True, nogil=True)
def _shuffle(rows: _Ints, n: int, seed: np.uint64) -> None:
    for place in range(n - 1, 0, -1):
        other = np.int64(mixed(seed + np.uint64(place)) % np.uint64(place + 1))
        rows[place], rows[other] = rows[other], rows[place]


@njit(cache=True, nogil=True, fastmath=True)
def _dot(indices: _Ints, data: NDArray[np.float32], begin: int, end: int, weights: _Reals) -> float:
    total = 0.0
    for place in range(begin, end):
        total += data[place] * weights[indices[place]]
    return total


@njit(cache=True, nogil=True)
def descend(  # noqa: C901, PLR0913, PLR0917 -- numba compiles no records; one loop, as the paper has it
    starts: _Ints,
    indices: _Ints,
    data: NDArray[np.float32],
    signs: _Reals,
    costs: _Reals,
    tolerance: float,
    most_passes: int,
    seed: int,
    weights: _Reals,
) -> int:
    """Write the weights, the intercept last; return how many passes over the rows it took.

    Args:
        starts: where each row of the matrix begins among ``indices`` and ``data``, shape (n_rows + 1,).
        indices: columns of its values.
        data: its values.
        signs: 1 or -1, the answer of each row, shape (n_rows,).
        costs: of a row that is not on its side, shape (n_rows,); above 0.
        tolerance: it ends when no slope of the dual is further than this from another.
        most_passes: it ends after so many at the latest.
        seed: of the order of rows.
        weights: zeros, shape (n_columns + 1,).
    """
    n_rows = signs.size
    alphas = np.zeros(n_rows)
    curvature = np.empty(n_rows)
    for row in range(n_rows):
        squares = 1.0
        for place in range(starts[row], starts[row + 1]):
            squares += data[place] * data[place]
        curvature[row] = squares + 0.5 / costs[row]
    rows = np.arange(n_rows).astype(np.int32)
    intercept = weights.size - 1
    active, steepest = n_rows, np.inf
    for passed in range(most_passes):
        _shuffle(rows, active, mixed(np.uint64(seed) ^ (np.uint64(passed + 1) << np.uint64(32))))
        highest, lowest = -np.inf, np.inf
        place = 0
        while place < active:
            row = rows[place]
            begin, end = starts[row], starts[row + 1]
            said = _dot(indices, data, begin, end, weights) + weights[intercept]
            slope = signs[row] * said - 1 + 0.5 * alphas[row] / costs[row]
            if alphas[row] == 0:
                if slope > steepest:
                    active -= 1
                    rows[place], rows[active] = rows[active], rows[place]
                    continue
                slope = min(slope, 0.0)
            highest, lowest = max(highest, slope), min(lowest, slope)
            if slope != 0:
                before = alphas[row]
                alphas[row] = max(before - slope / curvature[row], 0.0)
                step = (alphas[row] - before) * signs[row]
                for at in range(begin, end):
                    weights[indices[at]] += step * data[at]
                weights[intercept] += step
            place += 1
        if highest - lowest <= tolerance:
            if active == n_rows:
                return passed + 1
            active, steepest = n_rows, np.inf
        else:
            steepest = highest if highest > 0 else np.inf
    return most_passes
