"""Which seed terms a text holds, as features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin

from aufruf.assets import asset
from aufruf.label_scheme import load_label_scheme
from aufruf.lexicon import load_lexicon, term_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence


class LexiconTerms(TransformerMixin, BaseEstimator):
    """A column a label, 1 where a text holds any of its terms, then a column a term.

    Terms of both languages are looked for in every text: a table does not say which one it is in.

    Attributes:
        terms: a line a term, ``label<tab>term``, sorted; a model keeps them, so that it answers alike
            whatever becomes of the lexicon.
    """

    def __init__(self, terms: str) -> None:
        self.terms = terms

    def fit(self, texts: Sequence[str], answers: Any = None) -> LexiconTerms:
        """Do nothing: the terms are given."""
        del texts, answers
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Return the occurrences of the terms, shape (n_texts, n_labels + n_terms), sparse.

        A term is looked for only in texts that hold some term of its label: most hold none.
        """
        column = pl.DataFrame({"text": texts}, schema={"text": pl.String}).with_row_index("row")
        by_label = self._by_label()
        found: list[tuple[Any, int]] = []
        place = len(by_label)
        for number, words in enumerate(by_label.values()):
            some = column.filter(pl.col("text").str.contains(term_pattern(words)))
            found.append((some.get_column("row").to_numpy(), number))
            for word in words:
                rows = some.filter(pl.col("text").str.contains(term_pattern([word])))
                found.append((rows.get_column("row").to_numpy(), place))
                place += 1
        return _occurrences(found, (len(column), place))

    def get_feature_names_out(self, _given: Any = None) -> Any:
        """Return a name a column: the label's, then ``label: term``."""
        by_label = self._by_label()
        terms = [f"{label}: {word}" for label, words in by_label.items() for word in words]
        return np.array([*by_label, *terms], dtype=object)

    def _by_label(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in self.terms.splitlines():
            label, _, word = line.partition("\t")
            found.setdefault(label, []).append(word)
        return found


def shipped_terms() -> LexiconTerms:
    """Return the terms of the lexicon that ships with aufruf, unfitted."""
    scheme = load_label_scheme(asset("schemas", "label_scheme.toml"))
    lexicon = load_lexicon(asset("schemas", "lexicon.toml"), scheme.label_names)
    lines = {f"{entry.label}\t{word}" for entry in lexicon.terms for word in entry.words}
    return LexiconTerms("\n".join(sorted(lines)))


def _occurrences(found: list[tuple[Any, int]], shape: tuple[int, int]) -> Any:
    rows = np.concatenate([rows for rows, _ in found]).astype(np.int64)
    columns = np.repeat([column for _, column in found], [len(rows) for rows, _ in found])
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
