"""The command gold: final labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, show_json, show_table

if TYPE_CHECKING:
    from aufruf.gold import GoldReport

_SHOWN_VALUES = 2

RoundArgument = Annotated[
    str | None, typer.Argument(metavar="ROUND", help="The round.", show_default="all rounds")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gold", rich_help_panel="Decisions")(gold)


def gold(
    round_name: RoundArgument = None,
    ties: Annotated[bool, typer.Option("--ties", help="List what is left for adjudication.")] = False,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Decide the final labels, column by column, and keep them.

    Example: aufruf gold --ties
    """
    import msgspec

    from aufruf.gold import decide_gold
    from aufruf.workspace import open_workspace

    report = decide_gold(open_workspace(workspace), round_name, dry_run=dry_run)
    if as_json:
        content = msgspec.to_builtins(report)
        show_json(content if ties else {name: v for name, v in content.items() if name != "ties"})
    elif ties:
        _show_ties(report)
    else:
        _show_gold(report, dry_run=dry_run)


def _show_gold(report: GoldReport, *, dry_run: bool) -> None:
    rows = [
        [
            f"{entry.label}_{entry.column}",
            f"{entry.decided:,}",
            f"{entry.undecided:,}",
            _values(entry.values),
        ]
        for entry in report.columns
    ]
    show_table(f"gold {report.gold_run}", ["", "decided", "open", "most frequent"], rows)
    typer.echo(f"records: {report.records:,}; changed since the last run: {report.changed:,}")
    if report.undecided:
        typer.echo(f"open: {report.undecided:,} for adjudication; `aufruf gold --ties` lists them")
    if dry_run:
        typer.echo("dry run: nothing was written")
    elif not report.written:
        typer.echo("the answers give the same as before: nothing was written")


def _values(counts: dict[str, int]) -> str:
    shown = [f"{value or 'none'} {n:,}" for value, n in list(counts.items())[:_SHOWN_VALUES]]
    return ", ".join(shown) + (", …" if len(counts) > _SHOWN_VALUES else "")


def _show_ties(report: GoldReport) -> None:
    rows = [[tie.record_id, f"{tie.label}_{tie.column}", _values(tie.distribution)] for tie in report.ties]
    show_table(f"gold {report.gold_run}: open", ["record", "", "answers"], rows)
