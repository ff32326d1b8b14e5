"""The rules by which answers become final labels. No file, no clock: frames to frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.gold.spans import decide_spans
from aufruf.tables import GOLD, VALUE_COUNT
from aufruf.views import current_annotations, first_answers, triage_judgements

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme

_CELL = ("record_id", "label", "column")
_BINARY = ("contained", "author")
_FEWEST = 2


def settled_labels(annotations: pl.LazyFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return the labels that a strict majority of those who answered in triage chose, in any voice.

    Of repeated answers by one annotator the first counts; skipped answers and those that cannot judge do
    not. A tie settles nothing.

    Returns:
        ``record_id``, ``label``; sorted by record, labels in the scheme's order.
    """
    judged = triage_judgements(first_answers(current_annotations(annotations)), scheme)
    return (
        judged.group_by("record_id", "label")
        .agg(settled=2 * pl.col("contained").sum() > pl.len())
        .filter("settled")
        .select("record_id", "label")
        .sort("record_id", pl.col("label").cast(pl.Enum(scheme.label_names)))
        .collect()
    )


def decide(annotations: pl.LazyFrame, scheme: LabelScheme, gold_run: str) -> pl.DataFrame:
    """Return the final labels that the annotations give, each column decided by itself.

    - ``contained`` and ``author``: strict majority of all who answered in triage, a label not chosen
      counting as no. One row for each record with an answer and each label.
    - ``voice`` and the attributes: the answer most often given by those who chose the label. It takes two
      answers, and no other as frequent. Rows only where somebody was asked.
    - ``spans``: the characters marked by a strict majority of those who chose the label and answered
      about it in the detail pass, two at least (see `decide_spans`).

    What is tied or has too few answers has a null ``value`` and a null ``decided_by``. ``share`` is that of
    ``true`` for contained and author, tied or not; otherwise that of the value, null where there is none.
    ``distribution`` is sorted by descending count, then by value.

    Returns:
        The columns of the gold table, sorted by record, label and column, both in the scheme's order.
    """
    answers = first_answers(current_annotations(annotations))
    judged = triage_judgements(answers, scheme)
    chosen = judged.filter("contained").select("record_id", "annotator", "label")
    detailed = _attribute_answers(answers, chosen, scheme)
    votes = pl.concat([_binary_answers(judged), _voice_answers(judged), detailed.drop("pass")])
    asked = detailed.filter(pl.col("pass") == "detail").select(chosen.collect_schema().names())
    rows = pl.concat([_plurality(votes), decide_spans(answers, chosen, asked)])
    columns = [*_BINARY, "voice", *(attribute.name for attribute in scheme.attributes), "spans"]
    decided = rows.with_columns(gold_run=pl.lit(gold_run)).sort(
        "record_id",
        pl.col("label").cast(pl.Enum(scheme.label_names)),
        pl.col("column").cast(pl.Enum(columns)),
    )
    return GOLD.conform(decided.collect())


def ties(gold: pl.DataFrame) -> pl.DataFrame:
    """Return the undecided rows that matter: all but voice, attributes and spans of a label decided as no."""
    absent = gold.filter((pl.col("column") == "contained") & (pl.col("value") == "false"))
    undecided = gold.filter(pl.col("decided_by").is_null())
    return undecided.join(absent, on=["record_id", "label"], how="anti", maintain_order="left")


def _binary_answers(judged: pl.LazyFrame) -> pl.LazyFrame:
    return judged.unpivot(
        on=_BINARY, index=["record_id", "annotator", "label"], variable_name="column"
    ).with_columns(value=pl.when("value").then(pl.lit("true")).otherwise(pl.lit("false")))


def _voice_answers(judged: pl.LazyFrame) -> pl.LazyFrame:
    return judged.filter(pl.col("contained") & pl.col("voices").is_not_null()).select(
        "record_id", "annotator", "label", column=pl.lit("voice"), value=pl.col("voices").list.join("+")
    )


def _attribute_answers(answers: pl.LazyFrame, chosen: pl.LazyFrame, scheme: LabelScheme) -> pl.LazyFrame:
    asked = pl.LazyFrame(
        [(a.in_pass, label, a.name) for a in scheme.attributes for label in a.labels],
        schema=dict.fromkeys(("pass", "label", "attribute"), pl.String),
        orient="row",
    )
    return (
        answers.select("record_id", "annotator", "pass", "attributes")
        .explode("attributes")
        .filter(pl.col("attributes").is_not_null())
        .unnest("attributes")
        .join(asked, on=["pass", "label", "attribute"], how="semi")
        .join(chosen, on=["record_id", "annotator", "label"], how="semi")
        .select("record_id", "annotator", "label", "value", "pass", column="attribute")
        .select("record_id", "annotator", "label", "column", "value", "pass")
    )


def _plurality(votes: pl.LazyFrame) -> pl.LazyFrame:
    binary = pl.col("column").is_in(_BINARY)
    first, second = pl.col("counts").list.first(), pl.col("counts").list.get(1, null_on_oob=True)
    fewest = pl.when(binary).then(1).otherwise(_FEWEST)
    decided = (pl.col("n") >= fewest) & (first > second.fill_null(0))
    return (
        votes.group_by(*_CELL, "value")
        .agg(n=pl.len().cast(pl.Int64))
        .sort("n", "value", descending=[True, False])
        .group_by(*_CELL, maintain_order=True)
        .agg(
            distribution=pl.struct("value", "n"),
            counts="n",
            top=pl.col("value").first(),
            yes=pl.col("n").filter(pl.col("value") == "true").sum(),
            n=pl.col("n").sum(),
        )
        .select(
            *_CELL,
            value=pl.when(decided).then("top"),
            share=pl.when(binary).then(pl.col("yes") / pl.col("n")).when(decided).then(first / pl.col("n")),
            n="n",
            distribution=pl.col("distribution").cast(pl.List(VALUE_COUNT)),
            decided_by=pl.when(decided & (first == pl.col("n")))
            .then(pl.lit("unanimous"))
            .when(decided)
            .then(pl.lit("majority")),
        )
    )
