"""A model: features that are made once, and a head for each question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aufruf.baselines.features import make_features
from aufruf.baselines.finetune import finetune
from aufruf.baselines.hashing import HashedNgrams
from aufruf.baselines.heads import (
    MIN_POSITIVES_OF_LANGUAGE,
    MIN_POSITIVES_TO_TUNE,
    best_threshold,
    fit_heads,
)
from aufruf.baselines.probes import fact_values
from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aufruf.baselines.examples import Examples, Ints, Reals
    from aufruf.baselines.heads import Head
    from aufruf.baselines.recipes import Recipe

    Step = Callable[[str, int, int], None]
    """Told what is being done, how many steps are done, and how many there are."""


_NOTHING_TO_LEARN = "the {:,} texts to train on are too few or too short: no n-gram is left to learn"


def no_step(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""


def part_of(step: Step, number: int, rounds: int) -> Step:
    """Return what to tell of the steps of one of several rounds of equal length, numbered from 0."""
    return lambda what, done, total: step(what, number * total + done, rounds * total)


@dataclass(frozen=True)
class Answers:
    """What a head says of texts.

    Attributes:
        scores: how much speaks for each answer, shape (n_texts, n_classes).
        predicted: the answer as a place in the head's classes, shape (n_texts,).
    """

    scores: Reals
    predicted: Ints


def joined(parts: Sequence[Mapping[str, Answers]]) -> dict[str, Answers]:
    """Return the answers of several parts one after the other."""
    return {
        name: Answers(
            np.concatenate([part[name].scores for part in parts]),
            np.concatenate([part[name].predicted for part in parts]),
        )
        for name in parts[0]
    }


@dataclass(frozen=True)
class Model:
    """A fitted model; ``features`` is None for a recipe that reads no text."""

    recipe: Recipe
    features: Any
    heads: tuple[Head, ...]

    @property
    def tells_languages_apart(self) -> bool:
        """Whether a head has thresholds by language."""
        return any(head.by_language for head in self.heads)

    def answer(self, examples: Examples) -> dict[str, Answers]:
        """Return each head's answers to examples, by the head's name; their own answers are not looked at.

        Languages that are not known are found where a head has thresholds by language.
        """
        return self.answer_at(self.distances(examples), examples)

    def answer_at(self, distances: Mapping[str, Reals], examples: Examples) -> dict[str, Answers]:
        """Return what `answer` does, from distances that are known."""
        languages = self.languages(examples)
        found: dict[str, Answers] = {}
        for head in self.heads:
            scores = head.scores(distances[head.name])
            found[head.name] = Answers(scores, head.predict(scores, languages))
        return found

    def languages(self, examples: Examples) -> Any:
        """Return the languages of examples, found where that makes a difference; None: not known."""
        if examples.languages is None and self.tells_languages_apart:
            return _languages(examples)
        return examples.languages

    def distances(self, examples: Examples) -> dict[str, Reals]:
        """Return how far examples are from each head's borders, shape (n_texts, n_borders), by its name."""
        if isinstance(self.features, HashedNgrams):
            return self._distances_at_once(self.features, examples)
        matrix = self._matrix(examples)
        return {head.name: head.distances(matrix) for head in self.heads}

    def tuned(self, validation: Examples) -> Model:
        """Return the model with probabilities and with thresholds of the highest F1, both from validation.

        A head stays as it is where validation holds fewer than 10 positive texts of it; a language has a
        threshold of its own from 50 positive texts on.
        """
        distances = self.distances(validation)
        return replace(
            self, heads=tuple(_tuned(head, distances[head.name], validation) for head in self.heads)
        )

    def calibrated(self, distances: Mapping[str, Reals], examples: Examples) -> Model:
        """Return the model with probabilities, from yes/no heads' distances of texts outside of training."""
        heads = (
            _calibrated(head, distances[head.name], examples) if head.is_yes_no else head
            for head in self.heads
        )
        return replace(self, heads=tuple(heads))

    def _matrix(self, examples: Examples) -> Any:
        if self.features is None:
            return np.zeros((len(examples), 1))
        return self.features.transform(_seen(self.recipe, examples))

    def _distances_at_once(self, features: HashedNgrams, examples: Examples) -> dict[str, Reals]:
        linear = [head for head in self.heads if head.is_linear]
        found = {head.name: np.zeros((len(examples), 1)) for head in self.heads if not head.is_linear}
        if not linear:
            return found
        weights = np.concatenate([head.estimator.coef_ for head in linear])
        intercepts = np.concatenate([head.estimator.intercept_ for head in linear])
        distances = features.score(examples.texts, weights, intercepts)
        borders = np.cumsum([len(head.estimator.coef_) for head in linear])[:-1]
        parts = np.split(distances, borders, axis=1)
        return found | {head.name: part for head, part in zip(linear, parts, strict=True)}


def fit_model(recipe: Recipe, examples: Examples, *, seed: int, step: Step) -> Model:
    """Fit a recipe: features once on all texts, then each head on the texts that it was asked of.

    Raises:
        InputError: if the texts share too little to learn from.
    """
    if recipe.encoder == "tuned":
        return Model(recipe, *finetune(recipe, examples, seed=seed, step=step))
    total = len(examples.targets) + 1
    step("reading texts", 0, total)
    features, seen = make_features(recipe), _seen(recipe, examples)
    try:
        matrix: Any = np.zeros((len(examples), 1)) if features is None else features.fit_transform(seen)
    except ValueError as error:
        raise InputError(_NOTHING_TO_LEARN.format(len(examples))) from error
    if features is not None and matrix.shape[1] == 0:
        raise InputError(_NOTHING_TO_LEARN.format(len(examples)))
    rows = matrix.tocsr() if hasattr(matrix, "tocsr") else matrix
    heads: list[Head] = []
    for head in fit_heads(recipe, examples.targets, rows, examples.weights, seed):
        heads.append(head)
        step(head.name, len(heads), total)
    step("trained", total, total)
    return Model(recipe, features, tuple(heads))


def _seen(recipe: Recipe, examples: Examples) -> Any:
    """Return what a recipe's features are made of: the texts, or what is known of them."""
    if recipe.knows:
        return fact_values(examples.facts, recipe.knows)
    return examples.texts if recipe.hashed else examples.texts.to_list()


def _languages(examples: Examples) -> Any:
    from aufruf.language import identify_language

    return identify_language(examples.texts).get_column("language").to_numpy()


def _calibrated(head: Head, distances: Reals, examples: Examples) -> Head:
    target = examples.target(head.name)
    return head.calibrated(distances[target.asked], (target.codes == 1)[target.asked])


def _tuned(head: Head, distances: Reals, validation: Examples) -> Head:
    target = validation.target(head.name)
    truth = (target.codes == 1)[target.asked]
    if head.is_constant or not target.is_yes_no or truth.sum() < MIN_POSITIVES_TO_TUNE:
        return head
    likely = head.calibrated(distances[target.asked], truth)
    scores = likely.scores(distances)[target.asked, 1]
    own: dict[str, float] = {}
    if validation.languages is not None:
        languages = validation.languages[target.asked]
        for language in np.unique(languages[truth]):
            of_it = languages == language
            if (truth & of_it).sum() >= MIN_POSITIVES_OF_LANGUAGE:
                own[str(language)] = best_threshold(truth[of_it], scores[of_it])
    return replace(
        likely, threshold=best_threshold(truth, scores), threshold_from="validation", by_language=own
    )
