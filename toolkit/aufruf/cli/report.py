"""The command that makes pages: report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aufruf.cli.baselines import (
    GroupOption,
    LabelOption,
    PositiveOption,
    TableOption,
    TextOption,
    find_model,
    find_workspace,
    release_folder,
)
from aufruf.cli.options import DryRunOption, JsonOption, SeedOption, WorkspaceOption, show_json

if TYPE_CHECKING:
    from aufruf.label_scheme import Language

_PANEL = "Decisions"
_Split = Literal["train", "validation", "test"]


def register(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command("report", rich_help_panel=_PANEL)(report)


def report(
    round_name: Annotated[
        str | None, typer.Argument(help="The round to report on.", metavar="ROUND", show_default=False)
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", help="A model to report on instead: its folder, or its name.", show_default=False
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option("--release", help="Of a model: the release to score it on.", show_default="its own"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="The same by folder; needs no workspace.", show_default=False),
    ] = None,
    table: TableOption = None,
    text: TextOption = None,
    label: LabelOption = None,
    positive: PositiveOption = None,
    group: GroupOption = None,
    head: Annotated[
        str | None, typer.Option("--head", help="Which head answers to a table.", show_default="the only one")
    ] = None,
    split: Annotated[
        _Split, typer.Option(help="Of a model: the split of the release or dataset's folder to score it on.")
    ] = "test",
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
    """Make one HTML page of a round or of a model, to be read in a browser.

    Of a round: progress, agreement, confusion, time, prevalence, disputed records. Of a model: scores,
    curves, functional tests, n-grams, worst errors; on the very table that it was trained on they are of
    its recipe, fitted anew and scored out of sample.

    Example: aufruf report first --language de

    Example: aufruf report --model hashed-svm-1.0.0

    Example: aufruf report --model hashed-svm-posts-call --table others.csv
    """
    if (round_name is None) == (model is None):
        raise typer.BadParameter("name a round, or a model with --model")
    of_table = (text, label, positive, group, head)
    if table is None and any(of_table):
        raise typer.BadParameter("--text, --label, --positive, --group and --head belong to a --table")
    if sum(option is not None for option in (release, data, table)) > 1 - (model is None):
        raise typer.BadParameter("give a --model with one of --release, --data and --table")
    if model is None:
        name, html, root = _of_round(str(round_name), language, seed, workspace)
    elif table is not None:
        name, html, root = _on_table(model, table, (*of_table, split), language, seed, workspace)
    else:
        name, html, root = _of_model(model, release, data, split, language, seed, workspace)
    _write(html, output or root / "reports" / f"{name}.html", dry_run=dry_run, as_json=as_json)


def _of_round(
    round_name: str, language: Language, seed: int, workspace: Path | None
) -> tuple[str, str, Path]:
    from aufruf.report import round_report
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    return f"round-{round_name}", round_report(opened, round_name, language, seed=seed), opened.root


def _of_model(
    model: Path,
    release: str | None,
    data: Path | None,
    split: _Split,
    language: Language,
    seed: int,
    workspace: Path | None,
) -> tuple[str, str, Path]:
    from aufruf.baselines.evaluation import trained_on
    from aufruf.report import model_report

    around = find_workspace(workspace, needed=False)
    folder = find_model(model, around)
    version = release or (trained_on(folder) if data is None else None)
    if data is None and version is None:
        raise typer.BadParameter(f"{folder} was trained on a table: name that one or another with --table")
    around = around or find_workspace(workspace, needed=data is None)
    html = model_report(folder, release_folder(data, version, around), language, split=split, seed=seed)
    return f"model-{folder.resolve().name}", html, around.root if around else Path()


def _on_table(
    model: Path,
    table: Path,
    columns: tuple[str | None, ...],
    language: Language,
    seed: int,
    workspace: Path | None,
) -> tuple[str, str, Path]:
    from aufruf.baselines.asked import Columns
    from aufruf.report import table_report

    around = find_workspace(workspace, needed=False)
    folder = find_model(model, around)
    html = table_report(folder, table, Columns(*columns), language, seed=seed)
    return f"model-{folder.resolve().name}", html, around.root if around else Path()


def _write(html: str, path: Path, *, dry_run: bool, as_json: bool) -> None:
    from aufruf.files import write_bytes

    if not dry_run:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, html.encode())
    if as_json:
        show_json({"path": str(path), "bytes": len(html.encode()), "written": not dry_run})
    else:
        typer.echo(f"{'would write' if dry_run else 'wrote'} {path} ({len(html.encode()) // 1000:,} kB)")
