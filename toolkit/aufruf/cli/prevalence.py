"""How common each label is: prevalence; what a round must be to tell: plan-sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import JsonOption, WorkspaceOption, note, show_json, show_table

if TYPE_CHECKING:
    from aufruf.prevalence import ErrorRates, PrevalenceRow
    from aufruf.workspace import Workspace

_PANEL = "Decisions"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("prevalence", rich_help_panel=_PANEL)(prevalence)


def prevalence(
    round_name: Annotated[
        str | None, typer.Option("--round", help="Estimate from this round alone.", show_default="all judged")
    ] = None,
    by: Annotated[str, typer.Option(help="Parts to tell apart: language, kind, source, month.")] = "",
    scores: Annotated[
        Path | None,
        typer.Option(
            help="A model's scores of the whole corpus: record_id, label, score; for narrower intervals."
        ),
    ] = None,
    correct_errors: Annotated[
        str | None,
        typer.Option(
            metavar="model|FILE",
            help="Take errors of gold out: as the model that decided it sees them, or from a CSV file of "
            "label, column, sensitivity, specificity, positives, negatives.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how common each label is in the corpus, with 95 % intervals, from a drawn and judged sample.

    Example: aufruf prevalence --by language,month
    """
    from aufruf.prevalence import prevalence as estimated
    from aufruf.prevalence.corpus import DOMAINS
    from aufruf.scores import read_scores
    from aufruf.workspace import open_workspace

    wanted = [name.strip() for name in by.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in DOMAINS]
    if unknown:
        raise typer.BadParameter(f"--by {', '.join(unknown)}: choose among {', '.join(DOMAINS)}")
    opened = open_workspace(workspace)
    rows = estimated(
        opened,
        round_name,
        by=[name for name in DOMAINS if name in wanted],
        scores=None if scores is None else read_scores(scores),
        errors=None if correct_errors is None else _errors(opened, correct_errors),
    )
    if as_json:
        show_json(rows)
    else:
        _show(rows)


def _errors(workspace: Workspace, given: str) -> dict[tuple[str, str], ErrorRates]:
    from aufruf.gold import newest_gold
    from aufruf.prevalence import modelled_error_rates, read_error_rates

    return modelled_error_rates(newest_gold(workspace)) if given == "model" else read_error_rates(Path(given))


def _show(rows: list[PrevalenceRow]) -> None:
    cells = [
        [
            _name(row),
            _share(row.value),
            row.reason or f"{_share(row.low)} – {_share(row.high)}",
            "all" if row.effective is None else f"{row.effective:,.0f}",
            f"{row.positives:,.0f} of {row.judged:,}",
        ]
        for row in rows
    ]
    columns = ["", "%", "95 %", "effective n", "yes"]
    show_table("prevalence in the corpus", columns, cells)
    for line in dict.fromkeys(line for row in rows for line in row.notes):
        note(line)


def _name(row: PrevalenceRow) -> str:
    """Return what a line is about; groups and other estimators stand under the label itself."""
    name = f"{row.label}_{row.column}" if row.group == "all" else f"  {row.group}"
    return name if row.estimator == "hajek" else f"    {row.estimator.replace('_', ' ')}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"
