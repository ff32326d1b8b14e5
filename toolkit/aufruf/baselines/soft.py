"""Soft labels: whether a model is unsure where annotators disagree.

`<label>_share` of a release is the share of annotators who saw a label, in any voice. It is compared with the
probability that the head ``<label>_contained`` gives, on texts that two annotators or more judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aufruf.baselines.metrics import ratio
from aufruf.baselines.resampling import ROUNDS, draws
from aufruf.baselines.scoring import Figure
from aufruf.baselines.slices import languages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aufruf.baselines.examples import Bools, Examples, Reals, Target
    from aufruf.baselines.model import Answers
    from aufruf.baselines.scoring import Score

_SIDE = "_contained"
_FEWEST = 2
_SMALLEST = float(np.finfo(np.float64).eps)


def soft_scores(
    examples: Examples, answers: Mapping[str, Answers], *, rounds: int = ROUNDS, seed: int = 0
) -> list[Score]:
    """Score probabilities against the shares of annotators, by label and language.

    ``soft_cross_entropy`` is the mean of -(s log p + (1 - s) log(1 - p)), natural logarithms, p kept off 0
    and 1 by the smallest step of a float; ``soft_manhattan`` the mean of |p - s| + |(1 - p) - (1 - s)|, from
    0 to 2. Less is better. Heads whose scores are no probabilities have none, nor have tables.
    """
    found: list[Score] = []
    for target in examples.targets:
        shares = _shares(examples, target)
        if shares is not None and target.name in answers:
            said = answers[target.name].scores[:, 1]
            if ((said >= 0) & (said <= 1)).all():
                found += _of_head(examples, target, shares, said, rounds, seed)
    return found


def _shares(examples: Examples, target: Target) -> Reals | None:
    """Return the share of yes of each text, NaN where fewer than two judged; None if it is not known."""
    label = target.name.removesuffix(_SIDE)
    facts = examples.facts
    if facts is None or label == target.name or f"{label}_share" not in facts.columns:
        return None
    shares = facts.get_column(f"{label}_share").fill_null(float("nan")).to_numpy()
    n = facts.get_column(f"{label}_n").fill_null(0).to_numpy()
    return np.where(n >= _FEWEST, shares, np.nan)


def _of_head(  # noqa: PLR0913, PLR0917 -- one head in one place
    examples: Examples, target: Target, shares: Reals, said: Reals, rounds: int, seed: int
) -> Iterator[Score]:
    kept = np.clip(said, _SMALLEST, 1 - _SMALLEST)
    values = {
        "soft_cross_entropy": -(shares * np.log(kept) + (1 - shares) * np.log1p(-kept)),
        "soft_manhattan": 2 * np.abs(said - shares),
    }
    for part in languages_of(examples):
        rows = part.rows & ~np.isnan(shares)
        means = _means(examples, rows, np.stack(list(values.values())), rounds, seed)
        for metric, mean in zip(values, means, strict=True):
            yield Figure(target.name, part.language, metric, mean, int(rows.sum())).score


def _means(examples: Examples, rows: Bools, values: Reals, rounds: int, seed: int) -> Reals:
    """Return the mean of each kind of value in each draw, shape (n_kinds, 1 + rounds)."""
    units = np.unique(examples.units, return_inverse=True)[1]
    n_units = int(units.max()) + 1 if len(units) else 0
    sums = [np.bincount(units[rows], each[rows], minlength=n_units) for each in values]
    counts = np.bincount(units[rows], minlength=n_units).astype(np.float64)
    columns = np.stack([*sums, counts])
    totals = np.concatenate([columns @ draw for draw in draws(n_units, rounds, seed)], axis=1)
    return np.stack([ratio(total, totals[-1]) for total in totals[:-1]])
