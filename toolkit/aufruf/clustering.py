"""Keep the duplicate clusters of all records: new records join clusters, and may join two into one.

What is stored for each record are its band keys. New records are compared with those, stored or new,
that share a key with them, and only of these the texts are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.duplicates import THRESHOLD, Buffers, Search, comparable
from aufruf.signing import band_column, signed, valid
from aufruf.tables import BANDS, CLUSTERS, DUPLICATES, RECORDS, SIGNATURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from aufruf.store import Store

_BYTES_A_ROW = 200


def _silent(_stage: str, _done: int, _total: int | None, /) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Tables:
    """What clustering reads: see `RECORDS` (``record_id`` and ``text``) and the tables of that name."""

    records: pl.LazyFrame
    signatures: pl.LazyFrame
    clusters: pl.LazyFrame
    duplicates: pl.LazyFrame

    @classmethod
    def of(cls, store: Store) -> Tables:
        """Take them from a store, as they are now."""
        return cls(
            store.scan(RECORDS).select("record_id", "text"),
            valid(store.scan(SIGNATURES)),
            store.scan(CLUSTERS),
            store.scan(DUPLICATES),
        )


@dataclass(frozen=True)
class Joined:
    """What changes: ``pairs`` that are new; ``fresh`` clusters of records without one; ``renamed`` clusters.

    ``fresh`` is lazy, as all other records without a cluster are one of their own. ``renamed`` has rows of
    records whose cluster joined one with a smaller name.
    """

    pairs: pl.DataFrame
    fresh: pl.LazyFrame
    renamed: pl.DataFrame


def update_clusters(store: Store, progress: Callable[[str, int, int | None], None] = _silent) -> Joined:
    """Bring signatures, pairs and clusters up to the records, and return what was new.

    Can be repeated after a crash at any moment: pairs are written before clusters, and a record counts as
    done once it has a cluster. ``progress`` is told the stage, how many bands are done, and of how many.
    """
    _sign(store)
    found = joined(Tables.of(store), progress)
    if not found.pairs.is_empty():
        store.append(DUPLICATES, found.pairs)
    if not found.renamed.is_empty():
        store.upsert(CLUSTERS, found.renamed)
    count = found.fresh.select(pl.len()).collect(engine="streaming").item()
    if count:
        store.append(CLUSTERS, found.fresh, None, count * _BYTES_A_ROW)
    return found


def foreseen_clusters(store: Store, new: pl.LazyFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Return clusters and pairs (`CLUSTERS`, `DUPLICATES`) as they will be with new records.

    Args:
        store: the tables; nothing is written.
        new: ``record_id`` and ``text`` of records that are not stored.
    """
    stored = Tables.of(store)
    new = new.select("record_id", "text")
    unsigned = stored.records.join(stored.signatures, on="record_id", how="anti")
    fresh = signed(pl.concat([unsigned, new])).collect(engine="streaming")
    return foreseen(
        Tables(
            pl.concat([stored.records, new]),
            pl.concat([stored.signatures, fresh.lazy()]),
            stored.clusters,
            stored.duplicates,
        )
    )


def foreseen(tables: Tables) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Return clusters and pairs once all records with a signature have a cluster."""
    found = joined(tables, _silent)
    kept = tables.clusters.join(found.renamed.lazy(), on="record_id", how="anti")
    return (
        pl.concat([kept, found.renamed.lazy(), found.fresh]),
        pl.concat([tables.duplicates, found.pairs.lazy()]),
    )


def _sign(store: Store) -> None:
    """Store the signatures of the records that have none."""
    done = valid(store.scan(SIGNATURES)).select("record_id")
    unsigned = store.scan(RECORDS).select("record_id", "text").join(done, on="record_id", how="anti")
    count = unsigned.select(pl.len()).collect(engine="streaming").item()
    if count:
        store.append(SIGNATURES, signed(unsigned), None, count * _BYTES_A_ROW)


def joined(tables: Tables, progress: Callable[[str, int, int | None], None]) -> Joined:
    """Compare the records without a cluster with all of their candidates.

    Pairs are kept, so a cluster never falls apart. It keeps its name; where several join, the smallest
    name stays; a new one is named by its smallest ``record_id``.
    """
    fresh = tables.signatures.select("record_id").join(tables.clusters, on="record_id", how="anti")
    candidates = _candidates(tables, progress)
    component, pairs = _searched(candidates, tables, progress)
    members = candidates.select("record_id", "cluster", component=component)
    names = members.with_columns(
        name=pl.coalesce(pl.col("cluster").min(), pl.col("record_id").min()).over("component")
    )
    named = names.filter(pl.col("cluster").is_null()).select("record_id", cluster="name").lazy()
    return Joined(
        _named_pairs(pairs, candidates.get_column("record_id")),
        fresh.join(named, on="record_id", how="left").select(
            "record_id", cluster=pl.coalesce("cluster", "record_id")
        ),
        _renamed(names, tables),
    )


def _keys(signatures: pl.LazyFrame, band: int) -> NDArray[np.int32]:
    """Read one column of keys, one for each record, in the order of the signatures."""
    return signatures.select(band_column(band)).collect().to_series().to_numpy()


def _candidates(tables: Tables, progress: Callable[[str, int, int | None], None]) -> pl.DataFrame:
    """Return the records that must be compared, those that have a cluster first, else by their ids.

    Returns:
        ``row`` (in the signatures), ``record_id``, ``cluster`` (null: none yet).
    """
    import numpy as np

    from aufruf.duplicate_kernels import mark_candidates

    numbered = tables.signatures.select("record_id").with_row_index("row")
    fresh = numbered.join(tables.clusters, on="record_id", how="anti").select("row").collect()
    total: int = tables.signatures.select(pl.len()).collect().item()
    is_new, marked = np.zeros(total, np.bool_), np.zeros(total, np.bool_)
    is_new[fresh.get_column("row").to_numpy()] = True
    room = np.empty(total, np.int64), np.empty(total, np.int64)
    for band in range(BANDS if fresh.height else 0):
        mark_candidates(_keys(tables.signatures, band), is_new, *room, marked)
        progress("duplicates", band + 1, 2 * BANDS)
    chosen = pl.DataFrame({"row": np.flatnonzero(marked)}, schema={"row": numbered.collect_schema()["row"]})
    found = numbered.join(chosen.lazy(), on="row", how="semi").collect()
    with_clusters = tables.clusters.join(found.lazy(), on="record_id", how="semi").collect()
    return found.join(with_clusters, on="record_id", how="left").sort(
        pl.col("cluster").is_null(), "record_id"
    )


def _searched(
    candidates: pl.DataFrame, tables: Tables, progress: Callable[[str, int, int | None], None]
) -> tuple[pl.Series, pl.DataFrame]:
    """Return for each candidate the first one of its cluster, and the pairs found, by position."""
    old = candidates.height - candidates.get_column("cluster").null_count()
    search = Search(_texts(candidates, tables.records), THRESHOLD, old)
    for links in _known(candidates, tables):
        ends = links.select(pl.col("left", "right").cast(pl.Int32))
        search.unite(ends["left"].to_numpy(), ends["right"].to_numpy())
    rows = candidates.get_column("row").to_numpy()
    for band in range(BANDS):
        search.join(_keys(tables.signatures, band)[rows])
        progress("duplicates", BANDS + band + 1, 2 * BANDS)
    return pl.Series("component", search.clusters()), search.pairs()


def _texts(candidates: pl.DataFrame, records: pl.LazyFrame) -> Buffers:
    """Read the candidates' texts; one that is gone counts as empty."""
    places = candidates.lazy().select("record_id").with_row_index("place")
    texts = (
        records.join(places, on="record_id")
        .select("place", text=comparable(pl.col("text")))
        .collect(engine="streaming")
    )
    every = pl.DataFrame({"place": pl.int_range(candidates.height, dtype=pl.UInt32, eager=True)})
    return Buffers.of(
        every.join(texts, on="place", how="left", maintain_order="left").get_column("text").fill_null("")
    )


def _known(candidates: pl.DataFrame, tables: Tables) -> Iterator[pl.DataFrame]:
    """Yield ``left`` and ``right``, positions of candidates that are in one cluster or a stored pair."""
    places = candidates.select("record_id", "cluster").with_row_index("place")
    yield places.filter(pl.col("cluster").is_not_null()).select(
        left=pl.col("place").first().over("cluster"), right="place"
    )
    ends = places.lazy().select("place", "record_id")
    yield (
        tables.duplicates.join(ends, left_on="left", right_on="record_id")
        .join(ends, left_on="right", right_on="record_id", suffix="_right")
        .select(left="place", right="place_right")
        .collect()
    )


def _named_pairs(pairs: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """Return pairs by record instead of position; none is stored yet, for those are known from the start."""
    left, right = ids.gather(pairs["left"]), ids.gather(pairs["right"])
    named = pl.DataFrame({"one": left, "other": right, "similarity": pairs["similarity"]})
    ends = {"left": pl.min_horizontal("one", "other"), "right": pl.max_horizontal("one", "other")}
    return named.select(**ends, similarity="similarity").sort("left", "right")


def _renamed(names: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Return the rows of all records, candidates or not, whose cluster has another name now."""
    changed = names.filter(pl.col("cluster") != pl.col("name")).select("cluster", "name").unique()
    return tables.clusters.join(changed.lazy(), on="cluster").select("record_id", cluster="name").collect()


def clustered(
    records: pl.DataFrame, clusters: pl.DataFrame, pairs: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return clusters and pairs of records (``record_id``, ``text``), given earlier ones."""
    signatures = signed(records.lazy()).collect().lazy()
    found = foreseen(Tables(records.lazy(), signatures, clusters.lazy(), pairs.lazy()))
    return found[0].collect(), found[1].collect()
