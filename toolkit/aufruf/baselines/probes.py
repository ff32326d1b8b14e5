"""Probes: models that must not work, because they do not read.

What a probe reaches can be had without reading: from where a text comes, who wrote it, how long it is. A
model that reaches no more has shown nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import OneHotEncoder

from aufruf.baselines.recipes import list_recipes
from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aufruf.baselines.recipes import Facts, Recipe

COLUMNS: dict[Facts, tuple[str, ...]] = {
    "source": ("source",),
    "author": ("author_group",),
    "metadata": ("source", "kind", "language", "month", "stratum"),
}
"""The columns of a release that a probe looks at."""
_BUCKETS = 32


def probe_recipes() -> list[Recipe]:
    """Return the recipes that must not work, by name; all but the one by length need a release."""
    return [recipe for recipe in list_recipes() if recipe.probe]


def fact_values(facts: pl.DataFrame | None, known: Facts) -> Any:
    """Return what a probe knows of texts, shape (n_texts, n_columns), strings; null is a value of its own.

    Raises:
        InputError: if nothing is known of the texts but themselves, as in a table.
    """
    columns = COLUMNS[known]
    missing = [name for name in columns if facts is None or name not in facts.columns]
    if facts is None or missing:
        raise InputError(
            f"these texts come without {', '.join(missing)}: a probe by {known} needs a release (--data or "
            "--release); of a table only probe-length works"
        )
    return facts.select(pl.col(columns).cast(pl.String).fill_null("")).to_numpy().astype(np.str_)


def one_hot() -> Any:
    """Return unfitted features of facts: a column a value; a value that training did not know has none."""
    return OneHotEncoder(handle_unknown="ignore")


class TextLength(TransformerMixin, BaseEstimator):
    """How long a text is: its numbers of characters and of words, each in half powers of two."""

    def fit(self, texts: Sequence[str], answers: Any = None) -> TextLength:
        """Do nothing: nothing is learnt."""
        del texts, answers
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Return one column a length, shape (n_texts, 64): in each row one of characters and one of words."""
        column = pl.Series(texts, dtype=pl.String)
        characters = column.str.len_chars().to_numpy()
        words = column.str.count_matches(r"\S+").to_numpy()
        places = np.stack([_bucket(characters), _BUCKETS + _bucket(words)], axis=1)
        rows = np.arange(len(texts) + 1) * 2
        ones = np.ones(2 * len(texts))
        return sparse.csr_array((ones, places.reshape(-1), rows), shape=(len(texts), 2 * _BUCKETS))


def _bucket(counts: Any) -> Any:
    return np.minimum(np.floor(2 * np.log2(counts + 1.0)), _BUCKETS - 1).astype(np.int64)
