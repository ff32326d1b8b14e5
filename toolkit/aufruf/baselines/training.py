"""Fit a recipe on a release or on a table, with scores of texts that it was not fitted on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aufruf.baselines.model import fit_model, no_step, part_of
from aufruf.baselines.out_of_sample import out_of_sample
from aufruf.baselines.probing import probed_on_table, without_reading
from aufruf.baselines.release_data import SIDES
from aufruf.baselines.scoring import notes_on, resampled, score
from aufruf.errors import InputError

if TYPE_CHECKING:
    from aufruf.baselines.comparison import Difference
    from aufruf.baselines.model import Model, Step
    from aufruf.baselines.recipes import Recipe
    from aufruf.baselines.release_data import Release
    from aufruf.baselines.scoring import Score
    from aufruf.baselines.table_data import Table
    from aufruf.label_scheme import LabelScheme

ScoresOf = Literal["test", "validation", "held out", "cross-validation"]


@dataclass(frozen=True)
class Training:
    """A trained model and what it reaches.

    Attributes:
        model: the fitted model.
        scores: on texts that were not trained on, see `scores_of`.
        scores_of: ``validation`` (of the release; thresholds were tuned on it, so they flatter),
            ``test`` (of a folder with splits), ``held out`` (a fifth of the table) or ``cross-validation``
            (every text once, by a model that was not fitted on it, with probabilities fitted to the distances
            of other folds). For tables without splits the model itself is then fitted on all texts.
        texts: how many the model was fitted on.
        notes: what whoever uses the model must know.
        probes: of a table, how the scores differ from those of models that do not read, by their names.
    """

    model: Model
    scores: list[Score]
    scores_of: ScoresOf
    texts: int
    notes: list[str]
    probes: dict[str, list[Difference]] = field(default_factory=dict[str, "list[Difference]"])


def fit_on_release(
    recipe: Recipe, release: Release, *, seed: int = 0, weighted: bool = False, step: Step = no_step
) -> Training:
    """Fit on split ``train``, tune thresholds and score on ``validation``. ``test`` is not looked at.

    Args:
        recipe: what to train.
        release: with splits ``train`` and ``validation``.
        seed: of everything random.
        weighted: whether a text counts by its design weight (1 / inclusion probability).
        step: is told of progress.

    Raises:
        InputError: if there is nothing to learn from, or no weight is known though asked for.
    """
    train, validation = release.splits["train"], release.splits["validation"]
    if len(train) == 0:
        raise InputError(f"release {release.version}: split train has no texts")
    if weighted and train.weights is None:
        raise InputError(f"release {release.version}: no inclusion probability is known; train unweighted")
    chosen = train if weighted else train.unweighted()
    model = fit_model(recipe, chosen, seed=seed, step=step).tuned(validation)
    scores = score(validation, model.answer(validation), means=means_over_labels(release.scheme), seed=seed)
    notes = ["validation scores flatter: thresholds were tuned on the same texts; quote `aufruf evaluate`"]
    notes += [*_notes(model), *notes_on(validation)]
    return Training(model, scores, "validation", len(train), notes)


def fit_on_table(
    recipe: Recipe, table: Table, *, folds: int | None = None, seed: int = 0, step: Step = no_step
) -> Training:
    """Score out of sample, then fit on all texts. Features are fitted inside each fold.

    Texts of one unit (the same text, the same group) never stand on both sides.

    Args:
        recipe: what to train.
        table: the examples.
        folds: how many folds for cross-validation; None to score on a fifth held out or, of a folder with
            splits, to fit on ``train``, tune on ``validation`` and score on ``test``, else ``validation``.
        seed: of everything random.
        step: is told of progress.

    Raises:
        InputError: if there are too few texts of an answer for the folds.
    """
    if table.has_splits and folds is None:
        return _fit_on_splits(recipe, table, seed, step)
    held = out_of_sample(recipe, table.examples, folds=folds, seed=seed, step=step)
    rounds = len(held.parts) + 1
    model = fit_model(recipe, table.examples, seed=seed, step=part_of(step, rounds - 1, rounds))
    figures = resampled(held.scored, held.answers, seed=seed)
    probes = probed_on_table(recipe, held.parts, held.scored, figures, seed=seed)
    notes = [*_table_notes(table, folds), *_notes(model), *notes_on(held.scored)]
    return Training(
        model.calibrated(held.distances, held.scored),
        [figure.score for figure in figures],
        "cross-validation" if folds else "held out",
        len(table.examples),
        [*without_reading(probes), *notes],
        probes,
    )


def _fit_on_splits(recipe: Recipe, table: Table, seed: int, step: Step) -> Training:
    model = fit_model(recipe, table.examples, seed=seed, step=step)
    notes: list[str] = []
    if table.validation is not None:
        model = model.tuned(table.validation)
    scored = table.test if table.test is not None else table.validation
    assert scored is not None, "a table with splits has one to score on"
    if scored is table.validation:
        notes.append("validation scores flatter: thresholds were tuned on the same texts")
    known = int(scored.texts.is_in(table.examples.texts.implode()).sum())
    if known:
        notes.append(
            f"{known:,} of the {len(scored):,} texts scored stand in train, too: these scores flatter"
        )
    figures = resampled(scored, model.answer(scored), seed=seed)
    parts = [(table.examples, scored)]
    probes = probed_on_table(recipe, parts, scored, figures, seed=seed, validation=table.validation)
    notes = [*without_reading(probes), *notes, *_left_out(table), *_notes(model), *notes_on(scored)]
    scores_of: ScoresOf = "test" if scored is table.test else "validation"
    scores = [figure.score for figure in figures]
    return Training(model, scores, scores_of, len(table.examples), notes, probes)


def means_over_labels(scheme: LabelScheme) -> dict[str, list[str]]:
    """Return the heads of each side over which F1 is averaged; auxiliary labels stand apart."""
    labels = [label.name for label in scheme.labels if not label.auxiliary]
    return {side: [f"{name}_{side}" for name in labels] for side in SIDES}


def _notes(model: Model) -> list[str]:
    constant = [head.name for head in model.heads if head.is_constant]
    if not constant:
        return []
    return [f"training has one answer only, so these heads always give it: {', '.join(constant)}"]


def _table_notes(table: Table, folds: int | None) -> list[str]:
    how = f"{folds}-fold cross-validation" if folds else "scored on a fifth held out"
    rest = "identical texts stay on one side; the model is fitted on all texts"
    return [f"{how}, stratified, features fitted inside the fold; {rest}", *_left_out(table)]


def _left_out(table: Table) -> list[str]:
    left_out = [f"{n} {reason}" for reason, n in table.left_out.items() if n]
    return [f"rows left out: {', '.join(left_out)}"] if left_out else []
