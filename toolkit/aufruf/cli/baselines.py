"""Commands for baselines: train, evaluate."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aufruf.cli.comparison import show_comparison, show_study
from aufruf.cli.functional import show_suite
from aufruf.cli.options import (
    DryRunOption,
    JsonOption,
    SeedOption,
    WorkspaceOption,
    progress,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from aufruf.baselines.functional.evaluation import SuiteReport
    from aufruf.baselines.model import Step
    from aufruf.baselines.runs import Report
    from aufruf.baselines.studies import Study
    from aufruf.baselines.table_data import Table
    from aufruf.workspace import Workspace

_PANEL = "Baselines"
_RATES = ("mention_false_positive_rate", "mention_false_positive_rate_at_recall_80")

DataOption = Annotated[
    Path | None, typer.Option("--data", help="A release's folder; needs no workspace.", show_default=False)
]
ReleaseOption = Annotated[
    str | None, typer.Option("--release", help="A release of the workspace, by version.", show_default=False)
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--table",
        help="Any table instead: CSV, TSV, JSON Lines or Parquet, or a dataset's folder.",
        show_default=False,
    ),
]
TextOption = Annotated[str | None, typer.Option("--text", help="Column of the table: texts.")]
LabelOption = Annotated[str | None, typer.Option("--label", help="Column of the table: answers.")]
PositiveOption = Annotated[
    str | None, typer.Option("--positive", help="The answer that counts as yes, all others as no.")
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group", help="Column of the table: what stays together, beside identical texts."),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("train", rich_help_panel=_PANEL)(train)
    app.command("evaluate", rich_help_panel=_PANEL)(evaluate)


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a file of one's own.")] = "hashed-svm",
    data: DataOption = None,
    release: ReleaseOption = None,
    table: TableOption = None,
    text: TextOption = None,
    label: LabelOption = None,
    positive: PositiveOption = None,
    group: GroupOption = None,
    split: Annotated[
        str | None,
        typer.Option("--split", help="Split of a dataset's folder to take alone.", show_default="all"),
    ] = None,
    folds: Annotated[
        int | None, typer.Option("--cross-validate", min=2, help="Folds for a table's scores; else a fifth.")
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder", help="A local encoder's folder, for recipes that need one.", show_default=False
        ),
    ] = None,
    weighted: Annotated[
        bool, typer.Option("--weighted", help="Count each text by its design weight.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The model's folder.", show_default="in models/")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the recipes and train nothing.")] = False,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a baseline on a release (the newest by default), or on any table.

    Example: aufruf train hashed-svm --release 0.1.0
    """
    from aufruf.baselines.recipes import load_recipe, with_encoder
    from aufruf.baselines.runs import default_name
    from aufruf.baselines.runs import train as run

    if listed:
        _show_recipes(as_json)
        return
    _check_options(data, release, table, [text, label, positive, group, split, folds])
    around = find_workspace(workspace, needed=data is None and table is None)
    chosen = with_encoder(load_recipe(recipe), encoder)
    columns = (text, label, positive, group, split)
    examples = _release(data, release, around) if table is None else _table(table, columns)
    models = around.root / "models" if around else Path("models")
    with _steps() as step:
        report = run(
            chosen,
            examples,
            output or models / default_name(chosen, examples),
            folds=folds,
            weighted=weighted,
            seed=seed,
            dry_run=dry_run,
            workspace=around,
            step=step,
        )
    _show(report, as_json)


def evaluate(
    model: Annotated[
        Path | None,
        typer.Argument(help="The model's folder, or its name in the workspace.", show_default=False),
    ] = None,
    other: Annotated[
        Path | None, typer.Argument(help="Another model to compare it with.", show_default=False)
    ] = None,
    data: DataOption = None,
    release: ReleaseOption = None,
    split: Annotated[
        Literal["train", "validation", "test"], typer.Option(help="Split of the release or dataset's folder.")
    ] = "test",
    table: TableOption = None,
    text: TextOption = None,
    label: LabelOption = None,
    positive: PositiveOption = None,
    group: GroupOption = None,
    head: Annotated[
        str | None, typer.Option(help="Which head answers to a table, such as threat_author.")
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option("--suite", help="Functional tests instead: 'functional' for ours, or a folder or file."),
    ] = None,
    functionality: Annotated[
        str | None, typer.Option("--functionality", help="Column of someone else's suite.")
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            help="Score anyone's: a table of ids and, a column a head, scores from 0 to 1 or decisions.",
            show_default=False,
        ),
    ] = None,
    id: Annotated[  # noqa: A002 -- the option's name
        str | None, typer.Option("--id", help="Column of the predictions: ids.", show_default="id, record_id")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Score predictions of a part of the split, too.")
    ] = False,
    study: Annotated[
        Literal["crosslingual", "time", "learning", "masked"] | None,
        typer.Option("--study", help="Train its recipe, or ask it, otherwise.", show_default=False),
    ] = None,
    probes: Annotated[
        bool, typer.Option("--probes/--no-probes", help="Train models that do not read, for comparison.")
    ] = True,
    rounds: Annotated[
        int, typer.Option("--resamples", min=0, help="Resamples of the bootstrap; 0: no intervals.")
    ] = 1000,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model per label and language, with intervals: on the release it was trained on, or on others.

    With two models: how they differ, with intervals and p-values. With --study: trained on one language, on
    the past or on less, or asked without the words of the lexicon.

    Example: aufruf evaluate models/hashed-svm-0.1.0 --split test

    Example: aufruf evaluate --predictions theirs.csv --release 0.1.0
    """
    from aufruf.baselines import evaluation

    if study is not None and (table or suite or other or predictions or split != "test"):
        raise typer.BadParameter("--study takes one model and a release, and scores on its test split")
    if suite is not None:
        if data or release or table or other or predictions or model is None:
            raise typer.BadParameter(
                "--suite tests one MODEL, without --data, --release, --table and --predictions"
            )
        folder = find_model(model, find_workspace(workspace, needed=False))
        columns = (text, label, positive, group, functionality)
        show_suite(_on_suite(folder, suite, columns, head, rounds, seed), as_json=as_json)
        return
    _check_options(data, release, table, [text, label, positive, group, head, functionality])
    around = find_workspace(workspace, needed=False)
    if predictions is not None:
        if table or other:
            raise typer.BadParameter("--predictions are scored on a release, beside one MODEL at most")
        chosen = _release(data, release, around if data else find_workspace(workspace, needed=True))
        ours = find_model(model, around) if model else None
        said = {"split": split, "id": id, "allow_missing": allow_missing, "rounds": rounds, "seed": seed}
        _show_predictions(predictions, chosen, ours, said, as_json=as_json)
        return
    if model is None:
        raise typer.BadParameter("say which MODEL, or give --predictions")
    folder, second = find_model(model, around), find_model(other, around) if other else None
    drawn: dict[str, Any] = {"rounds": rounds, "seed": seed}
    if table is None:
        version = release or (evaluation.trained_on(folder) if data is None else None)
        chosen = _release(data, version, around if data else find_workspace(workspace, needed=True))
        asked: dict[str, Any] = {"split": split, **drawn}
        if second is None:
            _show_on_release(folder, chosen, study, asked | {"probes": probes}, as_json=as_json)
            return
        show_comparison(evaluation.compare_on_release(folder, second, chosen, **asked), as_json=as_json)
        return
    named = {
        "text": text,
        "label": label,
        "positive": positive,
        "group": group,
        "head": head,
        "split": split,
    }
    if second is None:
        _show(evaluation.evaluate_on_table(folder, table, **named, **drawn), as_json)
        return
    compared = evaluation.compare_on_table(folder, second, table, **named, **drawn)
    show_comparison(compared, as_json=as_json)


def _show_on_release(
    folder: Path, release: Path, study: Study | None, options: dict[str, Any], *, as_json: bool
) -> None:
    from aufruf.baselines.evaluation import evaluate_on_release
    from aufruf.baselines.studies import study_on_release

    with _steps() as step:
        if study is None:
            report = evaluate_on_release(folder, release, step=step, **options)
        else:
            drawn = {name: options[name] for name in ("rounds", "seed")}
            report = study_on_release(folder, release, study, step=step, **drawn)
    if study is None:
        _show(report, as_json)
    else:
        show_study(report, as_json=as_json)


def _show_predictions(
    path: Path, release: Path, model: Path | None, options: dict[str, Any], *, as_json: bool
) -> None:
    from aufruf.baselines.predictions_of_others import compare_predictions, evaluate_predictions

    if model is None:
        _show(evaluate_predictions(path, release, **options), as_json)
    else:
        show_comparison(compare_predictions(path, model, release, **options), as_json=as_json)


def _on_suite(
    folder: Path, suite: str, columns: tuple[str | None, ...], head: str | None, rounds: int, seed: int
) -> SuiteReport:
    from aufruf.baselines.functional.evaluation import evaluate_on_suite, find_suite

    text, label, positive, group, functionality = columns
    cases = find_suite(
        suite, text=text, gold=label, positive=positive, template=group, functionality=functionality
    )
    return evaluate_on_suite(folder, cases, gold=label, head=head, rounds=rounds, seed=seed)


def _check_options(
    data: Path | None, release: str | None, table: Path | None, of_table: Sequence[object]
) -> None:
    if sum(option is not None for option in (data, release, table)) > 1:
        raise typer.BadParameter("give one of --data, --release and --table")
    if table is None and any(option is not None for option in of_table):
        raise typer.BadParameter(
            "--text, --label, --positive, --group and such belong to a --table or a --suite"
        )


def find_workspace(given: Path | None, *, needed: bool) -> Workspace | None:
    """Open the workspace; None if there is none, none was named, and none is needed."""
    from aufruf.errors import WorkspaceError
    from aufruf.workspace import open_workspace

    try:
        return open_workspace(given)
    except WorkspaceError:
        if needed or given is not None:
            raise
        return None


def _release(data: Path | None, version: str | None, around: Workspace | None) -> Path:
    from aufruf.baselines.release_data import find_release

    if data is not None:
        return data
    assert around is not None, "without --data a workspace was asked for"
    return find_release(around, version)


def _table(path: Path, columns: tuple[str | None, ...]) -> Table:
    from aufruf.baselines.table_data import read_table

    text, label, positive, group, split = columns
    if text is None or label is None:
        raise typer.BadParameter("--table needs --text and --label")
    return read_table(path, text=text, label=label, positive=positive, group=group, split=split)


def find_model(given: Path, around: Workspace | None) -> Path:
    """Return the model's folder: as given, else of that name in the workspace."""
    inside = around.root / "models" / given.name if around else given
    return inside if not given.exists() and inside.is_dir() else given


@contextmanager
def _steps() -> Generator[Step]:
    with progress() as bars:
        task = bars.add_task("training", total=None)
        yield lambda what, done, total: bars.update(task, description=what, completed=done, total=total)


def _show_recipes(as_json: bool) -> None:
    from aufruf.baselines.recipes import list_recipes

    recipes = list_recipes()
    if as_json:
        show_json(recipes)
        return
    rows = [[recipe.name, recipe.title, recipe.needs] for recipe in recipes]
    show_table("recipes", ["name", "what it is", "needs"], rows)


def _show(report: Report, as_json: bool) -> None:
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        show_json(report)
        return
    if len({score.label for score in report.scores}) > 1:
        _show_labels(report)
    elif report.scores:
        _show_figures(report)
    if report.model:
        typer.echo(f"model: {report.model}")


def _show_figures(report: Report) -> None:
    from aufruf.baselines.card import shown, shown_interval

    rows = [
        [score.metric, shown(score.value), shown_interval(score), f"{score.n:,}"] for score in report.scores
    ]
    show_table(f"{report.scores[0].label} ({report.scores_of})", ["metric", "value", "95 %", "n"], rows)


def _show_labels(report: Report) -> None:
    """Show a line for each label and language: F1 with its interval, and what else is quoted."""
    from aufruf.baselines.card import by_label, shown

    weighted = {
        (score.label, score.language, score.metric): score for score in report.scores if score.weighted
    }
    rows: list[list[str]] = []
    for label, language, figures in by_label(report.scores):
        first = figures.get("f1") or figures["macro_f1"]
        by_design = (weighted.get((label, language, name)) for name in (first.metric, "average_precision"))
        told = [figures.get("average_precision"), *(by_design if weighted else ()), *map(figures.get, _RATES)]
        cells = [shown(other.value, 2) if other else "" for other in told]
        interval = "" if first.low is None else f"{shown(first.low, 2)}-{shown(first.high, 2)}"
        rows.append([label, language or "all", shown(first.value, 2), interval, f"{first.n:,}", *cells])
    by_weight = ["F1 w", "AP w"] if weighted else []
    header = ["label", "", "F1", "95 %", "n", "AP", *by_weight, "own", "own .8"]
    show_table(f"scores ({report.scores_of})", header, rows)
    typer.echo(
        "F1 of the first lines: mean over labels or answers · AP: average precision · w: by design weight"
    )
    typer.echo("own: share of mere mentions called the author's own; .8: where recall is .8 · all: --json")
