"""Compare two models on the same texts: whether one is better, or these texts happened to suit it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aufruf.baselines.resampling import ROUNDS, interval
from aufruf.baselines.scoring import resampled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aufruf.baselines.examples import Examples, Reals
    from aufruf.baselines.model import Answers
    from aufruf.baselines.scoring import Figure

TEST = (
    "paired bootstrap over units: both models are scored on the same draws; p is twice the share of draws "
    "in which the difference is zero or has the other sign; Holm's correction is over the labels of a metric "
    "and part of the texts"
)


class Difference(msgspec.Struct, frozen=True):
    """A figure of two models, and their difference: the first's less the second's.

    ``low`` and ``high`` bound its 95 % interval. ``p_value`` is two-sided and at least 2 / (draws + 1);
    ``p_holm`` is the same, corrected for the number of labels. What is undefined is None. For errors and
    rates of false positives less is better. The rest is as in `Score`.
    """

    label: str
    language: str | None
    metric: str
    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_holm: float | None
    n: int
    slice: str | None = None
    weighted: bool = False


class Comparison(msgspec.Struct, frozen=True):
    """Two models on the same texts; ``test`` says how p-values come about."""

    first: str
    second: str
    scores_of: str
    test: str
    differences: list[Difference]
    notes: list[str]


def compare(  # noqa: PLR0913 -- the arguments of `score`, with another model's answers
    examples: Examples,
    first: Mapping[str, Answers],
    second: Mapping[str, Answers],
    *,
    means: Mapping[str, Sequence[str]] | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    sliced: bool = False,
) -> list[Difference]:
    """Compare the answers of two models to the same examples, figure by figure.

    Args:
        examples: the texts with what holds of them.
        first: what the first model's heads said, by their names.
        second: what the second's said; the same heads.
        means: heads over which means are formed, by the mean's name.
        rounds: draws of the bootstrap.
        seed: of the bootstrap.
        sliced: whether to compare by design weight, kind, source and voice, too.
    """
    one, other = (
        resampled(examples, answers, means=means, rounds=rounds, seed=seed, sliced=sliced)
        for answers in (first, second)
    )
    return compared(one, other, means or {})


def compared(one: Iterable[Figure], other: Iterable[Figure], means: Iterable[str]) -> list[Difference]:
    """Compare figures of two models that `resampled` made of the same examples with the same draws."""
    found = [_difference(ours, theirs) for ours, theirs in zip(one, other, strict=True)]
    return _corrected(found, means)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's step-down procedure, in the order given."""
    order = np.argsort(p_values, kind="stable")
    steps = np.array(p_values)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected.tolist()


def p_value(differences: Reals) -> float | None:
    """Return how likely so large a difference is by chance, from differences in draws; NaN is left out."""
    defined = differences[~np.isnan(differences)]
    if len(defined) == 0 or interval(differences) == (None, None):
        return None
    below, above = (defined <= 0).sum(), (defined >= 0).sum()
    return min(1.0, float(2 * (min(below, above) + 1) / (len(defined) + 1)))


def _difference(one: Figure, other: Figure) -> Difference:
    values = one.values - other.values
    known = not np.isnan(values[0])
    low, high = interval(values[1:]) if known else (None, None)
    return Difference(
        label=one.label,
        language=one.language,
        metric=one.metric,
        first=one.score.value,
        second=other.score.value,
        difference=float(values[0]) if known else None,
        low=low,
        high=high,
        p_value=p_value(values[1:]) if known else None,
        p_holm=None,
        n=one.n,
        slice=one.slice,
        weighted=one.weighted,
    )


def _corrected(found: Sequence[Difference], means: Iterable[str]) -> list[Difference]:
    """Return differences with p-values corrected over labels; means are not counted among them."""
    over = set(means)
    families: dict[tuple[object, ...], list[int]] = {}
    for place, row in enumerate(found):
        if row.p_value is not None:
            family = (
                row.metric,
                row.language,
                row.slice,
                row.weighted,
                row.label if row.label in over else "",
            )
            families.setdefault(family, []).append(place)
    rows = list(found)
    for places in families.values():
        corrected = holm([rows[place].p_value or 0.0 for place in places])
        for place, value in zip(places, corrected, strict=True):
            rows[place] = msgspec.structs.replace(rows[place], p_holm=value)
    return rows
