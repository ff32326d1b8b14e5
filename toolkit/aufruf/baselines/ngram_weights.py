"""Which n-grams speak most for an answer and against it, of a linear model that names its n-grams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from aufruf.baselines.heads import Head
    from aufruf.baselines.model import Model

SHOWN = 20


@dataclass(frozen=True)
class NgramWeights:
    """The n-grams that speak most for yes and for no, each with its weight, the heaviest first.

    They are pieces of the texts that the model was trained on.
    """

    label: str
    yes: list[tuple[str, float]]
    no: list[tuple[str, float]]


def ngram_weights(model: Model, shown: int = SHOWN) -> list[NgramWeights]:
    """Return the heaviest n-grams of each yes/no head; nothing of a model that does not name its features."""
    if not hasattr(model.features, "get_feature_names_out"):
        return []
    names = model.features.get_feature_names_out()
    heads = [head for head in model.heads if head.classes == ("no", "yes") and not head.is_constant]
    return [_of_head(head, names, shown) for head in heads if hasattr(head.estimator, "coef_")]


def _of_head(head: Head, names: Any, shown: int) -> NgramWeights:
    weights = np.asarray(head.estimator.coef_).reshape(-1)
    order = np.argsort(weights, kind="stable")
    yes, no = order[::-1][:shown], order[:shown]
    return NgramWeights(
        head.name,
        [(_ngram(names[place]), float(weights[place])) for place in yes if weights[place] > 0],
        [(_ngram(names[place]), float(weights[place])) for place in no if weights[place] < 0],
    )


def _ngram(name: str) -> str:
    """Return a feature's n-gram, without the name of its block."""
    return name.partition("__")[2]
