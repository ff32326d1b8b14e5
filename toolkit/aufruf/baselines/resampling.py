"""The bootstrap: how much a figure would have varied with other texts of the same kind.

Units, not texts, are drawn, with replacement: texts of one author or article are no independent
evidence. A draw is a column of counts, so a figure of a thousand draws is one product of matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from aufruf.baselines.examples import Reals

ROUNDS = 1_000
LEVEL = 0.95
_CELLS = 4_000_000
_ENOUGH = 0.5


def draws(n_units: int, rounds: int, seed: int) -> Iterator[Reals]:
    """Yield how often each unit is drawn, in blocks of shape (n_units, n_draws).

    The first column is all ones: the figure itself. ``rounds`` draws follow.
    """
    for drawn in drawn_counts(n_units, rounds, seed):
        yield np.ascontiguousarray(drawn.T, dtype=np.float64)


def drawn_counts(n_units: int, rounds: int, seed: int) -> Iterator[NDArray[np.int32]]:
    """Yield what `draws` yields as whole numbers, in blocks of shape (n_draws, n_units)."""
    from aufruf.baselines.metric_kernels import times_drawn

    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // max(1, n_units))
    yield np.ones((1, n_units), dtype=np.int32)
    for start in range(0, rounds if n_units else 0, block):
        size = min(block, rounds - start)
        yield times_drawn(rng.integers(n_units, size=(size, n_units), dtype=np.int32))


def interval(replicates: Reals) -> tuple[float | None, float | None]:
    """Return the bootstrap percentile interval of a figure's replicates at 95 %.

    Draws in which the figure is undefined (NaN), such as recall without positives, are left out; where
    they are the half or more there is no interval.
    """
    defined = replicates[~np.isnan(replicates)]
    if len(defined) == 0 or len(defined) <= _ENOUGH * len(replicates):
        return None, None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def reflected(value: float, low: float, high: float) -> tuple[float, float]:
    """Return the basic bootstrap interval of a figure that cannot be negative, from its percentile interval.

    For figures that chance alone raises, such as an error added up over bins: every draw lies too high by
    about as much as the figure itself, so the draws are mirrored at it (Davison and Hinkley 1997, 5.2). What
    falls below 0 is cut, and the figure is kept within. A true 0 is held in about seven of ten cases, by the
    percentile interval never.
    """
    return max(0.0, 2 * value - high), max(value, 2 * value - low)
