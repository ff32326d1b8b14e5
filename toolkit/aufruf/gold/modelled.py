"""Yes/no columns decided by a model of the annotators in place of the majority."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.gold.annotator_model import Estimate, Votes, estimate
from aufruf.views import current_annotations, first_answers, question_answers

if TYPE_CHECKING:
    from aufruf.gold.annotator_model import Model
    from aufruf.label_scheme import LabelScheme

FEWEST_POSITIVES = 30
"""Records of either answer, by majority of two or more, that a column needs: with fewer, a model guesses."""
FEWEST_ANNOTATORS = 3
"""With two annotators, two errors and a prevalence cannot be told apart."""
SURE = 0.8
"""From this probability on a value is decided; nearer to the middle it stays open, with its posterior."""
_BINARY = ("contained", "author")
_CELL = ["record_id", "label", "column"]


@dataclass(frozen=True)
class ModelReport:
    """How a column was modelled, or the ``reason`` why it was left to the majority.

    ``positives`` counts records that a majority of two or more calls yes; ``prevalence`` is the model's.
    """

    label: str
    column: str
    records: int
    positives: int
    prevalence: float | None
    rounds: int | None
    reason: str | None


@dataclass(frozen=True)
class AnnotatorErrors:
    """An annotator's confusion matrix in one column, as shares.

    ``sensitivity`` is how often yes was said of ``positives`` records where yes is true, ``specificity`` how
    often no of ``negatives`` records where no is; null of none. Expected numbers under a model; against
    majorities, of which the annotator's own voice is one, they flatter.
    """

    label: str
    column: str
    annotator: str
    answers: int
    positives: float
    sensitivity: float | None
    negatives: float
    specificity: float | None


@dataclass(frozen=True)
class Modelled:
    """Gold rows with the columns that could be modelled decided anew, and what the model found."""

    rows: pl.DataFrame
    columns: list[ModelReport]
    annotators: list[AnnotatorErrors]


def by_model(rows: pl.DataFrame, annotations: pl.LazyFrame, scheme: LabelScheme, model: Model) -> Modelled:
    """Decide ``contained`` and ``author`` by a model of the annotators, each column by itself.

    A value is decided where its probability is `SURE` or more, and open otherwise; ``share`` stays that of
    the annotators, ``posterior`` is the model's. A column is left to the majority where it has fewer than
    `FEWEST_POSITIVES` of either answer or fewer than `FEWEST_ANNOTATORS` annotators, and the report says so.

    Args:
        rows: gold as `aufruf.gold.decide.decide` gives it.
        annotations: all that the model learns from; a round's rows may be few of them.
        scheme: the label scheme.
        model: which one.
    """
    answers = binary_answers(annotations, scheme)
    reports: list[ModelReport] = []
    annotators: list[AnnotatorErrors] = []
    posteriors: list[pl.DataFrame] = []
    for label in scheme.label_names:
        for column in _BINARY:
            part = answers.filter(pl.col("label") == label, pl.col("column") == column)
            if part.is_empty():
                continue
            report, found = _fit(part, model)
            reports.append(report)
            if found is not None:
                posteriors.append(_posterior(part, found))
                annotators += _errors(part, found)
    return Modelled(_decided(rows, posteriors), reports, annotators)


def errors_against_gold(
    rows: pl.DataFrame, annotations: pl.LazyFrame, scheme: LabelScheme
) -> list[AnnotatorErrors]:
    """Return each annotator's confusion matrices against decided gold."""
    known = rows.filter(pl.col("column").is_in(_BINARY)).select(*_CELL, truth="value").drop_nulls()
    counts = (
        binary_answers(annotations, scheme)
        .join(known, on=_CELL)
        .group_by("label", "column", "annotator")
        .agg(
            answers=pl.len(),
            positives=(pl.col("truth") == "true").sum(),
            hits=((pl.col("truth") == "true") & pl.col("yes")).sum(),
            negatives=(pl.col("truth") == "false").sum(),
            rejected=((pl.col("truth") == "false") & ~pl.col("yes")).sum(),
        )
        .sort(
            pl.col("label").cast(pl.Enum(scheme.label_names)),
            pl.col("column").cast(pl.Enum(_BINARY)),
            "annotator",
        )
    )
    return [
        AnnotatorErrors(
            label,
            column,
            annotator,
            answers,
            positives,
            hits / positives if positives else None,
            negatives,
            rejected / negatives if negatives else None,
        )
        for label, column, annotator, answers, positives, hits, negatives, rejected in counts.iter_rows()
    ]


def binary_answers(annotations: pl.LazyFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return the first answers to ``contained`` and ``author``: the cell, ``annotator``, ``yes``."""
    said = question_answers(first_answers(current_annotations(annotations)), scheme)
    return (
        said.filter(pl.col("column").is_in(_BINARY))
        .select(*_CELL, "annotator", yes=pl.col("value") == "true")
        .collect()
    )


def _fit(answers: pl.DataFrame, model: Model) -> tuple[ModelReport, Estimate | None]:
    label, column = answers.row(0, named=True)["label"], answers.row(0, named=True)["column"]
    several = (
        answers.group_by("record_id").agg(share=pl.col("yes").mean(), n=pl.len()).filter(pl.col("n") > 1)
    )
    positives = several.filter(pl.col("share") > 0.5).height  # noqa: PLR2004 -- a majority
    negatives = several.filter(pl.col("share") < 0.5).height  # noqa: PLR2004 -- a majority
    annotators = answers.get_column("annotator").n_unique()
    records = answers.get_column("record_id").n_unique()
    reason = None
    if annotators < FEWEST_ANNOTATORS:
        reason = f"{annotators} annotators; a model needs {FEWEST_ANNOTATORS}"
    elif min(positives, negatives) < FEWEST_POSITIVES:
        which, n = ("yes", positives) if positives < negatives else ("no", negatives)
        reason = f"{n} records with a majority for {which}; a model needs {FEWEST_POSITIVES}"
    if reason is not None:
        return ModelReport(label, column, records, positives, None, None, reason), None
    found = estimate(_votes(answers), model)
    if not found.converged:
        reason = f"the model did not come to rest in {found.rounds} rounds"
        return ModelReport(label, column, records, positives, None, found.rounds, reason), None
    return ModelReport(label, column, records, positives, found.prevalence, found.rounds, None), found


def _votes(answers: pl.DataFrame) -> Votes:
    record, annotator = (
        (answers.get_column(name).rank("dense").cast(pl.Int64) - 1).to_numpy()
        for name in ("record_id", "annotator")
    )
    return Votes(record, annotator, answers.get_column("yes").to_numpy())


def _posterior(answers: pl.DataFrame, found: Estimate) -> pl.DataFrame:
    """Return the cells with their posterior; numbers follow the order of names."""
    cells = answers.select(_CELL).unique().sort("record_id")
    return cells.with_columns(modelled=pl.Series(found.posterior))


def _errors(answers: pl.DataFrame, found: Estimate) -> list[AnnotatorErrors]:
    label, column = answers.row(0, named=True)["label"], answers.row(0, named=True)["column"]
    counts = answers.group_by("annotator").len().sort("annotator")
    return [
        AnnotatorErrors(
            label,
            column,
            name,
            n,
            float(found.positives[place]),
            float(found.sensitivity[place]),
            float(found.negatives[place]),
            float(found.specificity[place]),
        )
        for place, (name, n) in enumerate(counts.iter_rows())
    ]


def _decided(rows: pl.DataFrame, posteriors: list[pl.DataFrame]) -> pl.DataFrame:
    if not posteriors:
        return rows
    joined = rows.join(pl.concat(posteriors), on=_CELL, how="left", maintain_order="left")
    modelled = pl.col("modelled").is_not_null()
    value = (
        pl.when(pl.col("modelled") >= SURE)
        .then(pl.lit("true"))
        .when(pl.col("modelled") <= 1 - SURE)
        .then(pl.lit("false"))
    )
    sure = (pl.col("modelled") >= SURE) | (pl.col("modelled") <= 1 - SURE)
    return joined.with_columns(
        posterior=pl.when(modelled).then("modelled").otherwise("posterior"),
        value=pl.when(modelled).then(value).otherwise("value"),
        decided_by=pl.when(modelled).then(pl.when(sure).then(pl.lit("model"))).otherwise("decided_by"),
    ).drop("modelled")
