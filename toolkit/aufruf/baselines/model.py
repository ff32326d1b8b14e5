"""A model: features that are made once, and a head for each question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aufruf.baselines.features import make_features
from aufruf.baselines.heads import MIN_POSITIVES_TO_TUNE, best_threshold, fit_head
from aufruf.baselines.probes import fact_values
from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aufruf.baselines.examples import Examples, Ints, Reals
    from aufruf.baselines.heads import Head
    from aufruf.baselines.recipes import Recipe

    Step = Callable[[str, int, int], None]
    """Told what is being done, how many steps are done, and how many there are."""


@dataclass(frozen=True)
class Answers:
    """What a head says of texts.

    Attributes:
        scores: how much speaks for each answer, shape (n_texts, n_classes).
        predicted: the answer as a place in the head's classes, shape (n_texts,).
    """

    scores: Reals
    predicted: Ints


@dataclass(frozen=True)
class Model:
    """A fitted model; ``features`` is None for a recipe that reads no text."""

    recipe: Recipe
    features: Any
    heads: tuple[Head, ...]

    def answer(self, examples: Examples) -> dict[str, Answers]:
        """Return each head's answers to examples, by the head's name; their own answers are not looked at."""
        matrix = self._matrix(examples)
        scores = {head.name: head.scores(matrix) for head in self.heads}
        return {head.name: Answers(scores[head.name], head.predict(scores[head.name])) for head in self.heads}

    def tuned(self, validation: Examples) -> Model:
        """Return the model with thresholds of the highest F1 on validation.

        A head keeps its default where validation holds fewer than 10 positive texts of it.
        """
        answers = self.answer(validation)
        return replace(self, heads=tuple(_tuned(head, answers[head.name], validation) for head in self.heads))

    def _matrix(self, examples: Examples) -> Any:
        if self.features is None:
            return np.zeros((len(examples), 1))
        return self.features.transform(_seen(self.recipe, examples))


def fit_model(recipe: Recipe, examples: Examples, *, seed: int, step: Step) -> Model:
    """Fit a recipe: features once on all texts, then each head on the texts that it was asked of.

    Raises:
        InputError: if the texts share too little to learn from.
    """
    total = len(examples.targets) + 1
    step("reading texts", 0, total)
    features, seen = make_features(recipe), _seen(recipe, examples)
    try:
        matrix: Any = (
            np.zeros((len(examples), 1)) if features is None else features.fit_transform(seen).tocsr()
        )
    except ValueError as error:
        raise InputError(
            f"the {len(examples):,} texts to train on are too few or too short: no n-gram is left to learn"
        ) from error
    heads: list[Head] = []
    for done, target in enumerate(examples.targets, start=1):
        step(target.name, done, total)
        heads.append(fit_head(recipe, target, matrix, examples.weights, seed))
    step("trained", total, total)
    return Model(recipe, features, tuple(heads))


def _seen(recipe: Recipe, examples: Examples) -> Any:
    """Return what a recipe's features are made of: the texts, or what is known of them."""
    return fact_values(examples.facts, recipe.knows) if recipe.knows else examples.texts.to_list()


def _tuned(head: Head, answers: Answers, validation: Examples) -> Head:
    target = validation.target(head.name)
    truth = (target.codes == 1)[target.asked]
    if head.is_constant or not target.is_yes_no or truth.sum() < MIN_POSITIVES_TO_TUNE:
        return head
    threshold = best_threshold(truth, answers.scores[target.asked, 1])
    return replace(head, threshold=threshold, threshold_from="validation")
