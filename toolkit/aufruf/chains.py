"""Look at the largest duplicate clusters: what holds them together, and how far apart their ends are.

Clusters are chains of pairs: each pair is alike, the ends need not be. Where they are not, a cluster is
worth a look before a sample is drawn from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.duplicates import Buffers, comparable, similarities
from aufruf.tables import CLUSTERS, DUPLICATES, RECORDS

if TYPE_CHECKING:
    from aufruf.store import Store

CHAIN_BELOW = 0.5
_MEMBERS = 1_000

LARGEST = pl.Schema(
    {
        "cluster": pl.String,
        "records": pl.Int64,
        "weakest_pair": pl.Float64,
        "least_similarity": pl.Float64,
        "is_chain": pl.Boolean,
    }
)


def largest_clusters(store: Store, n: int = 10) -> pl.DataFrame:
    """Return the largest duplicate clusters of two records or more, the largest first.

    Returns:
        ``cluster``, ``records``; ``weakest_pair``: the least similarity among the verified pairs that hold
        it together; ``least_similarity`` of any record with the one that the cluster is named by (of a
        thousand records, where there are more); ``is_chain``: whether that is below 0.5. Never text.
    """
    clusters, pairs = store.scan(CLUSTERS), store.scan(DUPLICATES)
    largest = (
        clusters.group_by("cluster")
        .agg(records=pl.len())
        .filter(pl.col("records") > 1)
        .top_k(n, by=["records", "cluster"])
        .collect(engine="streaming")
    )
    members = clusters.join(largest.lazy(), on="cluster", how="semi").collect()
    weakest = (
        pairs.join(members.lazy(), left_on="left", right_on="record_id")
        .group_by("cluster")
        .agg(weakest_pair=pl.col("similarity").min())
        .collect()
    )
    return (
        largest.join(weakest, on="cluster", how="left")
        .join(_least(members, store), on="cluster", how="left")
        .with_columns(is_chain=pl.col("least_similarity") < CHAIN_BELOW)
        .sort(["records", "cluster"], descending=[True, False])
        .cast(LARGEST)  # pyright: ignore[reportArgumentType] -- a schema is a mapping of names to types
        .select(LARGEST.names())
    )


def _least(members: pl.DataFrame, store: Store) -> pl.DataFrame:
    """Return for each cluster the least similarity of a record with its first, by id."""
    some = members.sort("cluster", "record_id").group_by("cluster", maintain_order=True).head(_MEMBERS)
    texts = (
        store.scan(RECORDS)
        .select("record_id", "text")
        .join(some.lazy(), on="record_id")
        .sort("cluster", "record_id")
        .collect()
        .with_row_index("row")
    )
    rows = texts.select(
        pl.col("row").cast(pl.Int32), first=pl.col("row").first().over("cluster").cast(pl.Int32)
    )
    found = similarities(Buffers.of(comparable(texts.get_column("text"))), rows["first"], rows["row"])
    return texts.select("cluster", least_similarity=found).group_by("cluster").min()
