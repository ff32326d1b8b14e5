"""Compiled dual coordinate descent for linear support vector machines with squared hinge loss.

Minimises ``|w|²/2 + Σ cost_i max(0, 1 - y_i (w·x_i + b))²`` with ``b`` penalised like the weights: the
objective of scikit-learn's LinearSVC. Method: Hsieh et al., *A Dual Coordinate Descent Method for Large-scale
Linear SVM*, ICML 2008, algorithm 3. Up to four machines go down side by side in lanes, so that a row is
fetched once for all; each comes out to the last bit as it would alone, since the order of rows knows nothing
of lanes. Import this module late: numba takes a second to load, and compiles on first use.
"""
# numba has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# pyright: reportArgumentType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from aufruf.band_kernels import mixed

LANES = (1, 2, 4)
"""How many machines can go down side by side."""
_Bools = NDArray[np.bool_]
_Columns = NDArray[np.uint32]
_Ints = NDArray[np.int32]
_Reals = NDArray[np.float64]
_Values = NDArray[np.float32]


@njit(cache=True, nogil=True)
def _shuffle(rows: _Ints, seed: np.uint64) -> None:
    for place in range(rows.size - 1, 0, -1):
        other = np.int64(mixed(seed + np.uint64(place)) % np.uint64(place + 1))
        rows[place], rows[other] = rows[other], rows[place]


@njit(cache=True, nogil=True)
def _squared_lengths(starts: _Ints, data: _Values) -> _Reals:
    """Return each row's, with the 1 that stands for the intercept."""
    squares = np.ones(starts.size - 1)
    for row in range(squares.size):
        for place in range(starts[row], starts[row + 1]):
            squares[row] += np.float64(data[place]) ** 2
    return squares


@njit(cache=True, nogil=True)
def _end_pass(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    slopes: _Reals,
    highest: _Reals,
    tolerance: float,
    costs: _Reals,
    active: _Bools,
    whole: _Bools,
    steepest: _Reals,
) -> bool:
    """Settle what each lane's next pass is over; return whether none has one.

    A lane whose slopes (given as sums of squares) are small enough ends if the pass was over the whole of
    its rows, else looks at all of them once more.
    """
    ended = True
    for lane in range(slopes.size):
        asked = costs[:, lane] > 0
        if slopes[lane] > asked.sum() * tolerance**2:
            steepest[lane] = highest[lane] if highest[lane] > 0 else np.inf
            ended = False
        elif whole[lane]:
            active[:, lane] = False
        else:
            active[:, lane] = asked
            whole[lane], steepest[lane] = True, np.inf
            ended = False
    return ended


@cache
def descent(lanes: int) -> Any:  # noqa: C901 -- what it returns is one loop, as the paper has it
    """Return the compiled descent for so many machines side by side, one of `LANES`.

    A compiler that knows the number makes one instruction of all lanes.
    """

    @njit(cache=True, nogil=True)
    def descend(  # noqa: C901, PLR0912, PLR0913, PLR0917 -- as above; numba compiles no records
        starts: _Ints,
        columns: _Columns,
        data: _Values,
        signs: _Reals,
        costs: _Reals,
        tolerance: float,
        most_passes: int,
        seed: int,
        weights: _Values,
        intercepts: _Reals,
    ) -> int:
        """Write weights and intercepts; return how many passes over the rows it took.

        Args:
            starts: where each row of the matrix begins among ``columns`` and ``data``, shape (n_rows + 1,).
            columns: of its values.
            data: its values.
            signs: 1 or -1, the answer of each row, shape (n_rows, lanes).
            costs: of a row that is not on its side, shape (n_rows, lanes); 0 for a row that is not asked.
            tolerance: a lane ends when the slopes of its dual are this small, as root mean square over rows.
            most_passes: all end after so many at the latest.
            seed: of the order of rows.
            weights: zeros, shape (n_columns, lanes).
            intercepts: zeros, shape (lanes,).
        """
        n_rows = starts.size - 1
        squares = _squared_lengths(starts, data)
        alphas = np.zeros((n_rows, lanes))
        active, whole = costs > 0, np.ones(lanes, np.bool_)
        steepest = np.full(lanes, np.inf)
        slopes, highest = np.empty(lanes), np.empty(lanes)
        said = np.empty((2, lanes), np.float32)  # two sums: neither has to wait for the other
        steps = np.empty(lanes, np.float32)
        rows = np.arange(n_rows).astype(np.int32)
        for passed in range(most_passes):
            _shuffle(rows, mixed(np.uint64(seed) ^ (np.uint64(passed + 1) << np.uint64(32))))
            slopes[:], highest[:] = 0, -np.inf
            for row in rows:
                any_active = False
                for lane in range(lanes):
                    any_active |= active[row, lane]
                if not any_active:
                    continue
                begin, end = starts[row], starts[row + 1]
                said[:] = 0
                for place in range(begin, end):
                    for lane in range(lanes):
                        said[place & 1, lane] += data[place] * weights[columns[place], lane]
                any_step = False
                for lane in range(lanes):
                    steps[lane] = 0
                    if not active[row, lane]:
                        continue
                    before, loss = alphas[row, lane], 0.5 / costs[row, lane]
                    distance = np.float64(said[0, lane]) + np.float64(said[1, lane]) + intercepts[lane]
                    slope = signs[row, lane] * distance - 1 + before * loss
                    if before == 0:
                        if slope > steepest[lane]:
                            active[row, lane] = whole[lane] = False
                            continue
                        slope = min(slope, 0.0)
                    slopes[lane], highest[lane] = slopes[lane] + slope**2, max(highest[lane], slope)
                    if slope != 0:
                        alphas[row, lane] = max(before - slope / (squares[row] + loss), 0.0)
                        step = (alphas[row, lane] - before) * signs[row, lane]
                        intercepts[lane] += step
                        steps[lane] = step
                        any_step = True
                if any_step:
                    for place in range(begin, end):
                        for lane in range(lanes):
                            weights[columns[place], lane] += steps[lane] * data[place]
            if _end_pass(slopes, highest, tolerance, costs, active, whole, steepest):
                return passed + 1
        return most_passes

    return descend
