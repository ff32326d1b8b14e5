"""Options that many commands share, and how results are shown."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from aufruf.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="The workspace's folder.", show_default="found from here upwards"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; write nothing.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]

_WIDEST = 500


def note(message: str) -> None:
    """Tell on standard error how it goes."""
    typer.echo(message, err=True)


def note_suggestions(workspace: Workspace) -> None:
    """Tell on standard error how many answers were given with a model's suggestion in view, if any."""
    from aufruf.tables import ANNOTATIONS
    from aufruf.views import suggested_answers

    n = suggested_answers(workspace.store.scan(ANNOTATIONS))
    if n:
        note(f"{n:,} answers were given with a model's suggestion in view, which pulls them towards it")


def show_json(value: Any) -> None:
    """Print a value as one JSON document. NaN does not occur: undefined is null."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print a table for people; content is shown as it is, never as markup.

    Where the output is no terminal, lines are as long as the table is wide.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD)
    for number, column in enumerate(columns):
        first = number == 0
        table.add_column(column, justify="left" if first else "right", no_wrap=first)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = _WIDEST
    console.print(table)


@contextmanager
def progress() -> Generator[Progress]:
    """Show progress bars with rate and time left on standard error; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s")

    console = Console(stderr=True)
    done = (BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), *done)
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        yield shown
