"""Models of annotators: what is true, and how often each of them says so, estimated together.

No file, no clock: arrays to arrays. One yes/no question at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Model = Literal["dawid-skene", "one-coin"]
_TINY = 1e-10


@dataclass(frozen=True)
class Priors:
    """Answers that are pretended to have been seen: pseudo-counts, 0 for maximum likelihood.

    ``right`` and ``wrong`` are counted for each annotator, of records where yes is true and of those where no
    is (one-coin: once); ``each`` for a record of either kind. The defaults say that annotators are right in
    four of five cases, as strongly as five answers would: where yes is rare, that keeps an annotator with
    three positives from being called perfect or useless.
    """

    right: float = 4.0
    wrong: float = 1.0
    each: float = 1.0


@dataclass(frozen=True)
class Votes:
    """Answers to one question, one entry an answer; records and annotators numbered from 0 without gaps."""

    record: Ints
    annotator: Ints
    yes: Bools


@dataclass(frozen=True)
class Estimate:
    """What a model makes of votes.

    Attributes:
        posterior: probability that yes is true, shape (n_records,).
        sensitivity: of each annotator, probability of saying yes where it is true, shape (n_annotators,).
        specificity: of each annotator, probability of saying no where no is true, shape (n_annotators,).
        positives: of each annotator, expected number of records judged where yes is true, (n_annotators,).
        negatives: likewise where no is true.
        prevalence: share of records where yes is true.
        rounds: of the estimation.
        converged: whether it came to rest.
    """

    posterior: Floats
    sensitivity: Floats
    specificity: Floats
    positives: Floats
    negatives: Floats
    prevalence: float
    rounds: int
    converged: bool


def estimate(
    votes: Votes, model: Model, priors: Priors | None = None, *, tolerance: float = 1e-6, most: int = 1000
) -> Estimate:
    """Return truth and annotators' errors by expectation and maximisation, begun at the shares of yes.

    ``dawid-skene`` gives each annotator a sensitivity and a specificity (Dawid & Skene 1979, "Maximum
    likelihood estimation of observer error-rates using the EM algorithm"); ``one-coin`` one probability of
    being right (Zhang et al. 2016, "Spectral methods meet EM"). Both take annotators to err independently of
    each other given the truth: what misleads all of them stays hidden.

    Args:
        votes: at least one.
        model: which of the two.
        priors: pseudo-counts; None: the default ones.
        tolerance: it is at rest once no posterior changes by more than this in a round.
        most: rounds at most.
    """
    given = priors or Priors()
    records, annotators = int(votes.record.max()) + 1, int(votes.annotator.max()) + 1
    kind = 2 * votes.annotator + votes.yes
    answers = np.bincount(kind, minlength=2 * annotators).reshape(annotators, 2).astype(np.float64)
    posterior = np.bincount(votes.record, votes.yes, records) / np.bincount(votes.record, minlength=records)
    done, change = 0, np.inf
    while True:
        seen = np.bincount(kind, posterior[votes.record], answers.size).reshape(-1, 2).astype(np.float64)
        prevalence = (posterior.sum() + given.each) / (records + 2 * given.each)
        sensitivity, specificity = _errors(seen, answers - seen, model, given)
        if done == most or change <= tolerance:
            break
        tells = np.stack(
            [
                np.log(1 - sensitivity) - np.log(specificity),
                np.log(sensitivity) - np.log(1 - specificity),
            ],
            axis=1,
        ).ravel()
        odds = np.log(prevalence) - np.log1p(-prevalence) + np.bincount(votes.record, tells[kind], records)
        updated = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
        change, posterior, done = float(np.abs(updated - posterior).max()), updated, done + 1
    return Estimate(
        posterior=posterior,
        sensitivity=sensitivity,
        specificity=specificity,
        positives=seen.sum(axis=1),
        negatives=(answers - seen).sum(axis=1),
        prevalence=float(prevalence),
        rounds=done,
        converged=change <= tolerance,
    )


def _errors(seen: Floats, unseen: Floats, model: Model, priors: Priors) -> tuple[Floats, Floats]:
    """Return sensitivity and specificity from expected counts of no and yes, (n_annotators, 2).

    Args:
        seen: answers to records where yes is true.
        unseen: answers to records where no is true.
        model: which of the two.
        priors: pseudo-counts.
    """
    pretended = priors.right + priors.wrong

    def share(right: Floats, of: Floats) -> Floats:
        below = of + pretended
        found = (right + priors.right) / np.where(below > 0, below, 1.0)
        return np.clip(np.where(below > 0, found, 0.5), _TINY, 1 - _TINY)

    if model == "one-coin":
        right = share(seen[:, 1] + unseen[:, 0], (seen + unseen).sum(axis=1))
        return right, right
    return share(seen[:, 1], seen.sum(axis=1)), share(unseen[:, 0], unseen.sum(axis=1))
