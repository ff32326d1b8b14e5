"""Where annotators part: which labels and voices are given for one another, and on which records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.agreement.hints import confused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aufruf.agreement.hints import Confusion

_PRIMARY = ("contained", "author")


@dataclass(frozen=True)
class ConfusionMap:
    """How often of two names one was said in the place of the other: ``(names, names)``, symmetric.

    ``of`` are the pairs of answers in which somebody said one of the two; 0 where they were never confused.
    """

    names: list[str]
    counts: list[list[int]]
    of: list[list[int]]


@dataclass(frozen=True)
class Disputed:
    """A record on which annotators part. ``answers`` are (label, chosen by, own voice by, asked)."""

    record_id: str
    disagreement: float
    answers: list[tuple[str, int, int, int]]


def confusion_of(answers: pl.DataFrame, questions: Sequence[str], names: list[str]) -> ConfusionMap:
    """Return which of ``names`` are said in each other's place, over several questions.

    Args:
        answers: see `aufruf.agreement.answers.compared_answers`.
        questions: the questions that are counted together.
        names: the rows and columns.
    """
    found = [
        one
        for question in questions
        for one in confused(
            answers.filter(pl.col("question") == question).rename({"record_id": "unit"}), question
        )
    ]
    counts = [[sum(one.times for one in found if _is(one, row, column)) for column in names] for row in names]
    of = [[sum(one.of for one in found if _is(one, row, column)) for column in names] for row in names]
    return ConfusionMap(names, counts, of)


def _is(found: Confusion, row: str, column: str) -> bool:
    return row != column and {found.left, found.right} == {row, column}


def disputed_records(answers: pl.DataFrame, n: int) -> list[Disputed]:
    """Return the records with the most disagreement on ``contained`` and ``author`` over all labels.

    The disagreement of a record is the sum, over these columns, of the share of pairs of annotators whose
    answers differ. Equal ones come in the order of their ids; records on which all agree are left out.
    """
    yes, total = (pl.col("value") == "true").sum(), pl.len()
    cells = (
        answers.filter(pl.col("column").is_in(_PRIMARY))
        .group_by("record_id", "label", "column")
        .agg(yes=yes, n=total)
        .with_columns(
            apart=2 * pl.col("yes") * (pl.col("n") - pl.col("yes")) / (pl.col("n") * (pl.col("n") - 1))
        )
        .filter(pl.col("n") > 1)
    )
    records = (
        cells.group_by("record_id")
        .agg(pl.col("apart").sum())
        .filter(pl.col("apart") > 0)
        .sort("apart", "record_id", descending=[True, False])
        .head(n)
    )
    shown = cells.join(records.select("record_id"), on="record_id", how="semi").pivot(
        "column", index=["record_id", "label", "n"], values="yes"
    )
    wide = shown.select("record_id", "label", *(_column(shown, name) for name in _PRIMARY), "n")
    by_record = wide.sort("label").partition_by("record_id", as_dict=True, include_key=False)
    return [Disputed(record, apart, by_record[record,].rows()) for record, apart in records.iter_rows()]


def _column(frame: pl.DataFrame, name: str) -> pl.Expr:
    return (pl.col(name) if name in frame.columns else pl.lit(0)).fill_null(0).alias(name)
