"""Parts of the answers that agreement is told of apart."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import polars as pl

from aufruf.agreement.coding import against_others, code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aufruf.agreement.coding import Coded

Grouping = Literal["language", "kind", "source", "round", "design", "annotator", "pair"]
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)
"""What answers are grouped by.

design: records drawn at random, enriched ones, and (``design=weighted``) all of a round weighted by 1 /
inclusion probability, apart because coefficients move with enrichment. annotator: one's answers beside every
other one's. pair: two annotators, on the records that both judged.
"""
_COLUMNS = ("language", "kind", "source", "round", "design")


def groups_of(
    answers: pl.DataFrame, by: Sequence[Grouping], values: Sequence[str] | None = None
) -> Iterator[tuple[str, Coded]]:
    """Yield each group's name and answers: ``all`` first, then such as ``language=de``.

    Args:
        answers: to one question: see `aufruf.agreement.coding.code` and
            `aufruf.agreement.answers.with_facts`.
        by: what to group by.
        values: the answers that there can be; None: those that there are.
    """
    given = answers.drop_nulls("value")
    coded = code(given, values)
    yield "all", coded
    for name in by:
        if name in _COLUMNS:
            yield from _by_column(given, coded, name)
        elif name == "annotator":
            yield from _by_annotator(given, coded)
        else:
            yield from _by_pair(given, coded)


def _by_column(given: pl.DataFrame, coded: Coded, name: str) -> Iterator[tuple[str, Coded]]:
    for value in given.get_column(name).drop_nulls().unique().sort():
        kept = given.select((pl.col(name) == value).fill_null(value=False)).to_series().to_numpy()
        yield f"{name}={value}", coded.take(kept)
    if name == "design":
        yield from _weighted(given, coded)


def _weighted(given: pl.DataFrame, coded: Coded) -> Iterator[tuple[str, Coded]]:
    """Yield the answers weighted by design: of one round, for probabilities hold within one.

    Weights are scaled to a mean of 1 over answers, so that sums of them stay numbers of answers.
    """
    known = given.get_column("probability").is_not_null().to_numpy()
    if not known.any() or given.filter(known).get_column("round").n_unique() > 1:
        return
    weight = 1 / given.filter(known).get_column("probability").to_numpy()
    part = coded.take(known)
    yield "design=weighted", part.reweighted(part.weight * weight / weight.mean())


def _by_annotator(given: pl.DataFrame, coded: Coded) -> Iterator[tuple[str, Coded]]:
    for number, name in enumerate(_names(given)):
        yield f"annotator={name}", against_others(coded, number)


def _by_pair(given: pl.DataFrame, coded: Coded) -> Iterator[tuple[str, Coded]]:
    for (left, left_name), (right, right_name) in combinations(enumerate(_names(given)), 2):
        both = coded.take((coded.annotator == left) | (coded.annotator == right))
        if both.is_paired.any():
            yield f"pair={left_name}|{right_name}", both.take(np.flatnonzero(both.is_paired))


def _names(given: pl.DataFrame) -> list[str]:
    """Return the annotators' names in the order of their numbers."""
    return given.get_column("annotator").unique().sort().to_list()
