"""Answers that report a credible danger: found at once, logged once, never released."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, EVENTS
from aufruf.views import current_annotations

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

URGENT = "urgent"


@dataclass(frozen=True)
class Urgent:
    """An answer that reports a credible danger: where to find it, by the record's id; not what it says."""

    record_id: str
    annotation_uuid: str
    annotator: str
    in_pass: str
    project: int | None


def urgent_answers(workspace: Workspace, planned: pl.DataFrame) -> list[Urgent]:
    """Return the current urgent answers to some assignments, oldest first."""
    projects = planned.lazy().select("task_key", "project_id")
    rows = (
        current_annotations(workspace.store.scan(ANNOTATIONS))
        .filter(pl.col("flags").list.contains(URGENT))
        .join(projects, on="task_key")
        .sort("created_at", "annotation_uuid")
        .select("record_id", "annotation_uuid", "annotator", "pass", "project_id")
        .collect()
    )
    return [Urgent(*row) for row in rows.iter_rows()]


def log_urgent(workspace: Workspace, round_name: str) -> int:
    """Write an event for each urgent answer of a round that has none yet; return how many.

    The event stays, whatever becomes of the answer.
    """
    planned = workspace.store.scan(ASSIGNMENTS).filter(pl.col("round") == round_name).collect()
    found = urgent_answers(workspace, planned)
    logged = _logged(workspace) if found else set[str]()
    fresh = [answer for answer in found if answer.annotation_uuid not in logged]
    for answer in fresh:
        details = {"annotation": answer.annotation_uuid, "record": answer.record_id, "pass": answer.in_pass}
        workspace.record_event(URGENT, round_name, {**details, "project": answer.project})
    return len(fresh)


def _logged(workspace: Workspace) -> set[str]:
    events = workspace.store.scan(EVENTS).filter(pl.col("action") == URGENT).select("details").collect()
    details: list[dict[str, Any]] = [msgspec.json.decode(each) for each in events.get_column("details")]
    return {str(each["annotation"]) for each in details}
