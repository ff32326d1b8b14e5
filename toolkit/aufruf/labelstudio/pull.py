"""Bring answers from Label Studio into the workspace: each once, each change a revision, each fault named."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.errors import ServerError
from aufruf.labelstudio.accounts import user_ids
from aufruf.labelstudio.answers import Refusal
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.interface import SETTLED, TEXT
from aufruf.labelstudio.notes import silent
from aufruf.labelstudio.projects import TASK_KEY, projects_on_server
from aufruf.labelstudio.rounds import URGENT, planned_or_error
from aufruf.labelstudio.rows import DELETED, Asked, RawAnnotation, from_annotation
from aufruf.tables import ANNOTATIONS, ANSWERS, QUARANTINE, RECORDS
from aufruf.views import current_annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.label_scheme import Pass
    from aufruf.labelstudio.api import Api
    from aufruf.labelstudio.notes import Note
    from aufruf.workspace import Workspace

_AT_ONCE = 200
_GONE = "null"
"""What ANSWERS holds for an annotation that was deleted on the server."""


@dataclass(frozen=True)
class PullReport:
    """What came: ``annotations`` on the server = kept + quarantined.

    ``new``, ``changed`` and ``deleted`` count what was not known before; ``quarantined`` what cannot be used,
    by reason; ``pruned`` answers to hidden questions that were left out; ``urgent`` current answers that
    report a credible danger.
    """

    round: str
    annotations: int
    kept: int
    new: int
    changed: int
    deleted: int
    quarantined: dict[str, int]
    pruned: int
    urgent: int


@dataclass
class _Pulled:
    """What a pull collects, before anything is written."""

    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    answers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    quarantine: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    seen: set[str] = field(default_factory=set[str])
    kept: int = 0
    new: int = 0
    changed: int = 0
    pruned: int = 0


@dataclass(frozen=True)
class _Context:
    """What is known before the first answer is read."""

    workspace: Workspace
    assignments: dict[str, dict[str, Any]]
    texts: dict[str, str]
    users: dict[str, int]
    guidelines: dict[int, str]
    latest: dict[str, tuple[int, str]]


def pull(
    workspace: Workspace,
    round_name: str,
    in_pass: Pass | None = None,
    *,
    dry_run: bool = False,
    note: Note = silent,
) -> PullReport:
    """Bring all answers of a round, or of one pass of it, into the workspace.

    Every answer is checked against label scheme and text. What fails goes to quarantine; an earlier revision
    of it that was good stays. Where nothing is new, nothing is written.

    Raises:
        InputError: if the round is not planned.
        ServerError: if nothing was brought to the server yet, it cannot be reached, a project is gone, or the
            server's counts do not fit together.
    """
    with workspace.locked():
        planned = planned_or_error(workspace, round_name, in_pass)
        projects = planned.get_column("project_id").drop_nulls().unique().sort().to_list()
        if not projects:
            raise ServerError(
                f"round '{round_name}' is not in Label Studio yet: run `aufruf annotate apply {round_name}`"
            )
        pulled = _Pulled()
        with connect(workspace) as api:
            context = _context(workspace, api, planned)
            for number, project in enumerate(projects, start=1):
                _read_project(api, context, project, pulled)
                note(f"project {number} of {len(projects)}: {len(pulled.seen)} answers so far")
        deleted = _mark_deleted(workspace, context, planned, pulled)
        if not dry_run:
            _write(workspace, round_name, pulled, deleted)
        return _report(workspace, round_name, planned, pulled, deleted)


def _context(workspace: Workspace, api: Api, planned: pl.DataFrame) -> _Context:
    store = workspace.store
    records = store.scan(RECORDS).select("record_id", "text")
    chosen = records.join(planned.lazy().select("record_id").unique(), on="record_id", how="semi").collect()
    newest = store.scan(ANSWERS).sort("revision").group_by("annotation_uuid").last().collect()
    latest = {row["annotation_uuid"]: (row["revision"], row["raw"]) for row in newest.iter_rows(named=True)}
    return _Context(
        workspace=workspace,
        assignments={row[TASK_KEY]: row for row in planned.iter_rows(named=True)},
        texts=dict(chosen.iter_rows()),
        users=user_ids(workspace, api, planned.get_column("annotator").unique()),
        guidelines={number: found.guideline_version for number, found in projects_on_server(api).items()},
        latest=latest,
    )


def _read_project(api: Api, context: _Context, project: int, pulled: _Pulled) -> None:
    for task in _annotated_tasks(api, project):
        annotations = [_parsed(api, raw) for raw in task["annotations"]]
        if len(annotations) != task["total_annotations"] + task["cancelled_annotations"]:
            raise ServerError(
                f"{api.url}: project {project}, task {task['id']}: {len(annotations)} answers came, the "
                "server counts otherwise: someone is changing it; run again"
            )
        asked = _asked(context, project, task)
        answered: set[int | None] = set()
        for raw in sorted(annotations, key=lambda each: (each.was_cancelled, each.created_at, each.id)):
            _read(context, raw, asked, project, pulled, is_first=raw.completed_by not in answered)
            answered.add(raw.completed_by)


def _annotated_tasks(api: Api, project: int) -> Iterator[dict[str, Any]]:
    """Yield the tasks that have an answer, in bounded pages: the list of tasks lacks the answers' UUID."""
    counts = "id,total_annotations,cancelled_annotations"
    listed = api.pages("/api/tasks/", "tasks", project=project, include=counts)
    ids = [task["id"] for task in listed if task["total_annotations"] or task["cancelled_annotations"]]
    options = {"exportType": "JSON", "download_all_tasks": "true", "download_resources": "false"}
    for first in range(0, len(ids), _AT_ONCE):
        chunk = ids[first : first + _AT_ONCE]
        found = api.get(f"/api/projects/{project}/export", **options, **{"ids[]": chunk})
        if len(found) != len(chunk):
            raise ServerError(
                f"{api.url}: project {project}: {len(found)} of {len(chunk)} tasks came: run the pull again"
            )
        yield from found


def _parsed(api: Api, raw: Any) -> RawAnnotation:
    try:
        return msgspec.convert(raw, RawAnnotation, strict=False)
    except msgspec.ValidationError as error:
        raise ServerError(
            f"{api.url}: an annotation is not what Label Studio 1.23 gives ({error}): is the server another "
            "version?"
        ) from error


def _asked(context: _Context, project: int, task: dict[str, Any]) -> Asked | None:
    data = task["data"]
    assignment = context.assignments.get(data.get(TASK_KEY, ""))
    if assignment is None or assignment["project_id"] != project:
        return None
    return Asked(
        assignment=assignment,
        text=context.texts[assignment["record_id"]],
        shown_text=data.get(TEXT, ""),
        settled=tuple(choice["value"] for choice in data.get(SETTLED) or ()),
        user_id=context.users.get(assignment["annotator"]),
        guideline_version=context.guidelines.get(project)
        or context.workspace.guideline_version(assignment["language"]),
    )


def _read(  # noqa: PLR0913 -- one answer with all that decides about it
    context: _Context,
    raw: RawAnnotation,
    asked: Asked | None,
    project: int,
    pulled: _Pulled,
    *,
    is_first: bool,
) -> None:
    content = msgspec.json.encode(raw, order="deterministic").decode()
    revision, known = context.latest.get(raw.unique_id, (0, ""))
    pulled.seen.add(raw.unique_id)
    changed = content != known
    if changed:
        pulled.new, pulled.changed = pulled.new + (revision == 0), pulled.changed + (revision > 0)
        answer = {"annotation_uuid": raw.unique_id, "revision": revision + 1, "project_id": project}
        pulled.answers.append({**answer, "raw": content})
    try:
        row, pruned = from_annotation(raw, asked, context.workspace.label_scheme, is_first=is_first)
    except Refusal as refusal:
        place = {"file": f"project {project}", "item": f"annotation {raw.id}"}
        pulled.quarantine.append({**place, "reason": refusal.reason, "message": refusal.message})
        return
    pulled.kept += 1
    pulled.pruned += pruned
    if changed:
        pulled.rows.append({**row, "revision": revision + 1})


def _mark_deleted(
    workspace: Workspace, context: _Context, planned: pl.DataFrame, pulled: _Pulled
) -> pl.DataFrame:
    """Return a last revision of each answer that is no longer on the server."""
    current = current_annotations(workspace.store.scan(ANNOTATIONS))
    mine = current.join(planned.lazy().select(TASK_KEY), on=TASK_KEY, how="semi")
    gone = mine.filter(~pl.col("annotation_uuid").is_in(list(pulled.seen))).collect()
    revisions = [
        context.latest.get(uuid, (revision, ""))[0] + 1
        for uuid, revision in gone.select("annotation_uuid", "revision").iter_rows()
    ]
    gone = gone.with_columns(
        revision=pl.Series(revisions, dtype=pl.Int64),
        state=pl.lit(DELETED),
        updated_at=pl.lit(datetime.now(UTC)),
    )
    projects = planned.select(TASK_KEY, "project_id")
    answers = gone.join(projects, on=TASK_KEY).select("annotation_uuid", "revision", "project_id")
    pulled.answers += answers.with_columns(raw=pl.lit(_GONE)).to_dicts()
    return gone


def _write(workspace: Workspace, round_name: str, pulled: _Pulled, deleted: pl.DataFrame) -> None:
    """Write what is new: answers as they came last, so that a killed pull is read again."""
    store = workspace.store
    rows = pl.concat([pl.DataFrame(pulled.rows, schema=ANNOTATIONS.schema), ANNOTATIONS.conform(deleted)])
    refused = [{"import_id": f"pull:{round_name}", **entry} for entry in pulled.quarantine]
    written = [
        store.upsert(ANNOTATIONS, rows),
        store.upsert(QUARANTINE, pl.DataFrame(refused, schema=QUARANTINE.schema)),
        store.upsert(ANSWERS, pl.DataFrame(pulled.answers, schema=ANSWERS.schema)),
    ]
    if any(written):
        counts = {"annotations": len(pulled.seen), "new": pulled.new, "changed": pulled.changed}
        others = {"deleted": deleted.height, "quarantined": len(refused), "pruned": pulled.pruned}
        workspace.record_event("pull", round_name, {**counts, **others})


def _report(
    workspace: Workspace, round_name: str, planned: pl.DataFrame, pulled: _Pulled, deleted: pl.DataFrame
) -> PullReport:
    assert len(pulled.seen) == pulled.kept + len(pulled.quarantine)
    current = current_annotations(workspace.store.scan(ANNOTATIONS))
    urgent = current.join(planned.lazy().select(TASK_KEY), on=TASK_KEY, how="semi").filter(
        pl.col("flags").list.contains(URGENT)
    )
    return PullReport(
        round=round_name,
        annotations=len(pulled.seen),
        kept=pulled.kept,
        new=pulled.new,
        changed=pulled.changed,
        deleted=deleted.height,
        quarantined=dict(sorted(Counter(entry["reason"] for entry in pulled.quarantine).items())),
        pruned=pulled.pruned,
        urgent=urgent.select(pl.len()).collect().item(),
    )
