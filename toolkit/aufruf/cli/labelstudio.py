"""Commands for Label Studio itself: start, stop, status, backup, restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli import labelstudio_backup
from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, note, show_json, show_table

if TYPE_CHECKING:
    from aufruf.labelstudio.server import ServerStatus, StartPlan

_PANEL = "Annotation"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="The workspace's own Label Studio, on this machine only; backups of it and of a team's server.",
        no_args_is_help=True,
    )
    group.command("start")(start)
    group.command("stop")(stop)
    group.command("status")(status)
    group.command("backup")(labelstudio_backup.backup)
    group.command("restore")(labelstudio_backup.restore)
    app.add_typer(group, name="labelstudio", rich_help_panel=_PANEL)


def start(
    port: Annotated[
        int | None,
        typer.Option(
            help="Port on this machine.", show_default="last time's, or a free one", min=1, max=65535
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Start Label Studio and wait until it answers; the first time, its environment is made.

    Example: aufruf labelstudio start --port 8090
    """
    from aufruf.labelstudio import server
    from aufruf.labelstudio.api import URL_VARIABLE, names_team_server
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    if dry_run:
        _show_planned(server.plan_start(opened, port), as_json=as_json)
        return
    started = server.start(opened, port, note)
    if as_json:
        show_json({"url": started.url, "port": started.port, "pid": started.pid})
        return
    typer.echo(f"Label Studio: {started.url}")
    typer.echo(f"login: {server.ADMIN}, password: {server.PASSWORD} in {opened.secrets.path}")
    typer.echo("stop it with: aufruf labelstudio stop")
    if names_team_server():
        typer.echo(f"{URL_VARIABLE} is set: the other commands use that server, not this one")


def stop(
    workspace: WorkspaceOption = None, dry_run: DryRunOption = False, as_json: JsonOption = False
) -> None:
    """Stop Label Studio; its data stay.

    Example: aufruf labelstudio stop
    """
    from aufruf.labelstudio import server
    from aufruf.workspace import open_workspace

    stopped = server.stop(open_workspace(workspace), dry_run=dry_run)
    if as_json:
        show_json({"stopped": stopped})
    elif dry_run:
        typer.echo("would stop it" if stopped else "it is not running")
        typer.echo("dry run: nothing was stopped")
    else:
        typer.echo("stopped" if stopped else "it was not running")


def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show whether Label Studio answers, where, what is in it, and when it was backed up last.

    Example: aufruf labelstudio status --json
    """
    from aufruf.labelstudio import server
    from aufruf.workspace import open_workspace

    found = server.status(open_workspace(workspace))
    if as_json:
        show_json(found)
    else:
        _show_status(found)


def _show_status(found: ServerStatus) -> None:
    if not found.running:
        typer.echo(f"no Label Studio answers: {found.problem}")
    else:
        whose = "the workspace's own" if found.local else "a team's"
        typer.echo(f"Label Studio {found.version} at {found.url}, {whose}")
        counts = {"projects": found.projects, "tasks": found.tasks, "answers": found.answers}
        rows = [[name, f"{n:,}"] for name, n in counts.items()]
        show_table("what this account sees there", ["what", "number"], rows)
    if found.data_bytes is not None:
        typer.echo(f"data on this machine: {found.data_bytes / 1e6:,.1f} MB")
    typer.echo(f"last backup: {found.last_backup or 'none; aufruf labelstudio backup'}")


def _show_planned(planned: StartPlan, *, as_json: bool) -> None:
    if as_json:
        show_json(planned)
        return
    if planned.running:
        typer.echo(f"it runs already at {planned.url}")
    else:
        typer.echo(f"would start at {planned.url or 'a free port'}")
    if planned.makes_environment:
        typer.echo("would make Label Studio's environment first: 300 MB of downloads, a few minutes")
    if planned.makes_database:
        typer.echo("would make an empty database")
    typer.echo("dry run: nothing was started")
