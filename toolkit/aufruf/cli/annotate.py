"""Commands for rounds in Label Studio: plan and apply here, the others beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aufruf.cli.annotate_adjudicate import adjudicate
from aufruf.cli.annotate_migrate import migrate
from aufruf.cli.annotate_qualify import qualify
from aufruf.cli.annotate_status import pull, status
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
    from aufruf.labelstudio.apply import ApplyReport
    from aufruf.labelstudio.planning import PlanReport
    from aufruf.labelstudio.suggestions import Suggestions
    from aufruf.workspace import Workspace

_PANEL = "Annotation"
RoundArgument = Annotated[str, typer.Argument(metavar="ROUND", help="Name of the round.")]
PassOption = Annotated[
    Literal["triage", "detail"],
    typer.Option("--pass", help="Triage asks which labels hold, detail asks about settled ones."),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Rounds of annotation in Label Studio.", no_args_is_help=True)
    group.command("plan")(plan)
    group.command("apply")(apply)
    group.command("status")(status)
    group.command("pull")(pull)
    group.command("adjudicate")(adjudicate)
    group.command("qualify")(qualify)
    group.command("migrate")(migrate)
    app.add_typer(group, name="annotate", rich_help_panel=_PANEL)


def plan(
    round_name: RoundArgument,
    in_pass: PassOption = "triage",
    overlap: Annotated[int, typer.Option(min=1, help="Judgements per record, in triage.")] = 3,
    gold_rate: Annotated[
        float,
        typer.Option(min=0, max=0.5, help="Share of tasks added as records with known answers, in triage."),
    ] = 0.05,
    repeat_rate: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of tasks added as own records answered long ago.")
    ] = 0.05,
    allow_unqualified: Annotated[
        bool, typer.Option("--allow-unqualified", help="Plan people who have not passed the qualification.")
    ] = False,
    allow_suggestions: Annotated[
        bool,
        typer.Option("--allow-suggestions", help="Let apply --suggest show what a model says: it biases."),
    ] = False,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Decide who judges what and on which day; what was planned before stays.

    Example: aufruf annotate plan pilot --overlap 3
    """
    from aufruf.labelstudio.rounds import plan_round
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    report = plan_round(
        opened,
        round_name,
        in_pass,
        overlap=overlap,
        gold_rate=gold_rate,
        repeat_rate=repeat_rate,
        allow_unqualified=allow_unqualified,
        allow_suggestions=allow_suggestions,
        seed=seed,
        dry_run=dry_run,
    )
    if as_json:
        show_json(report)
    else:
        _show_plan(report, dry_run=dry_run)


def apply(
    round_name: RoundArgument,
    in_pass: PassOption = "triage",
    day: Annotated[
        int | None,
        typer.Option(
            min=0, help="Day of the round, from 0, to give out tasks of.", show_default="days since the first"
        ),
    ] = None,
    suggest: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            help="Show with new tasks what this model says; only where the plan allows suggestions.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the accounts, projects and due tasks of a planned round.

    Run it again whenever it was cut off, and each day where annotators have budgets.

    Example: aufruf annotate apply pilot
    """
    from aufruf.labelstudio.apply import apply as bring
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    found = None if suggest is None else _suggestions(opened, round_name, suggest)
    report = bring(opened, round_name, in_pass, day=day, suggestions=found, dry_run=dry_run, note=note)
    if as_json:
        show_json(report)
    else:
        _show_applied(report, dry_run=dry_run)


def _suggestions(workspace: Workspace, round_name: str, model: Path) -> Suggestions:
    from aufruf.baselines.suggesting import suggested_labels
    from aufruf.labelstudio.rounds import assignments
    from aufruf.labelstudio.suggestions import Suggestions

    records = assignments(workspace, round_name, "triage").get_column("record_id").unique().sort()
    return Suggestions(*suggested_labels(workspace, model, records))


def _show_plan(report: PlanReport, *, dry_run: bool) -> None:
    columns = ["tasks", "new", "heavy", "gold_checks", "repeats", "days", "minutes"]
    rows = [
        [load.annotator, load.language, *(f"{getattr(load, name):,}" for name in columns)]
        for load in report.loads
    ]
    title = f"round {report.round}, {report.in_pass}: {report.records:,} records"
    show_table(
        title, ["annotator", "", *("gold" if name == "gold_checks" else name for name in columns)], rows
    )
    typer.echo(f"new: {report.new:,}, planned before: {report.existing:,}")
    if report.withdrawn:
        typer.echo(f"withdrawn: {report.withdrawn:,} tasks of people who left or opted out since")
    for annotator, languages in report.unqualified.items():
        typer.echo(f"no tasks for {annotator} in {', '.join(languages)}: has not passed the qualification")
    for reason, n in report.unassignable.items():
        typer.echo(f"not assignable: {n:,} ({reason})")
    if report.short:
        typer.echo(f"fewer annotators than wanted: {report.short:,} records, because of opt-outs")
    option = "" if report.in_pass == "triage" else f" --pass {report.in_pass}"
    typer.echo(
        "dry run: nothing was written" if dry_run else f"next: aufruf annotate apply {report.round}{option}"
    )


def _show_applied(report: ApplyReport, *, dry_run: bool) -> None:
    if dry_run:
        typer.echo(f"would make {report.created:,} tasks, {report.existing:,} are there")
        _show_left(report)
        typer.echo("dry run: nothing was written")
        return
    rows = [[entry.title, str(entry.project_id), f"{entry.tasks:,}"] for entry in report.projects]
    show_table(f"round {report.round}, {report.in_pass}", ["project", "number", "tasks"], rows)
    typer.echo(f"created: {report.created:,}, there before: {report.existing:,}")
    if report.repaired:
        typer.echo(f"removed: {report.repaired:,} copies that an interrupted run had left")
    _show_left(report)
    typer.echo("annotators' passwords lie in secrets.toml; see everyone's progress after a pull with")
    typer.echo(f"next: aufruf annotate pull {report.round} && aufruf annotate status {report.round}")


def _show_left(report: ApplyReport) -> None:
    if report.waiting:
        typer.echo(f"due later than today, day {report.day} of the round: {report.waiting:,} tasks")
    if report.held:
        typer.echo(
            f"due but held back: {report.held:,} tasks, until open ones are done, the budget's day or week "
            "is over, or `aufruf annotate plan` gives them to others"
        )
    if report.waiting or report.held:
        typer.echo("run `aufruf annotate apply` again tomorrow to give out what is due then")
