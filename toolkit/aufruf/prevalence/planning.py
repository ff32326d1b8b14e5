"""How many records, annotators and hours a wanted precision takes, from what a pilot showed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.agreement.rounds import agreement
from aufruf.errors import InputError
from aufruf.prevalence.corpus import prevalence
from aufruf.tables import ANNOTATIONS
from aufruf.views import current_annotations

if TYPE_CHECKING:
    from aufruf.prevalence.corpus import PrevalenceRow
    from aufruf.workspace import Workspace

_CRITICAL = 1.959964
_FEWEST_POSITIVES = 50
_HALF_WIDTH = 0.01


@dataclass(frozen=True)
class PlanRow:
    """What is to be expected of one label in one language.

    Attributes:
        in_test: author positives to be expected in test, of ``n`` records drawn at random.
        records: to be judged, drawn at random, for the wanted interval.
        hours: of all annotators together, for these records.
        annotators: who can do that in the weeks there are.
        warning: what is too little.
        reason: why there are no figures.
    """

    language: str
    label: str
    prevalence: float | None
    in_test: float | None
    records: int | None
    hours: float | None
    annotators: int | None
    warning: str | None
    reason: str | None


def plan_samples(  # noqa: PLR0913 -- the command's options, in the same words
    workspace: Workspace,
    n: int,
    *,
    half_width: float = _HALF_WIDTH,
    overlap: int = 3,
    hours_each: float = 20.0,
    alpha_width: float | None = None,
) -> list[PlanRow]:
    """Return what ``n`` more records at random would bring and what a wanted precision takes, by language.

    Args:
        workspace: the workspace.
        n: records of the round to come, each language having its share of the corpus.
        half_width: of the 95 % interval of a label's prevalence.
        overlap: annotators for each record.
        hours_each: hours that one annotator has.
        alpha_width: half the width that the interval of alpha may have, too; None: any. The pilot's interval
            is that of ``author`` over all answers.

    Raises:
        InputError: if a figure is not above 0, or as `prevalence` does.
    """
    if min(n, half_width, overlap, hours_each, 1 if alpha_width is None else alpha_width) <= 0:
        raise InputError("n, widths, overlap and hours must be above 0")
    alpha = {} if alpha_width is None else _alpha(workspace)
    seconds = _seconds(workspace)
    test = workspace.settings.splits.test
    found = prevalence(workspace, by=("language",))
    everyone = next((row.population for row in found if row.group == "all"), 0)
    rows: list[PlanRow] = []
    for row in found:
        if row.column != "author" or row.group == "all":
            continue
        if row.value is None or row.low is None or row.high is None:
            rows.append(_unknown(row))
            continue
        expected = n * row.population / everyone * row.value * test
        # The share in the pilot's interval that asks for most records.
        records = records_for_share(min(row.high, max(row.low, 0.5)), half_width, row.population)
        if alpha_width is not None and row.label in alpha:
            records = max(records, records_for_alpha(*alpha[row.label], alpha_width))
        hours = records * overlap * seconds / 3600
        rows.append(
            PlanRow(
                language=row.group.removeprefix("language="),
                label=row.label,
                prevalence=row.value,
                in_test=expected,
                records=records,
                hours=hours,
                annotators=max(overlap, math.ceil(hours / hours_each)),
                warning=_warning(expected),
                reason=None,
            )
        )
    return rows


def _unknown(row: PrevalenceRow) -> PlanRow:
    language = row.group.removeprefix("language=")
    return PlanRow(language, row.label, None, None, None, None, None, None, row.reason)


def _warning(expected: float) -> str | None:
    if expected >= _FEWEST_POSITIVES:
        return None
    return f"{expected:.0f} author positives in test, fewer than {_FEWEST_POSITIVES}: target it or draw more"


def records_for_share(share: float, half_width: float, population: int) -> int:
    """Return the simple random sample whose 95 % interval of a share is so wide: Cochran 1977, 4.4.

    n = n0 / (1 + (n0 - 1) / N), n0 = z² p (1 - p) / d².
    """
    unlimited = _CRITICAL**2 * share * (1 - share) / half_width**2
    return max(1, min(population, math.ceil(unlimited / (1 + (unlimited - 1) / population))))


def records_for_alpha(low: float, high: float, records: int, half_width: float) -> int:
    """Return the records for an interval of alpha so wide, from a pilot's: widths go by 1 / √records."""
    return math.ceil(records * ((high - low) / 2 / half_width) ** 2)


def _alpha(workspace: Workspace) -> dict[str, tuple[float, float, int]]:
    """Return the interval of alpha of each label's author column, and the records that it is from."""
    return {
        row.label.removesuffix("_author"): (row.low, row.high, row.records)
        for row in agreement(workspace, by=())
        if row.group == "all"
        and row.coefficient == "krippendorff_alpha"
        and row.level == "nominal"
        and row.label.endswith("_author")
        and row.low is not None
        and row.high is not None
    }


def _seconds(workspace: Workspace) -> float:
    answers = current_annotations(workspace.store.scan(ANNOTATIONS)).filter(pl.col("pass") == "triage")
    median = answers.select(pl.col("seconds").median()).collect().item()
    return workspace.settings.rounds.triage_seconds if median is None else float(median)
