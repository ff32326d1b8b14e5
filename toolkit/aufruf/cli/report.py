"""The command that makes pages: report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aufruf.cli.options import DryRunOption, JsonOption, SeedOption, WorkspaceOption, show_json

if TYPE_CHECKING:
    from aufruf.label_scheme import Language
    from aufruf.workspace import Workspace

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
    split: Annotated[_Split, typer.Option(help="Of a model: the split to score it on.")] = "test",
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
    curves, functional tests, n-grams, worst errors.

    Example: aufruf report first --language de

    Example: aufruf report --model hashed-svm-1.0.0
    """
    if (round_name is None) == (model is None):
        raise typer.BadParameter("name a round, or a model with --model")
    if model is None:
        if release is not None or data is not None:
            raise typer.BadParameter("--release and --data belong to a --model")
        name, html, root = _of_round(str(round_name), language, seed, workspace)
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
    from aufruf.baselines.release_data import find_release
    from aufruf.report import model_report
    from aufruf.workspace import open_workspace

    around: Workspace | None = None if data is not None and workspace is None else open_workspace(workspace)
    inside = around.root / "models" / model.name if around else model
    folder = inside if not model.exists() and inside.is_dir() else model
    if data is None:
        assert around is not None, "without --data a workspace was asked for"
        data = find_release(around, release or trained_on(folder))
    html = model_report(folder, data, language, split=split, seed=seed)
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
