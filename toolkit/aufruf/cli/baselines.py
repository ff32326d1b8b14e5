"""What the commands for baselines share: their options, what they find, how they show scores."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import progress, show_json, show_table

if TYPE_CHECKING:
    from aufruf.baselines.model import Step
    from aufruf.baselines.runs import Report
    from aufruf.baselines.table_data import Table
    from aufruf.workspace import Workspace

PANEL = "Baselines"
_RATES = ("mention_false_positive_rate", "mention_false_positive_rate_at_recall_80")

DataOption = Annotated[
    Path | None, typer.Option("--data", help="A release's folder; needs no workspace.", show_default=False)
]
ReleaseOption = Annotated[
    str | None, typer.Option("--release", help="A release of the workspace, by version.", show_default=False)
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--table",
        help="Any table instead: CSV, TSV, JSON Lines or Parquet, or a dataset's folder.",
        show_default=False,
    ),
]
TextOption = Annotated[str | None, typer.Option("--text", help="Column of the table: texts.")]
LabelOption = Annotated[str | None, typer.Option("--label", help="Column of the table: answers.")]
PositiveOption = Annotated[
    str | None, typer.Option("--positive", help="The answer that counts as yes, all others as no.")
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group", help="Column of the table: what stays together, beside identical texts."),
]


def check_options(
    data: Path | None, release: str | None, table: Path | None, of_table: Sequence[object]
) -> None:
    """Refuse options that do not go together."""
    if sum(option is not None for option in (data, release, table)) > 1:
        raise typer.BadParameter("give one of --data, --release and --table")
    if table is None and any(option is not None for option in of_table):
        raise typer.BadParameter(
            "--text, --label, --positive, --group and such belong to a --table or a --suite"
        )


def find_workspace(given: Path | None, *, needed: bool) -> Workspace | None:
    """Open the workspace; None if there is none, none was named, and none is needed."""
    from aufruf.errors import WorkspaceError
    from aufruf.workspace import open_workspace

    try:
        return open_workspace(given)
    except WorkspaceError:
        if needed or given is not None:
            raise
        return None


def release_folder(data: Path | None, version: str | None, around: Workspace | None) -> Path:
    """Return the folder of a release: the one given, or a version of the workspace, the newest by default."""
    from aufruf.baselines.release_data import find_release

    if data is not None:
        return data
    assert around is not None, "without --data a workspace was asked for"
    return find_release(around, version)


def table_of(path: Path, columns: tuple[str | None, ...]) -> Table:
    """Read a table by its columns: text, label, positive, group, split."""
    from aufruf.baselines.table_data import read_table

    text, label, positive, group, split = columns
    if text is None or label is None:
        raise typer.BadParameter("--table needs --text and --label")
    return read_table(path, text=text, label=label, positive=positive, group=group, split=split)


def find_model(given: Path, around: Workspace | None) -> Path:
    """Return the model's folder: as given, else of that name in the workspace."""
    inside = around.root / "models" / given.name if around else given
    return inside if not given.exists() and inside.is_dir() else given


@contextmanager
def steps() -> Generator[Step]:
    """Show a progress bar for what a function tells of its steps."""
    with progress() as bars:
        task = bars.add_task("training", total=None)
        yield lambda what, done, total: bars.update(task, description=what, completed=done, total=total)


def show_report(report: Report, as_json: bool) -> None:
    """Show a report's notes and scores, as a table or as JSON."""
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        show_json(report)
        return
    if len({score.label for score in report.scores}) > 1:
        _show_labels(report)
    elif report.scores:
        _show_figures(report)
    if report.model:
        typer.echo(f"model: {report.model}")


def _show_figures(report: Report) -> None:
    from aufruf.baselines.card import shown, shown_interval

    rows = [
        [score.metric, shown(score.value), shown_interval(score), f"{score.n:,}"] for score in report.scores
    ]
    show_table(f"{report.scores[0].label} ({report.scores_of})", ["metric", "value", "95 %", "n"], rows)


def _show_labels(report: Report) -> None:
    """Show a line for each label and language: F1 with its interval, and what else is quoted."""
    from aufruf.baselines.card import by_label, shown

    weighted = {
        (score.label, score.language, score.metric): score for score in report.scores if score.weighted
    }
    rows: list[list[str]] = []
    for label, language, figures in by_label(report.scores):
        first = figures.get("f1") or figures["macro_f1"]
        by_design = (weighted.get((label, language, name)) for name in (first.metric, "average_precision"))
        told = [figures.get("average_precision"), *(by_design if weighted else ()), *map(figures.get, _RATES)]
        cells = [shown(other.value, 2) if other else "" for other in told]
        interval = "" if first.low is None else f"{shown(first.low, 2)}-{shown(first.high, 2)}"
        rows.append([label, language or "all", shown(first.value, 2), interval, f"{first.n:,}", *cells])
    by_weight = ["F1 w", "AP w"] if weighted else []
    header = ["label", "", "F1", "95 %", "n", "AP", *by_weight, "own", "own .8"]
    show_table(f"scores ({report.scores_of})", header, rows)
    typer.echo(
        "F1 of the first lines: mean over labels or answers · AP: average precision · w: by design weight"
    )
    typer.echo("own: share of mere mentions called the author's own; .8: where recall is .8 · all: --json")
