"""The command train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    find_workspace,
    release_folder,
    show_report,
    steps,
    table_of,
)
from aufruf.cli.options import DryRunOption, JsonOption, SeedOption, WorkspaceOption, show_json, show_table


def register(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command("train", rich_help_panel=PANEL)(train)


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
    check_options(data, release, table, [text, label, positive, group, split, folds])
    around = find_workspace(workspace, needed=data is None and table is None)
    chosen = with_encoder(load_recipe(recipe), encoder)
    columns = (text, label, positive, group, split)
    examples = release_folder(data, release, around) if table is None else table_of(table, columns)
    models = around.root / "models" if around else Path("models")
    with steps() as step:
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
    show_report(report, as_json)


def _show_recipes(as_json: bool) -> None:
    from aufruf.baselines.recipes import list_recipes

    recipes = list_recipes()
    if as_json:
        show_json(recipes)
        return
    rows = [[recipe.name, recipe.title, recipe.needs] for recipe in recipes]
    show_table("recipes", ["name", "what it is", "needs"], rows)
