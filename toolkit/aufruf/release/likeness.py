"""How alike texts of different splits are: our own search for near-duplicates, over what is released."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.duplicates import THRESHOLD, comparable, find_duplicates
from aufruf.release.features import SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping

SEARCHED_FROM = 0.6
"""Pairs less alike are not looked for: they have little but usual phrases in common."""


@dataclass(frozen=True)
class Likeness:
    """How alike texts of different splits are, by the measure that duplicate clusters go by.

    Attributes:
        texts: how many were compared; those that are not released are none.
        highest: the highest similarity found, ``searched_from`` to 1; None: no pair reaches that.
        near_duplicates: pairs found across splits that are alike enough to be one cluster's. Of clusters
            of more than 64 texts not all pairs are looked at.
        searched_from: the lowest similarity that was looked for.
    """

    texts: int
    highest: float | None
    near_duplicates: int
    searched_from: float = SEARCHED_FROM


def likeness(records: Mapping[str, pl.DataFrame]) -> Likeness:
    """Compare the texts of different splits; addresses, mentions, case and marks between words do not count.

    Args:
        records: ``text`` of each split's records, null where it is not released.
    """
    found = [
        records[split].select("text", split=pl.lit(number, pl.Int8)).drop_nulls("text")
        for number, split in enumerate(SPLITS)
    ]
    texts = pl.concat(found)
    split = texts.get_column("split")
    pairs = find_duplicates(comparable(texts.get_column("text")), SEARCHED_FROM).pairs
    across = pairs.filter(split.gather(pairs["left"]) != split.gather(pairs["right"])).get_column(
        "similarity"
    )
    return Likeness(
        texts=texts.height,
        highest=across.to_frame().select(pl.col("similarity").max()).item(),
        near_duplicates=int((across >= THRESHOLD).sum()),
    )
