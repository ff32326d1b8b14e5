"""Make a release's rows from its content: names, not yet class label numbers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aufruf.release.decided import YES_NO
from aufruf.release.features import NEVER_RELEASED_FLAGS, SECONDS, SECONDS_BREAKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aufruf.label_scheme import LabelScheme
    from aufruf.release.content import Content

_MONTH = "%Y-%m"


def labelled_rows(content: Content, scheme: LabelScheme) -> pl.DataFrame:
    """Return one row a record: the content's columns and those that the label scheme makes.

    The groups are still missing: they follow from the splits.
    """
    decided = content.gold.drop("record_id").select(pl.all().gather(content.records.get_column("row")))
    return (
        pl.concat([content.records, decided], how="horizontal")
        .pipe(_of_labels, scheme)
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
        placed: ``row`` (as in ``rows``), ``split``, ``group``; rows that are not in it are left out.
        salt: of this release: the same author has another name in the next.
    """
    return _placed(rows, placed.select("row", "split", "group")).with_columns(
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
        _placed(annotations, placed.select("row", "split"))
        .with_columns(
            id="record_id",
            annotator=salted("annotator", salt, "annotator"),
            flags=pl.col("flags").list.filter(kept),
            seconds=_seconds_bucket(),
        )
        .sort("row", "pass", "annotator", "round", "purpose", "created_at", "annotation_uuid")
    )
    return rows.drop("row", "created_at", "annotation_uuid")


def _placed(rows: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """Return the placed rows with their places; numbers alone are joined, for wide rows are dear to copy."""
    found = rows.select("row").join(placed, on="row", how="left", maintain_order="left")
    return rows.with_columns(found.drop("row")).filter(pl.col("split").is_not_null())


def numbered(column: str, salt: bytes, prefix: str) -> pl.Expr:
    """Return names for the values of a column: their numbers in an order that only the salt tells."""

    def names(values: pl.Series) -> pl.Series:
        rank = values.rank("dense") - 1
        seed = hashlib.blake2b(prefix.encode(), key=salt).digest()
        order = np.random.default_rng(list(seed)).permutation(values.drop_nulls().n_unique())
        return pl.select(pl.format(f"{prefix}-{{}}", pl.Series(order))).to_series().gather(rank)

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


def _of_labels(wide: pl.DataFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return the rows with each label's cells as they are released: what describes it only where it holds."""
    for label in scheme.labels:
        wide = _of_label(wide, label.name, [a.name for a in scheme.attributes_of(label.name)])
    return wide


def _of_label(wide: pl.DataFrame, label: str, attributes: Sequence[str]) -> pl.DataFrame:
    asked = [f"{label}_{column}_asked" for column in YES_NO]
    described = {name: pl.col(f"{label}_{name}") for name in attributes}
    described["voice"] = pl.col(f"{label}_voice").str.split("+")
    return wide.with_columns(
        pl.any_horizontal(pl.col(asked).fill_null(value=False)).alias(f"{label}_asked"),
        *(
            pl.when(f"{label}_contained").then(cell).alias(f"{label}_{name}")
            for name, cell in described.items()
        ),
    ).drop(asked)


def _names_where(columns: Sequence[str], scheme: LabelScheme) -> pl.Expr:
    """Return the list of labels whose column is true, in the scheme's order."""

    def lists(codes: pl.Series) -> pl.Series:
        known = codes.unique().sort()
        made = [[name for bit, name in enumerate(scheme.label_names) if code >> bit & 1] for code in known]
        return pl.Series(made, dtype=pl.List(pl.String)).gather(known.search_sorted(codes))

    holds = [pl.col(column).fill_null(value=False).cast(pl.Int64) for column in columns]
    code = pl.sum_horizontal(held * (1 << bit) for bit, held in enumerate(holds))
    return code.map_batches(lists, return_dtype=pl.List(pl.String))
