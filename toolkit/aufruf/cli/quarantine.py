"""The command that shows what was refused: quarantine."""

from __future__ import annotations

from typing import Annotated

import typer

from aufruf.cli.options import JsonOption, WorkspaceOption, show_json, show_table

_PANEL = "Records"


def register(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command("quarantine", rich_help_panel=_PANEL)(quarantine)


def quarantine(
    import_id: Annotated[
        str | None, typer.Argument(help="List each item of this import, or of this pull.", metavar="IMPORT")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="List each item with this reason.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many items to list in the table.")] = 50,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show what was refused and why: counts by import and reason, or each item with its file and line.

    Example: aufruf quarantine --reason bad_json
    """
    import polars as pl

    from aufruf.tables import QUARANTINE
    from aufruf.workspace import open_workspace

    refused = open_workspace(workspace).store.scan(QUARANTINE)
    wanted = {"import_id": import_id, "reason": reason}
    given = [pl.col(name) == value for name, value in wanted.items() if value is not None]
    if given:
        found = refused.filter(given).collect()
        shown, title = found.head(n), f"Refused items: {min(n, found.height):,} of {found.height:,}"
    else:
        counts = refused.group_by("import_id", "reason").agg(items=pl.len(), files=pl.col("file").n_unique())
        found = shown = counts.sort("import_id", "reason").collect()
        title = "Refused items, by import and reason"
    if as_json:
        show_json(found.to_dicts())
    else:
        rows = [["" if cell is None else str(cell) for cell in row] for row in shown.iter_rows()]
        show_table(title, shown.columns, rows)
