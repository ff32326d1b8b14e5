"""The answers of a workspace that agreement compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.agreement.distances import SEPARATOR
from aufruf.errors import InputError
from aufruf.kept_schemes import refuse_outdated
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, CLUSTERS, RECORDS, SAMPLES
from aufruf.views import current_annotations, first_answers, main_answers, question_answers

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace

LABELS = "labels"
"""The question for all labels of a record at once, its answers sets."""
_DRAWN_ALIKE = ("random", "stratified")
_PERSON = ("record_id", "annotator", "round")


def compared_annotations(workspace: Workspace, round_name: str | None) -> pl.LazyFrame:
    """Return each annotator's first answers for the main purpose, of all rounds or of one.

    Raises:
        InputError: if there are answers by a label scheme that lacked a label: see `refuse_outdated`.
    """
    refuse_outdated(workspace)
    store = workspace.store
    counted = first_answers(main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS)))
    return counted if round_name is None else counted.filter(pl.col("round") == round_name)


def compared_answers(annotations: pl.LazyFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return what annotations answer, a row a question.

    Returns:
        ``record_id``, ``annotator``, ``round``, ``question`` (as `AgreementRow.label`), ``value``; sets are
        written as their members in the scheme's order, joined by ``+``.
    """
    said = question_answers(annotations, scheme).collect()
    single = said.select(*_PERSON, "value", question=pl.col("label") + "_" + pl.col("column"))
    return pl.concat([single.select(*_PERSON, "question", "value"), _label_sets(said, scheme)])


def require_answers(answers: pl.DataFrame, round_name: str | None) -> None:
    """Raise `InputError` if there is no answer, or none in that round."""
    if answers.is_empty():
        where = "" if round_name is None else f" in round '{round_name}'"
        raise InputError(f"no answer to compare{where}: get answers with `aufruf annotate pull ROUND`")


def with_facts(answers: pl.DataFrame, workspace: Workspace) -> pl.DataFrame:
    """Add what answers are grouped, clustered and weighted by.

    Returns:
        The answers with ``unit`` (the record), ``cluster``, ``language``, ``kind``, ``source``, ``design``
        (random: drawn at random or from strata; enriched: drawn otherwise; null: not sampled) and
        ``probability`` (of inclusion in the round; null where it is not known).
    """
    store = workspace.store
    about = store.scan(RECORDS).select("record_id", "language", "kind", "source")
    drawn = store.scan(SAMPLES).select(
        "record_id",
        "round",
        design=pl.when(pl.col("strategy").is_in(_DRAWN_ALIKE))
        .then(pl.lit("random"))
        .otherwise(pl.lit("enriched")),
        probability="inclusion_probability",
    )
    return (
        answers.lazy()
        .join(about, on="record_id", how="left")
        .join(store.scan(CLUSTERS), on="record_id", how="left")
        .join(drawn, on=["record_id", "round"], how="left")
        .with_columns(unit="record_id", cluster=pl.coalesce("cluster", "record_id"))
        .collect()
    )


def repeated_answers(workspace: Workspace, round_name: str | None) -> pl.DataFrame:
    """Return what annotators answered first and when a record was shown to them again.

    Returns:
        The columns of `compared_answers` with ``unit`` (a record and an annotator), ``side`` (first or
        again); only of records shown again, in that round.
    """
    store, scheme = workspace.store, workspace.label_scheme
    annotations, assignments = store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS)
    shown = assignments.filter(pl.col("purpose") == "repeat").select("task_key")
    again = first_answers(current_annotations(annotations).join(shown, on="task_key", how="semi"))
    if round_name is not None:
        again = again.filter(pl.col("round") == round_name)
    parts = [
        compared_answers(some, scheme).with_columns(side=pl.lit(side))
        for some, side in ((compared_annotations(workspace, None), "first"), (again, "again"))
    ]
    both = pl.concat(parts).with_columns(unit=pl.format("{} {}", "record_id", "annotator"))
    return both.filter((pl.col("side") == "again").any().over("unit", "question"))


def _label_sets(said: pl.DataFrame, scheme: LabelScheme) -> pl.DataFrame:
    order = pl.col("label").cast(pl.Enum(scheme.label_names))
    return (
        said.filter(pl.col("column") == "contained")
        .sort(order)
        .group_by(*_PERSON, maintain_order=True)
        .agg(asked=pl.len(), value=pl.col("label").filter(pl.col("value") == "true"))
        .filter(pl.col("asked") == len(scheme.labels))
        .select(*_PERSON, question=pl.lit(LABELS), value=pl.col("value").list.join(SEPARATOR))
    )
