"""Score a workspace's gold labels by models that did not see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aufruf.baselines.examples import NOT_ASKED, YES_NO, Examples, Target
from aufruf.baselines.features import prepare
from aufruf.baselines.folds import folds_of
from aufruf.baselines.model import fit_model, no_step
from aufruf.errors import InputError
from aufruf.gold import newest_gold
from aufruf.tables import CLUSTERS, RECORDS

if TYPE_CHECKING:
    from aufruf.baselines.model import Step
    from aufruf.baselines.recipes import Recipe
    from aufruf.workspace import Workspace

_SIDES = ("contained", "author")


def score_gold(
    workspace: Workspace, recipe: Recipe, *, folds: int = 5, seed: int = 0, step: Step = no_step
) -> pl.DataFrame:
    """Return out-of-fold scores of the newest gold run's records.

    Records are divided so that no duplicate cluster stands on both sides; each is scored by a model fitted on
    the other folds. Heads that a fold's training has one answer for only are left out there.

    Args:
        workspace: the workspace.
        recipe: one whose scores are probabilities.
        folds: how many.
        seed: of everything random.
        step: is told of progress.

    Returns:
        ``record_id``, ``label``, ``column``, ``score`` (probability of yes).

    Raises:
        InputError: if nothing is decided, or too little of it for the folds.
    """
    rows = decided_records(workspace)
    examples = examples_of_gold(rows, workspace)
    any_label = Target(
        "any label", YES_NO, np.max([target.codes for target in examples.targets], axis=0).clip(0)
    )
    to_divide = Examples(examples.texts, (any_label,), examples.units)
    parts: list[pl.DataFrame] = []
    for number, (train, held_out) in enumerate(folds_of(to_divide, folds, seed)):
        step("scoring gold", number, folds)
        model = fit_model(recipe, examples.take(train), seed=seed, step=no_step)
        told = {head.name for head in model.heads if not head.is_constant}
        for name, answers in model.answer(examples.take(held_out)).items():
            if name in told:
                label, _, column = name.rpartition("_")
                ids = rows.get_column("record_id").gather(held_out)
                part = pl.DataFrame({"record_id": ids, "score": answers.scores[:, 1]})
                parts.append(part.with_columns(label=pl.lit(label), column=pl.lit(column)))
    if not parts:
        raise InputError("no label is decided both ways often enough to learn from")
    return pl.concat(parts).select("record_id", "label", "column", "score")


def decided_records(workspace: Workspace) -> pl.DataFrame:
    """Return a row a record with a text: its cluster, and a column each of true, false or null."""
    gold = newest_gold(workspace).filter(pl.col("column").is_in(_SIDES))
    if gold.is_empty():
        raise InputError("nothing is decided yet: run `aufruf gold`")
    wide = gold.with_columns(head=pl.format("{}_{}", "label", "column"), yes=pl.col("value") == "true").pivot(
        "head", index="record_id", values="yes", sort_columns=True
    )
    texts = workspace.store.scan(RECORDS).select("record_id", "text")
    return (
        wide.lazy()
        .join(texts, on="record_id")
        .join(workspace.store.scan(CLUSTERS), on="record_id", how="left")
        .with_columns(cluster=pl.coalesce("cluster", "record_id"))
        .sort("record_id")
        .collect()
    )


def examples_of_gold(rows: pl.DataFrame, workspace: Workspace) -> Examples:
    """Return records as examples, a target a column; those of one duplicate cluster are one unit."""
    names = [f"{label}_{side}" for label in workspace.label_scheme.label_names for side in _SIDES]
    return Examples(
        texts=prepare(rows.get_column("text")),
        targets=tuple(
            Target(name, YES_NO, rows.get_column(name).cast(pl.Int64).fill_null(NOT_ASKED).to_numpy())
            for name in names
            if name in rows.columns
        ),
        units=(rows.get_column("cluster").rank("dense").cast(pl.Int64) - 1).to_numpy(),
    )
