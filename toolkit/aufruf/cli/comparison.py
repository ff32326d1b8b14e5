"""Show how two models differ, or one model trained and asked otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from aufruf.cli.options import show_json, show_table

if TYPE_CHECKING:
    from aufruf.baselines.comparison import Comparison
    from aufruf.baselines.runs import Report
    from aufruf.baselines.scoring import Score

_SHOWN = ("macro_f1", "f1", "average_precision", "mention_false_positive_rate_at_recall_80")


def show_comparison(found: Comparison, *, as_json: bool) -> None:
    """Show the differences over all texts, by label; all others with ``--json``."""
    from aufruf.baselines.card import shown

    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        show_json(found)
        return
    rows: list[list[str]] = []
    means = {row.label for row in found.differences} & {"author", "contained"}
    for row in found.differences:
        is_shown = row.metric in _SHOWN and not (
            row.metric == "macro_f1" and means and row.label not in means
        )
        if is_shown and (row.language, row.slice, row.weighted) == (None, None, False):
            low_high = "" if row.low is None else f"{shown(row.low, 2)} to {shown(row.high, 2)}"
            figures = [shown(value, 2) for value in (row.first, row.second, row.difference)]
            rows.append([row.label, row.metric, *figures, low_high, shown(row.p_holm), f"{row.n:,}"])
    header = ["label", "metric", "first", "second", "difference", "95 %", "p", "n"]
    show_table(f"{found.first} and {found.second} ({found.scores_of})", header, rows)
    typer.echo(f"p: {found.test}")


def show_study(report: Report, *, as_json: bool) -> None:
    """Show a line for each way of training or asking, label and language: F1 with its interval, and AP."""
    from aufruf.baselines.card import shown

    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        show_json(report)
        return
    found: dict[tuple[str | None, str, str | None], dict[str, Score]] = {}
    for score in report.scores:
        if not score.label.endswith("contained"):
            found.setdefault((score.slice, score.label, score.language), {})[score.metric] = score
    rows: list[list[str]] = []
    for (done, label, language), figures in found.items():
        first, precision = figures.get("f1") or figures["macro_f1"], figures["average_precision"]
        low_high = "" if first.low is None else f"{shown(first.low, 2)}-{shown(first.high, 2)}"
        cells = [shown(first.value, 2), low_high, shown(precision.value, 2), f"{first.n:,}"]
        rows.append([done or "", label, language or "all", *cells])
    show_table(report.scores_of, ["", "label", "test", "F1", "95 %", "AP", "n"], rows)
