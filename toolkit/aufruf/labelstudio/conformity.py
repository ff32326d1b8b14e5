"""How often answers are what is known or what the same person said before: shares with their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import polars as pl

from aufruf.gold.run import newest_gold
from aufruf.labelstudio.queues import GOLD_CHECK, MAIN, REPEAT
from aufruf.views import first_answers, triage_judgements

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace

_Z = 1.959963984540054
"""97.5 % of a normal distribution lie below it."""
_JUDGED = ("record_id", "annotator", "label", "column", "value")


@dataclass(frozen=True)
class Share:
    """``right`` of ``n`` items, and the 95 % interval of Wilson for the share behind them, 0 to 1."""

    right: int
    n: int
    low: float
    high: float


def wilson(right: int, n: int) -> Share:
    """Return the share with the score interval of E. B. Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212.

    Args:
        right: how many.
        n: of how many; at least 1.
    """
    share, spread = right / n, _Z * _Z / n
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return Share(right, n, max(0.0, middle - half), min(1.0, middle + half))


def check_conformity(workspace: Workspace, answers: pl.LazyFrame) -> dict[str, Share]:
    """Return how often each annotator gave the known answer to check items in triage.

    It measures conformity with what was decided before, not truth. An item conforms if all labels are known
    to hold and said to hold, in any voice and in the author's own, alike. Items that somebody could not judge
    or skipped count neither way.

    Args:
        workspace: the workspace, whose newest gold says what is known.
        answers: current annotations with their assignment's ``purpose``.
    """
    known = newest_gold(workspace).lazy().filter(pl.col("column").is_in(["contained", "author"]))
    expected = known.select("record_id", "label", "column", known="value").drop_nulls()
    given = _said(answers.filter(pl.col("purpose") == GOLD_CHECK), workspace.label_scheme)
    return _shares(given.join(expected, on=["record_id", "label", "column"]), "known")


def repeat_agreement(workspace: Workspace, answers: pl.LazyFrame, before: pl.LazyFrame) -> dict[str, Share]:
    """Return how often each annotator said the same again, in triage, of records that came a second time.

    Args:
        workspace: the workspace.
        answers: current annotations with their assignment's ``purpose``.
        before: the same of all rounds: the first answers stand there.
    """
    scheme = workspace.label_scheme
    first = _said(first_answers(before.filter(pl.col("purpose") == MAIN)), scheme)
    again = _said(answers.filter(pl.col("purpose") == REPEAT), scheme)
    keys = ["record_id", "annotator", "label", "column"]
    return _shares(again.join(first.rename({"value": "first"}), on=keys), "first")


def _said(answers: pl.LazyFrame, scheme: LabelScheme) -> pl.LazyFrame:
    judged = triage_judgements(answers, scheme)
    columns = [
        judged.filter(pl.col(name).is_not_null()).select(
            "record_id", "annotator", "label", column=pl.lit(name), value=pl.col(name).cast(pl.String)
        )
        for name in ("contained", "author")
    ]
    return pl.concat(columns).select(_JUDGED)


def _shares(both: pl.LazyFrame, other: str) -> dict[str, Share]:
    items = both.group_by("annotator", "record_id").agg(same=(pl.col("value") == pl.col(other)).all())
    found = items.group_by("annotator").agg(right=pl.col("same").sum(), n=pl.len()).sort("annotator")
    return {name: wilson(right, n) for name, right, n in found.collect().iter_rows()}
