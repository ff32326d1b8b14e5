"""Divide examples into folds: every answer shared out evenly, no unit on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aufruf.errors import InputError

if TYPE_CHECKING:
    from aufruf.baselines.examples import Examples, Ints


def folds_of(examples: Examples, folds: int, seed: int) -> list[tuple[Ints, Ints]]:
    """Return the rows to train on and the rows held out of each fold, by the first target's answers.

    Units that hold as many texts of each answer as one another are dealt out in turn, the largest first;
    what cannot be dealt to all goes where fewest of these answers are.

    Raises:
        InputError: if an answer of a yes/no question has fewer units than folds, or there are fewer than
            two folds.
    """
    if folds < 2:  # noqa: PLR2004 -- one to train on, one to score on
        raise InputError(f"{folds} folds: two are the least")
    units = np.unique(examples.units, return_inverse=True)[1]
    held = _answers_by_unit(examples, units)
    _check(examples, held, folds)
    fold = _dealt(held, folds, np.random.default_rng(seed))[units]
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds)]


def _answers_by_unit(examples: Examples, units: Ints) -> Ints:
    """Return how many texts of each answer each unit holds, shape (n_units, n_classes)."""
    target = examples.targets[0]
    asked, width = target.asked, len(target.classes)
    n_cells = (int(units.max(initial=-1)) + 1) * width
    counts = np.bincount(units[asked] * width + target.codes[asked], minlength=n_cells)
    return counts.reshape(-1, width)


def _check(examples: Examples, held: Ints, folds: int) -> None:
    target = examples.targets[0]
    having = dict(zip(target.classes, (held > 0).sum(axis=0).tolist(), strict=True))
    scarce = (min if target.is_yes_no else max)(having, key=lambda name: having[name])
    if having[scarce] < folds:
        raise InputError(
            f"column {target.name!r}: {having[scarce]} different texts with the answer {scarce!r} are too "
            f"few for {folds} folds; choose fewer with --cross-validate"
        )


def _dealt(held: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Return each unit's fold: a loop over kinds of units, of which there are few."""
    kinds, kind_of = np.unique(held, axis=0, return_inverse=True)
    shares = kinds / held.sum(axis=0).clip(1) ** 2
    shuffled = rng.permutation(len(held))
    by_kind = np.split(
        shuffled[np.argsort(kind_of[shuffled], kind="stable")], np.cumsum(np.bincount(kind_of))[:-1]
    )
    load = np.zeros((folds, held.shape[1]), dtype=np.int64)
    fold = np.empty(len(held), dtype=np.int64)
    largest_first: list[int] = np.argsort(-kinds.sum(axis=1), kind="stable").tolist()
    for kind in largest_first:
        members = by_kind[kind]
        emptiest = np.lexsort((load.sum(axis=1), load @ shares[kind]))
        fold[members] = emptiest[np.arange(len(members)) % folds]
        load += np.bincount(fold[members], minlength=folds)[:, None] * kinds[kind]
    return fold
