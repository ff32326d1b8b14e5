"""Label Studio's projects: one for each round, pass, language and annotator; each task exactly once."""

from __future__ import annotations

import hashlib
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import httpx

from aufruf.errors import ServerError
from aufruf.files import write_text
from aufruf.labelstudio.api import talking

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from aufruf.label_scheme import Language, TaskPass
    from aufruf.labelstudio.api import Api

TASK_KEY = "task_key"
_TITLE_LENGTH = 50
_BATCH = 1000
_ATTEMPTS = 4
_QUIET_SECONDS = 2.0
_DESCRIPTION = re.compile(r"aufruf:(?P<identity>[0-9a-f]{16}) guidelines:(?P<guidelines>\w+)")


@dataclass(frozen=True)
class ProjectPlan:
    """What a project must be. ``identity`` finds it again, whatever its title was changed to."""

    round: str
    in_pass: TaskPass
    language: Language
    annotator: str
    identity: str
    interface: str
    instruction: str
    guideline_version: str

    @property
    def title(self) -> str:
        """At most 50 characters; a longer one is cut and told apart by a hash."""
        full = f"{self.round} · {self.in_pass} · {self.language} · {self.annotator}"
        if len(full) <= _TITLE_LENGTH:
            return full
        return f"{full[: _TITLE_LENGTH - 9]}~{hashlib.sha256(full.encode()).hexdigest()[:8]}"

    @property
    def description(self) -> str:
        """The project's identity and the guidelines that its annotator sees."""
        return f"aufruf:{self.identity} guidelines:{self.guideline_version}"

    def settings(self) -> dict[str, Any]:
        """Return what is set on the server."""
        return {
            "title": self.title,
            "description": self.description,
            "label_config": self.interface,
            "expert_instruction": self.instruction,
            "show_instruction": True,
            "show_skip_button": True,
            "enable_empty_annotation": False,
            "show_collab_predictions": False,
            "maximum_annotations": 1,
            "sampling": "Sequential sampling",
            "skip_queue": "IGNORE_SKIPPED",
        }


@dataclass(frozen=True)
class Found:
    """A project that is on the server, with the tasks and answers (skips among them) that it counts there."""

    id: int
    identity: str
    guideline_version: str
    tasks: int
    answers: int


@dataclass(frozen=True)
class Filled:
    """What an import came to: tasks made, tasks that were there, surplus copies that were removed."""

    created: int
    existing: int
    repaired: int


def projects_on_server(api: Api) -> dict[int, Found]:
    """Return this toolkit's projects by id."""
    found: dict[int, Found] = {}
    wanted = "id,description,task_number,total_annotations_number,skipped_annotations_number"
    for project in api.pages("/api/projects/", "results", include=wanted):
        match = _DESCRIPTION.search(project.get("description") or "")
        if match:
            number = int(project["id"])
            tasks = int(project["task_number"])
            found[number] = Found(number, match["identity"], match["guidelines"], tasks, _answers(project))
    return dict(sorted(found.items()))


def count_answers(api: Api, project: int) -> int:
    """Return how many answers the server counts in a project, skips among them."""
    return _answers(api.get(f"/api/projects/{project}/"))


def count_tasks(api: Api, project: int) -> int:
    """Return how many tasks the server counts in a project."""
    return int(api.get(f"/api/projects/{project}/")["task_number"])


def _answers(project: dict[str, Any]) -> int:
    return int(project["total_annotations_number"]) + int(project["skipped_annotations_number"])


def ensure_project(api: Api, plan: ProjectPlan, known: dict[int, Found], recorded: int | None) -> int:
    """Return the id of the project, made if it is not there; its guidelines are brought up to date.

    The project that was ``recorded`` stays, even if an interrupted run has left another of the same identity.
    """
    same = [project for project in known.values() if project.identity == plan.identity]
    found = known[recorded] if recorded in known else next(iter(same), None)
    if found is not None:
        if found.guideline_version != plan.guideline_version:
            changed = ("description", "expert_instruction")
            api.change(f"/api/projects/{found.id}/", {name: plan.settings()[name] for name in changed})
        return found.id
    with _through_sdk(api):
        created: Any = api.sdk.projects.create(**plan.settings(), request_options={"max_retries": 0})
        return int(created.id)


def ensure_tasks(api: Api, project: int, tasks: Sequence[dict[str, Any]], marker: Path) -> Filled:
    """Bring tasks into a project so that each is there exactly once, in their order.

    The server never compares: what is there is listed, what is missing is sent, and the server's count is
    compared with what it must be; where it differs, everything is listed again. A server whose answer was
    lost may still be at work: it is waited for before anything is sent again. ``marker`` is a file that names
    the project while an answer is outstanding, so that a killed run is known of.

    Raises:
        ServerError: if the server cannot be reached or the counts differ in the end.
    """
    outstanding = marker.exists() and marker.read_text() == str(project)
    there = 0 if outstanding else count_tasks(api, project)
    found = before = _settled(api, project) if outstanding else _ids_by_key(api, project) if there else {}
    for _ in range(_ATTEMPTS):
        missing = [task for task in tasks if task[TASK_KEY] not in found]
        if not missing:
            break
        try:
            there = count_tasks(api, project)
            _send(api, project, missing, marker)
            if count_tasks(api, project) == there + len(missing):
                found = found | {str(task[TASK_KEY]): [] for task in missing}
            else:
                found = _ids_by_key(api, project)
        except _AnswerLostError:
            found = _settled(api, project)
            marker.unlink(missing_ok=True)
    if outstanding:
        marker.unlink(missing_ok=True)
    wanted = {str(task[TASK_KEY]) for task in tasks}
    repaired = _remove_copies(api, {key: ids for key, ids in found.items() if key in wanted})
    held = len(wanted & found.keys())
    if held != len(wanted):
        raise ServerError(
            f"{api.url}: project {project} holds {held} of {len(wanted)} tasks after the import: run "
            "`aufruf annotate apply` again"
        )
    existing = len(wanted & before.keys())
    return Filled(created=held - existing, existing=existing, repaired=repaired)


class _AnswerLostError(Exception):
    """The server may or may not have done what was asked."""


def _send(api: Api, project: int, tasks: Sequence[dict[str, Any]], marker: Path) -> None:
    left = iter(tasks)
    while batch := list(islice(left, _BATCH)):
        write_text(marker, str(project))
        try:
            api.send(f"/api/projects/{project}/import", [{"data": task} for task in batch])
        except ServerError as error:
            never_sent = isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout)
            if isinstance(error.__cause__, httpx.TransportError) and not never_sent:
                raise _AnswerLostError from error
            raise
        marker.unlink(missing_ok=True)


def _ids_by_key(api: Api, project: int) -> dict[str, list[int]]:
    """Return the ids of a project's tasks by their key, oldest first; tasks without a key are not ours."""
    found: dict[str, list[int]] = {}
    for task in api.pages("/api/tasks/", "tasks", project=project, include="id,data"):
        key = task["data"].get(TASK_KEY)
        if isinstance(key, str):
            found.setdefault(key, []).append(int(task["id"]))
    return {key: sorted(ids) for key, ids in found.items()}


def task_ids(api: Api, project: int) -> dict[str, int]:
    """Return the id of each task of a project by its key."""
    return {key: ids[0] for key, ids in _ids_by_key(api, project).items()}


def _settled(api: Api, project: int) -> dict[str, list[int]]:
    """Return the ids by key once nothing has come in for a while."""
    found = _ids_by_key(api, project)
    quiet_since = time.monotonic()
    while time.monotonic() < quiet_since + _QUIET_SECONDS:
        time.sleep(_QUIET_SECONDS / 4)
        now = _ids_by_key(api, project)
        if now != found:
            found, quiet_since = now, time.monotonic()
    return found


def _remove_copies(api: Api, found: dict[str, list[int]]) -> int:
    """Delete surplus copies of a task that nobody has answered; return how many."""
    copies = [number for ids in found.values() for number in ids[1:]]
    removed = 0
    for number in copies:
        task = api.get(f"/api/tasks/{number}/")
        if not task.get("annotations"):
            api.delete(f"/api/tasks/{number}/")
            removed += 1
    return removed


@contextmanager
def _through_sdk(api: Api) -> Generator[None]:
    from label_studio_sdk.core.api_error import ApiError

    try:
        with talking(api.url):
            yield
    except ApiError as error:
        raise ServerError(f"{api.url}: Label Studio answered {error.status_code}: its log says why") from None
