"""Final spans: the characters on which a majority agrees."""

from __future__ import annotations

import polars as pl

from aufruf.tables import VALUE_COUNT

_PERSON = ("record_id", "annotator", "label")
_FEWEST = 2


def decide_spans(answers: pl.LazyFrame, chosen: pl.LazyFrame, asked: pl.LazyFrame) -> pl.LazyFrame:
    """Return the spans that strict majorities marked, one row for each record and label asked about.

    Each character is decided by itself, so a final span may be one that nobody marked as a whole. Spans of
    one annotator that overlap or touch are one. Who answered about a label and marked nothing counts.

    Args:
        answers: current annotations, one for each record, annotator and pass.
        chosen: ``record_id``, ``annotator``, ``label``: who chose what in triage.
        asked: the same columns: who answered a question of the detail pass about the label; who marked a
            span was asked too.

    Returns:
        The gold table's columns without ``gold_run``. ``value`` is ``start:end`` joined by ``+``, null
        where fewer than two answered or no character has a majority. ``share`` is the mean, over the
        characters chosen, of the share of annotators who marked them; ``distribution`` counts whole answers,
        an empty one being the empty string.
    """
    marks = _marks(answers).join(chosen, on=_PERSON, how="semi")
    people = pl.concat([asked, marks.select(_PERSON)]).unique()
    own = _stretches(marks.with_columns(need=pl.lit(1, pl.Int64)), [*_PERSON, "need"]).drop("need")
    own = own.collect().lazy()
    said = people.join(_joined(own, list(_PERSON)), on=_PERSON, how="left")
    counted = _distribution(said.with_columns(pl.col("value").fill_null(""))).collect().lazy()
    majority = own.join(counted.select("record_id", "label", "n"), on=["record_id", "label"]).with_columns(
        need=pl.col("n") // 2 + 1
    )
    agreed = _joined(_stretches(majority, ["record_id", "label", "need"]), ["record_id", "label"])
    return _rows(counted.join(agreed, on=["record_id", "label"], how="left"))


def _marks(answers: pl.LazyFrame) -> pl.LazyFrame:
    return (
        answers.filter(pl.col("pass") == "detail")
        .select("record_id", "annotator", "spans")
        .explode("spans")
        .filter(pl.col("spans").is_not_null())
        .unnest("spans")
    )


def _stretches(spans: pl.LazyFrame, by: list[str]) -> pl.LazyFrame:
    """Return the stretches of characters marked at least ``need`` times, and the marks in each."""
    edges = [
        spans.select(*by, at=edge, step=pl.lit(step, pl.Int64)) for edge, step in (("start", 1), ("end", -1))
    ]
    depths = (
        pl.concat(edges)
        .group_by(*by, "at")
        .agg(pl.col("step").sum())
        .sort(*by, "at")
        .with_columns(depth=pl.col("step").cum_sum().over(by), next=pl.col("at").shift(-1).over(by))
        .with_columns(inside=pl.col("depth") >= pl.col("need"))
    )
    begins = pl.col("inside") & ~pl.col("inside").shift(1, fill_value=False).over(by)
    return (
        depths.with_columns(stretch=begins.cum_sum().over(by))
        .filter("inside")
        .group_by(*by, "stretch")
        .agg(
            start=pl.col("at").min(),
            end=pl.col("next").max(),
            marks=(pl.col("depth") * (pl.col("next") - pl.col("at"))).sum(),
        )
    )


def _joined(spans: pl.LazyFrame, by: list[str]) -> pl.LazyFrame:
    return (
        spans.sort("start")
        .group_by(by, maintain_order=True)
        .agg(
            value=pl.format("{}:{}", "start", "end").str.join("+"),
            marks=pl.col("marks").sum(),
            characters=(pl.col("end") - pl.col("start")).sum(),
        )
    )


def _distribution(said: pl.LazyFrame) -> pl.LazyFrame:
    return (
        said.group_by("record_id", "label", "value")
        .agg(n=pl.len().cast(pl.Int64))
        .sort("n", "value", descending=[True, False])
        .group_by("record_id", "label", maintain_order=True)
        .agg(distribution=pl.struct("value", "n"), n=pl.col("n").sum())
    )


def _rows(agreed: pl.LazyFrame) -> pl.LazyFrame:
    decided = (pl.col("n") >= _FEWEST) & pl.col("value").is_not_null()
    unanimous = pl.col("distribution").list.len() == 1
    return agreed.select(
        "record_id",
        "label",
        column=pl.lit("spans"),
        value=pl.when(decided).then("value"),
        share=pl.when(decided).then(pl.col("marks") / (pl.col("n") * pl.col("characters"))),
        n="n",
        distribution=pl.col("distribution").cast(pl.List(VALUE_COUNT)),
        decided_by=pl.when(decided & unanimous)
        .then(pl.lit("unanimous"))
        .when(decided)
        .then(pl.lit("majority")),
    )
