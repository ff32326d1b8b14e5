"""Commands to begin with: init, status, doctor, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aufruf.cli.options import JsonOption, WorkspaceOption, show_json, show_table

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
    rows += [["duplicate clusters", f"{found.clusters:,}"], ["quarantined", f"{found.quarantined:,}"]]
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
    rows += [["label scheme", found.label_scheme]]
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
    from aufruf.demo import run_demo

    run_demo(directory, keep=keep)
