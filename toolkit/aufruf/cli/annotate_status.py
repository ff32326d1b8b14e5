"""Commands that bring answers in and show how far everyone is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, note, show_json, show_table

if TYPE_CHECKING:
    from aufruf.labelstudio.conformity import Share
    from aufruf.labelstudio.progress import BudgetUse, RoundStatus
    from aufruf.labelstudio.pull import PullReport
    from aufruf.labelstudio.refused import Refused
    from aufruf.workspace import Workspace

_MOST_LISTED = 20
_RoundArgument = Annotated[str, typer.Argument(metavar="ROUND", help="Name of the round.")]


def pull(
    round_name: _RoundArgument,
    in_pass: Annotated[
        Literal["triage", "detail"] | None, typer.Option("--pass", help="One pass only.", show_default="both")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again, not only what has changed.")
    ] = False,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the answers into the workspace, checked; what cannot be used goes to quarantine.

    Example: aufruf annotate pull pilot
    """
    from aufruf.labelstudio.pull import pull as bring
    from aufruf.workspace import open_workspace

    report = bring(open_workspace(workspace), round_name, in_pass, full=full, dry_run=dry_run, note=note)
    if as_json:
        show_json(report)
    else:
        _show_pulled(report, dry_run=dry_run)


def status(
    round_name: _RoundArgument,
    watch: Annotated[
        int | None,
        typer.Option(
            "--watch",
            min=1,
            metavar="SECONDS",
            help="Pull and show again every so many seconds.",
            show_default="once",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far each annotator is, as of the last pull. Exit 3 if an answer reports a credible danger.

    Example: aufruf annotate status pilot --watch 30
    """
    from aufruf.errors import GateError
    from aufruf.labelstudio.progress import round_status
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    if watch is not None and as_json:
        raise typer.BadParameter("--watch shows a table: leave out --json")
    found = round_status(opened, round_name) if watch is None else _watched(opened, round_name, watch)
    if as_json:
        show_json(found)
    elif watch is None:
        _show_status(opened, found)
    if found.urgent:
        who = found.responsible or "nobody is named yet: set [urgent] responsible in aufruf.toml"
        raise GateError(
            f"{len(found.urgent)} answers in round '{round_name}' are marked urgent: read them now; "
            f"responsible: {who}"
        )


def _watched(workspace: Workspace, round_name: str, seconds: int) -> RoundStatus:
    """Pull and show until the command is interrupted; a server that is away for a while ends nothing."""
    from rich.console import Console

    from aufruf.errors import ServerError
    from aufruf.labelstudio.progress import round_status
    from aufruf.labelstudio.pull import pull as bring

    found = round_status(workspace, round_name)
    try:
        while True:
            try:
                bring(workspace, round_name)
            except ServerError as error:
                note(f"{error}; trying again in {seconds} s")
            found = round_status(workspace, round_name)
            Console().clear()
            _show_status(workspace, found)
            typer.echo(f"again every {seconds} s; Ctrl+C ends it")
            time.sleep(seconds)
    except KeyboardInterrupt:
        return found


def _show_status(workspace: Workspace, found: RoundStatus) -> None:
    columns = ["annotator", "pass", "done", "skips", "left", "s", "checks", "repeats"]
    rows = [
        [
            entry.annotator,
            entry.in_pass,
            f"{entry.done:,}/{entry.released:,}",
            *(f"{n:,}" for n in (entry.skipped, entry.left)),
            "–" if entry.seconds is None else f"{entry.seconds:.0f}",
            _share(entry.conformity),
            _share(entry.repeats),
        ]
        for entry in found.annotators
    ]
    at = f"{found.pulled_at:%Y-%m-%d %H:%M} UTC" if found.pulled_at else "nothing pulled yet"
    show_table(f"round {found.round}, answers as of {at}", columns, rows)
    typer.echo("done: of those that are in Label Studio; left: all others to come; s: median seconds")
    if any(entry.conformity or entry.repeats for entry in found.annotators):
        typer.echo(
            "checks: the known answer was given; this measures conformity with it, not truth.\n"
            "repeats: the same as one's own earlier answer. Both with 95 % intervals; skips count in neither."
        )
    _show_adjudication(found)
    _show_budgets(found.budgets)
    _show_refused(found.refused)
    _show_urgent(workspace, found)


def _show_adjudication(found: RoundStatus) -> None:
    """Tell of verdicts, of what the guidelines lack by them, and of what nobody decides yet."""
    adjudication = found.adjudication
    if adjudication.given:
        typer.echo(
            f"adjudication: {adjudication.given:,} records given, {adjudication.decided:,} decided, "
            f"{adjudication.open:,} open"
        )
    rows = [
        [line.label, f"{line.slip:,}", f"{line.guideline_gap:,}", f"{line.ambiguous:,}"]
        for line in adjudication.errors
    ]
    if rows:
        columns = ["label", "slip", "gap in the guidelines", "truly ambiguous"]
        show_table("why answers differed", columns, rows)
    if any(line.guideline_gap for line in adjudication.errors):
        typer.echo("gaps: the guidelines on these labels want a rule for such cases before the next round")
    if adjudication.undecided:
        typer.echo(
            f"next: aufruf annotate adjudicate {found.round} ({adjudication.undecided:,} records in dispute)"
        )


def _share(share: Share | None) -> str:
    if share is None:
        return "–"
    return f"{share.right}/{share.n} ({share.low:.2f} to {share.high:.2f})"


def _show_budgets(budgets: list[BudgetUse]) -> None:
    rows = [
        [
            use.annotator,
            _used(use.minutes_today, use.daily),
            _used(use.minutes_week, use.weekly),
            _used(use.heavy_today, use.daily_heavy),
            _used(use.heavy_week, use.weekly_heavy),
        ]
        for use in budgets
    ]
    columns = ["annotator", "minutes today", "minutes in 7 days", "heavy today", "heavy in 7 days"]
    if rows:
        show_table("used of the budgets, in all rounds", columns, rows)


def _used(used: float, limit: int | None) -> str:
    return f"{used:,.0f}" if limit is None else f"{used:,.0f} of {limit:,}"


def _show_refused(refused: list[Refused]) -> None:
    """List answers that do not count; their task is found in Label Studio by its number."""
    rows = [
        [
            entry.reason,
            entry.annotator,
            *(str(n) for n in (entry.project, entry.task, entry.annotation)),
            str(entry.user or "–"),
        ]
        for entry in refused[:_MOST_LISTED]
    ]
    if rows:
        columns = ["reason", "asked", "project", "task", "annotation", "answered by user"]
        show_table(f"quarantined: {len(refused):,} answers do not count", columns, rows)
    if len(refused) > _MOST_LISTED:
        typer.echo(f"and {len(refused) - _MOST_LISTED:,} more: --json lists all")


def _show_urgent(workspace: Workspace, found: RoundStatus) -> None:
    from aufruf.labelstudio.urgent import protocol_of

    for answer in found.urgent:
        where = protocol_of(workspace, answer).relative_to(workspace.root)
        typer.echo(
            f"urgent: record {answer.record_id}, project {answer.project}, by {answer.annotator}; "
            f"protocol: {where}"
        )


def _show_pulled(report: PullReport, *, dry_run: bool) -> None:
    counts = {"new": report.new, "changed": report.changed, "deleted": report.deleted}
    said = ", ".join(f"{name}: {n:,}" for name, n in counts.items())
    typer.echo(f"answers: {report.annotations:,} ({said})")
    for reason, n in report.quarantined.items():
        typer.echo(f"quarantined: {n:,} ({reason})")
    if report.refused:
        typer.echo(f"`aufruf annotate status {report.round}` lists them")
    if report.pruned:
        typer.echo(f"left out: {report.pruned:,} answers to questions that were no longer asked")
    if report.urgent:
        typer.echo(f"urgent: {report.urgent:,} answers report a credible danger: read them now")
    typer.echo("dry run: nothing was written" if dry_run else f"next: aufruf annotate status {report.round}")
