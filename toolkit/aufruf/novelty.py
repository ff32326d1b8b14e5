"""Tell which records of an import are new here, and which version an edited post supersedes."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_WRITTEN = pl.coalesce("edited_at", "created_at")


@dataclass(frozen=True)
class Novelty:
    """``records`` are the new ones, with ``supersedes`` (lazy); ``units`` counts their posts and articles.

    ``edits`` counts those that supersede another.

    ``records`` has the columns of the made records that it comes from.
    """

    records: pl.LazyFrame
    units: int
    edits: int


def novel_records(made: pl.LazyFrame, stored: pl.LazyFrame) -> Novelty:
    """Return the records whose post or article is not stored, each once, the first of the same.

    A post that the platform names and whose text differs is an edit: it supersedes the version before it
    in the import, by their times (without times by their order), else the newest that is stored. An edit
    that is older than the newest stored version is known, not new.

    Args:
        made: see `aufruf.records.MADE`.
        stored: the table of records.
    """
    suspects = _suspects(made, stored)
    rows = made.with_row_index("row").join(suspects.lazy(), on="row", how="semi")
    columns = ("row", "unit", "record_id", "post_id", "editable")
    decided = _decided(rows.select(*columns, version=_WRITTEN).collect().sort("row"), stored)
    known = decided.filter(~pl.col("new"))
    edits = decided.filter(pl.col("supersedes").is_not_null()).select("row", "supersedes")
    fresh = (
        made.with_row_index("row")
        .join(known.lazy().select("row"), on="row", how="anti")
        .drop("supersedes")
        .join(edits.lazy(), on="row", how="left")
        .drop("row")
    )
    article = pl.col("article_id")
    units = fresh.select(article.is_null().sum() + article.drop_nulls().n_unique())
    return Novelty(
        fresh.select(made.collect_schema().names()), units.collect(engine="streaming").item(), edits.height
    )


def _suspects(made: pl.LazyFrame, stored: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows that may be known or edits, by short hashes: few are, and texts stay on disk."""
    codes = made.select(pl.col("unit", "record_id", "post_id").hash(), "editable").collect()
    units = stored.select(pl.coalesce("article_id", "record_id").hash()).unique().collect().to_series()
    posts = stored.select(pl.col("post_id").hash()).unique().collect().to_series()
    is_edit = pl.col("editable") & (
        pl.col("post_id").is_in(posts.implode()) | pl.col("post_id").is_duplicated()
    )
    return (
        codes.with_row_index("row")
        .filter(pl.col("unit").is_in(units.implode()) | pl.col("record_id").is_duplicated() | is_edit)
        .select("row")
    )


def _decided(rows: pl.DataFrame, stored: pl.LazyFrame) -> pl.DataFrame:
    """Return which of the suspects are new, and the ``record_id`` that each supersedes."""
    unit = pl.coalesce("article_id", "record_id").alias("unit")
    units = stored.select(unit).join(rows.lazy().select("unit"), on="unit", how="semi").unique().collect()
    is_first = pl.col("record_id").is_first_distinct()
    rows = rows.with_columns(new=is_first & ~pl.col("unit").is_in(units["unit"].implode()))
    joined = rows.join(_newest_stored(rows, stored), on="post_id", how="left", maintain_order="left")
    is_old = pl.col("editable") & (pl.col("version") < pl.col("before_version")).fill_null(value=False)
    joined = joined.with_columns(new=pl.col("new") & ~is_old)
    order = ("version", pl.int_range(pl.len()))
    fresh = joined.filter("new", "editable").with_columns(
        earlier=pl.col("record_id").shift(1).over("post_id", order_by=order)
    )
    edits = fresh.select("row", supersedes=pl.coalesce("earlier", "before"))
    return joined.select("row", "new").join(edits, on="row", how="left").select("row", "new", "supersedes")


def _newest_stored(rows: pl.DataFrame, stored: pl.LazyFrame) -> pl.DataFrame:
    """Return of each edited post the newest stored version and its time."""
    posts = rows.lazy().filter("editable").select("post_id").unique()
    versions = stored.select("record_id", "post_id", "supersedes", before_version=_WRITTEN)
    versions = versions.join(posts, on="post_id", how="semi").collect()
    newest = versions.join(versions, left_on="record_id", right_on="supersedes", how="anti")
    last = pl.col("record_id", "before_version").sort_by("record_id").last()
    return newest.group_by("post_id").agg(last).rename({"record_id": "before"})
