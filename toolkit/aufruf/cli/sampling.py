"""Commands that choose records: sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aufruf.cli.options import DryRunOption, JsonOption, SeedOption, WorkspaceOption, show_json, show_table

if TYPE_CHECKING:
    from aufruf.sampling import SampleReport
    from aufruf.workspace import Workspace

_PANEL = "Records"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("sample", rich_help_panel=_PANEL)(sample)


def sample(
    round_name: Annotated[str, typer.Argument(metavar="ROUND", help="Name of the new round.")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many records.")],
    strategy: Annotated[
        Literal["random", "stratified", "lexicon", "uncertain", "diverse"],
        typer.Option(
            help="Draw from all alike; from strata; mostly records with seed terms, that a model (--scores) "
            "is unsure of, or unlike each other (a fifth is drawn at random)."
        ),
    ] = "random",
    mix: Annotated[
        str | None,
        typer.Option(
            help="Shares of random (.1 or more), lexicon, uncertain, diverse; instead of --strategy.",
            metavar="uncertain=.5,lexicon=.3,random=.2",
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="A model's scores: record_id, label, score; Parquet, CSV or JSON Lines."),
    ] = None,
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
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Draw nothing: tell what so many records bring, and what is needed."),
    ] = False,
    half_width: Annotated[
        float, typer.Option(help="With --plan: wanted half width of the interval of a label's share.")
    ] = 0.01,
    overlap: Annotated[int, typer.Option(min=1, help="With --plan: annotators for each record.")] = 3,
    hours_each: Annotated[float, typer.Option(help="With --plan: hours that an annotator has.")] = 20.0,
    alpha_width: Annotated[
        float | None, typer.Option(help="With --plan: wanted half width of the interval of alpha.")
    ] = None,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Choose records for a round, each with a known probability, one from a duplicate cluster.

    Example: aufruf sample pilot -n 200 --strategy stratified

    Example: aufruf sample second -n 1000 --plan --half-width .005

    Example: aufruf sample second -n 400 --mix lexicon=.6,diverse=.2,random=.2 --dry-run
    """
    from aufruf.gold import newest_gold
    from aufruf.sampling import parse_mix, sample_round
    from aufruf.workspace import open_workspace

    if mix is not None and strategy != "random":
        raise typer.BadParameter("--mix stands instead of --strategy")
    if strategy != "stratified" and (by is not None or equal):
        raise typer.BadParameter("--by and --equal are for --strategy stratified")
    opened = open_workspace(workspace)
    if plan:
        _plan(opened, n, half_width, overlap, hours_each, alpha_width, as_json=as_json)
        return
    report = sample_round(
        opened,
        round_name,
        n,
        strategy=strategy if mix is None else "mixed",
        mix=None if mix is None else parse_mix(mix),
        scores=scores,
        gold=newest_gold(opened) if dry_run else None,
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


def _plan(
    workspace: Workspace,
    n: int,
    half_width: float,
    overlap: int,
    hours_each: float,
    alpha_width: float | None,
    *,
    as_json: bool,
) -> None:
    from aufruf.prevalence import plan_samples

    rows = plan_samples(
        workspace, n, half_width=half_width, overlap=overlap, hours_each=hours_each, alpha_width=alpha_width
    )
    if as_json:
        show_json(rows)
        return
    cells = [
        [
            f"{row.language} {row.label}",
            *(
                "–" if value is None else f"{value:,.0f}"
                for value in (row.in_test, row.records, row.hours, row.annotators)
            ),
            row.reason or row.warning or "",
        ]
        for row in rows
    ]
    columns = ["label", "positives in test", "records needed", "hours", "annotators", "note"]
    show_table(f"{n:,} records at random", columns, cells)


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
    _show_chances(report)
    if dry_run:
        typer.echo("dry run: nothing was written")
    else:
        typer.echo(f"next: aufruf annotate plan {report.round}")


def _show_chances(report: SampleReport) -> None:
    parts = ", ".join(f"{name} {count:,}" for name, count in report.strategies.items())
    if report.least_probability is not None and report.effective is not None:
        typer.echo(
            f"drawn by {parts}; every record had a chance of {report.least_probability:.2g} or more; for "
            f"what has nothing to do with the chances as precise as {report.effective:,.0f} at random"
        )
    if report.yields:
        rows = [
            [
                f"{entry.language} {entry.label}",
                f"{entry.judged:,}",
                entry.reason or "" if entry.expected is None else f"{entry.expected:,.1f}",
            ]
            for entry in report.yields
        ]
        show_table("expected, the author's own", ["label", "judged before", "expected"], rows)
