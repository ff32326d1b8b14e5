"""The command that brings records in: import."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, progress, show_json, show_table

if TYPE_CHECKING:
    from rich.progress import TaskID

    from aufruf.crosswalks.defects import Defects
    from aufruf.importing import ImportReport
    from aufruf.labelled import LabelledReport
    from aufruf.labelstudio.exports import ExportReport

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


def _list_crosswalks(wanted: bool) -> None:
    if not wanted:
        return
    from aufruf.crosswalks.definition import known_crosswalks
    from aufruf.errors import WorkspaceError
    from aufruf.workspace import open_workspace

    try:
        known = known_crosswalks(open_workspace())
    except WorkspaceError:
        known = known_crosswalks()
    for name, crosswalk in known.items():
        typer.echo(
            f"{name}: {crosswalk.title} ({crosswalk.language or 'many languages'}, {crosswalk.license})"
        )
        typer.echo(f"    {' '.join(crosswalk.worth.split())}")
    raise typer.Exit


_ListOption = Annotated[
    bool,
    typer.Option(
        "--list-crosswalks",
        help="Say which labelled sets are known, and what their labels are worth.",
        callback=_list_crosswalks,
        is_eager=True,
    ),
]


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
    crosswalk: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Take in the labels too: files of a labelled set that is known."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Slug of the source.", show_default="from the file's name")
    ] = None,
    max_bad: Annotated[
        float, typer.Option(parser=_share, metavar="SHARE", help="Exit 3 if more is damaged than this share.")
    ] = 0.05,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    _crosswalks: _ListOption = False,
) -> None:
    """Import posts and news: normalised, personal data masked, duplicates found.

    Example: aufruf import posts.csv --map fields.toml --source my-corpus
    """
    from aufruf.labelled import import_labelled
    from aufruf.labelstudio.exports import import_with_answers
    from aufruf.workspace import open_workspace

    if crosswalk is not None and (format_ is not None or field_map is not None):
        raise typer.BadParameter("--crosswalk says what the files are: leave out --format and --map")

    opened = open_workspace(workspace)
    with _stoppable(), _told() as tell:
        if crosswalk is None:
            result = import_with_answers(
                opened,
                paths,
                format=format_,  # pyright: ignore[reportArgumentType] -- checked, with a message, by the library
                field_map=field_map,
                source=source,
                max_bad=max_bad,
                dry_run=dry_run,
                progress=tell,
            )
        else:
            result = import_labelled(
                opened, paths, crosswalk, source=source, max_bad=max_bad, dry_run=dry_run, progress=tell
            )
    _show(result, dry_run=dry_run, as_json=as_json)


@contextmanager
def _stoppable() -> Generator[None]:
    """Say after Ctrl-C what to do."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("stopped: nothing is half stored; the same command again goes on from here", err=True)
        raise typer.Exit(130) from None


@contextmanager
def _told() -> Generator[Callable[[str, int, int | None], None]]:
    """Give what an import tells its progress to: a bar for each stage."""
    with progress() as shown:
        bars: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int | None) -> None:
            if stage not in bars:
                bars[stage] = shown.add_task(stage, total=total)
            shown.update(bars[stage], completed=done, total=total)

        yield tell


def _show(result: ImportReport | LabelledReport | ExportReport, *, dry_run: bool, as_json: bool) -> None:
    from aufruf.errors import GateError
    from aufruf.importing import ImportReport
    from aufruf.labelled import LabelledReport

    labelled = result if isinstance(result, LabelledReport) else None
    report = result if isinstance(result, ImportReport) else result.imported
    for note in report.notes:
        typer.echo(note, err=True)
    if as_json:
        show_json(result.counts())
    else:
        rows = [["read", f"{report.read:,}"], ["kept", f"{report.kept:,}"], ["  new", f"{report.new:,}"]]
        rows += [["  known", f"{report.known:,}"], ["quarantined", f"{report.bad:,}"]]
        rows += [[f"  {reason}", f"{n:,}"] for reason, n in report.quarantined.items()]
        rows += [["records made", f"{report.records:,}"]]
        rows += [[f"  {kind}", f"{n:,}"] for kind, n in report.kinds.items()]
        rows += [[f"  in {language}", f"{n:,}"] for language, n in report.languages.items()]
        rows += [["duplicate clusters", f"{report.clusters:,}"]]
        if isinstance(result, LabelledReport):
            rows += _label_rows(result)
        elif not isinstance(result, ImportReport):
            rows += _answer_rows(result)
        show_table(f"import {report.import_id}" + (" (dry run)" if dry_run else ""), ["", "n"], rows)
        if labelled:
            for line in _defect_lines(labelled.defects):
                typer.echo(line)
    if not report.passed:
        raise GateError(
            f"{report.damaged:,} of {report.read:,} items are damaged, more than {report.max_bad:.1%}; the "
            "others were kept. Look at the reasons above, or allow more with --max-bad"
        )


def _answer_rows(report: ExportReport) -> list[list[str]]:
    rows = [["annotations", f"{report.annotations:,}"], ["  skipped", f"{report.skipped:,}"]]
    rows += [["annotations of another interface", f"{report.others:,}"]]
    rows += [["  choices in them, kept as they are", f"{report.source_labels:,}"]]
    rows += [[f"left out: {reason}", f"{n:,}"] for reason, n in report.left_out.items()]
    return rows + [[f"answers refused: {reason}", f"{n:,}"] for reason, n in report.refused.items()]


def _label_rows(report: LabelledReport) -> list[list[str]]:
    rows = [["labels of the set", f"{report.source_labels:,}"]]
    rows += [[f"  not known: {column}", f"{n:,}"] for column, n in report.unknown_values.items()]
    rows += [["annotations", f"{report.annotations:,}"]]
    rows += [[f"  {answer}", f"{n:,}"] for answer, n in report.answers.items()]
    if report.contradictory:
        rows += [["  left out: rows contradict each other", f"{report.contradictory:,}"]]
    return rows + [[f"candidates: {label}", f"{n:,}"] for label, n in report.candidates.items()]


def _defect_lines(defects: Defects) -> list[str]:
    lines = [
        f"{found.file}: {found.groups:,} groups of identical texts, {found.contradicting:,} of them with "
        f"contradicting {found.column}"
        for found in defects.contradicting
    ]
    lines += [
        f"{found.texts:,} texts stand in several official splits: {', '.join(found.splits)}"
        for found in defects.in_several_splits
    ]
    for handles in defects.handles:
        shares = ", ".join(f"{name} {found.share:.0%}" for name, found in handles.classes.items())
        lines.append(
            f"{handles.file}: unmasked handles are unevenly spread over {handles.column} ({shares}; "
            f"p = {handles.p_value:.1g}): a model can learn who instead of what"
        )
    return [f"defect: {line}" for line in lines]
