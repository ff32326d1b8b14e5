"""The command predict."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import (
    DryRunOption,
    JsonOption,
    WorkspaceOption,
    note,
    progress,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from aufruf.baselines.prediction import Advance, Prediction


def register(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command("predict", rich_help_panel="Baselines")(predict)


def predict(
    model: Annotated[Path, typer.Argument(help="The model's folder, or its name in the workspace.")],
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[INPUT]",
            help="Parquet, JSON Lines, CSV or TSV, also compressed; or a folder of such files.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .parquet or .jsonl.")] = Path(
        "predictions.parquet"
    ),
    records: Annotated[
        bool, typer.Option("--records", help="Score the workspace's own records instead of an input.")
    ] = False,
    text: Annotated[
        str | None, typer.Option("--text", help="Column of texts.", show_default="one of a usual name")
    ] = None,
    id: Annotated[  # noqa: A002 -- the option's name
        str | None,
        typer.Option("--id", help="Column of ids.", show_default="id, record_id …, else the line"),
    ] = None,
    scores_for: Annotated[
        list[str] | None,
        typer.Option(
            "--scores-for",
            help="A label, or 'all': write record_id, label and score, as `sample --scores` reads them.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Add what spoke most for each yes: n-grams with weights. They are pieces of the texts.",
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score texts of any number with a trained model; run again, a stopped run goes on.

    Example: aufruf predict models/tfidf-logreg-0.1.0 posts.parquet -o scores.parquet

    Example: aufruf predict tfidf-logreg-0.1.0 --records --scores-for all -o scores.parquet
    """
    from aufruf.baselines.prediction import predict as run
    from aufruf.baselines.prediction_input import records_source, table_source
    from aufruf.cli.baselines import find_model, find_workspace

    if (source is None) != records:
        raise typer.BadParameter("give either an INPUT or --records")
    if explain and scores_for:
        raise typer.BadParameter("--explain has no place beside --scores-for")
    if records and (text or id):
        raise typer.BadParameter("--text and --id belong to an INPUT")
    around = find_workspace(workspace, needed=records)
    if source is None:
        assert around is not None, "--records asked for a workspace"
        read = records_source(around)
    else:
        read = table_source(source, text=text, id=id)
    with _rows() as advance:
        report = run(
            find_model(model, around),
            read,
            output,
            scores_for=scores_for or (),
            explain=explain,
            dry_run=dry_run,
            advance=advance,
        )
    _show(report, as_json=as_json)


@contextmanager
def _rows() -> Generator[Advance]:
    """Show rows, their rate, and the time that is left by how much of the bytes was read."""
    with progress() as bars:
        task = bars.add_task("scoring", total=None)

        def advance(rows: int, done: float) -> None:
            bars.update(task, completed=rows, total=round(rows / done) if done else None)

        yield advance


def _show(report: Prediction, *, as_json: bool) -> None:
    for found in report.notes:
        note(f"note: {found}")
    if as_json:
        show_json(report)
        return
    if report.output is None:
        note(f"would score {report.source} by {len(report.heads)} heads of {report.model}")
        return
    rows = [
        [
            head.name,
            "–" if head.threshold is None else f"{head.threshold:.3f}",
            "–" if head.yes is None else f"{head.yes:,}",
        ]
        for head in report.heads
    ]
    show_table(f"{report.model} on {report.source}", ["head", "yes from", "yes"], rows)
    refused = "".join(f" + {n:,} refused ({reason})" for reason, n in report.refused.items())
    typer.echo(
        f"read {report.read:,} = scored {report.scored:,} + without text {report.without_text:,}{refused}"
    )
    if report.resumed:
        typer.echo(f"{report.resumed:,} of them were scored by an earlier run")
    typer.echo(f"written: {report.output}")
