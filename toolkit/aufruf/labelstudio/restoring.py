"""Enter a portable backup into an empty Label Studio, and let the workspace's tables follow."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.errors import InputError, ServerError
from aufruf.labelstudio.accounts import ensure_named, known_token, named_in
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.portable import (
    ACCOUNTS,
    PROJECTS,
    TASKS,
    SavedProject,
    SavedTask,
    answers_in,
    exported_tasks,
    list_projects,
)
from aufruf.labelstudio.projects import TASK_KEY
from aufruf.labelstudio.rows import RawAnnotation
from aufruf.tables import ANSWERS, ASSIGNMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aufruf.labelstudio.api import Api
    from aufruf.labelstudio.backup_file import Backup
    from aufruf.labelstudio.notes import Note
    from aufruf.workspace import Workspace

_BATCH = 250
_LAST = ("description", "model_version")
_ENTERED = ("unique_id", "result", "was_cancelled", "ground_truth", "lead_time")


@dataclass
class Restored:
    """What was restored; ``existing`` projects had been finished by an interrupted run."""

    uuids: set[str] = field(default_factory=set[str])
    existing: int = 0
    foreign: int = 0


def put_back(workspace: Workspace, backup: Backup, *, dry_run: bool, note: Note) -> Restored:
    """Enter a backup into an empty server; what an interrupted run has finished is left as it is.

    Answers keep their UUID and are entered under the account of who gave them, where its token is known;
    when they were given is not kept by the server, only by the workspace.

    Raises:
        InputError: if the server holds projects that are not this backup's.
        ServerError: if it cannot be reached or refuses.
    """
    saved = [msgspec.json.decode(line, type=SavedProject) for line in backup.lines(PROJECTS)]
    pseudonyms = [msgspec.json.decode(line, type=str) for line in backup.lines(ACCOUNTS)]
    mark = f"aufruf:restoring {backup.manifest.sha256[:16]}"
    restored = Restored()
    with ExitStack() as stack:
        api = stack.enter_context(connect(workspace))
        unfinished, found = _sorted_out(api, saved, mark)
        restored.existing = len(found)
        if dry_run:
            return restored
        for project in unfinished:
            api.delete(f"/api/projects/{project}/")
        entry = _Entry(workspace, stack, api, ensure_named(workspace, api, named_in(pseudonyms)))
        missing = {project.id: project for project in saved if project.id not in found}
        for number, tasks in groupby(map(_task, backup.lines(TASKS)), key=lambda task: task.project):
            if number in missing:
                found[number] = _enter_project(entry, missing.pop(number), tasks, mark)
                note(f"project {len(found)} of {len(saved)}")
        for number, project in missing.items():
            found[number] = _enter_project(entry, project, [], mark)
        restored.foreign = entry.foreign
        restored.uuids = follow(workspace, api, found.values())
    return restored


def follow(workspace: Workspace, api: Api, projects: Iterable[int]) -> set[str]:
    """Let assignments point to the projects that hold their tasks now; return the UUIDs of all answers.

    An answer that says what the workspace knows of it is noted as it is on the server now, under its new
    number and time: the next pull finds nothing changed.
    """
    latest = {row[0]: row[1:] for row in _newest_answers(workspace).iter_rows()}
    places: dict[str, int] = {}
    noted: list[dict[str, Any]] = []
    uuids: set[str] = set()
    for project in projects:
        for task in exported_tasks(api, project):
            places[str(task["data"].get(TASK_KEY))] = project
            for found in task["annotations"]:
                raw = msgspec.convert(found, RawAnnotation, strict=False)
                uuids.add(raw.unique_id)
                revision, known = latest.get(raw.unique_id, (0, None))
                content = msgspec.json.encode(raw, order="deterministic").decode()
                if known is not None and known != content and _essence(known) == _essence(content):
                    row = {"annotation_uuid": raw.unique_id, "revision": revision + 1, "project_id": project}
                    noted.append({**row, "raw": content})
    rows = workspace.store.scan(ASSIGNMENTS).filter(pl.col(TASK_KEY).is_in(list(places))).collect()
    moved = pl.Series([places[key] for key in rows.get_column(TASK_KEY)], dtype=pl.Int64)
    workspace.store.upsert(ANSWERS, pl.DataFrame(noted, schema=ANSWERS.schema))
    workspace.store.upsert(ASSIGNMENTS, rows.with_columns(project_id=moved))
    return uuids


def _sorted_out(api: Api, saved: list[SavedProject], mark: str) -> tuple[list[int], dict[int, int]]:
    """Return the projects that an interrupted run has left half, and the finished ones by their old id."""
    unfinished: list[int] = []
    found: dict[int, int] = {}
    others = 0
    for listed in list_projects(api):
        same = [project.id for project in saved if project.id not in found and _is_finished(project, listed)]
        if listed["description"] == mark:
            unfinished.append(int(listed["id"]))
        elif same:
            found[same[0]] = int(listed["id"])
        else:
            others += 1
    if others:
        raise InputError(
            f"{api.url}: {others} projects that are not this backup's are there: a backup is put into an "
            "empty server only; back it up, then delete them or use another server"
        )
    return unfinished, found


def _is_finished(project: SavedProject, listed: dict[str, Any]) -> bool:
    there = (listed["title"], listed["description"], listed["task_number"], answers_in(listed))
    settings = project.settings
    return there == (settings["title"], settings["description"], project.tasks, project.annotations)


class _Entry:
    """The connections under which answers are entered: each annotator's own, else the restoring account's."""

    def __init__(self, workspace: Workspace, stack: ExitStack, api: Api, ids: dict[str, int]) -> None:
        self.api = api
        self.foreign = 0
        self._ids = ids
        self._own: dict[str, Api] = {}
        for name in ids:
            token = known_token(workspace, name)
            if token is not None:
                self._own[name] = stack.enter_context(connect(workspace, token))

    def answer(self, task: int, answer: dict[str, Any]) -> None:
        """Enter an answer; without its author's token it is merely ascribed to them."""
        content = {name: answer[name] for name in _ENTERED}
        own = self._of(answer["completed_by"])
        if own is None:
            self.foreign += 1
            named = named_in([answer["completed_by"]])
            if named:
                content["completed_by"] = self._ids[named[0]]
        self.post(own or self.api, f"/api/tasks/{task}/annotations/", content)

    def draft(self, task: int, draft: dict[str, Any]) -> None:
        """Enter what someone had begun; without their token it is left out: it would be someone else's."""
        own = self._of(draft["user"])
        if own is not None and draft["annotation"] is None:
            content = {name: draft[name] for name in ("result", "lead_time")}
            self.post(own, f"/api/tasks/{task}/drafts", content)

    def post(self, api: Api, path: str, content: Any) -> Any:
        """Send something and return the answer."""
        response = api.post(path, content)
        if not response.is_success:
            raise ServerError(
                f"{api.url}: something of the backup was refused with {response.status_code}: the server's "
                "log says why; run the restore again"
            )
        return response.json()

    def _of(self, pseudonym: str) -> Api | None:
        named = named_in([pseudonym])
        return self._own.get(named[0]) if named else None


def _enter_project(entry: _Entry, project: SavedProject, tasks: Iterable[SavedTask], mark: str) -> int:
    """Make a project and fill it; until it is whole, its description says that it is not."""
    first = {name: value for name, value in project.settings.items() if name not in _LAST}
    number = int(entry.post(entry.api, "/api/projects/", {**first, "description": mark})["id"])
    left = iter(tasks)
    while batch := list(islice(left, _BATCH)):
        content = [
            {"data": task.data, "meta": task.meta or {}, "predictions": task.predictions} for task in batch
        ]
        path = f"/api/projects/{number}/import?return_task_ids=true"
        ids = entry.post(entry.api, path, content)["task_ids"]
        for task, saved in zip(ids, batch, strict=True):
            for answer in saved.annotations:
                entry.answer(task, answer)
            for draft in saved.drafts:
                entry.draft(task, draft)
    last = {name: project.settings[name] for name in _LAST if project.settings.get(name)}
    entry.api.change(f"/api/projects/{number}/", {"description": "", **last})
    there = entry.api.get(f"/api/projects/{number}/")
    if not _is_finished(project, there):
        raise ServerError(
            f"{entry.api.url}: project {number} holds {there['task_number']} tasks with {answers_in(there)} "
            f"answers, the backup {project.tasks} with {project.annotations}: delete it there and run again"
        )
    return number


def _newest_answers(workspace: Workspace) -> pl.DataFrame:
    newest = workspace.store.scan(ANSWERS).sort("revision").group_by("annotation_uuid").last()
    return newest.select("annotation_uuid", "revision", "raw").collect()


def _essence(raw: str) -> tuple[Any, ...] | None:
    """Return what an answer says, whatever its number and time; None of a deleted one."""
    found = msgspec.json.decode(raw)
    return None if found is None else tuple(found[name] for name in _ENTERED)


def _task(line: bytes) -> SavedTask:
    return msgspec.json.decode(line, type=SavedTask)
