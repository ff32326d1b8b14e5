"""Commands for the pseudonym key: key status, destroy, new."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, show_json, show_table

if TYPE_CHECKING:
    from aufruf.keys import Destruction

_PANEL = "Releases"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("status")(status)
    group.command("destroy")(destroy)
    group.command("new")(new)
    app.add_typer(
        group,
        name="key",
        help="The key behind all pseudonyms: look, destroy, make new.",
        rich_help_panel=_PANEL,
    )


def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show whether the pseudonym key is there and how many records it made; never the key.

    Example: aufruf key status
    """
    from aufruf.keys import key_status
    from aufruf.workspace import open_workspace

    found = key_status(open_workspace(workspace))
    if as_json:
        show_json(found)
        return
    rows = [[f"records by {name}", f"{n:,}"] for name, n in found.records.items()]
    rows += [[f"destroyed: {name}", f"{at:%Y-%m-%d %H:%M} UTC"] for name, at in found.destroyed.items()]
    show_table("pseudonym key", ["", "n"], [["state", found.state], ["id", found.key_id or "none"], *rows])


def destroy(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: for scripts.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Destroy the pseudonym key for good: nobody can find out any more whose pseudonym is whose.

    Says before what it costs, and asks. Verbatim posts stay searchable on their platforms all the same.

    Example: aufruf key destroy --dry-run
    """
    from aufruf.keys import destroy_key
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    if not dry_run and not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("there is no terminal to ask on: look with --dry-run, then say --yes")
        foreseen = destroy_key(opened, dry_run=True)
        _tell(foreseen, to_come=True)
        typer.confirm(f"Destroy the key {foreseen.key_id}? It cannot be undone.", abort=True, err=True)
    done = destroy_key(opened, dry_run=dry_run)
    if as_json:
        show_json(done)
        return
    if yes or dry_run:
        _tell(done, to_come=dry_run)
    typer.echo(f"{'would be destroyed' if dry_run else 'destroyed'}: {done.key_id}")


def new(
    dry_run: DryRunOption = False, as_json: JsonOption = False, workspace: WorkspaceOption = None
) -> None:
    """Make a new pseudonym key after the old one was destroyed or lost, so that importing goes on.

    Example: aufruf key new
    """
    from aufruf.keys import new_key
    from aufruf.workspace import open_workspace

    found = new_key(open_workspace(workspace), dry_run=dry_run)
    if as_json:
        show_json(found)
    else:
        typer.echo("a new key would be made" if dry_run else f"new key: {found.key_id}")


def _tell(found: Destruction, *, to_come: bool) -> None:
    """Say on standard error what the destruction costs and what it does not do."""
    lines = [f"key {found.key_id}: {found.records:,} records were made with it", "what it costs:"]
    lines += [f"  - {cost}" for cost in found.costs]
    lines += ["what it does not do:" if to_come else "what is left:"]
    lines += [f"  - {rest}" for rest in found.remains]
    typer.echo("\n".join(lines), err=True)
