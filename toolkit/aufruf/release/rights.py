"""Which records are released with their text: rights first, then what the settings say of the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import SettingsError
from aufruf.tables import PLATFORM_IDS

if TYPE_CHECKING:
    from aufruf.workspace import Workspace


def with_form(records: pl.DataFrame, workspace: Workspace) -> pl.DataFrame:
    """Add what may be released of each record.

    Returns:
        The records with ``has_rights`` (a licence or terms are named by the record or its source's
        settings), ``gives_text`` (posts and news as the settings say; without a word there, posts with and
        news without text), ``platform_id``, and ``url``: both null unless the source's settings say
        `keep_ids`, now and at the import.
    """
    sources = workspace.settings.sources
    covered = [slug for slug, source in sources.items() if source.rights is not None]
    named = [slug for slug, source in sources.items() if source.keep_ids]
    forms = {slug: source.release == "text" for slug, source in sources.items() if source.release}
    said = pl.col("source").replace_strict(
        list(forms), list(forms.values()), default=None, return_dtype=pl.Boolean
    )
    ids = workspace.store.scan(PLATFORM_IDS).collect()
    may_name = pl.col("source").is_in(named)
    return records.join(ids, on="record_id", how="left", maintain_order="left").with_columns(
        has_rights=pl.col("rights").is_not_null() | pl.col("source").is_in(covered),
        gives_text=pl.coalesce(said, pl.col("kind") == "post"),
        platform_id=pl.when(may_name).then("platform_id"),
        url=pl.when(may_name).then("url"),
    )


def check_basis(records: pl.DataFrame) -> None:
    """Refuse to release texts that nobody named a right for.

    Args:
        records: from `with_form`.

    Raises:
        SettingsError: names the sources, with how many records, and what to write where.
    """
    without = records.filter(pl.col("gives_text") & ~pl.col("has_rights"))
    found = without.group_by("source").len().sort("source").rows()
    if found:
        named = ", ".join(f"{source} ({n:,} records)" for source, n in found)
        raise SettingsError(
            f"aufruf.toml: no rights are named for the texts of {named}: write under [sources.{found[0][0]}] "
            'either rights = "…", the licence or terms they are used under, or release = "dehydrated", to '
            "release labels, hashes and offsets without the texts"
        )


def left_without_text(records: pl.DataFrame) -> list[str]:
    """Say of which sources how many records are released without their text."""
    found = records.filter(~pl.col("gives_text")).group_by("source").len().sort("source").rows()
    return [f"source {source}: {n:,} records are released without their text" for source, n in found]
