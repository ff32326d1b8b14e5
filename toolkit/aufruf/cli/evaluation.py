"""The command evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aufruf.cli.baselines import (
    PANEL,
    DataOption,
    GroupOption,
    LabelOption,
    PositiveOption,
    ReleaseOption,
    TableOption,
    TextOption,
    check_options,
    find_model,
    find_workspace,
    release_folder,
    show_report,
    steps,
)
from aufruf.cli.comparison import show_comparison, show_study
from aufruf.cli.functional import show_suite
from aufruf.cli.options import JsonOption, SeedOption, WorkspaceOption

if TYPE_CHECKING:
    from aufruf.baselines.functional.evaluation import SuiteReport
    from aufruf.baselines.studies import Study


def register(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command("evaluate", rich_help_panel=PANEL)(evaluate)


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
    check_options(data, release, table, [text, label, positive, group, head, functionality])
    around = find_workspace(workspace, needed=False)
    if predictions is not None:
        if table or other:
            raise typer.BadParameter("--predictions are scored on a release, beside one MODEL at most")
        chosen = release_folder(data, release, around if data else find_workspace(workspace, needed=True))
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
        chosen = release_folder(data, version, around if data else find_workspace(workspace, needed=True))
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
        show_report(evaluation.evaluate_on_table(folder, table, **named, **drawn), as_json)
        return
    compared = evaluation.compare_on_table(folder, second, table, **named, **drawn)
    show_comparison(compared, as_json=as_json)


def _show_on_release(
    folder: Path, release: Path, study: Study | None, options: dict[str, Any], *, as_json: bool
) -> None:
    from aufruf.baselines.evaluation import evaluate_on_release
    from aufruf.baselines.studies import study_on_release

    with steps() as step:
        if study is None:
            report = evaluate_on_release(folder, release, step=step, **options)
        else:
            drawn = {name: options[name] for name in ("rounds", "seed")}
            report = study_on_release(folder, release, study, step=step, **drawn)
    if study is None:
        show_report(report, as_json)
    else:
        show_study(report, as_json=as_json)


def _show_predictions(
    path: Path, release: Path, model: Path | None, options: dict[str, Any], *, as_json: bool
) -> None:
    from aufruf.baselines.predictions_of_others import compare_predictions, evaluate_predictions

    if model is None:
        show_report(evaluate_predictions(path, release, **options), as_json)
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
