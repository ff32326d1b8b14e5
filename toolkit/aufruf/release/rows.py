"""Make a release's rows from its content: names, not yet class label numbers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aufruf.release.features import NEVER_RELEASED_FLAGS, SECONDS, SECONDS_BREAKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aufruf.label_scheme import LabelScheme
    from aufruf.release.content import Content

_YES_NO = ("contained", "author")
_MONTH = "%Y-%m"


def labelled_rows(content: Content, scheme: LabelScheme) -> pl.DataFrame:
    """Return one row a record: the content's columns and those that the label scheme makes.

    The groups are still missing: they follow from the splits.
    """
    places = content.records.select(row=pl.int_range(pl.len(), dtype=pl.UInt32))
    return (
        pl.concat([content.records, _wide(places, content.gold, scheme)], how="horizontal")
        .join(_spans(content.gold, scheme), on="row", how="left", maintain_order="left")
        .drop("row")
        .with_columns(
            id="record_id",
            month=pl.col("created_at").dt.strftime(_MONTH),
            weight=1.0 / pl.col("inclusion_probability"),
            labels=_names_where([f"{name}_contained" for name in scheme.label_names], scheme),
            asked=_names_where([f"{name}_asked" for name in scheme.label_names], scheme),
        )
    )


def category_columns(rows: pl.DataFrame, scheme: LabelScheme) -> dict[str, pl.Expr]:
    """Return the categories over which splits are stratified, each a boolean expression on rows.

    Each label's ``contained`` and ``author``, over all and by language and by kind, each label's voices,
    and each language with each kind.
    """
    languages = rows.get_column("language").unique().sort().to_list()
    kinds = rows.get_column("kind").unique().sort().to_list()
    parts = {f"language={name}": pl.col("language") == name for name in languages}
    cells = {
        f"{part} kind={kind}": where & (pl.col("kind") == kind)
        for part, where in parts.items()
        for kind in kinds
    }
    parts |= {f"kind={kind}": pl.col("kind") == kind for kind in kinds}
    for label in scheme.label_names:
        for column in (f"{label}_contained", f"{label}_author"):
            cells[column] = pl.col(column)
            cells |= {f"{column} {part}": pl.col(column) & where for part, where in parts.items()}
        cells |= {
            f"{label} voice={voice}": pl.col(f"{label}_voice").list.contains(voice)
            for voice in scheme.voice_names
        }
    return cells


def with_groups(rows: pl.DataFrame, placed: pl.DataFrame, salt: bytes) -> pl.DataFrame:
    """Return the placed rows with ``split`` and the release's own names of groups.

    Args:
        rows: from `labelled_rows`.
        placed: ``record_id``, ``split``, ``group``; records that are not in it are left out.
        salt: of this release: the same author has another name in the next.
    """
    return rows.join(placed, on="record_id", how="inner", maintain_order="left").with_columns(
        group=numbered("group", salt, "group"),
        duplicate_group=numbered("cluster", salt, "duplicate"),
        author_group=numbered("author", salt, "author"),
        conversation_group=numbered("conversation", salt, "conversation"),
        article_group=numbered("article_id", salt, "article"),
    )


def judgement_rows(annotations: pl.DataFrame, placed: pl.DataFrame, salt: bytes) -> pl.DataFrame:
    """Return one row a judgement of a placed record, in an order that follows from what it says.

    An answer that cannot judge has null ``labels``; comments and reports of danger are left out.
    """
    kept = ~pl.element().is_in(NEVER_RELEASED_FLAGS)
    rows = (
        annotations.join(placed.select("record_id", "split"), on="record_id", how="inner")
        .with_columns(
            id="record_id",
            annotator=salted("annotator", salt, "annotator"),
            flags=pl.col("flags").list.filter(kept),
            seconds=_seconds_bucket(),
        )
        .sort("id", "pass", "annotator", "round", "purpose", "created_at", "annotation_uuid")
    )
    return rows.drop("created_at", "annotation_uuid")


def numbered(column: str, salt: bytes, prefix: str) -> pl.Expr:
    """Return names for the values of a column: their numbers in an order that only the salt tells."""

    def names(values: pl.Series) -> pl.Series:
        rank = values.rank("dense") - 1
        seed = hashlib.blake2b(prefix.encode(), key=salt).digest()
        order = np.random.default_rng(list(seed)).permutation(values.drop_nulls().n_unique())
        return (
            (pl.Series(order).gather(rank).cast(pl.String).to_frame("n"))
            .select(pl.format(f"{prefix}-{{}}", "n"))
            .to_series()
        )

    return pl.col(column).map_batches(names, return_dtype=pl.String)


def salted(column: str, salt: bytes, prefix: str) -> pl.Expr:
    """Return names for the values of a column that nobody without the salt can tell from others."""

    def names(values: pl.Series) -> pl.Series:
        known = values.drop_nulls().unique()
        made = [_name(value, salt, prefix) for value in known]
        return values.replace_strict(known, pl.Series(made, dtype=pl.String), default=None)

    return pl.col(column).map_batches(names, return_dtype=pl.String)


def _name(value: str, salt: bytes, prefix: str) -> str:
    digest = hashlib.blake2b(f"{prefix}\0{value}".encode(), key=salt, digest_size=8)
    return f"{prefix}-{digest.hexdigest()}"


def _seconds_bucket() -> pl.Expr:
    reached = pl.sum_horizontal((pl.col("seconds") >= least).cast(pl.Int64) for least in SECONDS_BREAKS)
    names = reached.replace_strict(dict(enumerate(SECONDS)), return_dtype=pl.String)
    return pl.when(pl.col("seconds").is_not_null()).then(names)


def _wide(wide: pl.DataFrame, gold: pl.DataFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Add to each ``row`` the cells of all labels; null: not asked or undecided.

    Voice and attributes describe a label that holds: they are null where it does not.
    """
    cells = gold.partition_by("label", "column", as_dict=True, include_key=False)
    nothing = gold.clear().drop("label", "column")
    for label in scheme.labels:
        for column in ("contained", "author", "voice", *(a.name for a in scheme.attributes_of(label.name))):
            cell = cells.get((label.name, column), nothing)
            named = cell.select("row", *_named(label.name, column))
            wide = wide.join(named, on="row", how="left", maintain_order="left")
        wide = _of_label(wide, label.name, [a.name for a in scheme.attributes_of(label.name)])
    return wide


def _named(label: str, column: str) -> list[pl.Expr]:
    value = pl.col("value").alias(f"{label}_{column}")
    if column not in _YES_NO:
        return [value]
    asked = pl.lit(value=True).alias(f"{label}_{column}_asked")
    counts = [pl.col("share").alias(f"{label}_share"), pl.col("n").alias(f"{label}_n")]
    return [value == "true", asked, *(counts if column == "contained" else [])]


def _of_label(wide: pl.DataFrame, label: str, attributes: Sequence[str]) -> pl.DataFrame:
    """Return the cells of a label as they are released: what describes it only where it holds."""
    asked = [f"{label}_{column}_asked" for column in _YES_NO]
    described = {name: pl.col(f"{label}_{name}") for name in attributes}
    described["voice"] = pl.col(f"{label}_voice").str.split("+")
    return wide.with_columns(
        pl.any_horizontal(pl.col(asked).fill_null(value=False)).alias(f"{label}_asked"),
        *(
            pl.when(f"{label}_contained").then(cell).alias(f"{label}_{name}")
            for name, cell in described.items()
        ),
    ).drop(asked)


def _spans(gold: pl.DataFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return ``row`` and its decided ``spans`` in the order of labels and places."""
    held = gold.filter((pl.col("column") == "contained") & (pl.col("value") == "true"))
    decided = gold.filter((pl.col("column") == "spans") & pl.col("value").is_not_null())
    ends = pl.col("span").str.split_exact(":", 1).struct
    labelled = (
        decided.join(held, on=["row", "label"], how="semi")
        .select("row", "label", span=pl.col("value").str.split("+"))
        .explode("span")
        .with_columns(start=ends.field("field_0"), end=ends.field("field_1"))
        .with_columns(pl.col("start", "end").cast(pl.Int64, strict=False))
        .sort("row", pl.col("label").cast(pl.Enum(scheme.label_names)), "start")
    )
    span = pl.struct("label", "start", "end").filter(pl.col("start").is_not_null())
    return labelled.group_by("row").agg(spans=span)


def _names_where(columns: Sequence[str], scheme: LabelScheme) -> pl.Expr:
    """Return the list of labels whose column is true, in the scheme's order."""
    names = [
        pl.when(pl.col(column)).then(pl.lit(name))
        for column, name in zip(columns, scheme.label_names, strict=True)
    ]
    return pl.concat_list(names).list.drop_nulls()
