"""What ties records together, and which split each tied record must go to.

Records are rows 0 to n - 1. A tie is a (row, key) pair: rows with the same key must not stand in
different splits. Splits are numbers: 0 train, 1 validation, 2 test; `FREE`: not decided; `OUT`: stays
out of the release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Flags = NDArray[np.bool_]

TRAIN, VALIDATION, TEST = 0, 1, 2
FREE, OUT = -1, -2

RELATIONS: dict[str, tuple[str, ...]] = {
    "duplicate": ("cluster",),
    "author": ("author",),
    "conversation": ("conversation",),
    "reply": ("post_id", "reply_to", "repost_of", "quote_of"),
    "article": ("article_id",),
    "syndicated": ("syndicated",),
}
"""Each relation with the columns that hold its keys; in one relation equal keys tie over columns."""


@dataclass(frozen=True)
class Ties:
    """The ties of ``n`` records: ``row[i]`` has ``key[i]``; keys are 0 to ``keys`` - 1."""

    n: int
    row: Rows
    key: Rows
    keys: int

    def among(self, chosen: Flags) -> Ties:
        """Return the ties of the chosen rows alone; rows keep their numbers."""
        kept = chosen[self.row]
        return Ties(self.n, self.row[kept], self.key[kept], self.keys)

    def keys_of(self, chosen: Flags) -> Flags:
        """Return which keys a chosen row has, shape (keys,)."""
        found = np.zeros(self.keys, dtype=np.bool_)
        found[self.key[chosen[self.row]]] = True
        return found

    def touched_by(self, chosen: Flags) -> Flags:
        """Return which rows share a key with a chosen row, the chosen ones that have keys included."""
        touched = np.zeros(self.n, dtype=np.bool_)
        touched[self.row[self.keys_of(chosen)[self.key]]] = True
        return touched


def find_ties(records: pl.DataFrame, relations: Sequence[str] = tuple(RELATIONS)) -> Ties:
    """Return the ties of records by the named relations. A null key ties nothing."""
    row, key, keys = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for relation in relations:
        found = _ties_of(records, RELATIONS[relation])
        row.append(found.get_column("row").to_numpy())
        key.append(found.get_column("key").to_numpy() + keys)
        keys += found.get_column("key").n_unique()
    return Ties(records.height, np.concatenate(row), np.concatenate(key), keys)


def _ties_of(records: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return ``row`` and ``key`` of the keys that several rows have, numbered from 0 by their order."""
    rows = records.select(pl.int_range(pl.len()).alias("row"), *columns)
    held = pl.concat([rows.select("row", key=column).drop_nulls("key") for column in columns])
    several = held.filter(pl.col("key").is_duplicated())
    if len(columns) > 1:
        several = several.unique(maintain_order=True).filter(pl.col("key").is_duplicated())
    return several.with_columns(key=pl.col("key").rank("dense").cast(pl.Int64) - 1)


def components(ties: Ties) -> Rows:
    """Return the number of each row's connected component, shape (n,), counted in order of first rows."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components  # pyright: ignore[reportUnknownVariableType] -- untyped

    size = ties.n + ties.keys
    ones = np.ones(ties.row.size, dtype=np.int8)
    graph = coo_array((ones, (ties.row, ties.key + ties.n)), shape=(size, size))
    count, labels = cast("tuple[int, Rows]", connected_components(graph.tocsr(), directed=False))
    labels = labels[: ties.n]
    first = np.full(count, ties.n)
    first[labels[::-1]] = np.arange(ties.n)[::-1]
    number = np.empty(count, dtype=np.int64)
    number[np.argsort(first, kind="stable")] = np.arange(count)
    return number[labels]


def settle(frozen: Rows, train_only: Flags, ties: Ties) -> Rows:
    """Return the split of each row as far as an earlier release decides it, `FREE` or `OUT`.

    Frozen rows keep their split. Where a key ties frozen rows of two splits, those of the later one in
    the order test, validation, train stay out. A new row that is tied to one split, over any number of
    new rows, joins it; one that is tied to two stays out, and so does one that may only be trained on
    but is tied to validation or test. Rows without a tie to a frozen one stay `FREE`.

    Args:
        frozen: the split of each row in an earlier release, or `FREE`; shape (n,).
        train_only: rows that may stand in no other split than train; shape (n,).
        ties: the ties of these rows.
    """
    split = frozen.copy()
    for strong, weak in ((TEST, (VALIDATION, TRAIN)), (VALIDATION, (TRAIN,))):
        split[ties.touched_by(split == strong) & np.isin(split, weak)] = OUT
    while True:
        touched = {number: ties.touched_by(split == number) for number in (TEST, VALIDATION, TRAIN)}
        splits_touched = np.sum(list(touched.values()), axis=0)
        split[(split == FREE) & (splits_touched > 1)] = OUT
        joining = {number: (split == FREE) & rows for number, rows in touched.items()}
        number = next((number for number, rows in joining.items() if rows.any()), None)
        if number is None:
            return split
        may_join = ~train_only if number != TRAIN else np.ones(ties.n, dtype=np.bool_)
        split[joining[number]] = OUT
        split[joining[number] & may_join] = number
