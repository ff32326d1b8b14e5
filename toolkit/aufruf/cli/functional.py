"""How the answers to a suite of functional tests are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from aufruf.cli.options import show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aufruf.baselines.functional.evaluation import SuiteReport
    from aufruf.baselines.functional.scoring import SuiteScore

_OVERALL = {
    "balanced_accuracy": "balanced",
    "recall": "recall",
    "false_positive_rate": "false pos.",
    "pairs_right": "pairs right",
    "pairs_ranked": "ranked",
    "consistency": "one answer",
}


def show_suite(report: SuiteReport, *, as_json: bool) -> None:
    """Show a line per head, then one per group and one per functionality, of both languages together.

    Where heads ask for the author's own, the last two show those alone.
    """
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        show_json(report)
        return
    scores = [score for score in report.scores if score.language is None]
    labels = list(report.heads)
    overall = [score for score in scores if score.functionality is None and score.group is None]
    metrics = [name for name in _OVERALL if any(s.metric == name and s.value is not None for s in overall)]
    title = f"{report.suite}: {report.cases:,} cases of {report.templates:,} templates"
    _show(title, "head", overall, labels, metrics, lambda score: (score.label, score.metric))
    typer.echo("false pos.: of cases that ask for no · pairs: a yes and a no that were made from one another")
    typer.echo("one answer: whichever group is named; cheap for who finds nothing, read it beside recall")
    quoted = [label for label in labels if label.endswith("_author")] or labels
    called = [score for score in scores if score.group is not None]
    for metric in ("recall", "false_positive_rate"):
        of_metric = [score for score in called if score.metric == metric]
        groups = list(dict.fromkeys(str(score.group) for score in of_metric))
        if groups:
            title = f"{metric}, by group"
            _show(title, "group", of_metric, groups, quoted, lambda s: (str(s.group), s.label))
    by_name = [score for score in scores if score.functionality is not None and score.metric == "accuracy"]
    names = list(dict.fromkeys(str(score.functionality) for score in by_name))
    _show("accuracy", "functionality", by_name, names, quoted, lambda s: (str(s.functionality), s.label))
    typer.echo("[95 % by template] · all heads, single languages, n: --json")


def _show(
    title: str,
    what: str,
    scores: Sequence[SuiteScore],
    rows: Sequence[str],
    columns: Sequence[str],
    place: Callable[[SuiteScore], tuple[str, str]],
) -> None:
    cells = {place(score): _shown(score) for score in scores}
    lines = [[row, *(cells.get((row, column), "") for column in columns)] for row in rows]
    filled = [line for line in lines if any(line[1:])]
    show_table(title, [what, *(_OVERALL.get(column, column) for column in columns)], filled)


def _shown(score: SuiteScore) -> str:
    from aufruf.baselines.card import shown

    if score.value is None:
        return ""
    interval = "" if score.low is None else f" [{shown(score.low, 2)}, {shown(score.high, 2)}]"
    return f"{shown(score.value, 2)}{interval}"
