"""How far adjudication is, and why answers differed: for the lead, as of the last pull."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.gold.verdicts import ERRORS, read_verdicts
from aufruf.labelstudio.adjudication_disputes import never_given, open_disputes
from aufruf.labelstudio.annotators import load_annotators
from aufruf.labelstudio.projects import TASK_KEY
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS
from aufruf.views import ADJUDICATION, current_annotations

if TYPE_CHECKING:
    from aufruf.workspace import Workspace


@dataclass(frozen=True)
class ErrorCounts:
    """How many verdicts on a label gave each reason why the answers differed."""

    label: str
    slip: int
    guideline_gap: int
    ambiguous: int


@dataclass(frozen=True)
class AdjudicationStatus:
    """Records of a round in adjudication: ``given`` = ``decided`` + ``open`` ones; skipped ones are neither.

    ``undecided`` records are in dispute, and no adjudicator has them yet.
    """

    given: int
    decided: int
    open: int
    undecided: int
    errors: list[ErrorCounts]


def adjudication_status(workspace: Workspace, round_name: str) -> AdjudicationStatus:
    """Return how far the adjudication of a round is."""
    store = workspace.store
    given = store.scan(ASSIGNMENTS).filter(
        (pl.col("round") == round_name) & (pl.col("purpose") == ADJUDICATION)
    )
    answers = current_annotations(store.scan(ANNOTATIONS)).select(TASK_KEY, "state")
    states = given.join(answers, on=TASK_KEY, how="left").select("state").collect().get_column("state")
    decided, waiting = states.to_list().count("live"), states.null_count()
    return AdjudicationStatus(
        given=decided + waiting,
        decided=decided,
        open=waiting,
        undecided=undecided_records(workspace, round_name),
        errors=_errors(workspace, round_name),
    )


def has_adjudicators(workspace: Workspace) -> bool:
    """Whether the annotators' file names anybody who adjudicates."""
    path = workspace.root / "annotation" / "annotators.toml"
    return path.exists() and any(person.role == "adjudicator" for person in load_annotators(path))


def undecided_records(workspace: Workspace, round_name: str) -> int:
    """Return how many records of a round are in dispute and were given to no adjudicator."""
    found, _ = open_disputes(workspace, round_name)
    return never_given(workspace, found).get_column("record_id").n_unique()


def _errors(workspace: Workspace, round_name: str) -> list[ErrorCounts]:
    verdicts = read_verdicts(workspace).filter(pl.col("round") == round_name)
    counts = verdicts.group_by("label", maintain_order=True).agg(
        (pl.col("error") == error).sum().alias(error) for error in ERRORS
    )
    by_label = {row["label"]: ErrorCounts(**row) for row in counts.iter_rows(named=True)}
    return [by_label[label] for label in workspace.label_scheme.label_names if label in by_label]
