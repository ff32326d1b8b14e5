"""Agreement on the labels of a workspace, or of one of its rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.agreement.nominal import Coefficient, coefficients
from aufruf.errors import InputError
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, CLUSTERS, RECORDS
from aufruf.views import first_answers, main_answers, question_answers

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace


@dataclass(frozen=True)
class AgreementRow(Coefficient):
    """A coefficient of one variable in one group.

    ``label`` is ``<label>_contained``, ``<label>_author``, ``<label>_voice`` or ``<label>_<attribute>``;
    of a foreign table, the name of its column. ``group`` is ``all`` or such as ``language=de``.
    """

    label: str
    group: str


def agreement(
    workspace: Workspace, round_name: str | None = None, *, seed: int = 0, resamples: int = 1000
) -> list[AgreementRow]:
    """Return how well annotators agree: on each label's ``contained`` and ``author``, voice and attributes.

    Counted are the first answers for the main purpose. Voice and attributes are compared among those who
    chose the label; they have rows once somebody was asked. Groups are all records, each language, each
    kind and, without a round, each round; the intervals resample duplicate clusters.

    Raises:
        InputError: if there is no answer, or none in that round.
    """
    answers = _answers(workspace, round_name)
    groups = ["language", "kind"] if round_name is not None else ["language", "kind", "round"]
    found = answers.partition_by("variable", as_dict=True)
    rows: list[AgreementRow] = []
    for variable in _variables(workspace.label_scheme):
        if (variable,) in found:
            rows += _of_variable(found[variable,], variable, groups, seed, resamples)
    return rows


def rows_of(
    answers: pl.DataFrame, label: str, group: str, *, seed: int, resamples: int
) -> list[AgreementRow]:
    """Return the coefficients of one variable in one group as rows (see `coefficients`)."""
    return [
        AgreementRow(**vars(coefficient), label=label, group=group)
        for coefficient in coefficients(answers, seed=seed, resamples=resamples)
    ]


def _answers(workspace: Workspace, round_name: str | None) -> pl.DataFrame:
    store, scheme = workspace.store, workspace.label_scheme
    counted = first_answers(main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS)))
    if round_name is not None:
        counted = counted.filter(pl.col("round") == round_name)
    about = store.scan(RECORDS).select("record_id", "language", "kind")
    answers = (
        question_answers(counted, scheme)
        .join(about, on="record_id", how="left")
        .join(store.scan(CLUSTERS), on="record_id", how="left")
        .select(
            "annotator",
            "language",
            "kind",
            "round",
            "value",
            variable=pl.col("label") + "_" + pl.col("column"),
            unit="record_id",
            cluster=pl.coalesce("cluster", "record_id"),
        )
        .collect()
    )
    if answers.is_empty():
        where = "" if round_name is None else f" in round '{round_name}'"
        raise InputError(f"no answer to compare{where}: get answers with `aufruf annotate pull ROUND`")
    return answers


def _variables(scheme: LabelScheme) -> list[str]:
    binary = [f"{label}_{column}" for label in scheme.label_names for column in ("contained", "author")]
    asked = [
        f"{label}_{column}"
        for label in scheme.label_names
        for column in ("voice", *(attribute.name for attribute in scheme.attributes_of(label)))
    ]
    return binary + asked


def _of_variable(
    answers: pl.DataFrame, variable: str, groups: list[str], seed: int, resamples: int
) -> list[AgreementRow]:
    rows = rows_of(answers, variable, "all", seed=seed, resamples=resamples)
    for group in groups:
        parts = answers.drop_nulls(group).partition_by(group, as_dict=True)
        for (value,), part in sorted(parts.items(), key=str):
            rows += rows_of(part, variable, f"{group}={value}", seed=seed, resamples=resamples)
    return rows
