"""What duplicate clusters contribute to coefficients: sums that a bootstrap only has to weigh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from aufruf.agreement.coding import Coded, Floats, Ints

MOST_ORDERED = 50
"""More ordered values than this are not compared as such: sums grow with their square."""


@dataclass(frozen=True)
class Sums:
    """Contributions of clusters, clusters that contribute the same being one row.

    In a unit, m answers are given, n_c of them the value c; w is its weight. Units count that have two
    answers or more, for ``shares`` and ``all_units`` those with one too.

    Attributes:
        clusters: how many clusters a row stands for, shape (rows,).
        parts: sums over the units of a cluster, by name, each (rows, columns):
            counts: w n_c, a column a value.
            shares: w n_c / m, a column a value.
            all_units: w.
            units: w.
            agreeing: w sum_c n_c (n_c - 1) / (m (m - 1)): the share of pairs of answers that are the same.
            disagreement: w sum_ck n_c n_k d_ck / (m - 1), with the distance d of two values.
            same: w n_c (n_c - 1), a column a value; there where there are two values.
            possible: w n_c (m - 1), likewise.
            left, right: w for the value of one side, and of the other; there where there are two sides.
            coincidences: w times the pairs of values c and k / (m - 1), a column a pair of values; there
                where values are ordered.
    """

    clusters: Ints
    parts: dict[str, Floats]

    def weighted(self, weights: Floats) -> Sums:
        """Return the sums over all rows, one row for each row of ``weights``, (resamples, rows)."""
        totals = weights @ np.hstack(list(self.parts.values()))
        return Sums(np.ones(len(weights), np.int64), _divided(totals, self.parts))


def sums_of(coded: Coded, distances: Floats | None, *, ordered: bool, sides: bool = False) -> Sums:
    """Return the sums of answers, of which at least two are to one unit.

    Args:
        coded: the answers.
        distances: between values, symmetric with zeros on the diagonal; None: 1 between any two.
        ordered: whether the coincidences are wanted that ordered values need.
        sides: whether the two sides are to be told apart.
    """
    parts = cluster_parts(coded, distances, ordered=ordered, sides=sides)
    rows = pl.from_numpy(np.column_stack([part.round(12) for part in parts.values()]))
    alike = rows.group_by(rows.columns).agg(clusters=pl.len()).sort(rows.columns)
    clusters = alike.get_column("clusters").cast(pl.Int64).to_numpy()
    return Sums(clusters, _divided(alike.drop("clusters").to_numpy(), parts))


def cluster_parts(
    coded: Coded,
    distances: Floats | None,
    *,
    ordered: bool,
    sides: bool = False,
    times: Floats | None = None,
) -> dict[str, Floats]:
    """Return the sums of each cluster, a row a cluster in the order of their numbers.

    Args:
        coded: the answers.
        distances: as `sums_of`.
        ordered: as `sums_of`.
        sides: as `sums_of`.
        times: how often each answer counts because its annotator was drawn more than once, shape
            (n_answers,). Copies of one answer are not compared with each other; m counts them all.
    """
    unit, weight, cluster = _units(coded)
    size, values = len(weight), len(coded.values)
    cell = unit * values + coded.value
    n = np.bincount(cell, times, size * values).reshape(size, values).astype(np.float64)
    own = n if times is None else np.bincount(cell, times**2, size * values).reshape(size, values)
    m = n.sum(axis=1)
    pairs = m**2 - own.sum(axis=1)
    compared = np.where(pairs > 0, weight, 0.0)
    each = 1 / np.where(pairs > 0, pairs, 1.0)
    per_unit = {
        "counts": compared[:, None] * n,
        "shares": (np.where(m > 0, weight, 0.0) / np.where(m > 0, m, 1.0))[:, None] * n,
        "all_units": np.where(m > 0, weight, 0.0)[:, None],
        "units": compared[:, None],
        "agreeing": (compared * each * (n**2 - own).sum(axis=1))[:, None],
        "disagreement": (compared * each * m * _distance_in_unit(n, m, distances))[:, None],
    }
    if values == 2:  # noqa: PLR2004 -- yes and no
        per_unit["same"] = compared[:, None] * (n**2 - own)
        per_unit["possible"] = compared[:, None] * (n * m[:, None] - own)
    if ordered:
        products = n[:, :, None] * n[:, None, :] - own[:, :, None] * np.eye(values)
        per_unit["coincidences"] = ((compared * each * m)[:, None, None] * products).reshape(size, -1)
    if sides:
        for name, side in zip(("left", "right"), np.unique(coded.side[coded.is_paired]), strict=True):
            of_side = np.bincount(cell[coded.side == side], minlength=size * values).reshape(size, values)
            per_unit[name] = compared[:, None] * of_side
    return {name: _by_cluster(part, cluster) for name, part in per_unit.items()}


def _divided(matrix: Floats, parts: dict[str, Floats]) -> dict[str, Floats]:
    """Return the columns of a matrix by the names of the parts that it was put together from."""
    ends = np.cumsum([part.shape[1] for part in parts.values()])
    return dict(zip(parts, np.split(matrix, ends[:-1], axis=1), strict=True))


def _units(coded: Coded) -> tuple[Ints, Floats, Ints]:
    """Return each answer's unit, numbered without gaps, and each unit's weight and cluster."""
    unit = _without_gaps(coded.unit)
    weight = np.zeros(int(unit.max()) + 1)
    cluster = np.zeros(len(weight), np.int64)
    weight[unit], cluster[unit] = coded.weight, _without_gaps(coded.cluster)
    return unit, weight, cluster


def _without_gaps(numbers: Ints) -> Ints:
    return (np.cumsum(np.bincount(numbers) > 0) - 1)[numbers]


def _distance_in_unit(n: Floats, m: Floats, distances: Floats | None) -> Floats:
    if distances is None:
        return m**2 - (n**2).sum(axis=1)
    return ((n @ distances) * n).sum(axis=1)


def _by_cluster(part: Floats, cluster: Ints) -> Floats:
    size = int(cluster.max()) + 1
    if size == len(cluster):
        ordered = np.empty_like(part)
        ordered[cluster] = part
        return ordered
    columns = [np.bincount(cluster, column, size) for column in part.T]
    return np.column_stack(columns).astype(np.float64)
