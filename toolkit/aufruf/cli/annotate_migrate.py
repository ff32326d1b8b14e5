"""The command that takes answers to another version of the label scheme."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, show_json


def migrate(
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="What becomes of old names (TOML).")
    ] = None,
    old: Annotated[
        Path | None,
        typer.Option("--old", metavar="FILE", help="An older label scheme that this workspace did not keep."),
    ] = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take answers by older label schemes to the one in force, and list what must be asked again.

    Example: aufruf annotate migrate --map renamed.toml --dry-run
    """
    from aufruf.label_scheme import load_label_scheme
    from aufruf.labelstudio.migration import migrate as take
    from aufruf.labelstudio.migration_map import load_map
    from aufruf.workspace import open_workspace

    report = take(
        open_workspace(workspace),
        None if map_file is None else load_map(map_file),
        old=None if old is None else load_label_scheme(old),
        dry_run=dry_run,
    )
    if as_json:
        show_json(report)
        return
    verb = "would be migrated" if dry_run else "migrated"
    typer.echo(f"{verb}: {report.migrated:,} answers, to the label scheme {report.scheme_sha256[:12]}")
    records = {each.record_id for each in report.ask_again}
    questions = sorted({each.question for each in report.ask_again})
    if records:
        typer.echo(f"to be asked again: {len(records):,} records ({', '.join(questions)}); --json lists them")
