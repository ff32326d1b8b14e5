"""Bring answers from Label Studio into the workspace: each once, each change a revision, each fault named."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.errors import ServerError
from aufruf.labelstudio.accounts import user_ids
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.elements import TEXT
from aufruf.labelstudio.interface import DISPUTED, SETTLED
from aufruf.labelstudio.notes import silent
from aufruf.labelstudio.projects import TASK_KEY, count_answers, projects_on_server
from aufruf.labelstudio.refused import refused_answers
from aufruf.labelstudio.revisions import GONE, Reader, deletions, known_of, newest_answers
from aufruf.labelstudio.rounds import planned_or_error
from aufruf.labelstudio.rows import Asked, RawAnnotation
from aufruf.labelstudio.scheme_versions import load_versions
from aufruf.labelstudio.snapshots import answered_tasks, mark_of
from aufruf.labelstudio.suggestions import SUGGESTED_BY
from aufruf.labelstudio.urgent import log_urgent, urgent_answers
from aufruf.labelstudio.watermarks import note_read, watermarks
from aufruf.tables import ANNOTATIONS, ANSWERS, QUARANTINE, RECORDS
from aufruf.views import current_annotations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aufruf.label_scheme import Pass
    from aufruf.labelstudio.api import Api
    from aufruf.labelstudio.notes import Note
    from aufruf.labelstudio.projects import Found
    from aufruf.labelstudio.refused import Refused
    from aufruf.labelstudio.revisions import Additions
    from aufruf.labelstudio.scheme_versions import Versions
    from aufruf.workspace import Workspace

_OVERLAP = timedelta(minutes=2)
"""How far back is read again: longer than a change takes to be stored after its time was set."""


@dataclass(frozen=True)
class PullReport:
    """What came: ``annotations`` on the server = kept + quarantined.

    ``new``, ``changed`` and ``deleted`` count what was not known before; ``quarantined`` what cannot be used,
    by reason, and ``refused`` names each; ``pruned`` counts answers to hidden questions that were left out
    of new and changed ones; ``urgent`` current answers that report a credible danger.
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
    refused: list[Refused]


@dataclass(frozen=True)
class _Context:
    """What is known before the first answer is read."""

    workspace: Workspace
    versions: Versions
    api: Api
    round_name: str
    planned: pl.DataFrame
    users: dict[str, int]
    found: dict[int, Found]
    live: dict[int, dict[str, int]]
    mark: str
    dry_run: bool


@dataclass
class _Counts:
    """What was found so far, and how many answers each project holds by it."""

    new: int = 0
    changed: int = 0
    pruned: int = 0
    deleted: set[str] = field(default_factory=set[str])
    written: bool = False
    refused: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    held: dict[int, int] = field(default_factory=dict[int, int])
    unwritten: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])


def pull(  # noqa: PLR0913 -- the command's options
    workspace: Workspace,
    round_name: str,
    in_pass: Pass | None = None,
    *,
    full: bool = False,
    dry_run: bool = False,
    note: Note = silent,
) -> PullReport:
    """Bring the answers of a round, or of one pass of it, into the workspace.

    What was changed since the last pull is read, and the result counted against the server; where the counts
    differ, as after a deletion, or with ``full``, everything is read. Every answer is checked against label
    scheme and text. What fails goes to quarantine; an earlier revision of it that was good stays. Where
    nothing is new, nothing is written. Drafts do not count.

    Raises:
        InputError: if the round is not planned.
        ServerError: if nothing was brought to the server yet, it cannot be reached, a project is gone, or the
            server's counts do not fit together.
    """
    with workspace.locked():
        planned = planned_or_error(workspace, round_name, in_pass)
        projects: list[int] = planned.get_column("project_id").drop_nulls().unique().sort().to_list()
        if not projects:
            raise ServerError(
                f"round '{round_name}' is not in Label Studio yet: run `aufruf annotate apply {round_name}`"
            )
        counts = _Counts()
        with connect(workspace) as api:
            begun = api.now()
            context = _context(workspace, api, round_name, planned, dry_run=dry_run)
            since = {} if full else watermarks(workspace, api.url)
            for place, project in enumerate(projects, start=1):
                last = since.get(project)
                _read_project(context, project, None if last is None else last - _OVERLAP, counts)
                note(f"project {place} of {len(projects)}: {counts.held[project]} answers")
            _delete_lost(context, counts)
            if not dry_run:
                _finish(context, counts)
                if begun is not None:
                    note_read(workspace, api.url, dict.fromkeys(projects, begun))
        return _report(context, counts)


def _context(
    workspace: Workspace, api: Api, round_name: str, planned: pl.DataFrame, *, dry_run: bool
) -> _Context:
    return _Context(
        workspace=workspace,
        versions=load_versions(workspace),
        api=api,
        round_name=round_name,
        planned=planned,
        users=user_ids(workspace, api, planned.get_column("annotator").unique()),
        found=projects_on_server(api),
        live=_live(workspace, planned.get_column("project_id").drop_nulls().unique()),
        mark=mark_of(workspace),
        dry_run=dry_run,
    )


def _read_project(context: _Context, project: int, since: datetime | None, counts: _Counts) -> None:
    """Read a project until what is known of it fits what the server counts.

    People may be answering meanwhile: what changed is read twice, then everything twice.
    """
    live = context.live[project]
    for start in (since, since, None, None):
        seen = _read_changes(context, project, start, live, counts)
        there = count_answers(context.api, project)
        if start is None and len(seen) == there:
            _delete(context, project, live.keys() - seen, live, counts)
        if len(live) == there:
            counts.held[project] = there
            return
    raise ServerError(
        f"{context.api.url}: project {project} holds {count_answers(context.api, project)} answers, "
        f"{len(live)} came: people may be answering right now; run the pull again"
    )


def _live(workspace: Workspace, projects: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return by project the answers that were there at the last pull, with their tasks' numbers."""
    task = pl.col("raw").str.json_path_match("$.task").cast(pl.Int64)
    newest = newest_answers(workspace.store, projects).filter(pl.col("raw") != GONE)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for project, uuid, number in newest.select("project_id", "annotation_uuid", task).collect().iter_rows():
        found[project][uuid] = number
    return found


def _read_changes(
    context: _Context, project: int, since: datetime | None, live: dict[str, int], counts: _Counts
) -> set[str]:
    """Read the tasks that changed since a time and keep what is new; return the UUIDs of their answers."""
    every: set[str] = set()
    for tasks in answered_tasks(context.api, project, context.mark, since):
        answers = [[_parsed(context.api, raw) for raw in task["annotations"]] for task in tasks]
        seen = {raw.unique_id: raw.task for given in answers for raw in given}
        asked = _asked(context, project, tasks)
        known = known_of(context.workspace.store, seen)
        known.answers.update(counts.unwritten)
        reader = Reader(context.versions, project, known)
        for given, question in zip(answers, asked, strict=True):
            reader.take(given, question)
        _keep(context, reader.added, counts)
        read = {task["id"] for task in tasks}
        gone = {uuid for uuid, task in live.items() if task in read and uuid not in seen}
        live.update(seen)
        _delete(context, project, gone, live, counts)
        every |= seen.keys()
    return every


def _parsed(api: Api, raw: Any) -> RawAnnotation:
    try:
        return msgspec.convert(raw, RawAnnotation, strict=False)
    except msgspec.ValidationError as error:
        raise ServerError(
            f"{api.url}: an annotation is not what Label Studio 1.23 gives ({error}): is the server another "
            "version?"
        ) from error


def _asked(context: _Context, project: int, tasks: list[dict[str, Any]]) -> list[Asked | None]:
    """Return for each task what its answers must answer to; None for tasks that are none of ours."""
    keys = [task["data"].get(TASK_KEY) for task in tasks]
    texts = context.workspace.store.scan(RECORDS).select("record_id", "text")
    mine = pl.col(TASK_KEY).is_in([key for key in keys if isinstance(key, str)])
    planned = context.planned.lazy().filter(mine & (pl.col("project_id") == project))
    rows = planned.join(texts, on="record_id").collect()
    assignments = {row[TASK_KEY]: row for row in rows.iter_rows(named=True)}
    found = context.found.get(project)
    return [
        Asked(
            assignment=row,
            text=row["text"],
            shown_text=task["data"].get(TEXT, ""),
            settled=tuple(choice["value"] for choice in _labels_asked(task["data"])),
            user_id=context.users.get(row["annotator"]),
            guideline_version=found.guideline_version
            if found
            else context.workspace.guideline_version(row["language"]),
            suggested_by=task["data"].get(SUGGESTED_BY),
        )
        if (row := assignments.get(key))
        else None
        for key, task in zip(keys, tasks, strict=True)
    ]


def _labels_asked(data: dict[str, Any]) -> list[dict[str, Any]]:
    return data.get(SETTLED) or data.get(DISPUTED) or []


def _keep(context: _Context, added: Additions, counts: _Counts) -> None:
    """Write what a piece adds, answers as they came first: rows that are missing are seen at the next run."""
    counts.new, counts.changed = counts.new + added.new, counts.changed + added.changed
    counts.pruned += added.pruned
    counts.refused.update({entry["file"] + entry["item"]: entry for entry in added.refused})
    if context.dry_run:
        counts.unwritten.update(
            {each["annotation_uuid"]: (each["revision"], each["raw"]) for each in added.answers}
        )
        return
    store = context.workspace.store
    if added.answers:
        store.append(ANSWERS, pl.DataFrame(added.answers, schema=ANSWERS.schema))
    if added.rows:
        store.append(ANNOTATIONS, pl.DataFrame(added.rows, schema=ANNOTATIONS.schema))
    refused = [{"import_id": f"pull:{context.round_name}", **entry} for entry in added.refused]
    written = bool(refused) and store.upsert(QUARANTINE, pl.DataFrame(refused, schema=QUARANTINE.schema))
    counts.written |= written or bool(added.answers) or bool(added.rows)


def _delete(context: _Context, project: int, uuids: set[str], live: dict[str, int], counts: _Counts) -> None:
    """Give answers that are gone a last revision, as they came last: until then they are missed again."""
    for uuid in uuids:
        del live[uuid]
    if not uuids:
        return
    counts.deleted |= uuids
    if context.dry_run:
        return
    store = context.workspace.store
    rows, answers = deletions(store, uuids, project, datetime.now(UTC))
    if not rows.is_empty():
        store.append(ANNOTATIONS, rows)
    store.append(ANSWERS, answers)
    counts.written = True


def _delete_lost(context: _Context, counts: _Counts) -> None:
    """Give answers a last revision that were in projects which a restored backup replaced, and not in it."""
    current = current_annotations(context.workspace.store.scan(ANNOTATIONS))
    mine = context.planned.lazy().select(TASK_KEY, "project_id")
    there = [uuid for project in context.live.values() for uuid in project]
    known = current.join(mine, on=TASK_KEY).select("project_id", "annotation_uuid").collect()
    lost = known.filter(~pl.col("annotation_uuid").is_in(there)).drop_nulls()
    for (project,), rows in lost.group_by("project_id"):
        uuids = set(rows.get_column("annotation_uuid"))
        _delete(context, int(str(project)), uuids, dict.fromkeys(uuids, 0), counts)


def _finish(context: _Context, counts: _Counts) -> None:
    """Log what was done, and each urgent answer once."""
    log_urgent(context.workspace, context.round_name)
    if counts.written:
        numbers = {"new": counts.new, "changed": counts.changed, "deleted": len(counts.deleted)}
        others = {"quarantined": len(counts.refused), "pruned": counts.pruned}
        held = {"annotations": sum(counts.held.values())}
        context.workspace.record_event("pull", context.round_name, {**held, **numbers, **others})


def _report(context: _Context, counts: _Counts) -> PullReport:
    refused = refused_answers(context.workspace, context.round_name, context.planned)
    by_reason = Counter(entry.reason for entry in refused)
    if context.dry_run:  # nothing was written that could be counted: what would be
        by_reason |= Counter(entry["reason"] for entry in counts.refused.values())
    held = sum(counts.held.values())
    return PullReport(
        round=context.round_name,
        annotations=held,
        kept=held - by_reason.total(),
        new=counts.new,
        changed=counts.changed,
        deleted=len(counts.deleted),
        quarantined=dict(sorted(by_reason.items())),
        pruned=counts.pruned,
        urgent=len(urgent_answers(context.workspace, context.planned)),
        refused=refused,
    )
