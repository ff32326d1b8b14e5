"""A head: one question, one classifier on features that all heads share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import expit
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from aufruf.baselines.descent import DualSvm, fit_together
from aufruf.baselines.examples import YES_NO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aufruf.baselines.examples import Bools, Ints, Reals, Target
    from aufruf.baselines.recipes import Recipe

ThresholdFrom = Literal["default", "validation"]
MIN_POSITIVES_TO_TUNE = 10
"""With fewer positive texts in validation, a tuned threshold would be an accident."""
MIN_POSITIVES_OF_LANGUAGE = 50
"""From so many positive texts of a language in validation on, the language has a threshold of its own."""
_MAX_ITERATIONS = 2_000


@dataclass(frozen=True)
class Head:
    """A fitted head.

    Attributes:
        name: such as ``threat_author``, or a table's column.
        classes: the possible answers, in the order of the scores' columns.
        estimator: a fitted scikit-learn classifier; its classes are places in ``classes``.
        threshold: a yes/no head says yes from this score on.
        threshold_from: where the threshold comes from.
        counts: how often each answer stood in training.
        calibration: slope and offset that make probabilities of a yes/no head's distances; None: not known.
        by_language: thresholds of languages that have their own.
    """

    name: str
    classes: tuple[str, ...]
    estimator: Any
    threshold: float
    threshold_from: ThresholdFrom
    counts: dict[str, int]
    calibration: tuple[float, float] | None = None
    by_language: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def is_yes_no(self) -> bool:
        """Whether it answers yes or no."""
        return self.classes == YES_NO

    @property
    def is_constant(self) -> bool:
        """Whether training knew one answer only, so that the head can give no other."""
        return sum(count > 0 for count in self.counts.values()) < 2  # noqa: PLR2004 -- two answers

    @property
    def is_linear(self) -> bool:
        """Whether its distances are a product of features and weights."""
        return hasattr(self.estimator, "coef_")

    def distances(self, features: Any) -> Reals:
        """Return how far texts are from the borders, shape (n_texts, n_borders); zeros if there is none."""
        if not self.is_linear:
            return np.zeros((features.shape[0], 1))
        return self.estimator.decision_function(features).reshape(features.shape[0], -1)

    def scores(self, distances: Reals) -> Reals:
        """Return how much speaks for each answer, shape (n_texts, n_classes).

        Probabilities where the head is calibrated or its estimator makes them, else distances; an answer
        that training never saw has -inf, or 0 where the scores are probabilities.
        """
        known, missing = self._known(distances)
        scores = np.full((len(distances), len(self.classes)), missing)
        scores[:, self.estimator.classes_] = known
        return scores

    def predict(self, scores: Reals, languages: Any = None) -> Ints:
        """Return the answer of each row of scores as a place in ``classes``.

        Args:
            scores: as `scores` gives them.
            languages: of the texts, shape (n_texts,), for thresholds by language; None: not known.
        """
        if not self.is_yes_no:
            return scores.argmax(axis=1)
        return (scores[:, 1] >= self.thresholds(languages)).astype(np.int64)

    def thresholds(self, languages: Any = None) -> Any:
        """Return from which score on a yes/no head says yes to each text; one number if it is one for all."""
        threshold: Any = self.threshold
        if languages is not None:
            for language, own in self.by_language.items():
                threshold = np.where(languages == language, own, threshold)
        return threshold

    def calibrated(self, distances: Reals, truth: Bools) -> Head:
        """Return the head with probabilities fitted to texts that it was not trained on.

        Platt's sigmoid (1999), with his smoothed answers. The threshold stays where it was on the distances.
        The head stays as it is where fewer than 10 texts are positive or negative, or where higher
        distances do not mean likelier.

        Args:
            distances: of the texts, shape (n_texts, 1).
            truth: which are positive, shape (n_texts,).
        """
        positives = int(truth.sum())
        enough = min(positives, len(truth) - positives) >= MIN_POSITIVES_TO_TUNE
        if not enough or not self.is_linear or self.is_constant or distances.shape[1] != 1:
            return self
        spread = float(distances.std()) or 1.0
        high, low = (positives + 1) / (positives + 2), 1 / (len(truth) - positives + 2)
        hoped = np.where(truth, high, low)
        sigmoid: Any = LogisticRegression(C=np.inf, max_iter=_MAX_ITERATIONS)
        sigmoid.fit(
            np.concatenate([distances, distances]) / spread,
            np.repeat([1, 0], len(truth)),
            sample_weight=np.concatenate([hoped, 1 - hoped]),
        )
        slope, offset = float(sigmoid.coef_[0, 0]) / spread, float(sigmoid.intercept_[0])
        if slope <= 0:
            return self
        return replace(self, calibration=(slope, offset), threshold=float(expit(offset)))

    def _known(self, distances: Reals) -> tuple[Any, float]:
        """Return scores of the answers that training saw, and what the others have."""
        estimator = self.estimator
        if not self.is_linear:
            return estimator.predict_proba(distances), 0.0
        if distances.shape[1] > 1:
            return (_likely(distances), 0.0) if self._is_logistic else (distances, -np.inf)
        slope, offset = self.calibration or (1.0, 0.0)
        if self.calibration or self._is_logistic:
            yes = expit(slope * distances[:, 0] + offset)
            return np.column_stack([1 - yes, yes]), 0.0
        return np.column_stack([-distances[:, 0], distances[:, 0]]), -np.inf

    @property
    def _is_logistic(self) -> bool:
        return hasattr(self.estimator, "predict_proba")


def _likely(distances: Reals) -> Reals:
    powers = np.exp(distances - distances.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_heads(
    recipe: Recipe, targets: Sequence[Target], features: Any, weights: Reals | None, seed: int
) -> Iterator[Head]:
    """Fit a head for each target on the texts that it was asked of; yield them in order.

    Where training knows one answer only, or none, the head is constant and answers no to the unknown.
    """
    estimators = [_estimator(recipe, target, seed) for target in targets]
    fitted = _fitted_together(estimators, targets, features, weights)
    for target, estimator in zip(targets, estimators, strict=True):
        if isinstance(estimator, DualSvm):
            next(fitted)
        else:
            _fit(estimator, target, features, weights)
        default = 0.5 if hasattr(estimator, "predict_proba") else 0.0
        yield Head(target.name, target.classes, estimator, default, "default", target.counts)


def _fitted_together(
    estimators: Sequence[Any], targets: Sequence[Target], features: Any, weights: Reals | None
) -> Iterator[DualSvm]:
    """Fit those estimators that can be fitted side by side."""
    pairs = [pair for pair in zip(estimators, targets, strict=True) if isinstance(pair[0], DualSvm)]
    if not pairs:
        return
    every = np.ones(features.shape[0]) if weights is None else weights
    yield from fit_together(
        [machine for machine, _ in pairs],
        features,
        [target.codes for _, target in pairs],
        [np.where(target.asked, every, 0.0) for _, target in pairs],
    )


def _fit(estimator: Any, target: Target, features: Any, weights: Reals | None) -> None:
    asked = target.asked
    if not asked.any():
        estimator.fit(np.zeros((1, 1)), np.zeros(1, dtype=np.int64))
        return
    rows = features if asked.all() else features[asked]
    estimator.fit(rows, target.codes[asked], sample_weight=None if weights is None else weights[asked])


def best_threshold(truth: Bools, scores: Reals) -> float:
    """Return the threshold with the highest F1, halfway between two scores; of equals the highest.

    Args:
        truth: which texts are positive, shape (n_texts,); at least one.
        scores: what the head says of them, shape (n_texts,).
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last_of_ties = np.append(ordered[1:] != ordered[:-1], True)
    hits = np.cumsum(truth[order])[last_of_ties]
    taken = np.arange(1, len(scores) + 1)[last_of_ties]
    distinct = ordered[last_of_ties]
    best = int((2 * hits / (taken + truth.sum())).argmax())
    if best + 1 == len(distinct):
        return float(distinct[best])
    return float((distinct[best] + distinct[best + 1]) / 2)


def _estimator(recipe: Recipe, target: Target, seed: int) -> Any:
    answers = sum(count > 0 for count in target.counts.values())
    if recipe.estimator == "majority" or answers < 2:  # noqa: PLR2004 -- two answers
        return DummyClassifier(strategy="prior")
    weight = "balanced" if recipe.balanced else None
    if recipe.estimator == "logistic_regression":
        return LogisticRegression(
            C=recipe.regularisation, class_weight=weight, max_iter=_MAX_ITERATIONS, random_state=seed
        )
    if recipe.hashed:
        return DualSvm(
            C=recipe.regularisation,
            class_weight=weight,
            class_ratio=recipe.class_ratio,
            random_state=seed,
        )
    return LinearSVC(
        C=recipe.regularisation, class_weight=weight, max_iter=_MAX_ITERATIONS, random_state=seed
    )
