"""The rules by which answers become final labels. No file, no clock: frames to frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.gold.spans import decide_spans
from aufruf.tables import GOLD, VALUE_COUNT
from aufruf.views import current_annotations, first_answers, question_answers, triage_judgements

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
        judged.filter(pl.col("contained").is_not_null())
        .group_by("record_id", "label")
        .agg(settled=2 * pl.col("contained").sum() > pl.len())
        .filter("settled")
        .select("record_id", "label")
        .sort("record_id", pl.col("label").cast(pl.Enum(scheme.label_names)))
        .collect()
    )


def decide(annotations: pl.LazyFrame, scheme: LabelScheme, gold_run: str) -> pl.DataFrame:
    """Return the final labels that the annotations give, each column decided by itself.

    - ``contained`` and ``author``: strict majority of all who answered in triage, a label not chosen
      counting as no. One row for each record with an answer and each label; none where it was not asked.
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
    # Collected, because the plan would compute them again at each use.
    answers = first_answers(current_annotations(annotations)).collect().lazy()
    said = question_answers(answers, scheme).collect().lazy()
    person = ("record_id", "annotator", "label")
    chosen = said.filter((pl.col("column") == "contained") & (pl.col("value") == "true")).select(person)
    asked = said.filter(pl.col("pass") == "detail").select(person)
    rows = pl.concat([_plurality(said), decide_spans(answers, chosen, asked)])
    decided = rows.with_columns(gold_run=pl.lit(gold_run), posterior=pl.lit(None, pl.Float64)).sort(
        "record_id",
        pl.col("label").cast(pl.Enum(scheme.label_names)),
        pl.col("column").cast(pl.Enum(columns_of(scheme))),
    )
    return GOLD.conform(decided.collect())


def columns_of(scheme: LabelScheme) -> list[str]:
    """Return what is decided of a label, in the order in which it is stored and shown."""
    return [*_BINARY, "voice", *(attribute.name for attribute in scheme.attributes), "spans"]


def ties(gold: pl.DataFrame) -> pl.DataFrame:
    """Return the undecided rows that matter: all but voice, attributes and spans of a label decided as no."""
    absent = gold.filter((pl.col("column") == "contained") & (pl.col("value") == "false"))
    undecided = gold.filter(pl.col("decided_by").is_null())
    return undecided.join(absent, on=["record_id", "label"], how="anti", maintain_order="left")


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
