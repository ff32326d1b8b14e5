"""Compiled dual coordinate descent for linear support vector machines with squared hinge loss.

Minimises ``|w|²/2 + Σ cost_i max(0, 1 - y_i (w·x_i + b))²`` with ``b`` penalised like the weights: the
objective of scikit-learn's LinearSVC. Method: Hsieh et al., *A Dual Coordinate Descent Method for Large-scale
Linear SVM*, ICML 2008, algorithm 3. One machine goes down, or two side by side in lanes, so that a row is
fetched once for both; each comes out to the last bit as it would alone, since the order of rows knows
nothing of lanes. Lanes may weigh columns differently: weights are kept as those of values that are not
weighed, and steps are weighed instead, by the squares of what columns are weighed by. Import this module
late: numba takes a second to load, and compiles on first use.
"""
# numba has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# pyright: reportArgumentType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from aufruf.band_kernels import mixed

LANES = (1, 2)
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
def class_sums(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    starts: _Ints, columns: _Columns, data: _Values, signs: _Reals, counts: _Reals, sums: _Reals
) -> None:
    """Add up each column's values over the rows of either class.

    Args:
        starts: where each row begins, as for the descent.
        columns: of its values.
        data: its values, shape (n_values,).
        signs: 1 or -1, the answer of each row, shape (n_rows,).
        counts: how much each row counts, shape (n_rows,).
        sums: what is added to, of yes and of no, shape (2, n_columns).
    """
    for row in range(starts.size - 1):
        count = counts[row]
        if count > 0:
            side = 0 if signs[row] > 0 else 1
            for place in range(starts[row], starts[row + 1]):
                sums[side, columns[place]] += count * data[place]


@njit(cache=True, nogil=True)
def _squared_lengths(starts: _Ints, columns: _Columns, data: _Values, scales: _Values) -> _Reals:
    """Return each row's in each lane, with the 1 that stands for the intercept."""
    squares = np.ones((starts.size - 1, scales.shape[1]))
    for row in range(starts.size - 1):
        for place in range(starts[row], starts[row + 1]):
            square = np.float64(data[place]) ** 2
            for lane in range(scales.shape[1]):
                squares[row, lane] += square * scales[columns[place], lane]
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


# Sums and steps below are single numbers, not elements of an array: those stay in registers. Two sums a lane,
# of even and of odd places, so that neither has to wait for the other.


@njit(cache=True, nogil=True)
def _say_one(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    columns: _Columns, data: _Values, weights: _Values, begin: int, end: int, said: _Reals
) -> None:
    """Write what one machine's weights say of a row."""
    even, odd = np.float32(0), np.float32(0)
    for place in range(begin, end - 1, 2):
        even += data[place] * weights[columns[place], 0]
        odd += data[place + 1] * weights[columns[place + 1], 0]
    if (end - begin) % 2:
        even += data[end - 1] * weights[columns[end - 1], 0]
    said[0] = np.float64(even) + np.float64(odd)


@njit(cache=True, nogil=True)
def _say_two(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    columns: _Columns, data: _Values, weights: _Values, begin: int, end: int, said: _Reals
) -> None:
    """Write what two machines' weights say of a row."""
    even, odd, other_even, other_odd = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for place in range(begin, end - 1, 2):
        even += data[place] * weights[columns[place], 0]
        other_even += data[place] * weights[columns[place], 1]
        odd += data[place + 1] * weights[columns[place + 1], 0]
        other_odd += data[place + 1] * weights[columns[place + 1], 1]
    if (end - begin) % 2:
        even += data[end - 1] * weights[columns[end - 1], 0]
        other_even += data[end - 1] * weights[columns[end - 1], 1]
    said[0] = np.float64(even) + np.float64(odd)
    said[1] = np.float64(other_even) + np.float64(other_odd)


@njit(cache=True, nogil=True)
def _move_one(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    columns: _Columns,
    data: _Values,
    scales: _Values,
    weights: _Values,
    begin: int,
    end: int,
    steps: _Reals,
) -> None:
    """Move one machine's weights by a row."""
    step = np.float32(steps[0])
    for place in range(begin, end):
        column = columns[place]
        weights[column, 0] += step * data[place] * scales[column, 0]


@njit(cache=True, nogil=True)
def _move_two(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    columns: _Columns,
    data: _Values,
    scales: _Values,
    weights: _Values,
    begin: int,
    end: int,
    steps: _Reals,
) -> None:
    """Move two machines' weights by a row."""
    step, other = np.float32(steps[0]), np.float32(steps[1])
    for place in range(begin, end):
        column = columns[place]
        weights[column, 0] += step * data[place] * scales[column, 0]
        weights[column, 1] += other * data[place] * scales[column, 1]


@njit(cache=True, nogil=True)
def descent(  # noqa: C901, PLR0912, PLR0913, PLR0917 -- one loop, as the paper has it; numba compiles no records
    starts: _Ints,
    columns: _Columns,
    data: _Values,
    scales: _Values,
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
        scales: squares of what each lane weighs a column's values by, shape (n_columns, lanes).
        signs: 1 or -1, the answer of each row, shape (n_rows, lanes).
        costs: of a row that is not on its side, shape (n_rows, lanes); 0 for a row that is not asked.
        tolerance: a lane ends when the slopes of its dual are this small, as root mean square over rows.
        most_passes: all end after so many at the latest.
        seed: of the order of rows.
        weights: zeros, to become those of values that are not weighed, shape (n_columns, lanes).
        intercepts: zeros, shape (lanes,).
    """
    n_rows, lanes = starts.size - 1, costs.shape[1]
    squares = _squared_lengths(starts, columns, data, scales)
    alphas = np.zeros((n_rows, lanes))
    active, whole = costs > 0, np.ones(lanes, np.bool_)
    steepest = np.full(lanes, np.inf)
    slopes, highest = np.empty(lanes), np.empty(lanes)
    said, steps = np.empty(lanes), np.empty(lanes)
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
            if lanes == 1:
                _say_one(columns, data, weights, begin, end, said)
            else:
                _say_two(columns, data, weights, begin, end, said)
            any_step = False
            for lane in range(lanes):
                steps[lane] = 0
                if not active[row, lane]:
                    continue
                before, loss = alphas[row, lane], 0.5 / costs[row, lane]
                slope = signs[row, lane] * (said[lane] + intercepts[lane]) - 1 + before * loss
                if before == 0:
                    if slope > steepest[lane]:
                        active[row, lane] = whole[lane] = False
                        continue
                    slope = min(slope, 0.0)
                slopes[lane], highest[lane] = slopes[lane] + slope**2, max(highest[lane], slope)
                if slope != 0:
                    alphas[row, lane] = max(before - slope / (squares[row, lane] + loss), 0.0)
                    step = (alphas[row, lane] - before) * signs[row, lane]
                    intercepts[lane] += step
                    steps[lane] = step
                    any_step = True
            if any_step and lanes == 1:
                _move_one(columns, data, scales, weights, begin, end, steps)
            elif any_step:
                _move_two(columns, data, scales, weights, begin, end, steps)
        if _end_pass(slopes, highest, tolerance, costs, active, whole, steepest):
            return passed + 1
    return most_passes
