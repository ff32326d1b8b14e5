"""Commands to begin with: init, status, doctor, demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aufruf.cli.options import JsonOption, WorkspaceOption, show_json, show_table

if TYPE_CHECKING:
    from aufruf.demo import DemoReport

_PANEL = "Start"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("demo", rich_help_panel=_PANEL)(demo)
    app.command("init", rich_help_panel=_PANEL)(init)
    app.command("status", rich_help_panel=_PANEL)(status)
    app.command("doctor", rich_help_panel=_PANEL)(doctor)


def init(
    directory: Annotated[Path, typer.Argument(help="The new workspace's folder.")],
    as_json: JsonOption = False,
) -> None:
    """Make a workspace: settings, tables, and its own label scheme and guidelines to edit.

    Example: aufruf init corpus
    """
    from aufruf.workspace import create_workspace

    workspace = create_workspace(directory)
    if as_json:
        show_json({"workspace": str(workspace.root), "label_scheme": workspace.label_scheme.sha256})
        return
    typer.echo(f"workspace: {workspace.root}")
    typer.echo(f"next: cd {directory} && aufruf import FILE…")


def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show what is in the workspace and what is next.

    Example: aufruf status --json
    """
    from aufruf.status import status as look
    from aufruf.workspace import open_workspace

    found = look(open_workspace(workspace))
    if as_json:
        show_json(found)
        return
    rows = [[f"records, {kind}", f"{n:,}"] for kind, n in found.records.items()]
    rows += [
        ["duplicate clusters", f"{found.duplicate_clusters:,}"],
        *([["  chains, see aufruf duplicates", f"{found.chains:,}"]] if found.chains else []),
        ["quarantined", f"{found.quarantined:,}"],
    ]
    rows += [[f"sampled for {name}", f"{n:,}"] for name, n in found.sampled.items()]
    rows += [
        [
            f"{entry.round}, {entry.in_pass}",
            f"{entry.answered + entry.skipped:,} of {entry.planned:,} answered",
        ]
        for entry in found.rounds
    ]
    rows += [["records with gold labels", f"{found.gold_records:,}"]]
    rows += [["releases", ", ".join(found.releases) or "none"], ["models", ", ".join(found.models) or "none"]]
    rows += [["pseudonym key", found.pseudonym_key], ["label scheme", found.label_scheme]]
    show_table(found.workspace, ["", "n"], rows)
    typer.echo(f"next: {found.next}")


def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Check the set-up and say what to do about each fault. Exit 3 if there is one.

    Example: aufruf doctor
    """
    from aufruf.doctor import examine
    from aufruf.errors import GateError

    checks = examine(workspace)
    if as_json:
        show_json(checks)
    else:
        for check in checks:
            typer.echo(f"{'ok   ' if check.ok else 'FAULT'}  {check.name}: {check.found}")
            if not check.ok:
                typer.echo(f"       {check.remedy}")
    faults = sum(not check.ok for check in checks)
    if faults:
        raise GateError(f"{faults} of {len(checks)} checks found a fault")


def demo(
    directory: Annotated[
        Path, typer.Argument(help="Folder of the demonstration; an earlier one there is replaced.")
    ] = Path("aufruf-demo"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave Label Studio running at the end.")] = False,
) -> None:
    """Go the whole way on the bundled sample, with a real local Label Studio.

    Example: aufruf demo --keep
    """
    import time

    from aufruf.cli.options import progress
    from aufruf.demo import run_demo

    begun = time.monotonic()
    with progress() as shown:
        bars: dict[str, Any] = {}

        def say(step: str) -> None:
            shown.console.print(f"{time.monotonic() - begun:5.0f} s  {step}", markup=False, highlight=False)

        def tick(name: str, done: int, total: int) -> None:
            if name not in bars:
                bars[name] = shown.add_task(name, total=total or None)
            shown.update(bars[name], completed=done, visible=not total or done < total)

        report = run_demo(directory, keep=keep, say=say, tick=tick)
        say("done")
    _show_demo(report)


def _show_demo(report: DemoReport) -> None:
    rows = [
        [row.label, _interval(row.value, row.low, row.high), str(row.records)]
        for row in report.agreement
        if row.group == "all" and row.coefficient == "krippendorff_alpha" and row.label.endswith("_author")
    ]
    show_table("Agreement, whole round", ["label", "alpha [95 %]", "records"], rows)
    rows = [
        [score.label, score.language or "all", _interval(score.value, score.low, score.high), str(score.n)]
        for score in report.scores
        if score.metric == "f1" and score.label.endswith("_author")
    ]
    show_table("Baseline on test", ["label", "language", "F1 [95 %]", "n"], rows)
    typer.echo("The sample is invented: these figures show that the tools work, not how people or models do.")
    typer.echo(f"loaded with datasets: {', '.join(f'{n} {split}' for split, n in report.loaded.items())}")
    if report.server:
        typer.echo(f"Label Studio: {report.server}")
        for login in report.logins:
            password = login.password.reveal() if login.password else "(own account)"
            typer.echo(f"login: {login.email}  password: {password}")
        typer.echo(f"stop it: {sys.argv[0]} labelstudio stop --workspace {report.workspace}")
    typer.echo(f"workspace: {report.workspace}")
    typer.echo(f"model: {report.model}")
    typer.echo(f"release: {report.release}")


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.2f}" if low is None or high is None else f"{value:.2f} [{low:.2f}, {high:.2f}]"
