"""Which n-grams speak most for an answer and against it, of a linear model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aufruf.baselines.explaining import buckets_of
from aufruf.baselines.hashing import HashedNgrams

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from aufruf.baselines.examples import Ints
    from aufruf.baselines.heads import Head
    from aufruf.baselines.model import Model

SHOWN = 20
_LOOKED_AT = 5
"""Of a hashed model, so many times the n-grams shown are looked for: not all stand in the texts at hand."""


@dataclass(frozen=True)
class NgramWeights:
    """The n-grams that speak most for yes and for no, each with its weight, the heaviest first.

    They are pieces of the texts that the model was trained on; of a hashed model, of the texts they were
    looked for in.
    """

    label: str
    yes: list[tuple[str, float]]
    no: list[tuple[str, float]]


def ngram_weights(model: Model, texts: pl.Series, shown: int = SHOWN) -> list[NgramWeights]:
    """Return the heaviest n-grams of each yes/no head; nothing of a model whose features have no names.

    Args:
        model: what is looked into.
        texts: prepared. A hashed model has no list of its n-grams: they are those of these texts that fall
            in its heaviest buckets; a bucket that none of them has is left out.
        shown: how many for each answer.
    """
    heads = [head for head in model.heads if head.is_yes_no and head.is_linear]
    if isinstance(model.features, HashedNgrams):
        heavy = {column for head in heads for column in _heaviest(head, _LOOKED_AT * shown)}
        names = _found_names(model.features, heavy, texts)
    elif hasattr(model.features, "get_feature_names_out"):
        listed = model.features.get_feature_names_out()
        names = {column: _ngram(name) for column, name in enumerate(listed)}
    else:
        return []
    return [_of_head(head, names, shown) for head in heads]


def _found_names(features: HashedNgrams, columns: set[int], texts: pl.Series) -> dict[int, str]:
    """Return an n-gram of each column that one of the texts has."""
    rows = features.transform(texts)
    indices: Ints = rows.indices
    wanted = np.isin(indices, list(columns))
    found, first = np.unique(indices[wanted], return_index=True)
    at = np.flatnonzero(wanted)[first]
    text_of = np.searchsorted(rows.indptr, at, side="right") - 1
    buckets = {number: buckets_of(features, texts[int(number)]) for number in np.unique(text_of)}
    return {
        int(column): buckets[number][int(features.buckets_[column])]
        for column, number in zip(found, text_of, strict=True)
    }


def _heaviest(head: Head, n: int) -> list[int]:
    """Return the n columns that speak most for yes and the n that speak most for no."""
    order = np.argsort(_weights(head), kind="stable")
    return [*order[::-1][:n].tolist(), *order[:n].tolist()]


def _weights(head: Head) -> Any:
    return np.asarray(head.estimator.coef_).reshape(-1)


def _of_head(head: Head, names: Mapping[int, str], shown: int) -> NgramWeights:
    weights = _weights(head)
    order = [place for place in np.argsort(weights, kind="stable").tolist() if place in names]
    return NgramWeights(
        head.name,
        [(names[place], float(weights[place])) for place in order[::-1][:shown] if weights[place] > 0],
        [(names[place], float(weights[place])) for place in order[:shown] if weights[place] < 0],
    )


def _ngram(name: str) -> str:
    """Return a feature's n-gram, without the name of its block."""
    return name.partition("__")[2]
