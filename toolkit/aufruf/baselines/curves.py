"""What a head's scores are like as a whole: precision over recall, calibration, confusion; for pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aufruf.baselines.examples import Bools, Examples, Reals
    from aufruf.baselines.model import Answers

POINTS = 200
"""A curve of more points looks the same."""
BINS = 10


@dataclass(frozen=True)
class Bin:
    """Texts with scores from ``low`` to below ``high``: their mean score, and how many are positive."""

    low: float
    high: float
    score: float
    positive: float
    n: int


@dataclass(frozen=True)
class Curves:
    """One yes/no head on the texts that it was asked of.

    ``recall`` and ``precision`` are points of one curve, recall falling. ``bins`` are those of the
    calibration that hold texts; none where scores are no probabilities. Both are empty where no text, or
    every text, is positive.
    """

    label: str
    recall: list[float]
    precision: list[float]
    bins: list[Bin]
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def positives(self) -> int:
        """How many texts are positive."""
        return self.true_positives + self.false_negatives

    @property
    def n(self) -> int:
        """How many texts were asked."""
        return self.positives + self.false_positives + self.true_negatives


@dataclass(frozen=True)
class Confusion:
    """A head with several answers: ``counts[right][said]`` texts, answers in the order of ``classes``."""

    label: str
    classes: tuple[str, ...]
    counts: list[list[int]]


def confusions(examples: Examples, answers: Mapping[str, Answers]) -> list[Confusion]:
    """Return the confusion of each head that has several answers, in the order of the examples' targets."""
    found: list[Confusion] = []
    for target in examples.targets:
        if not target.is_yes_no:
            asked, n = target.asked, len(target.classes)
            pairs = target.codes[asked] * n + answers[target.name].predicted[asked]
            counts = np.bincount(pairs, minlength=n * n).reshape(n, n)
            found.append(Confusion(target.name, target.classes, counts.tolist()))
    return found


def curves(examples: Examples, answers: Mapping[str, Answers]) -> list[Curves]:
    """Return the curves of each yes/no head, in the order of the examples' targets."""
    found: list[Curves] = []
    for target in examples.targets:
        if target.is_yes_no and target.name in answers:
            asked, answer = target.asked, answers[target.name]
            truth, said = target.codes[asked] == 1, answer.predicted[asked] == 1
            found.append(_curves(target.name, truth, said, answer.scores[asked, 1]))
    return found


def _curves(label: str, truth: Bools, said: Bools, scores: Reals) -> Curves:
    both = 0 < truth.sum() < len(truth)
    recall, precision = _precision_recall(truth, scores) if both else ([], [])
    return Curves(
        label,
        recall,
        precision,
        _bins(truth, scores) if both else [],
        int((truth & said).sum()),
        int((~truth & said).sum()),
        int((truth & ~said).sum()),
        int((~truth & ~said).sum()),
    )


def _precision_recall(truth: Bools, scores: Reals) -> tuple[list[float], list[float]]:
    from sklearn import metrics

    untyped = cast("Any", metrics)
    precision, recall, _ = untyped.precision_recall_curve(truth, scores)
    shown = np.unique(np.linspace(0, len(recall) - 1, min(POINTS, len(recall))).astype(np.int64))
    return recall[shown].tolist(), precision[shown].tolist()


def _bins(truth: Bools, scores: Reals) -> list[Bin]:
    """Return the texts in tenths of their scores; none where a score is no probability."""
    if scores.min() < 0 or scores.max() > 1:
        return []
    place = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    return [
        Bin(
            number / BINS,
            (number + 1) / BINS,
            float(scores[place == number].mean()),
            float(truth[place == number].mean()),
            int((place == number).sum()),
        )
        for number in np.unique(place).tolist()
    ]
