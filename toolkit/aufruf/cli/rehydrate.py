"""The command that gives a release its texts back: rehydrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, show_json, show_table


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("rehydrate", rich_help_panel="Releases")(rehydrate)


def rehydrate(
    release: Annotated[Path, typer.Argument(help="Folder of a release; needs no workspace.")],
    files: Annotated[
        list[Path], typer.Option("--from", help="A file or folder that has the texts; several times.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A new folder for the rows with their texts.")
    ],
    format_: Annotated[
        str | None, typer.Option("--format", help="As for import.", show_default="by content")
    ] = None,
    field_map: Annotated[Path | None, typer.Option("--map", help="As for import.")] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give a release without texts those that your own files of the platform hold; say what is lost.

    A text is found by its hash, and is the one that was judged. Weigh scores by the weights shown.

    Example: aufruf rehydrate releases/1.0.0 --from posts.jsonl -o with-texts
    """
    from aufruf.release.rehydrate import rehydrate as give_back

    report = give_back(
        release,
        files,
        output,
        format=format_,  # pyright: ignore[reportArgumentType] -- checked, with a message, by the library
        field_map=field_map,
        dry_run=dry_run,
    )
    if as_json:
        show_json(report)
        return
    typer.echo(
        f"{report.without_text:,} records without text: {report.found:,} found, {report.changed:,} changed "
        f"since, {report.lost:,} lost"
    )
    rows = [
        [
            f"{loss.label} {str(loss.value).lower()}, {loss.split}",
            f"{loss.present:,} of {loss.wanted:,}",
            "–" if loss.weight is None else f"{loss.weight:.3f}",
        ]
        for loss in report.losses
        if loss.present < loss.wanted
    ]
    if rows:
        show_table("with text now", ["", "records", "weight"], rows)
    if not dry_run:
        typer.echo(f"written: {report.path}")
