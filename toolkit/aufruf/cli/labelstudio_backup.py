"""Commands that back Label Studio up and restore it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, note, show_json

if TYPE_CHECKING:
    from aufruf.labelstudio.backup import RestoreReport
    from aufruf.labelstudio.backup_file import Counts


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="Where to; a new file.", show_default="in backups/ of the workspace")
    ] = None,
    portable: Annotated[
        bool,
        typer.Option(help="Through the API, as from a team's server: to move to another server or database."),
    ] = False,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Back up projects, tasks, answers and pseudonyms, before and after a round; no password, no token.

    The file holds the texts of posts: it can be read by you alone (mode 0600), keep it so.

    Example: aufruf labelstudio backup before-pilot.zip
    """
    from aufruf.labelstudio.backup import backup as back_up
    from aufruf.workspace import open_workspace

    report = back_up(open_workspace(workspace), file, portable=portable, dry_run=dry_run, note=note)
    if as_json:
        show_json(report)
        return
    typer.echo(f"{'would hold' if dry_run else report.path}: {_said(report.counts)}")
    typer.echo("dry run: nothing was written" if dry_run else "it holds texts of posts: keep it to yourself")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` has written.")],
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put a backup into an empty Label Studio; it is verified before anything is touched.

    Example: aufruf labelstudio restore before-pilot.zip
    """
    from aufruf.labelstudio.backup import restore as put_back
    from aufruf.workspace import open_workspace

    report = put_back(open_workspace(workspace), file, dry_run=dry_run, note=note)
    if as_json:
        show_json(report)
        return
    _show_restored(report, dry_run=dry_run)


def _show_restored(report: RestoreReport, *, dry_run: bool) -> None:
    typer.echo(f"{'would restore' if dry_run else 'restored'}: {_said(report.counts)}")
    if report.existing:
        typer.echo(f"{report.existing:,} projects of an interrupted restore were finished already")
    if report.foreign:
        typer.echo(
            f"{report.foreign:,} answers were entered by you for others, whose token is not known: pull will "
            "quarantine them (edited_by_other)"
        )
    if report.newer:
        typer.echo(
            f"{report.newer:,} answers in this workspace are not in the backup: the next pull will note them "
            "as deleted"
        )
    if dry_run:
        typer.echo("dry run: nothing was written")
    elif report.kind == "database":
        typer.echo("next: aufruf labelstudio start")


def _said(counts: Counts) -> str:
    named = {name: getattr(counts, name) for name in counts.__struct_fields__}
    return ", ".join(f"{n:,} {name}" for name, n in named.items())
