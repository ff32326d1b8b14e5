"""Find texts that are the same or nearly so: Jaccard of byte 5-grams, every pair verified.

Candidates come from MinHash bands (Broder 1997; one permutation: Li, Owen and Zhang 2012; empty bins:
Shrivastava 2017); each is compared by its real sets before it counts, so there are no false pairs.
"""

# pyarrow and scipy's graphs have no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError
from aufruf.masking import unkeyed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

PAIRS = pl.Schema({"left": pl.Int64, "right": pl.Int64, "similarity": pl.Float64})
_HASHES = 120
_MISSED_AT_THRESHOLD = 0.003
_LEADERS = 16
_URL = r"(?:https?://|www\.)\S+"


@dataclass(frozen=True)
class Duplicates:
    """Duplicate clusters of a sequence of texts.

    ``clusters`` has one integer a text: the position of its cluster's first text. ``pairs`` are the
    verified pairs behind them (``left`` < ``right``, positions; similarity in [threshold, 1]), enough
    to connect each cluster, not every pair in it.
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


def find_duplicates(texts: Sequence[str] | pl.Series, threshold: float = 0.8) -> Duplicates:
    """Find duplicate clusters: texts joined by chains of pairs of at least ``threshold``.

    Case, white space, addresses and the digits of placeholders do not count. The same texts in the same
    order give the same result on every machine.

    Raises:
        InputError: if the threshold is not above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise InputError(f"threshold {threshold}: expected a number above 0, at most 1")
    series = texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)
    frame = pl.DataFrame({"text": comparable(series.fill_null(""))}).with_row_index("row")
    first = pl.col("row").first().over("text").cast(pl.Int64)
    frame = frame.with_columns(pl.col("row").cast(pl.Int64), first=first)
    unique = frame.filter(pl.col("row") == pl.col("first"))
    near = _near_pairs(unique["text"], threshold)
    rows = unique["row"]
    exact = frame.filter(pl.col("row") != pl.col("first"))
    pairs = pl.concat(
        [
            exact.select(left="first", right="row", similarity=pl.lit(1.0)),
            near.with_columns(left=rows.gather(near["left"]), right=rows.gather(near["right"])),
        ]
    ).sort("left", "right")
    return Duplicates(connected(frame.height, pairs), pairs)


def comparable(texts: pl.Series) -> pl.Series:
    """Return what of the texts is compared: lower case, one space, addresses and people by type."""
    text = unkeyed(pl.col("text").str.to_lowercase()).str.replace_all(_URL, "[url]")
    spaced = text.str.replace_all(r"@\w+", "@user").str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.DataFrame({"text": texts}).select(spaced).to_series()


def connected(n: int, pairs: pl.DataFrame) -> pl.Series:
    """Return for each of n positions the smallest position that pairs connect it with."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if pairs.is_empty():
        return pl.Series("cluster", np.arange(n), dtype=pl.Int64)
    ends = (pairs["left"].to_numpy(), pairs["right"].to_numpy())
    edges = coo_array((np.ones(pairs.height, dtype=np.int8), ends), shape=(n, n))
    component: NDArray[np.int32] = connected_components(edges, directed=False)[1]
    frame = pl.DataFrame({"component": component}).with_row_index("row")
    return frame.select(pl.col("row").min().over("component").cast(pl.Int64).alias("cluster")).to_series()


def _near_pairs(texts: pl.Series, threshold: float) -> pl.DataFrame:
    import numpy as np

    from aufruf.duplicate_kernels import band_keys, join_band

    data, offsets = _buffers(texts)
    rows = rows_in_band(threshold)
    keys, sketches = band_keys(data, offsets, _HASHES // rows, rows)
    parents = np.arange(len(texts))
    pairs = [PAIRS.to_frame()]
    for band in keys:
        order = np.argsort(band, kind="stable")
        left, right, similarity = join_band(
            data, offsets, band, order, sketches, parents, threshold, _LEADERS
        )
        found = {"left": left, "right": right, "similarity": similarity}
        pairs.append(pl.DataFrame(found, schema=PAIRS))
    return pl.concat(pairs)


def rows_in_band(threshold: float) -> int:
    """Return the most hashes a band that still finds 99.7 % of the pairs that just meet the threshold.

    A pair of similarity s shares one of b bands of r hashes with probability 1 - (1 - s^r)^b.
    """
    for rows in range(_HASHES // 2, 1, -1):
        if (1 - threshold**rows) ** (_HASHES // rows) <= _MISSED_AT_THRESHOLD:
            return rows
    return 1


def _buffers(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of all texts in a row, and where each begins."""
    import numpy as np
    import pyarrow as pa

    column = pa.array(texts.to_arrow(), pa.large_string())
    _, offsets, data = column.buffers()
    n = len(column)
    starts = np.frombuffer(offsets, dtype=np.int64, count=n + 1, offset=8 * column.offset)
    content = np.frombuffer(data, dtype=np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return content, starts
