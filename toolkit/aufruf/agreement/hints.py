"""Hints for the guidelines: whose answers stand out, and what is taken for what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import polars as pl

from aufruf.agreement.answers import LABELS, compared_annotations, compared_answers, require_answers
from aufruf.agreement.coding import code
from aufruf.agreement.coefficients import alpha_of
from aufruf.agreement.distances import members
from aufruf.label_scheme import NONE

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace

_MOST = 20


@dataclass(frozen=True)
class Removal:
    """Nominal alpha of a question with everybody's answers, and ``without`` those of one annotator.

    A rise is no proof of carelessness: the one who stands out may be the one who read the guidelines.
    """

    label: str
    annotator: str
    alpha: float
    without: float
    gain: float
    records: int


@dataclass(frozen=True)
class Confusion:
    """How often, of two annotators of a record, one said ``left`` where the other said ``right``.

    ``label`` is the question: labels, or a label's voice; ``none`` stands for no label. ``times`` counts
    pairs of answers, ``of`` those in which somebody said one of the two.
    """

    label: str
    left: str
    right: str
    times: int
    of: int


@dataclass(frozen=True)
class Hints:
    """The annotators whose removal raises alpha most, and the most frequent confusions, 20 at most each."""

    removals: list[Removal]
    confusions: list[Confusion]


def agreement_hints(workspace: Workspace, round_name: str | None = None) -> Hints:
    """Return where guidelines or training may need work.

    Raises:
        InputError: if there is no answer, or none in that round.
    """
    scheme = workspace.label_scheme
    answers = compared_answers(compared_annotations(workspace, round_name), scheme)
    require_answers(answers, round_name)
    removals = [found for name in _primary(scheme) for found in _removals(_asked(answers, name), name)]
    voices = [f"{label}_voice" for label in scheme.label_names]
    confusions = [found for name in (LABELS, *voices) for found in confused(_asked(answers, name), name)]
    return Hints(
        sorted(removals, key=lambda found: -found.gain)[:_MOST],
        sorted(confusions, key=lambda found: (-found.times, found.label, found.left))[:_MOST],
    )


def confused(answers: pl.DataFrame, question: str) -> list[Confusion]:
    """Return how often each two members of sets were said in each other's place.

    Where two answers to a record differ, each member that only one said is confused with each that only the
    other said, or with none where the other said nothing instead.

    Args:
        answers: ``unit``, ``annotator``, ``value``: a set as text.
        question: its name.
    """
    both = answers.join(answers, on="unit", suffix="_other").filter(
        pl.col("annotator") < pl.col("annotator_other")
    )
    times: Counter[tuple[str, str]] = Counter()
    said: list[tuple[set[str], int]] = []
    for one, other, n in both.group_by("value", "value_other").len().iter_rows():
        left, right = members(one) or {NONE}, members(other) or {NONE}
        said.append((set(left | right), n))
        if left != right:
            for pair in product(left - right or {NONE}, right - left or {NONE}):
                times[min(pair), max(pair)] += n
    return [
        Confusion(question, left, right, n, sum(count for names, count in said if {left, right} & names))
        for (left, right), n in times.items()
    ]


def _asked(answers: pl.DataFrame, question: str) -> pl.DataFrame:
    return answers.filter(pl.col("question") == question).rename({"record_id": "unit"})


def _primary(scheme: LabelScheme) -> list[str]:
    return [f"{label}_{column}" for label in scheme.label_names for column in ("contained", "author")]


def _removals(answers: pl.DataFrame, question: str) -> list[Removal]:
    """Return those whose removal raises alpha."""
    names = answers.get_column("annotator").unique().sort()
    coded = code(answers)
    alpha = alpha_of(coded)
    found: list[Removal] = []
    for number, name in enumerate(names):
        without = alpha_of(coded.take(coded.annotator != number))
        if alpha is not None and without is not None and without > alpha:
            removal = Removal(question, name, alpha, without, without - alpha, coded.records)
            found.append(removal)
    return found
