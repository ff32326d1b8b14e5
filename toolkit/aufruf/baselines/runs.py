"""A run: a recipe trained on a release or a table, its model written, its scores reported."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from aufruf.baselines.card import model_card
from aufruf.baselines.comparison import Difference  # noqa: TC001 -- msgspec reads the types at run time
from aufruf.baselines.model import no_step
from aufruf.baselines.model_files import check_output, save_model
from aufruf.baselines.record import (
    FORMAT,
    ModelRecord,
    ReleaseOrigin,
    TableOrigin,
    head_records,
    versions,
)
from aufruf.baselines.release_data import read_release
from aufruf.baselines.scoring import Score  # noqa: TC001 -- msgspec reads the types at run time
from aufruf.baselines.table_data import Table
from aufruf.baselines.training import fit_on_release, fit_on_table
from aufruf.errors import InputError

if TYPE_CHECKING:
    from aufruf.baselines.model import Step
    from aufruf.baselines.recipes import Recipe
    from aufruf.baselines.record import Origin
    from aufruf.baselines.training import Training
    from aufruf.workspace import Workspace


class Report(msgspec.Struct, frozen=True):
    """What was trained or evaluated.

    ``model`` is the model's folder, None if none was written; ``scores_of`` says on what texts the
    scores are. ``probes`` are differences from models that do not read, by their names.
    """

    model: str | None
    scores: list[Score]
    scores_of: str
    notes: list[str]
    probes: dict[str, list[Difference]] = {}


def train(  # noqa: PLR0913 -- the command's options, in the same words
    recipe: Recipe,
    data: Path | Table,
    output: Path,
    *,
    folds: int | None = None,
    weighted: bool = False,
    seed: int = 0,
    dry_run: bool = False,
    workspace: Workspace | None = None,
    step: Step = no_step,
) -> Report:
    """Train a recipe and write the model's folder.

    Args:
        recipe: what to train.
        data: a release's folder: two heads a label are fitted on ``train``, scores are of ``validation``;
            or a table: one head is fitted on all texts, scores are of texts held out.
        output: the model's folder; a model that is there is replaced.
        folds: of a table, how many folds for cross-validation; None to score on a fifth held out.
        weighted: of a release, whether a text counts by its design weight.
        seed: of everything random.
        dry_run: whether to stop before training.
        workspace: where the event is noted, if ``output`` lies in it.
        step: is told of progress.

    Raises:
        InputError: if the release is not as it was released, there is too little to learn from,
            ``output`` holds something else than a model, or an option does not fit the data.
    """
    check_output(output)
    if isinstance(data, Table):
        if weighted:
            raise InputError(f"{data.name}: a table has no design weights; leave --weighted out")
        origin = TableOrigin(data.name, data.sha256, data.text, data.label, data.positive, data.group)
        if dry_run:
            return _planned(f"{len(data.examples):,} texts of {data.name}", 1, output)
        return _write(
            fit_on_table(recipe, data, folds=folds, seed=seed, step=step), origin, output, seed, workspace
        )
    found = read_release(data, ("train", "validation"))
    train = found.splits["train"]
    if dry_run:
        return _planned(f"{len(train):,} texts of release {found.version}", len(train.targets), output)
    training = fit_on_release(recipe, found, seed=seed, weighted=weighted, step=step)
    origin = ReleaseOrigin(found.version, found.content_sha256, found.scheme.sha256, weighted)
    return _write(training, origin, output, seed, workspace)


def default_name(recipe: Recipe, data: Path | Table) -> str:
    """Return the name of a model's folder: the recipe with the release's version, or table and column."""
    parts = (Path(data.name).stem, data.label) if isinstance(data, Table) else (data.resolve().name,)
    return "-".join([recipe.name, *(re.sub(r"[^\w.]+", "_", part).strip("._") or "_" for part in parts)])


def _planned(texts: str, heads: int, output: Path) -> Report:
    return Report(None, [], "", [f"would train {heads} heads on {texts} and write {output}"])


def _write(
    training: Training, origin: Origin, output: Path, seed: int, workspace: Workspace | None
) -> Report:
    model = training.model
    record = ModelRecord(
        format=FORMAT,
        recipe=model.recipe,
        origin=origin,
        heads=head_records(model.heads),
        seed=seed,
        versions=versions(),
        scores_of=training.scores_of,
        scores=tuple(training.scores),
        notes=tuple(training.notes),
    )
    inside = workspace if workspace and output.resolve().is_relative_to(workspace.root) else None
    with inside.locked() if inside else nullcontext():
        written = save_model(model, record, model_card(record), output)
        if inside:
            details = {
                "recipe": model.recipe.name,
                "texts": training.texts,
                "model_sha256": written.model_sha256,
            }
            inside.record_event("train", output.name, details)
    return Report(str(output), training.scores, training.scores_of, training.notes, training.probes)
