"""Adjudicators' verdicts, and what they make of the final labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.gold.decide import columns_of
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, DISPUTES, GOLD
from aufruf.views import ADJUDICATION, current_annotations

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace

ERROR = "error"
"""Why the answers differed: an attribute that verdicts alone have."""
SLIP, GUIDELINE_GAP, AMBIGUOUS = "slip", "guideline_gap", "ambiguous"
ERRORS = (SLIP, GUIDELINE_GAP, AMBIGUOUS)
_CELL = ("record_id", "label", "column")
_ADJUDICATED = "adjudicated"


def read_verdicts(workspace: Workspace) -> pl.DataFrame:
    """Return the verdicts that hold now: see `verdicts_of`."""
    store = workspace.store
    tables = (store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS), store.scan(DISPUTES))
    return verdicts_of(*tables, workspace.label_scheme)


def verdicts_of(
    annotations: pl.LazyFrame, assignments: pl.LazyFrame, disputes: pl.LazyFrame, scheme: LabelScheme
) -> pl.DataFrame:
    """Return the newest verdict on each record and label.

    Args:
        annotations: rows of ANNOTATIONS, of all passes.
        assignments: rows of ASSIGNMENTS; a verdict is an answer to one for adjudication.
        disputes: rows of DISPUTES: what each was asked for.
        scheme: the label scheme.

    Returns:
        ``record_id``, ``label``, ``round``, ``columns`` (what was in dispute), ``error`` (slip, guideline_gap
        or ambiguous), ``contained`` (null: ambiguous), ``voices`` (in the scheme's order; null: not
        contained) and ``attributes`` (name and value, errors left out).
    """
    given = (
        current_annotations(annotations)
        .filter((pl.col("pass") == ADJUDICATION) & (pl.col("state") == "live"))
        .join(assignments.filter(pl.col("purpose") == ADJUDICATION), on="task_key", how="semi")
        .select("annotation_uuid", "task_key", "round", "labels", "voices", "attributes", "updated_at")
    )
    answer = ["annotation_uuid", "label"]
    said = _unnested(given, "attributes")
    errors = said.filter(pl.col("attribute") == ERROR).select(*answer, error="value")
    others = said.filter(pl.col("attribute") != ERROR).select(
        *answer, pl.struct("attribute", "value").alias("attributes")
    )
    voices = _unnested(given, "voices").sort(pl.col("voice").cast(pl.Enum(scheme.voice_names)))
    held = pl.col("labels").list.contains(pl.col("label"))
    return (
        given.drop("voices", "attributes")
        .join(disputes.select("task_key", "record_id", "label", "columns"), on="task_key")
        .join(errors, on=answer)
        .join(voices.group_by(answer, maintain_order=True).agg(voices="voice"), on=answer, how="left")
        .join(others.group_by(answer).agg("attributes"), on=answer, how="left")
        .with_columns(contained=pl.when(pl.col("error") != AMBIGUOUS).then(held))
        .sort("updated_at", "annotation_uuid")
        .unique(["record_id", "label"], keep="last", maintain_order=True)
        .sort("record_id", pl.col("label").cast(pl.Enum(scheme.label_names)))
        .select("record_id", "label", "round", "columns", "error", "contained", "voices", "attributes")
        .collect()
    )


def with_verdicts(rows: pl.DataFrame, verdicts: pl.DataFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return gold with the verdicts above all.

    What was found truly ambiguous has no value in the columns in dispute, and is decided all the same: it
    stays soft. ``n`` and ``distribution`` remain those of the annotators' answers, and so does ``share`` of
    contained and author; otherwise it is the share of answers for the verdict's value.

    Args:
        rows: rows of GOLD of one run.
        verdicts: see `verdicts_of`; those on records that have no row are left out.
        scheme: the label scheme.

    Returns:
        The rows and those for what nobody had answered, sorted as `decide` sorts them.
    """
    known = verdicts.join(rows, on="record_id", how="semi")
    if known.is_empty():
        return rows
    cells = _cells(known, scheme)
    decided = (
        cells.join(rows, on=_CELL, how="left")
        .with_columns(
            n=pl.col("n").fill_null(0),
            distribution=pl.coalesce("distribution", pl.lit([], dtype=GOLD.schema["distribution"])),
            gold_run=pl.lit(rows.item(0, "gold_run")),
            decided_by=pl.lit(_ADJUDICATED),
        )
        .join(_shares(rows, cells), on=_CELL, how="left")
        .with_columns(
            value=pl.col("verdict"),
            share=pl.when(pl.col("column").is_in(["contained", "author"]))
            .then("share")
            .otherwise("agreeing"),
        )
    )
    others = rows.join(cells, on=_CELL, how="anti")
    return pl.concat([others, decided.select(rows.columns)]).sort(
        "record_id",
        pl.col("label").cast(pl.Enum(scheme.label_names)),
        pl.col("column").cast(pl.Enum(columns_of(scheme))),
    )


def settled_by_verdict(settled: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return the settled labels (``record_id``, ``label``) as verdicts have them, ambiguous ones left out."""
    in_dispute = pl.col("columns").list.contains("contained") | pl.col("contained").is_not_null()
    spoken = verdicts.filter(in_dispute)
    kept = settled.join(spoken, on=["record_id", "label"], how="anti")
    return pl.concat([kept, spoken.filter("contained").select("record_id", "label")]).sort(
        "record_id", maintain_order=True
    )


def _cells(verdicts: pl.DataFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return ``record_id``, ``label``, ``column`` and ``verdict``: a value of GOLD, null if ambiguous."""
    cell = ["record_id", "label"]
    truth = pl.when("contained").then(pl.lit("true")).otherwise(pl.lit("false"))
    decided = verdicts.filter(pl.col("contained").is_not_null())
    held = decided.filter("contained")
    own = pl.col("voices").list.set_intersection(list(scheme.author_voices)).list.len() > 0
    author = pl.col("contained") & own.fill_null(value=False)
    open_ = verdicts.filter(pl.col("contained").is_null())
    return pl.concat(
        [
            decided.select(*cell, column=pl.lit("contained"), verdict=truth),
            decided.with_columns(contained=author).select(*cell, column=pl.lit("author"), verdict=truth),
            held.select(*cell, column=pl.lit("voice"), verdict=pl.col("voices").list.join("+")),
            held.select(*cell, "attributes")
            .explode("attributes")
            .drop_nulls("attributes")
            .unnest("attributes")
            .rename({"attribute": "column", "value": "verdict"}),
            open_.select(*cell, column="columns")
            .explode("column")
            .with_columns(verdict=pl.lit(None, pl.String)),
        ]
    )


def _shares(rows: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Return the share of answers that gave the verdict's value, 0 to 1; none without answers or verdict."""
    counts = (
        rows.join(cells, on=_CELL)
        .filter(pl.col("n") > 0)
        .select(*_CELL, "verdict", "n", "distribution")
        .explode("distribution")
        .with_columns(same=pl.col("distribution").struct.field("value") == pl.col("verdict"))
    )
    given = pl.col("distribution").struct.field("n").filter("same").sum()
    shares = counts.filter(pl.col("verdict").is_not_null()).group_by(_CELL)
    return shares.agg(agreeing=given / pl.col("n").first())


def _unnested(given: pl.LazyFrame, column: str) -> pl.LazyFrame:
    listed = given.select("annotation_uuid", column).explode(column)
    return listed.filter(pl.col(column).is_not_null()).unnest(column)
