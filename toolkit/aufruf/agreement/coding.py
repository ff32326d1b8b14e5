"""Answers to one question as numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_TWO = 2


@dataclass(frozen=True)
class Coded:
    """Answers to one question, one entry an answer, missing ones left out.

    Attributes:
        values: the answers that there can be, in their order; those of a bare table as they occur.
        value: the place of the answer in ``values``, shape (n_answers,), as all that follow.
        unit: what was judged, and compared by what several said of it: a record, or a stretch of
            characters in one.
        record: the record that it belongs to.
        cluster: the record's duplicate cluster: drawn as one by the bootstrap.
        annotator: who judged.
        side: in which role: the annotator, or such as "first" and "again".
        weight: how much the unit counts: 1, the stretch's characters, or a design weight.
    """

    values: tuple[str, ...]
    value: Ints
    unit: Ints
    record: Ints
    cluster: Ints
    annotator: Ints
    side: Ints
    weight: Floats

    def __len__(self) -> int:
        return len(self.value)

    def take(self, kept: Bools | Ints) -> Coded:
        """Return some of the answers, units numbered as before."""
        columns = ("value", "unit", "record", "cluster", "annotator", "side", "weight")
        return replace(self, **{name: getattr(self, name)[kept] for name in columns})

    def reweighted(self, weight: Floats) -> Coded:
        """Return the answers with other weights, shape (n_answers,)."""
        return replace(self, weight=weight)

    @cached_property
    def is_paired(self) -> Bools:
        """Which answers stand beside another one to the same unit."""
        return np.bincount(self.unit)[self.unit] > 1 if len(self) else np.zeros(0, np.bool_)

    @property
    def records(self) -> int:
        """How many records have two answers or more."""
        return _different(self.record[self.is_paired])

    @property
    def annotators(self) -> int:
        """How many annotators gave these."""
        return _different(self.annotator[self.is_paired])

    @property
    def has_two_sides(self) -> bool:
        """Whether exactly two roles are compared, in all units."""
        return _different(self.side[self.is_paired]) == _TWO

    @property
    def is_of_two(self) -> bool:
        """Whether two annotators are compared, or one with what they said before: not one with many."""
        return self.has_two_sides and self.annotators <= _TWO


def code(answers: pl.DataFrame, values: Sequence[str] | None = None) -> Coded:
    """Return answers as numbers.

    Numbers follow the order of the names, so nothing computed from them depends on the order of rows.

    Args:
        answers: ``unit``, ``annotator``, ``value`` (null: missing), and where they differ from these
            ``record`` and ``cluster`` (else the unit), ``side`` (else the annotator) and ``weight``
            (else 1, the same for all answers to a unit).
        values: the answers that there can be; None: those that there are.
    """
    given = answers.drop_nulls("value")
    names = tuple(values) if values is not None else _values(given.get_column("value"))

    def numbered(*candidates: str) -> Ints:
        column = next(name for name in candidates if name in given.columns)
        return (given.get_column(column).rank("dense").cast(pl.Int64) - 1).to_numpy()

    unit, annotator = numbered("unit"), numbered("annotator")
    return Coded(
        values=names,
        value=given.get_column("value").cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy(),
        unit=unit,
        record=numbered("record") if "record" in given.columns else unit,
        cluster=numbered("cluster") if "cluster" in given.columns else unit,
        annotator=annotator,
        side=numbered("side") if "side" in given.columns else annotator,
        weight=given.get_column("weight").cast(pl.Float64).to_numpy()
        if "weight" in given.columns
        else np.ones(given.height),
    )


def against_others(coded: Coded, annotator: int) -> Coded:
    """Return an annotator's answers, each beside each other one's answer to the same unit.

    Every such pair is a unit of its own with two sides: the annotator, and another.
    """
    own = coded.annotator == annotator
    place = np.full(int(coded.unit.max(initial=0)) + 1, -1)
    place[coded.unit[own]] = np.flatnonzero(own)
    others = np.flatnonzero(~own & (place[coded.unit] >= 0))
    pairs = np.concatenate([place[coded.unit[others]], others])
    return replace(
        coded.take(pairs),
        unit=np.tile(np.arange(len(others)), 2),
        side=np.repeat([0, 1], len(others)),
    )


def _values(column: pl.Series) -> tuple[str, ...]:
    found: Any = column.unique().sort().to_list()
    return tuple(found)


def _different(numbers: Ints) -> int:
    return int(np.count_nonzero(np.bincount(numbers))) if len(numbers) else 0
