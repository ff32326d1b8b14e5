"""Keep the duplicate clusters of all records: new records join clusters, and may join two into one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.duplicates import connected, find_duplicates
from aufruf.tables import CLUSTERS, DUPLICATES, RECORDS

if TYPE_CHECKING:
    from aufruf.store import Store


@dataclass(frozen=True)
class Clustered:
    """Clusters (``record_id``, ``cluster``) of all records, and the pairs that are new."""

    clusters: pl.DataFrame
    new_pairs: pl.DataFrame


def clustered(records: pl.DataFrame, clusters: pl.DataFrame, pairs: pl.DataFrame) -> Clustered:
    """Find the clusters of records (``record_id``, ``text``), given earlier clusters and pairs.

    Pairs are kept, so a cluster never falls apart. It keeps its name; where several join, the smallest
    name stays; a new one is named by its smallest ``record_id``.
    """
    ordered = records.unique("record_id").sort("record_id").with_row_index("row")
    ids = ordered["record_id"]
    found = find_duplicates(ordered["text"]).pairs
    named = found.select(
        left=ids.gather(found["left"]), right=ids.gather(found["right"]), similarity="similarity"
    )
    old = named.join(clusters, left_on="left", right_on="record_id", how="semi")
    old = old.join(clusters, left_on="right", right_on="record_id", how="semi")
    new = named.join(old, on=["left", "right"], how="anti").join(pairs, on=["left", "right"], how="anti")
    rows = ordered.select(pl.col("row").cast(pl.Int64), "record_id")
    edges = (
        pl.concat([pairs.select("left", "right"), named.select("left", "right")])
        .join(rows.rename({"record_id": "left", "row": "from"}), on="left")
        .join(rows.rename({"record_id": "right", "row": "to"}), on="right")
    )
    component = connected(ordered.height, edges.select(left="from", right="to"))
    members = ordered.select("record_id", component=component).join(clusters, on="record_id", how="left")
    name = pl.coalesce(pl.col("cluster").min(), pl.col("record_id").min()).over("component")
    return Clustered(members.select("record_id", cluster=name), new)


def update_clusters(store: Store) -> pl.DataFrame:
    """Bring the tables of clusters and pairs up to the records, and return the clusters.

    Can be repeated after a crash at any moment: pairs are written first, and a record counts as done
    once it has a cluster.
    """
    records = store.scan(RECORDS).select("record_id", "text").collect()
    clusters = store.read(CLUSTERS)
    if records.join(clusters, on="record_id", how="anti").is_empty():
        return clusters
    found = clustered(records, clusters, store.read(DUPLICATES))
    if not found.new_pairs.is_empty():
        store.append(DUPLICATES, found.new_pairs)
    store.upsert(CLUSTERS, found.clusters)
    return found.clusters
