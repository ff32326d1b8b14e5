"""The command that makes pages: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from aufruf.cli.options import DryRunOption, JsonOption, SeedOption, WorkspaceOption, show_json

_PANEL = "Decisions"


def register(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command("report", rich_help_panel=_PANEL)(report)


def report(
    round_name: Annotated[str, typer.Argument(help="The round to report on.", metavar="ROUND")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write.", show_default="reports/round-ROUND.html"),
    ] = None,
    language: Annotated[Literal["de", "en"], typer.Option(help="Language of the page.")] = "en",
    seed: SeedOption = 0,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make one HTML page of a round: progress, agreement, confusion, time, prevalence, disputed records.

    Example: aufruf report first --language de
    """
    from aufruf.files import write_bytes
    from aufruf.report import round_report
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    html = round_report(opened, round_name, language, seed=seed)
    path = output or opened.root / "reports" / f"round-{round_name}.html"
    if not dry_run:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, html.encode())
    if as_json:
        show_json({"path": str(path), "bytes": len(html.encode()), "written": not dry_run})
    else:
        typer.echo(f"{'would write' if dry_run else 'wrote'} {path} ({len(html.encode()) // 1000:,} kB)")
