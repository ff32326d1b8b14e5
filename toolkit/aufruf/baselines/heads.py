"""A head: one question, one classifier on features that all heads share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

if TYPE_CHECKING:
    from aufruf.baselines.examples import Bools, Ints, Reals, Target
    from aufruf.baselines.recipes import Recipe

ThresholdFrom = Literal["default", "validation"]
MIN_POSITIVES_TO_TUNE = 10
"""With fewer positive texts in validation, a tuned threshold would be an accident."""
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
    """

    name: str
    classes: tuple[str, ...]
    estimator: Any
    threshold: float
    threshold_from: ThresholdFrom
    counts: dict[str, int]

    @property
    def is_constant(self) -> bool:
        """Whether training knew one answer only, so that the head can give no other."""
        return sum(count > 0 for count in self.counts.values()) < 2  # noqa: PLR2004 -- two answers

    def scores(self, features: Any) -> Reals:
        """Return how much speaks for each answer, shape (n_texts, n_classes).

        Probabilities where the estimator has them, else distances from its border; an answer that
        training never saw has -inf, or 0 where the scores are probabilities.
        """
        estimator = self.estimator
        if hasattr(estimator, "predict_proba"):
            known, missing = estimator.predict_proba(features), 0.0
        else:
            distance = estimator.decision_function(features)
            known = np.column_stack([-distance, distance]) if distance.ndim == 1 else distance
            missing = -np.inf
        scores = np.full((known.shape[0], len(self.classes)), missing)
        scores[:, estimator.classes_] = known
        return scores

    def predict(self, scores: Reals) -> Ints:
        """Return the answer of each row of scores as a place in ``classes``."""
        if len(self.classes) == 2:  # noqa: PLR2004 -- yes and no
            return (scores[:, 1] >= self.threshold).astype(np.int64)
        return scores.argmax(axis=1)


def fit_head(recipe: Recipe, target: Target, features: Any, weights: Reals | None, seed: int) -> Head:
    """Fit one head on the texts that it was asked of.

    Where training knows one answer only, or none, the head is constant and answers no to the unknown.
    """
    asked = target.asked
    codes = target.codes[asked]
    answers = np.unique(codes)
    majority = recipe.estimator == "majority" or len(answers) < 2  # noqa: PLR2004 -- two answers
    estimator: Any = DummyClassifier(strategy="prior") if majority else _estimator(recipe, seed)
    if len(codes):
        estimator.fit(features[asked], codes, sample_weight=None if weights is None else weights[asked])
    else:
        estimator.fit(np.zeros((1, 1)), np.zeros(1, dtype=np.int64))
    default = 0.5 if hasattr(estimator, "predict_proba") else 0.0
    return Head(target.name, target.classes, estimator, default, "default", target.counts)


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


def _estimator(recipe: Recipe, seed: int) -> Any:
    weight = "balanced" if recipe.balanced else None
    if recipe.estimator == "logistic_regression":
        return LogisticRegression(
            C=recipe.regularisation, class_weight=weight, max_iter=_MAX_ITERATIONS, random_state=seed
        )
    return LinearSVC(
        C=recipe.regularisation, class_weight=weight, max_iter=_MAX_ITERATIONS, random_state=seed
    )
