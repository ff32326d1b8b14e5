"""Commands about what annotators said: agreement, gold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, SeedOption, WorkspaceOption, show_json, show_table

if TYPE_CHECKING:
    from aufruf.agreement import AgreementRow
    from aufruf.gold import GoldReport
    from aufruf.settings import Agreement

_PANEL = "Decisions"
_SHOWN_VALUES = 2

RoundArgument = Annotated[
    str | None, typer.Argument(metavar="ROUND", help="The round.", show_default="all rounds")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("agreement", rich_help_panel=_PANEL)(agreement)
    app.command("gold", rich_help_panel=_PANEL)(gold)


def agreement(
    round_name: RoundArgument = None,
    table: Annotated[
        Path | None, typer.Option(help="A long table instead: csv, tsv, jsonl or parquet, one row an answer.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Column of the table: what was judged.")] = None,
    annotator: Annotated[str | None, typer.Option(help="Column of the table: who judged.")] = None,
    value: Annotated[str | None, typer.Option(help="Column of the table: the answer.")] = None,
    groups: Annotated[
        bool, typer.Option("--groups", help="Show each language, kind and round too (JSON always has them).")
    ] = False,
    resamples: Annotated[
        int, typer.Option(min=0, help="Resamples of the bootstrap; 0: no intervals.")
    ] = 1000,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how well annotators agree: Krippendorff's alpha and raw agreement, with 95 % intervals.

    Example: aufruf agreement pilot --groups
    """
    columns = (unit, annotator, value)
    if table is None and any(columns):
        raise typer.BadParameter("--unit, --annotator and --value name columns of a --table")
    if table is not None and not (all(columns) and round_name is None):
        raise typer.BadParameter("--table needs --unit, --annotator and --value, and takes no ROUND")
    if table is not None:
        rows, thresholds = _of_table(table, columns, seed, resamples)
    else:
        rows, thresholds = _of_workspace(workspace, round_name, seed, resamples)
    if as_json:
        show_json(rows)
    else:
        _show_agreement([row for row in rows if groups or row.group == "all"], thresholds)


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


def _of_table(
    table: Path, columns: tuple[str | None, str | None, str | None], seed: int, resamples: int
) -> tuple[list[AgreementRow], Agreement]:
    from aufruf.agreement import agreement_of_table
    from aufruf.settings import Agreement

    unit, annotator, value = (name or "" for name in columns)
    rows = agreement_of_table(
        table, unit=unit, annotator=annotator, value=value, seed=seed, resamples=resamples
    )
    return rows, Agreement()


def _of_workspace(
    workspace: Path | None, round_name: str | None, seed: int, resamples: int
) -> tuple[list[AgreementRow], Agreement]:
    from aufruf.agreement import agreement as measure
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    return measure(opened, round_name, seed=seed, resamples=resamples), opened.settings.agreement


def _show_agreement(rows: list[AgreementRow], thresholds: Agreement) -> None:
    raw = {(row.label, row.group): row.value for row in rows if row.coefficient == "raw"}
    shown = [row for row in rows if row.coefficient == "krippendorff_alpha"]
    content = [
        [
            row.label if row.group == "all" else f"  {row.group}",
            f"{_number(row.value)} {_mark(row.value, thresholds)}",
            f"{_number(row.low)} … {_number(row.high)}",
            _number(raw[row.label, row.group]),
            f"{row.records:,}",
        ]
        for row in shown
    ]
    show_table("agreement", ["", "alpha", "95 %", "raw", "records"], content)
    for reason in sorted({row.reason for row in shown if row.reason}):
        typer.echo(f"-: {reason}")
    typer.echo(
        f"● reliable: {thresholds.reliable} or more  ◐ tentative: {thresholds.tentative} or more  "
        "○ no ground for conclusions\n"
        "Intervals resample duplicate clusters (in a --table: units) and take the annotators as they are."
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2) + 0:.2f}"  # not -0.00


def _mark(value: float | None, thresholds: Agreement) -> str:
    if value is None:
        return " "
    if value >= thresholds.reliable:
        return "●"
    return "◐" if value >= thresholds.tentative else "○"


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
