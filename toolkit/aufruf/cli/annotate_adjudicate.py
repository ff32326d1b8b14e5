"""The command that gives to adjudicators what annotators disagree about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import (
    DryRunOption,
    JsonOption,
    SeedOption,
    WorkspaceOption,
    note,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from aufruf.labelstudio.adjudication import AdjudicateReport


def adjudicate(
    round_name: Annotated[str, typer.Argument(metavar="ROUND", help="Name of the round.")],
    records: Annotated[
        Path | None,
        typer.Option(
            "--records",
            metavar="FILE",
            help="These records instead: ids, CSV with record_id and label, or JSON of `aufruf gold --ties`.",
            show_default="what annotators disagree about",
        ),
    ] = None,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give what annotators disagree about to adjudicators who have not judged it.

    Run it again after each pull; each label of a record goes out once.

    Example: aufruf annotate adjudicate pilot
    """
    from aufruf.labelstudio.adjudication import adjudicate as give
    from aufruf.workspace import open_workspace

    report = give(open_workspace(workspace), round_name, records, seed=seed, dry_run=dry_run, note=note)
    show_json(report) if as_json else _show(report, dry_run=dry_run)


def _show(report: AdjudicateReport, *, dry_run: bool) -> None:
    rows = [[load.annotator, load.language, f"{load.new:,}", f"{load.existing:,}"] for load in report.loads]
    title = f"round {report.round}: {report.records:,} records to adjudicators"
    show_table(title, ["adjudicator", "", "new", "given before"], rows)
    for label, n in report.labels.items():
        typer.echo(f"in dispute: {n:,} ({label})")
    if report.incomplete:
        typer.echo(f"still lacking answers: {report.incomplete:,} records; they wait for the next run")
    if report.withdrawn:
        typer.echo(f"withdrawn: {report.withdrawn:,} tasks of adjudicators who left or opted out since")
    for reason, n in report.unassignable.items():
        typer.echo(f"not assignable: {n:,} ({reason})")
    applied = report.applied
    if applied is not None:
        typer.echo(f"in Label Studio: {applied.created:,} new, {applied.existing:,} there before")
        if applied.waiting or applied.held:
            left = applied.waiting + applied.held
            typer.echo(f"held back by budgets: {left:,}; run the command again tomorrow")
    if dry_run:
        typer.echo("dry run: nothing was written")
    else:
        typer.echo(f"next: aufruf annotate pull {report.round} && aufruf gold")
