"""Figures of one head from counts of a draw: each of shape (n_draws,), NaN where undefined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from aufruf.baselines.examples import Bools, Ints, Reals

    Figures = dict[str, Reals]
    Totals = Mapping[str, Reals]
    """What figures are made of, by name, each of shape (n_draws,); see `metric_kernels.SUMS`."""

RECALL = 0.8
MENTION_RATE = "mention_false_positive_rate"
MENTION_RATE_AT_RECALL = "mention_false_positive_rate_at_recall_80"


@dataclass(frozen=True)
class Judged:
    """Texts that a yes/no question was asked of, with the head's answers.

    Attributes:
        truth: whether it holds, shape (n_texts,).
        predicted: whether the head says so.
        scores: how much speaks for it; probabilities if all are between 0 and 1.
        units: the bootstrap unit of each text.
        weights: how much each text counts; None for all alike.
        mentions: whether a text merely mentions what is asked for; None if that is not known.
    """

    truth: Bools
    predicted: Bools
    scores: Reals
    units: Ints
    weights: Reals | None = None
    mentions: Bools | None = None

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def are_probabilities(self) -> bool:
        """Whether scores can be probabilities."""
        return bool(((self.scores >= 0) & (self.scores <= 1)).all())

    def take(self, rows: Ints) -> Judged:
        """Return texts in another order."""
        return Judged(
            self.truth[rows],
            self.predicted[rows],
            self.scores[rows],
            self.units[rows],
            None if self.weights is None else self.weights[rows],
            None if self.mentions is None else self.mentions[rows],
        )


class Ranking:
    """Texts from the highest score to the lowest, ready to be counted for any draw."""

    def __init__(self, judged: Judged) -> None:
        self.n = len(judged)
        self.has_mentions = judged.mentions is not None
        self.n_mentions = 0 if judged.mentions is None else int(judged.mentions.sum())
        texts = judged.take(np.argsort(-judged.scores, kind="stable"))
        self._columns = (
            texts.units,
            np.ones(self.n) if texts.weights is None else texts.weights,
            texts.truth,
            texts.predicted,
            np.zeros(self.n, dtype=np.bool_) if texts.mentions is None else texts.mentions,
            np.append(texts.scores[1:] != texts.scores[:-1], True)[: self.n],
            texts.scores if texts.are_probabilities else np.empty(0),
        )

    def counted(self, drawn: NDArray[np.int32]) -> Reals:
        """Return what figures are made of, shape (n_draws, n_sums).

        Args:
            drawn: how often each unit is drawn, shape (n_draws, n_units).
        """
        from aufruf.baselines.metric_kernels import count

        found = count(drawn, *self._columns, RECALL)
        if len(self._columns[-1]) < self.n:
            found[:, 6:8] = np.nan
        return found


def named(counted: Reals) -> Totals:
    """Return the columns of what a `Ranking` counted by their names."""
    from aufruf.baselines.metric_kernels import SUMS

    return dict(zip(SUMS, counted.T, strict=True))


def figures(of: Totals) -> Figures:
    """Return all figures of a head for each draw, those of mentions apart.

    Average precision is the sum over thresholds of the gain in recall times precision (no interpolation);
    a tie of a positive and a negative text counts half for the area. Brier score and expected calibration
    error (ten bins of equal width) are NaN where scores are no probabilities.
    """
    tp, fp, fn, tn = (of[name] for name in _CONFUSION)
    yes, no = f1(tp, fp, fn), f1(tn, fn, fp)
    positives, negatives = tp + fn, fp + tn
    n = positives + negatives
    return {
        "macro_f1": mean_of_defined(np.stack([yes, no])),
        "micro_f1": ratio(tp + tn, n),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, positives),
        "f1": label_f1(of),
        "average_precision": ratio(of["precision_gained"], positives),
        "roc_auc": ratio(of["pairs_won"], positives * negatives),
        "brier": ratio(of["squared_error"], n),
        "ece": ratio(of["calibration_error"], n),
    }


def mention_figures(of: Totals) -> Figures:
    """Return how often a mention is called the author's own: at the threshold, and where recall is .8.

    The second takes the highest threshold that finds 80 % of the positive texts; it is undefined where
    there are none.
    """
    positive = of["true_positives"] + of["false_negatives"] > 0
    at_recall = ratio(of["mentions_at_recall"], of["mentions"])
    return {
        MENTION_RATE: ratio(of["mentions_claimed"], of["mentions"]),
        MENTION_RATE_AT_RECALL: np.where(positive, at_recall, np.nan),
    }


def class_f1(of: Totals) -> Reals:
    """Return F1 of one answer of several: 0 where it is claimed and never holds, as scikit-learn has it."""
    return f1(of["true_positives"], of["false_positives"], of["false_negatives"])


def label_f1(of: Totals) -> Reals:
    """Return F1 of yes: undefined where no text is positive, for then there is nothing to find."""
    positive = of["true_positives"] + of["false_negatives"] > 0
    return np.where(positive, class_f1(of), np.nan)


def f1(tp: Reals, fp: Reals, fn: Reals) -> Reals:
    """Return the harmonic mean of precision and recall; NaN where nothing holds and nothing is claimed."""
    return ratio(2 * tp, 2 * tp + fp + fn)


def ratio(part: Reals, whole: Reals) -> Reals:
    """Return part / whole, NaN where whole is 0."""
    return np.divide(part, whole, out=np.full_like(whole, np.nan, dtype=np.float64), where=whole > 0)


def mean_of_defined(values: Reals) -> Reals:
    """Return the mean over the first axis of what is defined, NaN where nothing is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0).astype(np.float64))


_CONFUSION = ("true_positives", "false_positives", "false_negatives", "true_negatives")
