"""The command agreement: how well annotators agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aufruf.cli.options import (
    JsonOption,
    SeedOption,
    WorkspaceOption,
    note_suggestions,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from aufruf.agreement import AgreementRow, Grouping, Hints
    from aufruf.settings import Agreement

RoundArgument = Annotated[
    str | None, typer.Argument(metavar="ROUND", help="The round.", show_default="all rounds")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agreement", rich_help_panel="Decisions")(agreement)


def agreement(
    round_name: RoundArgument = None,
    table: Annotated[
        Path | None,
        typer.Option(help="A long table instead, one row an answer: CSV, TSV, JSON Lines or Parquet."),
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Column of the table: what was judged.")] = None,
    annotator: Annotated[str | None, typer.Option(help="Column of the table: who judged.")] = None,
    value: Annotated[str | None, typer.Option(help="Column of the table: the answer.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Column of the table: what is resampled as one, else the unit.")
    ] = None,
    order: Annotated[
        str | None, typer.Option(help="All values of the table from lowest to highest, by comma.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="The table's value that counts as yes, where that is not plain.")
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="The table's values are sets, their members divided by this.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Groups to show: language, kind, source, round, design, annotator, pair.",
            show_default="with --json all, else none",
        ),
    ] = None,
    groups: Annotated[bool, typer.Option("--groups", help="Show all groups.")] = False,
    hints: Annotated[
        bool, typer.Option("--hints", help="Show whose removal raises alpha, and what is confused.")
    ] = False,
    crossed: Annotated[
        bool, typer.Option("--crossed", help="Resample annotators too: what would others have answered?")
    ] = False,
    resamples: Annotated[
        int, typer.Option(min=0, help="Resamples of the bootstrap; 0: no intervals.")
    ] = 1000,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how well annotators agree, with 95 % intervals; all coefficients with --json.

    Example: aufruf agreement pilot --by language,pair
    """
    columns = {"unit": unit, "annotator": annotator, "value": value}
    more = {"cluster": cluster, "positive": positive, "separator": separator}
    more |= {"order": order.split(",") if order else None}
    if table is None and any(option is not None for option in (*columns.values(), *more.values())):
        raise typer.BadParameter("--unit, --annotator, --value and such belong to a --table")
    if table is not None and not (all(columns.values()) and round_name is None and not hints):
        raise typer.BadParameter("--table needs --unit, --annotator, --value, and takes no ROUND or --hints")
    bootstrap: dict[str, Any] = {"seed": seed, "resamples": resamples, "crossed": crossed}
    if hints:
        _show_hints(_hints(workspace, round_name), as_json)
    elif table is not None:
        from aufruf.agreement import TABLE_GROUPINGS, agreement_of_table
        from aufruf.settings import Agreement

        wanted = _groupings(by, TABLE_GROUPINGS, every=groups or as_json)
        rows = agreement_of_table(table, **columns, **more, by=wanted, **bootstrap)  # pyright: ignore[reportArgumentType] -- all columns are named
        _show(rows, Agreement(), as_json, crossed)
    else:
        from aufruf.agreement import GROUPINGS
        from aufruf.agreement import agreement as measure
        from aufruf.workspace import open_workspace

        opened = open_workspace(workspace)
        wanted = _groupings(by, GROUPINGS, every=groups or as_json)
        rows = measure(opened, round_name, by=wanted, **bootstrap)
        _show(rows, opened.settings.agreement, as_json, crossed)
        note_suggestions(opened)


def _groupings(by: str | None, known: tuple[Grouping, ...], *, every: bool) -> list[Grouping]:
    if by is None:
        return list(known) if every else []
    named = [part.strip() for part in by.split(",") if part.strip()]
    unknown = [name for name in named if name not in known]
    if unknown:
        raise typer.BadParameter(f"--by: no group {unknown[0]!r}; expected {', '.join(known)}")
    return [name for name in known if name in named]


def _hints(workspace: Path | None, round_name: str | None) -> Hints:
    from aufruf.agreement import agreement_hints
    from aufruf.workspace import open_workspace

    return agreement_hints(open_workspace(workspace), round_name)


def _show(rows: list[AgreementRow], thresholds: Agreement, as_json: bool, crossed: bool) -> None:
    if as_json:
        show_json(rows)
        return
    cells: dict[tuple[str, str], list[AgreementRow]] = {}
    for row in rows:
        cells.setdefault((row.label, row.group), []).append(row)
    lines = [line for found in cells.values() for line in _lines(found, thresholds)]
    show_table("agreement", ["", "alpha", "95 %", "yes", "no", "raw", "n"], lines)
    alphas = [row for row in rows if row.coefficient == "krippendorff_alpha"]
    for reason in sorted({row.reason for row in alphas if row.reason}):
        typer.echo(f"-: {reason}")
    annotators = "annotators too" if crossed else "duplicate clusters, and take the annotators as they are"
    typer.echo(
        f"● reliable: {thresholds.reliable} or more  ◐ tentative: {thresholds.tentative} or more  "
        "○ no ground for conclusions\n"
        "yes, no: agreement on what somebody said · n: records · all coefficients: --json\n"
        f"Intervals resample {annotators}."
    )


def _lines(rows: list[AgreementRow], thresholds: Agreement) -> list[list[str]]:
    """Return a group's line, and one for each further figure."""
    first = rows[0]
    value = {row.coefficient: row.value for row in reversed(rows)}
    others = [
        _number(value[name]) if name in value else ""
        for name in ("positive_agreement", "negative_agreement", "raw")
    ]
    name = first.label if first.group == "all" else f"  {first.group}"
    lines = [[name, *_figure(first, thresholds), *others, f"{first.records:,}"]]
    for row in rows[1:]:
        if row.level != "nominal" or row.coefficient == "cohen_kappa":
            title = f"alpha {row.level}" if row.coefficient == "krippendorff_alpha" else row.coefficient
            lines.append([f"    {title}", *_figure(row, thresholds), "", "", "", ""])
    return lines


def _figure(row: AgreementRow, thresholds: Agreement) -> list[str]:
    mark = _mark(row.value, thresholds) if row.coefficient == "krippendorff_alpha" else " "
    interval = "-" if row.low is None else f"{_number(row.low)}–{_number(row.high)}"
    return [f"{_number(row.value)}{mark}", interval]


def _number(value: float | None) -> str:
    """Return two digits without a leading zero, for lines of 80 characters; - for undefined."""
    return "-" if value is None else f"{round(value, 2) + 0:.2f}".replace("0.", ".", 1)  # not -.00


def _mark(value: float | None, thresholds: Agreement) -> str:
    if value is None:
        return " "
    if value >= thresholds.reliable:
        return "●"
    return "◐" if value >= thresholds.tentative else "○"


def _show_hints(hints: Hints, as_json: bool) -> None:
    if as_json:
        show_json(hints)
        return
    removals = [
        [found.label, found.annotator, _number(found.alpha), _number(found.without), f"{found.records:,}"]
        for found in hints.removals
    ]
    show_table("alpha rises without", ["", "annotator", "alpha", "without", "records"], removals)
    confusions = [
        [f"{found.label}: {found.left} / {found.right}", f"{found.times:,}", f"{found.times / found.of:.0%}"]
        for found in hints.confusions
    ]
    show_table("most confused", ["one said / another", "times", "of pairs with either"], confusions)
