"""Commands that choose records: sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aufruf.cli.options import DryRunOption, JsonOption, SeedOption, WorkspaceOption, show_json, show_table

if TYPE_CHECKING:
    from aufruf.sampling import SampleReport

_PANEL = "Records"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("sample", rich_help_panel=_PANEL)(sample)


def sample(
    round_name: Annotated[str, typer.Argument(metavar="ROUND", help="Name of the new round.")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many records.")],
    strategy: Annotated[
        Literal["random", "stratified"], typer.Option(help="Draw from all records alike, or from strata.")
    ] = "random",
    by: Annotated[
        str | None,
        typer.Option(
            help="Columns that make the strata: language, kind, source, month, outlet, has_media.",
            show_default="language,kind",
        ),
    ] = None,
    equal: Annotated[
        bool, typer.Option("--equal", help="As many from each stratum, not in proportion to its size.")
    ] = False,
    languages: Annotated[str, typer.Option(help="Languages to draw from.")] = "de,en",
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Choose records for a round, each with a known probability, one from a duplicate cluster.

    Example: aufruf sample pilot -n 200 --strategy stratified
    """
    from aufruf.sampling import sample_round
    from aufruf.workspace import open_workspace

    if strategy != "stratified" and (by is not None or equal):
        raise typer.BadParameter("--by and --equal are for --strategy stratified")
    report = sample_round(
        open_workspace(workspace),
        round_name,
        n,
        strategy=strategy,
        by=_listed(by or "language,kind"),
        allocation="equal" if equal else "proportional",
        languages=_listed(languages),
        seed=seed,
        dry_run=dry_run,
    )
    if as_json:
        show_json(report)
    else:
        _show(report, dry_run=dry_run)


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _show(report: SampleReport, *, dry_run: bool) -> None:
    rows = [
        [entry.stratum, f"{entry.records:,}", f"{entry.clusters:,}", f"{entry.drawn:,}"]
        for entry in report.strata
    ]
    show_table(f"round {report.round}", ["stratum", "records", "clusters", "drawn"], rows)
    if report.existing:
        typer.echo("the round was drawn before in the same way: nothing changed")
    if report.drawn < report.design.n:
        typer.echo(f"asked for {report.design.n:,}, only {report.drawn:,} were left: all are taken")
    if dry_run:
        typer.echo("dry run: nothing was written")
    else:
        typer.echo(f"next: aufruf annotate plan {report.round}")
