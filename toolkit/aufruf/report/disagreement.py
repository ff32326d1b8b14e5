"""Where annotators part: which labels and voices are given for one another, and on which records."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

NONE = ""
"""Stands for "no other": a label that one annotator chose and another put nothing in the place of."""

_PRIMARY = ("contained", "author")


@dataclass(frozen=True)
class Confusion:
    """How often one annotator says a row's name where another says a column's, of the same record.

    ``counts`` are ordered pairs of answers, ``(names, names)``, symmetric; what both say stands on the
    diagonal. An annotator who chose several names counts once for each.
    """

    names: list[str]
    counts: list[list[int]]

    def share(self, row: int, column: int) -> float | None:
        """Return the share of a row's pairs that are in a column; None for an empty row."""
        total = sum(self.counts[row])
        return self.counts[row][column] / total if total else None


@dataclass(frozen=True)
class Disputed:
    """A record on which annotators part. ``answers`` are (label, chosen by, own voice by, asked)."""

    record_id: str
    disagreement: float
    answers: list[tuple[str, int, int, int]]


def label_confusion(answers: pl.DataFrame, labels: list[str]) -> Confusion:
    """Return which labels are chosen for one another.

    Where one annotator chose a label and another did not, what the second chose and the first did not
    stands against it; `NONE` where that is nothing.

    Args:
        answers: see `aufruf.views.question_answers`.
        labels: the rows and columns, to which `NONE` is added.
    """
    contained = answers.filter(pl.col("column") == "contained")
    chosen = contained.group_by("record_id", "annotator").agg(
        said=pl.col("label").filter(pl.col("value") == "true")
    )
    return _confusion(_compared(chosen, ["record_id"]), [*labels, NONE])


def voice_confusion(answers: pl.DataFrame, voices: list[str]) -> Confusion:
    """Return which voices are given for one another, between annotators who chose the same label."""
    voice = answers.filter(pl.col("column") == "voice")
    chosen = voice.select("record_id", "label", "annotator", said=pl.col("value").str.split("+"))
    return _confusion(_compared(chosen, ["record_id", "label"]), voices)


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


def _compared(chosen: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Return ``said`` of each annotator beside that of each other one (``said_right``)."""
    return chosen.join(chosen, on=on).filter(pl.col("annotator") != pl.col("annotator_right"))


def _confusion(pairs: pl.DataFrame, names: list[str]) -> Confusion:
    said, others = pl.col("said"), pl.col("said_right")
    rest = others.list.set_difference(said)
    rows = pairs.select(row=_or_none(said), others=others, rest=_or_none(rest)).explode("row")
    is_same = pl.col("others").list.contains(pl.col("row")) | (
        (pl.col("row") == NONE) & (pl.col("others").list.len() == 0)
    )
    same = pl.concat_list(pl.col("row"))
    told = rows.select("row", column=pl.when(is_same).then(same).otherwise("rest")).explode("column")
    counted = {(row, column): n for row, column, n in told.group_by("row", "column").len().iter_rows()}
    return Confusion(names, [[counted.get((row, column), 0) for column in names] for row in names])


def _or_none(said: pl.Expr) -> pl.Expr:
    return pl.when(said.list.len() == 0).then(pl.lit([NONE])).otherwise(said)
