"""Find texts that are the same or nearly so: Jaccard of byte 5-grams, every pair verified.

Candidates come from MinHash bands (Broder 1997; one permutation: Li, Owen and Zhang 2012; empty bins:
Shrivastava 2017); each is compared by its real sets before it counts, so there are no false pairs.
"""

# pyarrow has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from aufruf.text import Texts

THRESHOLD = 0.8
PAIRS = pl.Schema({"left": pl.Int64, "right": pl.Int64, "similarity": pl.Float64})
_HASHES = 120
_USUAL = 64
_MISSED_AT_THRESHOLD = 0.003
_SLICE = 25_000
_URL = r"(?:https?://|www\.)\S+"
_SPACE = r"\s\s+|[^\S ]"
_AFTER_A_WORD = r"(\w)[\s\p{P}]+"


@dataclass(frozen=True)
class Duplicates:
    """Duplicate clusters of a sequence of texts.

    ``clusters`` has one integer a text: the position of its cluster's first text. ``pairs`` are the
    verified pairs behind them (``left`` < ``right``, positions; similarity in [threshold, 1]): all that
    clusters of up to 64 texts have, of larger ones just enough to connect them.
    """

    clusters: pl.Series
    pairs: pl.DataFrame

    @property
    def n_clusters(self) -> int:
        """The number of clusters of two or more texts."""
        return self.clusters.filter(self.clusters.is_duplicated()).n_unique()

    @property
    def duplicate_ratio(self) -> float:
        """The share of texts that another text of their cluster stands before; 0 for no texts."""
        return 1 - self.clusters.n_unique() / len(self.clusters) if len(self.clusters) else 0.0


def find_duplicates(texts: Sequence[str] | pl.Series, threshold: float = THRESHOLD) -> Duplicates:
    """Find duplicate clusters: texts joined by chains of pairs of at least ``threshold``.

    Similarity is the Jaccard index of two sets, what both have / what either has: of all runs of five bytes
    in the UTF-8 of a text; of a text of four bytes or fewer, of the text itself. It is taken after
    lower-casing, with white space as one space and none at the ends (see `folded`), and of nothing else:
    texts that differ in an address or a mention differ. The import is looser, see `comparable`. Null
    counts as empty.

    No pair is below the threshold. A pair that just meets it is missed three times in a thousand, one that
    is more alike less often, and many of those missed are in one cluster through others. Of more than 32
    texts that share a band's key, each is compared with the first 32. The same texts in the same order
    give the same result on every machine.

    Raises:
        InputError: if the threshold is not above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise InputError(f"threshold {threshold}: expected a number above 0, at most 1")
    series = texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)
    buffers = Buffers.of(folded(series.fill_null("")))
    rows = rows_in_band(threshold)
    search = Search(buffers, threshold)
    for keys in band_keys(buffers, _HASHES // rows, rows):
        search.join(keys)
    clusters = pl.Series("cluster", search.clusters()).cast(pl.Int64)
    return Duplicates(clusters, _all_pairs(clusters, search.pairs(), buffers, threshold))


def _all_pairs(clusters: pl.Series, found: pl.DataFrame, buffers: Buffers, threshold: float) -> pl.DataFrame:
    """Return every pair in clusters of usual size, and what was found in larger ones."""
    rows = pl.DataFrame({"row": pl.int_range(len(clusters), eager=True), "cluster": clusters})
    several = rows.filter(pl.len().over("cluster").is_between(3, _USUAL))
    both = several.join(several, on="cluster", suffix="_right").filter(pl.col("row") < pl.col("row_right"))
    close = similarities(buffers, both["row"], both["row_right"])
    complete = both.select(left="row", right="row_right", similarity=close)
    others = found.join(several, left_on="left", right_on="row", how="anti")
    close_enough = complete.filter(pl.col("similarity") >= threshold)
    return pl.concat([others, close_enough.cast(others.schema)]).sort("left", "right")  # pyright: ignore[reportArgumentType] -- a schema is a mapping of names to types


def folded(texts: Texts) -> Texts:
    """Return texts in lower case, runs of white space as one space, none at the ends."""
    return texts.str.to_lowercase().str.replace_all(_SPACE, " ").str.strip_chars()


def comparable(texts: Texts) -> Texts:
    """Return what of records' texts is compared: words in lower case, addresses and mentions as their type.

    Copies of a post are told apart by little else: each platform shortens an address anew, a call is sent
    to one person after the other, and of "Genug!" and "Genug!!!" a classifier that saw one knows the other.
    So what stands between words counts as one space; what stands before the first, emoji, and marks after
    them stay.
    """
    without = texts.str.to_lowercase().str.replace_all(_URL, "[url]").str.replace_all(r"@\w+", "@user")
    words = without.str.replace_all(_AFTER_A_WORD, "${1} ")
    return words.str.replace_all(_SPACE, " ").str.strip_chars()


def rows_in_band(threshold: float) -> int:
    """Return the most hashes a band that still finds 99.7 % of the pairs that just meet the threshold.

    A pair of similarity s shares one of b bands of r hashes with probability 1 - (1 - s^r)^b.
    """
    for rows in range(_HASHES // 2, 1, -1):
        if (1 - threshold**rows) ** (_HASHES // rows) <= _MISSED_AT_THRESHOLD:
            return rows
    return 1


@dataclass(frozen=True)
class Buffers:
    """The bytes of all texts in a row (``data``), and where each begins (``offsets``, one more)."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, texts: pl.Series) -> Buffers:
        """Take the bytes of a column without nulls."""
        import numpy as np

        column = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        _, offsets, data = column.buffers()
        starts = np.frombuffer(offsets, dtype=np.int64, count=len(column) + 1, offset=8 * column.offset)
        if data is None or not data.size:
            return cls(np.zeros(1, np.uint8), starts)
        return cls(np.frombuffer(data, dtype=np.uint8), starts)

    def __len__(self) -> int:
        return len(self.offsets) - 1


def band_keys(buffers: Buffers, bands: int, rows: int) -> NDArray[np.int32]:
    """Return a key for each band (first axis) and text (second), equal where all hashes of the band are.

    Two texts of similarity s have equal keys in a band with a chance of s^rows, by chance alone with one
    of 2^-32. All processors share the work.
    """
    import numpy as np

    from aufruf import band_kernels

    keys = np.empty((bands, len(buffers)), dtype=np.int32)

    def fill(begin: int) -> None:
        end = min(begin + _SLICE, len(buffers))
        band_kernels.fill_band_keys(buffers.data, buffers.offsets[begin : end + 1], rows, keys[:, begin:end])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill, range(0, len(buffers), _SLICE)))
    return keys


class Search:
    """Joins texts into clusters, band by band.

    Args:
        buffers: the texts.
        threshold: least similarity of a pair.
        old: how many texts, from the first, need no comparison with each other.
    """

    def __init__(self, buffers: Buffers, threshold: float, old: int = 0) -> None:
        import numpy as np

        from aufruf import duplicate_kernels

        self._kernels = duplicate_kernels
        self._buffers, self._threshold, self._old = buffers, threshold, old
        n = len(buffers)
        longest = int(np.diff(buffers.offsets).max(initial=0))
        slots = duplicate_kernels.table_size(2 * longest)
        self._table = np.empty(slots, np.uint64), np.zeros(slots, np.int64)
        self._room = np.empty(n, np.int64), np.empty(n, np.int64)
        self._parents = np.arange(n, dtype=np.int32)
        self._copied, self._failed = np.zeros(n, np.bool_), np.full(n, -1, np.int32)
        self._ends, self._similarities = np.empty((n, 2), np.int32), np.empty(n)
        self._counts = np.array([0, 1])

    def unite(self, lefts: NDArray[np.int32], rights: NDArray[np.int32]) -> None:
        """Put texts into one cluster that are known to belong together."""
        self._kernels.unite_all(self._parents, lefts, rights)

    def join(self, keys: NDArray[np.int32]) -> None:
        """Compare the texts whose keys in one band are equal."""
        found = (
            self._parents,
            self._copied,
            self._failed,
            self._ends,
            self._similarities,
            self._counts,
        )
        data, offsets = self._buffers.data, self._buffers.offsets
        self._kernels.join_band(
            data, offsets, keys, self._old, self._threshold, self._table, self._room, found
        )

    def pairs(self) -> pl.DataFrame:
        """Return the pairs found: positions of texts, left < right, and their similarity, in order."""
        count = self._counts[0]
        ends = self._ends[:count]
        found = {"left": ends[:, 0], "right": ends[:, 1], "similarity": self._similarities[:count]}
        return pl.DataFrame(found).cast(PAIRS).sort("left", "right")  # pyright: ignore[reportArgumentType] -- a schema is a mapping of names to types

    def clusters(self) -> NDArray[np.int32]:
        """Return for each text the first text of its cluster."""
        return self._kernels.roots(self._parents)


def similarities(buffers: Buffers, lefts: pl.Series, rights: pl.Series) -> pl.Series:
    """Return the similarity of the texts at each pair of positions, as `find_duplicates` takes it."""
    import numpy as np

    from aufruf.duplicate_kernels import fill_similarities

    found = np.empty(len(lefts))
    left, right = lefts.cast(pl.Int32).to_numpy(), rights.cast(pl.Int32).to_numpy()
    fill_similarities(buffers.data, buffers.offsets, left, right, found)
    return pl.Series("similarity", found)
