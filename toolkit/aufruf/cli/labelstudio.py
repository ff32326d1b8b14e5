"""Commands for the workspace's own Label Studio: start, stop, status."""

from __future__ import annotations

from typing import Annotated

import typer

from aufruf.cli.options import JsonOption, WorkspaceOption, note, show_json

_PANEL = "Annotation"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="The workspace's own Label Studio, on this machine only.", no_args_is_help=True)
    group.command("start")(start)
    group.command("stop")(stop)
    group.command("status")(status)
    app.add_typer(group, name="labelstudio", rich_help_panel=_PANEL)


def start(
    port: Annotated[
        int | None,
        typer.Option(
            help="Port on this machine.", show_default="last time's, or a free one", min=1, max=65535
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start Label Studio and wait until it answers; the first time, its environment is made.

    Example: aufruf labelstudio start --port 8090
    """
    from aufruf.labelstudio import server
    from aufruf.labelstudio.api import URL_VARIABLE, names_team_server
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    started = server.start(opened, port, note)
    if as_json:
        show_json({"url": started.url, "port": started.port, "pid": started.pid})
        return
    typer.echo(f"Label Studio: {started.url}")
    typer.echo(f"login: {server.ADMIN}, password: {server.PASSWORD} in {opened.secrets.path}")
    typer.echo("stop it with: aufruf labelstudio stop")
    if names_team_server():
        typer.echo(f"{URL_VARIABLE} is set: the other commands use that server, not this one")


def stop(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Stop Label Studio; its data stay.

    Example: aufruf labelstudio stop
    """
    from aufruf.labelstudio import server
    from aufruf.workspace import open_workspace

    stopped = server.stop(open_workspace(workspace))
    if as_json:
        show_json({"stopped": stopped})
    else:
        typer.echo("stopped" if stopped else "it was not running")


def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show whether Label Studio answers, where, and in which version.

    Example: aufruf labelstudio status --json
    """
    from aufruf.labelstudio import server
    from aufruf.workspace import open_workspace

    found = server.status(open_workspace(workspace))
    if as_json:
        show_json(found)
    elif found.running:
        typer.echo(f"Label Studio {found.version} at {found.url}")
    else:
        typer.echo(f"no Label Studio answers: {found.problem}")
