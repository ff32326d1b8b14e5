"""How far apart two sets of answers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aufruf.agreement.coding import Floats

SEPARATOR = "+"
"""Stands between the members of a set where it is written as one text."""
_PART_OF, _CROSSING = 2 / 3, 1 / 3


def masi_distance(left: frozenset[str], right: frozenset[str]) -> float:
    """Return the distance MASI of two sets: 0 for equal ones, 1 for sets without a common member.

    1 - J M with the Jaccard index J and M = 1 for equal sets, 2/3 where one is part of the other, 1/3 where
    they share some members only, 0 where none (Passonneau 2006, "Measuring Agreement on Set-valued Items
    (MASI) for Semantic and Pragmatic Annotation"). Two empty sets are equal; an empty one shares nothing with
    any other.
    """
    if left == right:
        return 0.0
    shared = len(left & right)
    monotonicity = _PART_OF if left <= right or right <= left else _CROSSING
    return 1 - shared / len(left | right) * monotonicity


def masi_distances(values: Sequence[str], separator: str = SEPARATOR) -> Floats:
    """Return the distances between values that are sets, each written as its members, (values, values)."""
    sets = [members(value, separator) for value in values]
    return np.array([[masi_distance(left, right) for right in sets] for left in sets])


def members(value: str, separator: str = SEPARATOR) -> frozenset[str]:
    """Return the members of a set that is written as one text."""
    return frozenset(part for part in (part.strip() for part in value.split(separator)) if part)
