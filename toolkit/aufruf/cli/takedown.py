"""The command for forgetting: takedown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, show_json, show_table

if TYPE_CHECKING:
    from aufruf.forgetting.takedown import TakedownReport


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("takedown", rich_help_panel="Releases")(takedown)


def takedown(
    reason: Annotated[str, typer.Option("--reason", help="For the event log: no names, no text.")],
    record: Annotated[
        list[str] | None, typer.Option("--record", help="Id of a record; several times.")
    ] = None,
    author: Annotated[str | None, typer.Option("--author", help="Name or id as the platform has it.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Address of an article or post.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Where the author's name holds.")] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", help="The same: x, telegram, reddit …")
    ] = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove records for good, wherever they stand: tables, Label Studio, backups, reports, releases.

    Other versions of a post, other excerpts of an article and bare reposts go with them. Label Studio must
    be stopped. Exit 3 if files below the workspace still hold a text.

    Example: aufruf takedown --record 4f2a… --reason "asked by the author" --dry-run
    """
    from aufruf.errors import GateError
    from aufruf.forgetting.selection import Wanted
    from aufruf.forgetting.takedown import take_down
    from aufruf.workspace import open_workspace

    wanted = Wanted(tuple(record or ()), author, url, source, platform)
    report = take_down(open_workspace(workspace), wanted, reason=reason, dry_run=dry_run)
    if as_json:
        show_json(report)
    else:
        _show(report, dry_run=dry_run)
    if report.left:
        raise GateError(
            f"{len(report.left)} files still hold a text: {', '.join(report.left)}; delete them yourself"
        )


def _show(report: TakedownReport, *, dry_run: bool) -> None:
    counts = {"records": report.records, "tasks in Label Studio": report.tasks, **report.tables}
    title = "would be taken down" if dry_run else f"taken down: {report.takedown}"
    show_table(title, ["", "n"], [[name, f"{n:,}"] for name, n in counts.items()])
    listed = {
        "cleaned backup": report.backups,
        "removed report": report.reports,
        "withdrawn release": report.withdrawn,
        "model trained on it": report.models,
        "other record with the same words, not taken down": report.copies,
        "by hand": report.by_hand,
    }
    for name, lines in listed.items():
        for line in lines:
            typer.echo(f"{name}: {line}")
    if report.successor:
        typer.echo(f"next release: {report.successor}")
