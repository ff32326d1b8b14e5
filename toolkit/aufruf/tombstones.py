"""Tombstones: hashes of what was taken down, under a key of their own, so that it cannot come back.

A post is known again by its name on its platform, an article by its address, a text by its words. Where
somebody asked for the removal of all their posts, they are known again, too. All but words and addresses
follow from the pseudonym key: once that is destroyed, they alone are recognised.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import WorkspaceError
from aufruf.pseudonyms import keyed_hashes
from aufruf.tables import TOMBSTONES
from aufruf.workspace import TOMBSTONE_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aufruf.records import Made
    from aufruf.secrets import Secret
    from aufruf.workspace import Workspace

RECORD = "record"
_COLUMNS: Mapping[str, str] = {"post": "post_id", "url": "url", "author": "author", "text": "match_sha256"}
_TELLING = 40
"""Code points from which a text is taken to be one person's own: shorter ones are written by many."""


@dataclass(frozen=True)
class Screen:
    """What is refused at an import. ``hashes`` are tombstones by kind; without any, nothing is hashed."""

    key: Secret | None
    hashes: Mapping[str, frozenset[str]]

    def screened(self, items: pl.DataFrame, made: Made) -> Made:
        """Return what was made without posts and articles that were taken down: they are refused.

        An article is refused as a whole.

        Args:
            items: what the records were made of, see `ITEMS`.
            made: with a unit for each item that was not refused, those of posts before those of articles.
        """
        gone = self._units(made.records)
        if not gone:
            return made
        kept = items.join(made.refused, on=["file", "item"], how="anti", maintain_order="left")
        in_order = pl.concat([kept.filter(kind=kind) for kind in ("post", "news")])
        refused = in_order.with_columns(unit=made.units).filter(pl.col("unit").is_in(gone))
        reason, message = "taken_down", "it was taken down here, or is a copy of what was"
        rows = refused.select("file", "item", reason=pl.lit(reason), message=pl.lit(message))
        return replace(
            made,
            records=made.records.filter(~pl.col("unit").is_in(gone)),
            refused=pl.concat([made.refused, rows]),
            units=made.units.filter(~made.units.is_in(gone)),
            residue=Counter(made.residue),
        )

    def _units(self, records: pl.DataFrame) -> list[str]:
        if self.key is None or records.is_empty():
            return []
        hits = [
            _hashed(records, kind, self.key).is_in(list(hashes))
            for kind, hashes in self.hashes.items()
            if hashes
        ]
        any_hit = pl.select(pl.any_horizontal(hits)).to_series() if hits else pl.Series([False])
        return records.filter(any_hit.fill_null(value=False))["unit"].unique().to_list()


NOTHING_TAKEN_DOWN = Screen(None, {})


def screen_of(workspace: Workspace) -> Screen:
    """Return what this workspace refuses.

    Raises:
        WorkspaceError: if the key of its tombstones is gone.
    """
    rows = workspace.store.scan(TOMBSTONES).select("kind", "tombstone").unique().collect()
    hashes = {kind: frozenset(rows.filter(kind=kind)["tombstone"]) for kind in _COLUMNS}
    if not any(hashes.values()):
        return NOTHING_TAKEN_DOWN
    return Screen(tombstone_key(workspace), hashes)


def tombstones_of(
    records: pl.DataFrame, key: Secret, authors: Collection[str], takedown: str
) -> pl.DataFrame:
    """Return the rows of TOMBSTONES for records.

    Args:
        records: rows of RECORDS.
        key: of the tombstones, not of the pseudonyms.
        authors: pseudonyms whose further posts are refused as well.
        takedown: its name.
    """
    of_all = {kind: _hashed(records, kind, key) for kind in ("post", "url", "text")}
    people = keyed_hashes(key, "author", pl.Series(sorted(authors), dtype=pl.String))
    columns = {RECORD: records["record_id"], **of_all, "author": people}
    rows = [
        pl.DataFrame({"tombstone": values}).select(pl.lit(kind).alias("kind"), "tombstone")
        for kind, values in columns.items()
    ]
    return pl.concat(rows).drop_nulls().unique(maintain_order=True).with_columns(takedown=pl.lit(takedown))


def tombstone_key(workspace: Workspace) -> Secret:
    """Return the key of tombstones.

    Raises:
        WorkspaceError: if it is gone.
    """
    key = workspace.secrets.get(TOMBSTONE_KEY)
    if key is None:
        raise WorkspaceError(
            f"{workspace.root}: the key of the tombstones is gone: what was taken down could come back; put "
            f"{TOMBSTONE_KEY} back into secrets.toml from your own copy"
        )
    return key


def _hashed(records: pl.DataFrame, kind: str, key: Secret) -> pl.Series:
    """Return the tombstones of one kind; null where a record has nothing of it, or too short a text."""
    values = records[_COLUMNS[kind]]
    if kind == "text":
        values = records.select(
            pl.when(pl.col("text").str.len_chars() >= _TELLING).then("match_sha256")
        ).to_series()
    return keyed_hashes(key, kind, values)


def feed(workspace: Workspace) -> pl.DataFrame:
    """Return ``id`` and ``taken_down_at`` of every record that was taken down, for users of releases."""
    rows = workspace.store.scan(TOMBSTONES).filter(pl.col("kind") == RECORD)
    return rows.select(id="tombstone", taken_down_at="at").unique("id").sort("id").collect()


def feed_bytes(rows: pl.DataFrame) -> bytes:
    """Return the feed as CSV."""
    return rows.write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()
