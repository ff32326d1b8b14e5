"""A model's suggestions in triage: off unless the plan allows them, and marked in what is answered.

A suggestion is a prediction of Label Studio: what it proposes is chosen already when a task is opened. That
biases answers, so checks, repeats, qualification, adjudication and the detail pass never have one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.errors import InputError, ServerError
from aufruf.labelstudio.answers import Answer, to_result
from aufruf.labelstudio.projects import TASK_KEY
from aufruf.tables import EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.label_scheme import LabelScheme, TaskPass
    from aufruf.labelstudio.api import Api
    from aufruf.workspace import Workspace

SUGGESTED_BY = "suggested_by"
_BATCH = 1000
_ATTEMPTS = 3


@dataclass(frozen=True)
class Suggestions:
    """What a model says of records: the labels above its thresholds; ``model`` names it for good."""

    model: str
    labels: Mapping[str, tuple[str, ...]]


def check_allowed(workspace: Workspace, round_name: str, in_pass: TaskPass) -> None:
    """Refuse suggestions in a round that is blind.

    Raises:
        InputError: if the pass is not triage, or the round's newest plan does not allow suggestions.
    """
    if in_pass != "triage":
        raise InputError("suggestions are for triage: in detail nobody is told what to mark")
    plans = workspace.store.scan(EVENTS).filter(
        (pl.col("action") == "plan") & (pl.col("subject") == round_name)
    )
    details = plans.sort("n").select("details").collect().to_series()
    found = [content for each in details if (content := msgspec.json.decode(each))["pass"] == "triage"]
    if not found or not found[-1].get("allow_suggestions"):
        raise InputError(
            f"round '{round_name}' is blind: suggestions bias those who judge. If it is to have them all the "
            f"same, plan it with `aufruf annotate plan {round_name} --allow-suggestions`"
        )


def marked(tasks: list[dict[str, Any]], rows: pl.DataFrame, found: Suggestions) -> list[dict[str, Any]]:
    """Return tasks of which those for the main purpose say whose suggestion is shown with them."""
    main = dict(rows.filter(pl.col("purpose") == "main").select(TASK_KEY, "record_id").iter_rows())
    return [
        task | {SUGGESTED_BY: found.model} if main.get(task[TASK_KEY]) in found.labels else task
        for task in tasks
    ]


def ensure_suggestions(
    api: Api, project: int, rows: pl.DataFrame, found: Suggestions, scheme: LabelScheme
) -> int:
    """Bring the suggestions of a project's marked tasks in, each once; return how many there are.

    Tasks that came without a mark stay without a suggestion.

    Raises:
        ServerError: if the server's count differs in the end: it takes a label that it does not know, makes
            nothing of it, and says so to nobody.
    """
    records = dict(rows.select(TASK_KEY, "record_id").iter_rows())
    tasks = api.pages("/api/tasks/", "tasks", project=project, include="id,data")
    wanted = {
        int(task["id"]): labels
        for task in tasks
        if task["data"].get(SUGGESTED_BY) == found.model
        and (labels := found.labels.get(records.get(task["data"].get(TASK_KEY), ""), ()))
    }
    there: dict[int, list[int]] = {}
    for _ in range(_ATTEMPTS):
        there = _there(api, project, found.model)
        missing = [number for number in wanted if number not in there]
        if not missing:
            break
        _send(api, project, {number: wanted[number] for number in missing}, found.model, scheme)
    for copies in there.values():
        for surplus in copies[1:]:
            api.delete(f"/api/predictions/{surplus}/")
    held = len(wanted.keys() & there.keys())
    if held < len(wanted):
        raise ServerError(
            f"{api.url}: project {project} holds {held} of {len(wanted)} suggestions after the import: run "
            "`aufruf annotate apply` with the same --suggest again"
        )
    if wanted:
        api.change(
            f"/api/projects/{project}/", {"show_collab_predictions": True, "model_version": found.model}
        )
    return len(wanted)


def _there(api: Api, project: int, model: str) -> dict[int, list[int]]:
    """Return the ids of the model's predictions by task."""
    found: dict[int, list[int]] = defaultdict(list)
    for each in api.get("/api/predictions/", project=project):
        if each["model_version"] == model:
            found[int(each["task"])].append(int(each["id"]))
    return dict(found)


def _send(
    api: Api, project: int, wanted: Mapping[int, Sequence[str]], model: str, scheme: LabelScheme
) -> None:
    predictions = [
        {
            "task": task,
            "model_version": model,
            "result": to_result(Answer(labels=tuple(labels)), "", scheme, "triage"),
        }
        for task, labels in wanted.items()
    ]
    for start in range(0, len(predictions), _BATCH):
        api.send(f"/api/projects/{project}/import/predictions", predictions[start : start + _BATCH])
