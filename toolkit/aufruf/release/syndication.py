"""Articles that several outlets carry: the same text, perhaps with another headline or end.

Found over all stored excerpts, not only the released ones: a record of one copy leaks into another copy
also where none of their excerpts that are released is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARED = 0.5
"""Copies share at least this part of the duplicate clusters of the shorter of the two articles."""


def syndicated_copies(excerpts: pl.DataFrame) -> pl.DataFrame:
    """Return ``article_id`` and ``syndicated``, the smallest article_id of each article's copies.

    Two articles are copies if they share at least half of the duplicate clusters that the shorter one
    has, and so are articles joined by a chain of copies. Within a cluster all articles are compared with
    the first one alone, so a text in n outlets costs n comparisons. Articles without a copy are left out.

    Args:
        excerpts: ``article_id`` and ``cluster`` of news excerpts, without nulls.
    """
    held = excerpts.select("article_id", "cluster").unique()
    sizes = held.group_by("article_id").agg(size=pl.len())
    pairs = (
        held.with_columns(first=pl.col("article_id").min().over("cluster"))
        .filter(pl.col("article_id") != pl.col("first"))
        .group_by("first", "article_id")
        .agg(shared=pl.len())
        .join(sizes, on="article_id")
        .join(sizes, left_on="first", right_on="article_id", suffix="_first")
        .filter(pl.col("shared") >= SHARED * pl.min_horizontal("size", "size_first"))
    )
    return _smallest_of_each(pairs.select(left="first", right="article_id"))


def _smallest_of_each(pairs: pl.DataFrame) -> pl.DataFrame:
    """Name the connected components of pairs by their smallest member."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components  # pyright: ignore[reportUnknownVariableType] -- untyped

    ids = pl.concat([pairs.get_column("left"), pairs.get_column("right")]).unique().sort()
    ends = [ids.search_sorted(pairs.get_column(side)).cast(pl.Int64).to_numpy() for side in ("left", "right")]
    graph = coo_array((np.ones(pairs.height, dtype=np.int8), tuple(ends)), shape=(len(ids), len(ids)))
    _, labels = cast("tuple[int, NDArray[np.int32]]", connected_components(graph, directed=False))
    named = pl.DataFrame({"article_id": ids, "component": labels})
    return named.select("article_id", syndicated=pl.col("article_id").min().over("component"))
