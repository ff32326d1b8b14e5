"""Figures of one head from counts of a draw: each of shape (n_draws,), NaN where undefined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from aufruf.baselines.examples import Bools, Ints, Reals

    Figures = dict[str, Reals]
    Sparse = Any
    """scipy's csr_array, which has no types."""


@dataclass(frozen=True)
class Judged:
    """Texts that a yes/no question was asked of, with the head's answers.

    Attributes:
        truth: whether it holds, shape (n_texts,).
        predicted: whether the head says so.
        scores: how much speaks for it.
        units: the bootstrap unit of each text.
    """

    truth: Bools
    predicted: Bools
    scores: Reals
    units: Ints

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True)
class Tally:
    """What a draw's counts are multiplied with: per unit, how many texts of each kind it has.

    ``confusion`` has columns true and false positives, false and true negatives. ``ranks`` has, for each
    distinct score k of a positive text from the highest, columns 3k (negatives scored higher, but lower
    than k - 1), 3k + 1 (negatives with the same score) and 3k + 2 (positives), and one for the negatives
    that are lower than all. Both of shape (n_columns, n_units).
    """

    confusion: Sparse
    ranks: Sparse


def tally(judged: Judged, n_units: int) -> Tally:
    """Count a head's texts by unit."""
    kind = np.select(
        [judged.truth & judged.predicted, ~judged.truth & judged.predicted, judged.truth],
        [0, 1, 2],
        default=3,
    )
    levels = np.unique(judged.scores[judged.truth])[::-1]
    place = np.searchsorted(-levels, -judged.scores, side="left")
    tied = np.append(levels, np.nan)[place] == judged.scores
    column = 3 * place + np.where(judged.truth, 2, np.where(tied, 1, 0))
    return Tally(
        _counts(kind, judged.units, 4, n_units), _counts(column, judged.units, 3 * len(levels) + 1, n_units)
    )


def figures(counts: Tally, draw: Reals) -> Figures:
    """Return all figures of a head for each draw.

    Args:
        counts: the head's texts by unit.
        draw: how often each unit is drawn, shape (n_units, n_draws).
    """
    tp, fp, fn, tn = _product(counts.confusion, draw)
    yes, no = f1(tp, fp, fn), f1(tn, fn, fp)
    average_precision, roc_auc = ranked(_product(counts.ranks, draw))
    return {
        "macro_f1": mean_of_defined(np.stack([yes, no])),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "f1": np.where(tp + fn > 0, yes, np.nan),
        "average_precision": average_precision,
        "roc_auc": roc_auc,
    }


def class_f1(counts: Tally, draw: Reals) -> Reals:
    """Return F1 of one answer of several: 0 where it is claimed and never holds, as scikit-learn has it."""
    tp, fp, fn, _ = _product(counts.confusion, draw)
    return f1(tp, fp, fn)


def label_f1(counts: Tally, draw: Reals) -> Reals:
    """Return F1 of yes: undefined where no text is positive, for then there is nothing to find."""
    tp, fp, fn, _ = _product(counts.confusion, draw)
    return np.where(tp + fn > 0, f1(tp, fp, fn), np.nan)


def f1(tp: Reals, fp: Reals, fn: Reals) -> Reals:
    """Return the harmonic mean of precision and recall; NaN where nothing holds and nothing is claimed."""
    return ratio(2 * tp, 2 * tp + fp + fn)


def ranked(columns: Reals) -> tuple[Reals, Reals]:
    """Return average precision and area under the ROC curve from counts of `Tally.ranks`.

    Average precision is the sum over thresholds of the gain in recall times precision (no
    interpolation); a tie of a positive and a negative text counts half for the area.
    """
    above, tied, positive = columns[0:-1:3], columns[1::3], columns[2::3]
    below = columns[-1]
    negatives_to_here = np.cumsum(above + tied, axis=0)
    taken = np.cumsum(positive, axis=0) + negatives_to_here
    positives = positive.sum(axis=0)
    negatives = (above + tied).sum(axis=0) + below
    hits = np.cumsum(positive, axis=0)
    precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
    won = (positive * (negatives - negatives_to_here + tied / 2)).sum(axis=0)
    return ratio((positive * precision).sum(axis=0), positives), ratio(won, positives * negatives)


def ratio(part: Reals, whole: Reals) -> Reals:
    """Return part / whole, NaN where whole is 0."""
    return np.divide(part, whole, out=np.full_like(whole, np.nan, dtype=np.float64), where=whole > 0)


def mean_of_defined(values: Reals) -> Reals:
    """Return the mean over the first axis of what is defined, NaN where nothing is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0).astype(np.float64))


def _product(counts: Sparse, draw: Reals) -> Reals:
    return counts @ draw


def _counts(columns: Ints, units: Ints, n_columns: int, n_units: int) -> Sparse:
    from scipy.sparse import csr_array

    ones = np.ones(len(columns))
    return csr_array((ones, (columns, units)), shape=(n_columns, n_units))
