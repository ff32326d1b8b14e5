"""What is in a workspace, and what is next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.status import status
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, CLUSTERS, RECORDS, SAMPLES

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

NOW = datetime(2031, 1, 1, tzinfo=UTC)
SAMPLE = {
    "round": "r1",
    "record_id": "a",
    "stratum": "all",
    "strategy": "random",
    "inclusion_probability": 0.5,
}


def assignment(key: str, project: int | None) -> dict[str, Any]:
    same = {"round": "r1", "pass": "triage", "language": "de", "annotator": "amsel", "purpose": "main"}
    numbers = {"position": 0, "release_day": 0, "project_id": project}
    return {**same, **numbers, "task_key": key, "record_id": key, "scheme_sha256": "s"}


def answer(key: str, state: str) -> dict[str, Any]:
    texts = dict.fromkeys(("record_id", "annotator", "round", "scheme_sha256", "guideline_version"), "x")
    row = dict.fromkeys(ANNOTATIONS.schema) | texts | {"annotation_uuid": key, "task_key": key}
    return row | {
        "revision": 1,
        "state": state,
        "pass": "triage",
        "flags": [],
        "created_at": NOW,
        "updated_at": NOW,
    }


def test_an_empty_workspace_asks_for_an_import(workspace: Workspace):
    found = status(workspace)
    assert found.records == {}
    assert found.next.startswith("aufruf import")


def test_a_round_shows_what_is_planned_applied_answered_and_skipped(workspace: Workspace):
    tasks = pl.DataFrame([assignment("a", 1), assignment("b", 1), assignment("c", None)])
    workspace.store.append(ASSIGNMENTS, tasks)
    answers = pl.DataFrame([answer("a", "live"), answer("b", "skipped")], schema=ANNOTATIONS.schema)
    workspace.store.append(ANNOTATIONS, answers)
    found = status(workspace).rounds[0]
    assert (found.planned, found.applied, found.answered, found.skipped) == (3, 2, 1, 1)


def test_what_is_given_out_is_answered_before_more_is_given_out(
    workspace: Workspace, filled_workspace: Workspace
):
    workspace.store.append(RECORDS, filled_workspace.store.read(RECORDS))
    workspace.store.append(SAMPLES, pl.DataFrame([SAMPLE]))
    workspace.store.append(ASSIGNMENTS, pl.DataFrame([assignment("a", 1), assignment("b", None)]))
    assert status(workspace).next == "aufruf annotate status r1, then aufruf annotate pull r1"
    workspace.store.append(ANNOTATIONS, pl.DataFrame([answer("a", "skipped")], schema=ANNOTATIONS.schema))
    assert status(workspace).next == "aufruf annotate apply r1 --pass triage"


def test_what_was_sampled_is_counted_by_round(workspace: Workspace):
    workspace.store.append(SAMPLES, pl.DataFrame([SAMPLE]))
    assert status(workspace).sampled == {"r1": 1}


def test_only_clusters_of_two_records_or_more_are_duplicates(workspace: Workspace):
    rows = pl.DataFrame({"record_id": ["a", "b", "c"], "cluster": ["a", "a", "c"]})
    workspace.store.append(CLUSTERS, rows)
    assert status(workspace).duplicate_clusters == 1
