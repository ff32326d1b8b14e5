"""Back up any Label Studio through its API, and enter it again: as much as the API gives and takes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.errors import ServerError
from aufruf.labelstudio.accounts import pseudonym_of
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.backup_file import Counts, writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from aufruf.labelstudio.api import Api
    from aufruf.labelstudio.backup_file import Manifest
    from aufruf.labelstudio.notes import Note
    from aufruf.workspace import Workspace

PROJECTS, TASKS, ACCOUNTS = "projects.jsonl", "tasks.jsonl", "accounts.jsonl"
_AT_ONCE = 200
_LISTS = ("annotations", "drafts", "predictions")
_SETTINGS = (
    "title",
    "description",
    "label_config",
    "expert_instruction",
    "show_instruction",
    "show_skip_button",
    "enable_empty_annotation",
    "show_annotation_history",
    "show_collab_predictions",
    "maximum_annotations",
    "sampling",
    "skip_queue",
    "reveal_preannotations_interactively",
    "evaluate_predictions_automatically",
    "show_ground_truth_first",
    "show_overlap_first",
    "overlap_cohort_percentage",
    "color",
    "model_version",
)
_OF_ANNOTATION = (
    "unique_id",
    "completed_by",
    "updated_by",
    "result",
    "was_cancelled",
    "ground_truth",
    "lead_time",
    "created_at",
    "updated_at",
)
_OF_DRAFT = ("user", "annotation", "result", "lead_time", "created_at")
_OF_PREDICTION = ("model_version", "score", "result")


class SavedProject(msgspec.Struct, frozen=True):
    """A project as a backup holds it; ``tasks`` and ``annotations`` count what must be there in the end."""

    id: int
    settings: dict[str, Any]
    tasks: int
    annotations: int


class SavedTask(msgspec.Struct, frozen=True):
    """A task as a backup holds it; accounts stand in it under their pseudonyms."""

    project: int
    data: dict[str, Any]
    meta: dict[str, Any] | None
    annotations: list[dict[str, Any]]
    drafts: list[dict[str, Any]]
    predictions: list[dict[str, Any]]


def held(workspace: Workspace) -> Counts:
    """Count what the server holds that this account may see; drafts are not counted."""
    with connect(workspace) as api:
        projects = list_projects(api)
        return Counts(
            projects=len(projects),
            tasks=sum(project["task_number"] for project in projects),
            annotations=sum(map(answers_in, projects)),
            predictions=sum(project["total_predictions_number"] for project in projects),
            accounts=len(api.get("/api/users/")),
        )


def back_up(workspace: Workspace, path: Path, made_at: str, note: Note) -> Manifest:
    """Write a backup of all projects that this account may see.

    Raises:
        ServerError: if the server cannot be reached, or its counts do not fit: someone is changing it.
    """
    with connect(workspace) as api, writing(path) as archive:
        emails = {int(user["id"]): str(user["email"]) for user in api.get("/api/users/")}
        pseudonyms = pseudonym_of(workspace.secrets, emails.values())
        accounts = {number: pseudonyms[email] for number, email in emails.items()}
        counted: Counter[str] = Counter()
        saved: list[SavedProject] = []
        with archive.member(TASKS) as member:
            for listed in list_projects(api):
                before = counted.copy()
                for task in _tasks(api, int(listed["id"]), accounts, pseudonyms):
                    member.write(msgspec.json.encode(task) + b"\n")
                    counted.update(tasks=1, **{name: len(getattr(task, name)) for name in _LISTS})
                saved.append(_saved(listed, counted["tasks"] - before["tasks"], counted - before))
                note(f"project {len(saved)}: {saved[-1].tasks} tasks, {saved[-1].annotations} answers")
        for name, rows in ((PROJECTS, saved), (ACCOUNTS, list(accounts.values()))):
            with archive.member(name) as member:
                member.write(msgspec.json.Encoder().encode_lines(rows))
        counts = Counts(projects=len(saved), accounts=len(accounts), **counted)
        return archive.finish("portable", api.version(), made_at, counts)


def list_projects(api: Api) -> list[dict[str, Any]]:
    """Return all projects, oldest first."""
    return sorted(api.pages("/api/projects/", "results"), key=lambda project: project["id"])


def answers_in(project: dict[str, Any]) -> int:
    """Return how many answers a listed project has, skipped ones included."""
    return int(project["total_annotations_number"]) + int(project["skipped_annotations_number"])


def exported_tasks(api: Api, project: int) -> Iterator[dict[str, Any]]:
    """Yield all tasks of a project with their answers and drafts, in order, in bounded pages.

    Raises:
        ServerError: if a task that was listed does not come.
    """
    ids = sorted(int(task["id"]) for task in api.pages("/api/tasks/", "tasks", project=project, include="id"))
    options = {"exportType": "JSON", "download_all_tasks": "true", "download_resources": "false"}
    for first in range(0, len(ids), _AT_ONCE):
        chunk = ids[first : first + _AT_ONCE]
        found = api.get(f"/api/projects/{project}/export", **options, **{"ids[]": chunk})
        if len(found) != len(chunk):
            raise ServerError(
                f"{api.url}: project {project}: {len(found)} of {len(chunk)} tasks came: someone is changing "
                "it; run again"
            )
        yield from sorted(found, key=lambda task: task["id"])


def _tasks(
    api: Api, project: int, accounts: Mapping[int, str], pseudonyms: Mapping[str, str]
) -> Iterator[SavedTask]:
    predictions: dict[int, list[dict[str, Any]]] = {}
    for prediction in api.get("/api/predictions/", project=project):
        predictions.setdefault(int(prediction["task"]), []).append(_only(prediction, _OF_PREDICTION))
    for task in exported_tasks(api, project):
        answers = [_only(answer, _OF_ANNOTATION) for answer in task["annotations"]]
        for answer in answers:
            for column in ("completed_by", "updated_by"):
                answer[column] = accounts.get(answer[column], "unknown")
        drafts = [_only(draft, _OF_DRAFT) for draft in task["drafts"]]
        for draft in drafts:
            draft["user"] = pseudonyms.get(draft["user"], "unknown")
        yield SavedTask(project, task["data"], task["meta"], answers, drafts, predictions.get(task["id"], []))


def _saved(listed: dict[str, Any], tasks: int, came: Counter[str]) -> SavedProject:
    expected = (int(listed["task_number"]), answers_in(listed))
    if (tasks, came["annotations"]) != expected:
        raise ServerError(
            f"project {listed['id']}: {tasks} tasks with {came['annotations']} answers came, the server "
            f"counts {expected[0]} with {expected[1]}: someone is changing it; run the backup again"
        )
    return SavedProject(int(listed["id"]), _only(listed, _SETTINGS), tasks, came["annotations"])


def _only(content: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: content[name] for name in names if name in content}
