"""The command that brings records in: import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, progress, show_json, show_table

_PANEL = "Records"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("import", rich_help_panel=_PANEL)(import_)


def _share(value: str | float) -> float:
    """Read a share: 5% or 0.05."""
    written = str(value).strip()
    try:
        share = float(written.removesuffix("%")) / (100 if written.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise typer.BadParameter(f"{written}: expected a share such as 5% or 0.05")
    return share


def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files, folders of files, archives, or - for standard input.", metavar="PATH…"),
    ],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", help="Such as csv, jsonl, x, telegram, reddit, warc.", show_default="by content"
        ),
    ] = None,
    field_map: Annotated[
        Path | None, typer.Option("--map", help='Which column is what, in TOML: text = "description".')
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Slug of the source.", show_default="from the file's name")
    ] = None,
    max_bad: Annotated[
        float, typer.Option(parser=_share, metavar="SHARE", help="Exit 3 if more is bad than this share.")
    ] = 0.05,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Import posts and news: normalised, personal data masked, duplicates found.

    Example: aufruf import posts.csv --map fields.toml --source my-corpus
    """
    from aufruf.errors import GateError
    from aufruf.importing import import_paths
    from aufruf.workspace import open_workspace

    with progress() as shown:
        task = shown.add_task("read", total=None)
        report = import_paths(
            open_workspace(workspace),
            paths,
            format=format_,  # pyright: ignore[reportArgumentType] -- checked, with a message, by the library
            field_map=field_map,
            source=source,
            max_bad=max_bad,
            dry_run=dry_run,
            progress=lambda stage, items: shown.update(task, description=stage, completed=items),
        )
    for note in report.notes:
        typer.echo(note, err=True)
    if as_json:
        show_json(report.counts())
    else:
        rows = [["read", f"{report.read:,}"], ["kept", f"{report.kept:,}"], ["  new", f"{report.new:,}"]]
        rows += [["  known", f"{report.known:,}"], ["quarantined", f"{report.bad:,}"]]
        rows += [[f"  {reason}", f"{n:,}"] for reason, n in report.quarantined.items()]
        rows += [["records made", f"{report.records:,}"]]
        rows += [[f"  {kind}", f"{n:,}"] for kind, n in report.kinds.items()]
        rows += [[f"  in {language}", f"{n:,}"] for language, n in report.languages.items()]
        rows += [["duplicate clusters", f"{report.clusters:,}"]]
        show_table(f"import {report.import_id}" + (" (dry run)" if dry_run else ""), ["", "n"], rows)
    if not report.passed:
        raise GateError(
            f"{report.bad:,} of {report.read:,} items were quarantined, more than {max_bad:.1%}; the others "
            "were kept. Look at the reasons above, or allow more with --max-bad"
        )
