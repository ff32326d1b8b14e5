"""TF-IDF of hashed n-grams: what scikit-learn says of words and characters, without a vocabulary."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator

from aufruf.duplicates import Buffers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from aufruf.baselines.examples import Reals

    _Part = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]

ENDS = ".:!?"
"""What ends a sentence."""
_SLICE = 1 << 16
"""Bytes of text that a thread takes at a time."""
_LOGS = 256
"""From this count of an n-gram in one text on, more make no difference."""


class HashedNgrams(BaseEstimator):
    """Texts as rows of TF-IDF, each n-gram in the column of the bucket that its hash falls in.

    What counts as a word, as white space and as an n-gram is what scikit-learn's TfidfVectorizer takes
    for one with ``analyzer="word"`` and ``analyzer="char_wb"``, in lower case; so is idf,
    ``1 + ln((1 + n_texts) / (1 + n_texts with it))``, 0 for a bucket that fewer than ``min_df`` texts
    have. Words and characters are of length 1 each and share no bucket. Columns are the buckets that
    training knows, words first. Null is an empty text.

    Args:
        words: shortest and longest run of words; None for no words.
        characters: shortest and longest run of characters within a word and the blanks around it.
        min_df: in how many texts a bucket must be to count.
        sublinear_tf: whether n times in a text are worth 1 + ln n rather than n.
        marks: whether marks such as ``!``, words of one letter and the starts of sentences are words, too; a
            sentence ends with white space after ``.``, ``:``, ``!`` or ``?``. scikit-learn has no such words.
        bits: there are 2 to the power of ``bits`` buckets, half for words and half for characters.
    """

    def __init__(  # noqa: PLR0913 -- scikit-learn wants each setting by itself
        self,
        words: tuple[int, int] | None = (1, 2),
        characters: tuple[int, int] | None = (2, 5),
        *,
        min_df: int = 1,
        sublinear_tf: bool = True,
        marks: bool = False,
        bits: int = 22,
    ) -> None:
        self.words = words
        self.characters = characters
        self.min_df = min_df
        self.sublinear_tf = sublinear_tf
        self.marks = marks
        self.bits = bits

    def fit(self, texts: Iterable[str], y: object = None) -> HashedNgrams:
        """Learn which buckets there are and in how many texts each is."""
        self.fit_transform(texts, y)
        return self

    def fit_transform(self, texts: Iterable[str], y: object = None, **parameters: object) -> Any:
        """Fit, and return the texts' rows, a csr_array of float32, shape (n_texts, n_columns)."""
        del y, parameters
        parts = self._counted(texts)
        n_texts = sum(len(ends) for _, _, ends in parts)
        found = self._document_frequencies(parts)
        known = np.flatnonzero(found >= max(self.min_df, 1)).astype(np.int32)
        order = np.lexsort((known, -found[known], known >> (self.bits - 1)))
        self.buckets_ = known[order]
        self.idf_ = (1 + np.log((1 + n_texts) / (1 + found[self.buckets_]))).astype(np.float32)
        return self._rows(parts)

    def transform(self, texts: Iterable[str]) -> Any:
        """Return the texts' rows, a csr_array of float32, shape (n_texts, n_columns)."""
        return self._rows(self._counted(texts))

    def score(self, texts: Iterable[str], weights: Reals, intercepts: Reals) -> Reals:
        """Return ``transform(texts) @ weights.T + intercepts``, shape (n_texts, n_heads), without the rows.

        Args:
            texts: what to score.
            weights: of each head and column, shape (n_heads, n_columns).
            intercepts: of each head, shape (n_heads,).
        """
        stacked = np.column_stack([self.idf_, weights.T]).astype(np.float32)
        buffers, settings = _lowered(texts), self._settings()
        scores = np.tile(np.asarray(intercepts, dtype=np.float64), (len(buffers), 1))

        columns = self._table()

        def score(begin: int, end: int) -> None:
            _kernels().score_texts(
                buffers.data,
                buffers.offsets[begin : end + 1],
                *settings,
                columns,
                stacked,
                scores[begin:end],
            )

        _each_slice(buffers, score)
        return scores

    def _settings(self) -> tuple[Any, ...]:
        """Return what the kernels must know beside the texts; a block that is not wanted has no length."""
        counts = np.arange(1, _LOGS + 1, dtype=np.float32)
        worth = 1 + np.log(counts) if self.sublinear_tf else counts
        ranges = (self.words or (1, 0)), (self.characters or (1, 0))
        return _kinds(self.marks), *ranges, self.bits, worth

    def _table(self) -> NDArray[np.int32]:
        """Return the column of each bucket, -1 for those that training does not know."""
        columns = np.full(1 << self.bits, -1, dtype=np.int32)
        columns[self.buckets_] = np.arange(len(self.buckets_), dtype=np.int32)
        return columns

    def _counted(self, texts: Iterable[str]) -> list[_Part]:
        """Return, for runs of texts, the buckets, what their counts are worth, and where each text ends."""
        buffers = _lowered(texts)
        settings = self._settings()

        def count(begin: int, end: int) -> _Part:
            offsets = buffers.offsets[begin : end + 1]
            room = self._most_grams(offsets)
            buckets, values = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.float32)
            ends = np.empty(end - begin, dtype=np.int64)
            _kernels().count_texts(buffers.data, offsets, *settings, buckets, values, ends)
            return buckets[: ends[-1]].copy(), values[: ends[-1]].copy(), ends

        return _each_slice(buffers, count)

    def _document_frequencies(self, parts: list[_Part]) -> NDArray[np.int32]:
        """Return in how many texts each bucket is; a text has a bucket once."""
        found = np.zeros(1 << self.bits, dtype=np.int32)
        for buckets, _, _ in parts:
            _kernels().count_buckets(buckets, found)
        return found

    def _most_grams(self, offsets: NDArray[np.int64]) -> int:
        lengths = sum(last - first + 1 for first, last in filter(None, (self.words, self.characters)))
        return int(offsets[-1] - offsets[0] + 2 * len(offsets)) * lengths

    def _rows(self, parts: list[_Part]) -> Any:
        from scipy.sparse import csr_array

        first_character = int((self.buckets_ < 1 << (self.bits - 1)).sum())
        table = self._table()

        def weigh(part: _Part) -> _Part:
            buckets, values, ends = part
            size = _kernels().weigh(buckets, values, ends, table, self.idf_, first_character)
            return buckets[:size], values[:size], ends

        with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
            weighed = list(pool.map(weigh, parts))
        none = np.empty(0, np.int32), np.empty(0, np.float32), np.zeros(1, np.int64)
        columns, values, ends = zip(none, *weighed, strict=True)
        before = np.cumsum([0, *(len(part) for part in columns)])
        starts = np.concatenate([part + start for part, start in zip(ends, before, strict=False)])
        if starts[-1] <= np.iinfo(np.int32).max:  # scikit-learn's linear models take no longer ones
            starts = starts.astype(np.int32)
        shape = len(starts) - 1, len(self.buckets_)
        return csr_array((np.concatenate(values), np.concatenate(columns), starts), shape=shape, copy=False)


def _kernels() -> Any:
    """Return the compiled loops, which have no types."""
    from aufruf.baselines import hashing_kernels

    return hashing_kernels


def _lowered(texts: Iterable[str]) -> Buffers:
    series = texts if isinstance(texts, pl.Series) else pl.Series(list(texts), dtype=pl.String)
    return Buffers.of(series.fill_null("").str.to_lowercase())


@lru_cache(2)
def _kinds(marks: bool) -> NDArray[np.uint8]:  # noqa: FBT001 -- what the cache is for
    """Return what each character is to `re`: part of a word, white space, or neither, which can be a mark."""
    from aufruf.baselines.hashing_kernels import END, MARK, SPACE, WORD

    every = "".join(map(chr, range(sys.maxunicode + 1)))
    kinds = np.full(len(every), MARK if marks else 0, dtype=np.uint8)
    ends = [(END, f"[{ENDS}]")] if marks else []
    for kind, pattern in ((WORD, r"\w+"), (SPACE, r"\s+"), *ends):
        for run in re.finditer(pattern, every):
            kinds[run.start() : run.end()] = kind
    return kinds


def _each_slice(buffers: Buffers, work: Callable[[int, int], Any]) -> list[Any]:
    """Give runs of texts to all processors, and return what comes of each, in order."""
    starts = buffers.offsets[:-1]
    if not len(starts):
        return []
    cuts = np.flatnonzero(np.diff((starts - starts[0]) // _SLICE, prepend=-1))
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        return list(pool.map(work, cuts.tolist(), [*cuts[1:].tolist(), len(starts)]))
