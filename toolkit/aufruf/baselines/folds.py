"""Divide examples into folds: every answer shared out evenly, no unit on both sides."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from aufruf.errors import InputError

if TYPE_CHECKING:
    from aufruf.baselines.examples import Examples, Ints


def folds_of(examples: Examples, folds: int, seed: int) -> list[tuple[Ints, Ints]]:
    """Return the rows to train on and the rows held out of each fold, by the first target's answers.

    Raises:
        InputError: if an answer of a yes/no question has fewer units than folds, or there are fewer than
            two folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    target = examples.targets[0]
    if folds < 2:  # noqa: PLR2004 -- one to train on, one to score on
        raise InputError(f"{folds} folds: two are the least")
    units = {
        name: len(np.unique(examples.units[target.codes == code])) for code, name in enumerate(target.classes)
    }
    scarce = (
        min(units, key=lambda name: units[name]) if target.is_yes_no else max(units, key=lambda n: units[n])
    )
    if units[scarce] < folds:
        raise InputError(
            f"column {target.name!r}: {units[scarce]} different texts with the answer {scarce!r} are too few "
            f"for {folds} folds; choose fewer with --cross-validate"
        )
    splitter: Any = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Of several answers a rare one may be missing in a fold; its scores say so.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        return list(splitter.split(np.zeros(len(examples)), target.codes, examples.units))
