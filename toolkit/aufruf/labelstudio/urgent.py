"""Answers that report a credible danger: found at once, logged once, never released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 -- the result is encoded by its types
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.assets import asset
from aufruf.files import write_text
from aufruf.labelstudio.interface import URGENT
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, EVENTS
from aufruf.views import current_annotations

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


@dataclass(frozen=True)
class Urgent:
    """An answer that reports a credible danger: where to find it, by the record's id; not what it says."""

    record_id: str
    annotation_uuid: str
    annotator: str
    in_pass: str
    project: int | None
    language: str
    created_at: datetime


def urgent_answers(workspace: Workspace, planned: pl.DataFrame) -> list[Urgent]:
    """Return the current urgent answers to some assignments, oldest first."""
    projects = planned.lazy().select("task_key", "project_id", "language")
    rows = (
        current_annotations(workspace.store.scan(ANNOTATIONS))
        .filter(pl.col("flags").list.contains(URGENT))
        .join(projects, on="task_key")
        .sort("created_at", "annotation_uuid")
        .select("record_id", "annotation_uuid", "annotator", "pass", "project_id", "language", "created_at")
        .collect()
    )
    return [Urgent(*row) for row in rows.iter_rows()]


def log_urgent(workspace: Workspace, round_name: str) -> int:
    """Write an event and a protocol for each urgent answer of a round that has none yet; return how many.

    The event stays, whatever becomes of the answer.
    """
    planned = workspace.store.scan(ASSIGNMENTS).filter(pl.col("round") == round_name).collect()
    found = urgent_answers(workspace, planned)
    logged = _logged(workspace) if found else set[str]()
    fresh = [answer for answer in found if answer.annotation_uuid not in logged]
    for answer in fresh:
        details = {"annotation": answer.annotation_uuid, "record": answer.record_id, "pass": answer.in_pass}
        _write_protocol(workspace, round_name, answer)
        workspace.record_event(URGENT, round_name, {**details, "project": answer.project})
    return len(fresh)


def protocol_of(workspace: Workspace, answer: Urgent) -> Path:
    """Return where the protocol of an urgent answer lies, for people to fill in."""
    return workspace.root / "reports" / "urgent" / f"{answer.annotation_uuid}.md"


def _write_protocol(workspace: Workspace, round_name: str, answer: Urgent) -> None:
    name = f"urgent_protocol.{answer.language}.md"
    own = workspace.root / "annotation" / name
    template = (own if own.exists() else asset("annotation", name)).read_text("utf-8")
    path = protocol_of(workspace, answer)
    if path.exists():
        return
    nobody = "– ([urgent] responsible, aufruf.toml)"
    values = {
        "responsible": workspace.settings.urgent.responsible or nobody,
        "round": f"{round_name}, {answer.in_pass}",
        "record": answer.record_id,
        "project": str(answer.project),
        "annotation": answer.annotation_uuid,
        "annotator": answer.annotator,
        "reported_at": f"{answer.created_at:%Y-%m-%d %H:%M} UTC",
    }
    for key, value in values.items():
        template = template.replace(f"{{{key}}}", value)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, template, mode=0o600)


def _logged(workspace: Workspace) -> set[str]:
    events = workspace.store.scan(EVENTS).filter(pl.col("action") == URGENT).select("details").collect()
    details: list[dict[str, Any]] = [msgspec.json.decode(each) for each in events.get_column("details")]
    return {str(each["annotation"]) for each in details}
