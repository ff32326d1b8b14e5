"""The command gold: final labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aufruf.cli.options import (
    DryRunOption,
    JsonOption,
    SeedOption,
    WorkspaceOption,
    note,
    note_suggestions,
    progress,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from aufruf.gold import GoldReport, Suspicion
    from aufruf.workspace import Workspace

_SHOWN_VALUES = 2
_SHOWN_ROWS = 50
_LISTS = ("ties", "annotators", "changes")
"""Parts of the report that are shown when asked for."""

RoundArgument = Annotated[
    str | None, typer.Argument(metavar="ROUND", help="The round.", show_default="all rounds")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gold", rich_help_panel="Decisions")(gold)


def gold(
    round_name: RoundArgument = None,
    rule: Annotated[
        Literal["majority", "dawid-skene", "one-coin"] | None,
        typer.Option(
            "--rule",
            "--model",
            help="Who decides contained and author: majorities, or a model of the annotators.",
            show_default="as aufruf.toml says",
        ),
    ] = None,
    ties: Annotated[bool, typer.Option("--ties", help="List what is left for adjudication.")] = False,
    changes: Annotated[
        bool, typer.Option("--changes", help="List what is other than in the last run, and why.")
    ] = False,
    annotators: Annotated[
        bool, typer.Option("--annotators", help="Show each annotator's confusion matrices.")
    ] = False,
    suspicious: Annotated[
        bool,
        typer.Option("--suspicious", help="Decide nothing; list final labels that scores speak against."),
    ] = False,
    scores: Annotated[
        Path | None,
        typer.Option(
            help="For --suspicious: out-of-fold scores, a table of record_id, label, score.",
            show_default="a baseline's, made now",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write --ties, --changes or --suspicious to this file, .csv or .json."
        ),
    ] = None,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Decide the final labels, column by column, and keep them.

    Example: aufruf gold --ties
    """
    wanted = {"ties": ties, "annotators": annotators, "changes": changes, "suspicious": suspicious}
    named = [name for name, asked in wanted.items() if asked]
    if len(named) > 1:
        raise typer.BadParameter(f"give one of {', '.join(f'--{name}' for name in wanted)}")
    if (scores and not suspicious) or (output and not named):
        raise typer.BadParameter("--scores belongs to --suspicious, --output to a list")
    if suspicious and (round_name or rule):
        raise typer.BadParameter("--suspicious decides nothing: it takes no ROUND and no --rule")
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    if suspicious:
        _suspicious(opened, scores, output, seed, as_json)
        return
    from aufruf.gold import decide_gold

    report = decide_gold(opened, round_name, rule=rule, dry_run=dry_run)
    _show(report, named[0] if named else None, output, dry_run=dry_run, as_json=as_json)
    note_suggestions(opened)


def _suspicious(
    workspace: Workspace, scores: Path | None, output: Path | None, seed: int, as_json: bool
) -> None:
    from aufruf.gold import newest_gold, read_scores, suspicious

    known = newest_gold(workspace)
    found = suspicious(
        known, read_scores(scores, workspace.label_scheme) if scores else _scored(workspace, seed)
    )
    _write(found, output)
    if as_json:
        show_json(found)
    elif not output:
        _show_suspicious(found)


def _scored(workspace: Workspace, seed: int) -> Any:
    """Return out-of-fold scores of a baseline."""
    from aufruf.baselines.gold_scores import score_gold
    from aufruf.baselines.recipes import load_recipe

    with progress() as bars:
        task = bars.add_task("scoring", total=None)
        return score_gold(
            workspace,
            load_recipe("tfidf-logreg"),
            seed=seed,
            step=lambda what, done, total: bars.update(task, description=what, completed=done, total=total),
        )


def _write(rows: list[Any], output: Path | None) -> None:
    """Write a list to a file; its first columns are always record_id, label, column."""
    if output is None:
        return
    import msgspec
    import polars as pl

    from aufruf.errors import InputError
    from aufruf.files import write_text

    if output.suffix.lower() not in (".csv", ".json"):
        raise InputError(f"{output}: cannot write '{output.suffix}'; expected .csv or .json")
    content = msgspec.to_builtins(rows)
    if output.suffix.lower() == ".json":
        write_text(output, msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n")
    else:
        flat = [{k: v for k, v in row.items() if not isinstance(v, dict)} for row in content]
        columns = ["record_id", "label", "column"]
        write_text(output, pl.DataFrame(flat or {name: [] for name in columns}).write_csv())
    note(f"{len(rows):,} rows: {output}")


def _show(
    report: GoldReport, listed: str | None, output: Path | None, *, dry_run: bool, as_json: bool
) -> None:
    import msgspec

    for entry in report.modelled:
        if entry.reason:
            note(f"{entry.label}_{entry.column}: decided by majority: {entry.reason}")
    if listed and output:
        _write(getattr(report, listed), output)
    if as_json:
        content = msgspec.to_builtins(report)
        show_json({name: value for name, value in content.items() if name not in _LISTS or name == listed})
    elif not output:
        shows = {"ties": _show_ties, "annotators": _show_annotators, "changes": _show_changes}
        if listed:
            shows[listed](report)
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
    rows = [
        [tie.record_id, f"{tie.label}_{tie.column}", _values(tie.distribution), _share(tie.posterior)]
        for tie in report.ties
    ]
    show_table(f"gold {report.gold_run}: open", ["record", "", "answers", "posterior"], rows)


def _show_annotators(report: GoldReport) -> None:
    rows = [
        [
            f"{entry.label}_{entry.column}",
            entry.annotator,
            f"{_share(entry.sensitivity)} of {entry.positives:,.0f}",
            f"{_share(entry.specificity)} of {entry.negatives:,.0f}",
        ]
        for entry in report.annotators
    ]
    show_table("annotators", ["", "annotator", "yes where it is yes", "no where it is no"], rows)
    if report.rule == "majority":
        typer.echo("against majorities that the annotator's own voice is part of: these figures flatter")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _show_changes(report: GoldReport) -> None:
    rows = [
        [
            change.record_id,
            f"{change.label}_{change.column}",
            f"{change.before or 'open'} → {change.after or 'open'}",
            change.why,
        ]
        for change in report.changes[:_SHOWN_ROWS]
    ]
    show_table(f"changes from {report.compared_with} to {report.gold_run}", ["record", "", "", "why"], rows)
    _more(len(report.changes))


def _show_suspicious(found: list[Suspicion]) -> None:
    rows = [
        [each.record_id, f"{each.label}_{each.column}", each.value, f"{each.score:.2f}", f"{each.usual:.2f}"]
        for each in found[:_SHOWN_ROWS]
    ]
    show_table("worth a second look", ["record", "", "final", "score", "usual"], rows)
    _more(len(found))
    typer.echo("score: probability of yes by a model that did not see the record · usual: mean of the others")


def _more(n: int) -> None:
    if n > _SHOWN_ROWS:
        typer.echo(f"{_SHOWN_ROWS} of {n:,}; all: --output FILE or --json")
