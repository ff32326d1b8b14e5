"""Calls to protest in a release: their times can be told roughly, and young ones kept back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from aufruf.settings import Release

_CONTAINED = "protest_mobilization_contained"


def kept_back(rows: pl.DataFrame, settings: Release) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows that may be released, and how many are kept back, by reason.

    A call to protest is kept back if it was written on the day ``protest_before`` or later, or nobody
    knows when; a scheme without such a label keeps nothing back.
    """
    before = settings.protest_before
    if before is None or _CONTAINED not in rows.columns:
        return rows, {}
    told = ~pl.col(_CONTAINED).fill_null(value=False) | (pl.col("created_at").dt.date() < before)
    kept = rows.filter(told.fill_null(value=False))
    reason = f"a call to protest not from before {before.isoformat()}"
    return kept, {reason: rows.height - kept.height} if kept.height < rows.height else {}


def with_rough_times(rows: pl.DataFrame, settings: Release) -> pl.DataFrame:
    """Return rows whose ``month`` tells of calls to protest no more than ``protest_time`` allows."""
    if settings.protest_time == "month" or _CONTAINED not in rows.columns:
        return rows
    rough = (
        pl.col("created_at").dt.strftime("%Y")
        if settings.protest_time == "year"
        else pl.lit(None, dtype=pl.String)
    )
    return rows.with_columns(month=pl.when(_CONTAINED).then(rough).otherwise("month"))
