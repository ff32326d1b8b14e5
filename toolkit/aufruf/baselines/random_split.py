"""What a random split would have scored: the same baseline on the same texts, but units torn apart.

Copies, further posts of an author and the rest of a conversation then stand on both sides, and a model is
rewarded for knowing them again. The difference is how much such scores flatter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aufruf.baselines.examples import joined
from aufruf.baselines.model import fit_model, no_step
from aufruf.baselines.release_data import SIDES, read_release
from aufruf.baselines.scoring import score
from aufruf.baselines.training import means_over_labels
from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aufruf.baselines.examples import Examples, Ints
    from aufruf.baselines.recipes import Recipe
    from aufruf.baselines.release_data import Split

DRAWS = 3
_SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_METRICS = ("f1", "average_precision")


@dataclass(frozen=True)
class Flattery:
    """One figure of a baseline on ``test``, trained both ways.

    ``label`` is a head, or a side for the mean over labels; ``random`` is the mean of the draws of random
    splits, from ``lowest`` to ``highest``. None where a figure is undefined.
    """

    label: str
    metric: str
    released: float | None
    random: float | None
    lowest: float | None
    highest: float | None


def compare_with_random(
    release: Path, recipe: Recipe, *, seed: int = 0, draws: int = DRAWS
) -> list[Flattery]:
    """Train a recipe on a release's splits and on random ones of the same sizes, and score both on test.

    Thresholds are tuned on validation each time. One division by units is compared with a few random ones:
    a difference within their spread says nothing.

    Raises:
        InputError: if it is no release, a split has no file or no text, or there is nothing to learn from.
    """
    found = read_release(release, _SPLITS)
    parts = [found.splits[split] for split in _SPLITS]
    if min(len(part) for part in parts) == 0:
        raise InputError(f"{release}: a split has no texts; there is nothing to compare")
    every, sizes = joined([part.unweighted() for part in parts]), [len(part) for part in parts]
    every = replace(every, units=np.arange(len(every)), languages=None)
    means = means_over_labels(found.scheme)
    orders = [np.arange(len(every)), *_permutations(len(every), draws, seed)]
    scored = [_scores(recipe, every, np.split(order, np.cumsum(sizes)[:-1]), means, seed) for order in orders]
    return [_flattery(key, [figures[key] for figures in scored]) for key in scored[0]]


def _permutations(n: int, draws: int, seed: int) -> list[Ints]:
    return [rng.permutation(n) for rng in np.random.default_rng(seed).spawn(draws)]


def _scores(
    recipe: Recipe, every: Examples, rows: Sequence[Ints], means: Mapping[str, Sequence[str]], seed: int
) -> dict[tuple[str, str], float | None]:
    train, validation, test = (every.take(part) for part in rows)
    model = fit_model(recipe, train, seed=seed, step=no_step).tuned(validation)
    figures = score(test, model.answer(test), means=means, rounds=0)
    return {
        (row.label, row.metric): row.value
        for row in figures
        if row.metric in (("macro_f1",) if row.label in SIDES else _METRICS)
    }


def _flattery(key: tuple[str, str], values: Sequence[float | None]) -> Flattery:
    drawn = [value for value in values[1:] if value is not None]
    if not drawn:
        return Flattery(*key, values[0], None, None, None)
    return Flattery(*key, values[0], float(np.mean(drawn)), min(drawn), max(drawn))
