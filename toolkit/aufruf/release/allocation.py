"""Give whole components to splits so that every category is shared out as wanted.

Components with equal counts are one profile, so the work grows with the number of different
components, not of records. What is minimised is the sum over splits and categories of the squared
deviation from the wanted share, in shares of the category's total.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Reals = NDArray[np.float64]

_SMOOTHING = 50
"""Added to a category's total: one of a handful of records cannot be shared out and shall not rule."""
_MAX_MOVES = 2_000
_MAX_SWAPS = 400
_SWAP_PROFILES = 500
_GAIN = 1e-12
_ATTEMPTS = 16
_MANY_PROFILES = 1_000
"""Above this one attempt is enough: the more components, the finer the shares."""


def least_deviations(counts: Counts, fixed: Counts, shares: Sequence[float]) -> Reals:
    """Return for each category a largest deviation from a share that no division can go below.

    What stands fixed stays, and the component with most of the category must go somewhere: whatever a
    split then holds beyond its share is missing in the others. The bound takes each category alone, so it
    is nil where only several together cannot be met.

    Args:
        counts: how many records of each category a component has, shape (n_components, n_categories).
        fixed: records of each category that stand in each split already, (n_splits, n_categories).
        shares: wanted share of each split; they add up to 1.

    Returns:
        From 0 to 1, shape (n_categories,); NaN for a category without records.
    """
    total = fixed.sum(axis=0) + counts.sum(axis=0)
    largest = counts.max(axis=0, initial=0)
    wanted = np.asarray(shares, dtype=np.float64)[:, None] * total
    bounds = [
        _least(fixed + largest * (np.arange(len(fixed)) == split)[:, None] - wanted)
        for split in range(len(fixed))
    ]
    return np.divide(np.min(bounds, axis=0), total, out=np.full(len(total), np.nan), where=total > 0)


def _least(above: Reals) -> Reals:
    """Return the least largest deviation, given what each split has above its share at least."""
    surplus = np.maximum(above, 0)
    short = (above < 0).sum(axis=0)
    missing = np.divide(surplus.sum(axis=0), short, out=np.zeros(above.shape[1]), where=short > 0)
    return np.maximum(surplus.max(axis=0), missing)


@dataclass
class _State:
    """Components of each profile in each split, and what that leaves to be wished for."""

    profiles: Reals  # (n_profiles, n_categories)
    placed: Counts  # (n_profiles, n_splits)
    excess: Reals  # (n_splits, n_categories): counts above the wanted ones
    weight: Reals  # (n_categories,)

    @classmethod
    def empty(cls, profiles: Counts, excess: Reals, total: Counts) -> _State:
        """Return the state before any component is placed."""
        return cls(
            profiles=profiles.astype(np.float64, order="C"),
            placed=np.zeros((len(profiles), len(excess)), dtype=np.int64),
            excess=excess.copy(),
            weight=1.0 / (total + _SMOOTHING) ** 2,
        )

    def badness(self, total: Counts) -> tuple[float, float]:
        """Return the largest deviation of a common category from its share, then the loss."""
        common = total >= _SMOOTHING
        largest = (np.abs(self.excess[:, common]) / total[common]).max(initial=0.0)
        return round(float(largest), 9), float((self.excess**2 @ self.weight).sum())

    def add(self, profile: int, split: int, times: int = 1) -> None:
        self.placed[profile, split] += times
        self.excess[split] += times * self.profiles[profile]

    def pull(self) -> Reals:
        """Half the change of the loss for a little of a profile in a split, (n_profiles, n_splits)."""
        return self.profiles @ (self.weight * self.excess).T


def allocate(counts: Counts, fixed: Counts, shares: Sequence[float], seed: int) -> Counts:
    """Return the split of each component, shape (n_components,).

    Of several attempts that differ in the order of placing, the best is taken: the one with the smallest
    largest deviation among common categories, then the one with the smallest loss.

    Args:
        counts: how many records of each category a component has, shape (n_components, n_categories).
        fixed: records of each category that stand in each split already, (n_splits, n_categories).
        shares: wanted share of each split; they add up to 1.
        seed: of the choice among equals.
    """
    if not len(counts):
        return np.empty(0, dtype=np.int64)
    profiles, member, copies = _profiles(counts)
    total = fixed.sum(axis=0) + counts.sum(axis=0)
    wanted = np.asarray(shares, dtype=np.float64)
    excess: Reals = fixed - wanted[:, None] * total
    attempts = _ATTEMPTS if len(profiles) <= _MANY_PROFILES else 1
    generators = np.random.default_rng(seed).spawn(attempts + 1)
    states = [_attempt(_State.empty(profiles, excess, total), copies, wanted, rng) for rng in generators[:-1]]
    best = min(states, key=lambda state: state.badness(total))
    return _by_component(best.placed, member, generators[-1])


def _profiles(counts: Counts) -> tuple[Counts, Counts, Counts]:
    """Return the different rows, which of them each component has, and how many components have each.

    Rows are told apart by a sum of their cells with large random factors, which sorts far quicker than the
    rows; should two rows ever have the same sum, all rows are sorted.
    """
    factors = np.random.default_rng(0).integers(2**62, size=counts.shape[1])
    _, first, member, copies = np.unique(
        counts @ factors, return_index=True, return_inverse=True, return_counts=True
    )
    profiles = counts[first]
    if all(np.array_equal(cells[member], own) for cells, own in zip(profiles.T, counts.T, strict=True)):
        return profiles, member, copies
    profiles, member, copies = np.unique(counts, axis=0, return_inverse=True, return_counts=True)
    return profiles, member.reshape(-1), copies


def _attempt(state: _State, copies: Counts, wanted: Reals, rng: np.random.Generator) -> _State:
    _place_evenly(state, copies, wanted)
    _place_rest(state, copies, rng)
    _move(state)
    _swap(state, rng)
    return state


def _place_evenly(state: _State, copies: Counts, wanted: Reals) -> None:
    even = np.floor(copies[:, None] * wanted)  # whole numbers, as floats: those NumPy multiplies quickly
    state.placed += even.astype(np.int64)
    state.excess += even.T @ state.profiles


def _place_rest(state: _State, copies: Counts, rng: np.random.Generator) -> None:
    """Place what is left one by one, roughly the largest first, where the loss grows least."""
    rest = copies - state.placed.sum(axis=1)
    size = state.profiles.sum(axis=1) * rng.uniform(0.5, 1.0, len(rest))
    order = np.argsort(-size, kind="stable")
    for profile in np.repeat(order, rest[order]):
        pull = (state.weight * state.excess) @ state.profiles[profile]
        state.add(int(profile), int(pull.argmin()))


def _move(state: _State) -> None:
    """Move single components to another split as long as that makes the loss smaller."""
    own = (state.profiles**2) @ state.weight
    for _ in range(_MAX_MOVES):
        pull = state.pull()
        change = own[:, None, None] - pull[:, :, None] + pull[:, None, :]
        change[state.placed == 0] = np.inf
        change[:, range(pull.shape[1]), range(pull.shape[1])] = np.inf
        profile, source, target = np.unravel_index(change.argmin(), change.shape)
        if change[profile, source, target] >= -_GAIN:
            return
        state.add(int(profile), int(source), -1)
        state.add(int(profile), int(target))


def _swap(state: _State, rng: np.random.Generator) -> None:
    """Exchange two components of different splits as long as that makes the loss smaller."""
    size = min(_SWAP_PROFILES, len(state.profiles))
    chosen = np.sort(rng.choice(len(state.profiles), size=size, replace=False))
    vectors = state.profiles[chosen]
    product = (vectors * state.weight) @ vectors.T
    own = np.diag(product)
    between = own[:, None] + own[None, :] - 2 * product
    pairs = [(s, t) for s in range(len(state.excess)) for t in range(s)]
    for _ in range(_MAX_SWAPS):
        pull = state.pull()[chosen]
        best = min(_best_swap(state.placed[chosen], pull, between, pair) for pair in pairs)
        change, left, right, (source, target) = best
        if change >= -_GAIN:
            return
        for profile, leaves, joins in ((chosen[left], source, target), (chosen[right], target, source)):
            state.add(int(profile), leaves, -1)
            state.add(int(profile), joins)


def _best_swap(
    placed: Counts, pull: Reals, between: Reals, pair: tuple[int, int]
) -> tuple[float, int, int, tuple[int, int]]:
    source, target = pair
    slope = pull[:, target] - pull[:, source]
    change = between + slope[:, None] - slope[None, :]
    change[placed[:, source] == 0, :] = np.inf
    change[:, placed[:, target] == 0] = np.inf
    left, right = np.unravel_index(change.argmin(), change.shape)
    return float(change[left, right]), int(left), int(right), pair


def _by_component(placed: Counts, member: Counts, rng: np.random.Generator) -> Counts:
    """Deal the splits of each profile out to its components at random."""
    order = np.lexsort((rng.random(len(member)), member))
    split = np.empty(len(member), dtype=np.int64)
    profiles, splits = placed.shape
    split[order] = np.repeat(np.tile(np.arange(splits), profiles), placed.reshape(-1))
    return split
