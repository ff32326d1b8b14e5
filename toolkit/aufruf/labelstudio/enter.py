"""Enter answers through Label Studio's API, each under its annotator's own account."""

from __future__ import annotations

import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.errors import InputError, ServerError
from aufruf.labelstudio.accounts import annotator_token
from aufruf.labelstudio.answers import Answer, to_result
from aufruf.labelstudio.api import CONFLICT, Api, connect
from aufruf.labelstudio.projects import task_ids
from aufruf.labelstudio.rounds import planned_or_error
from aufruf.tables import RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aufruf.label_scheme import Pass
    from aufruf.workspace import Workspace

_NAMESPACE = uuid.UUID("5f0c0b52-7d0e-4c39-9d6a-0a6f6e1f7c11")
_DEFAULT_SECONDS = 10.0


@dataclass(frozen=True)
class GivenAnswer:
    """What an annotator answers about a record in a pass, and the seconds that it took."""

    record_id: str
    annotator: str
    in_pass: Pass
    answer: Answer
    seconds: float = _DEFAULT_SECONDS


@dataclass(frozen=True)
class EnterReport:
    """Answers that were entered, and those that had been entered before."""

    entered: int
    existing: int


def enter_answers(
    workspace: Workspace,
    round_name: str,
    answers: Iterable[GivenAnswer],
    progress: Callable[[int, int], None] | None = None,
) -> EnterReport:
    """Enter answers into the applied tasks of a round, annotators side by side.

    An answer's UUID follows from its task, so that a second run enters nothing twice. ``progress`` is told
    how many of how many are done; it is called from several threads, one at a time.

    Raises:
        InputError: if an answer has no task in the round.
        ServerError: if Label Studio cannot be reached or refuses one.
    """
    planned = planned_or_error(workspace, round_name).filter(pl.col("project_id").is_not_null())
    by_annotator = _matched(workspace, planned, list(answers))
    total = sum(map(len, by_annotator.values()))
    done, lock = [0, 0], Lock()

    def finished(*, is_new: bool) -> None:
        with lock:
            done[0 if is_new else 1] += 1
            if progress is not None:
                progress(sum(done), total)

    def work(name: str) -> None:
        with connect(workspace, annotator_token(workspace, name)) as api:
            _enter(workspace, api, by_annotator[name], finished)

    with ThreadPoolExecutor(max_workers=max(1, len(by_annotator))) as pool:
        for _ in pool.map(work, sorted(by_annotator)):
            pass
    return EnterReport(entered=done[0], existing=done[1])


@dataclass(frozen=True)
class _Entry:
    """An answer with its assignment and the record's text."""

    given: GivenAnswer
    assignment: dict[str, Any]
    text: str


def _matched(
    workspace: Workspace, planned: pl.DataFrame, answers: list[GivenAnswer]
) -> dict[str, list[_Entry]]:
    tasks = {(row["record_id"], row["annotator"], row["pass"]): row for row in planned.iter_rows(named=True)}
    ids = planned.lazy().select("record_id").unique()
    records = workspace.store.scan(RECORDS).select("record_id", "text").join(ids, on="record_id", how="semi")
    texts = dict(records.collect().iter_rows())
    matched: defaultdict[str, list[_Entry]] = defaultdict(list)
    for given in answers:
        row = tasks.get((given.record_id, given.annotator, given.in_pass))
        if row is None:
            raise InputError(
                f"record {given.record_id} has no applied task for '{given.annotator}' in {given.in_pass}: "
                "plan and apply the round first"
            )
        matched[given.annotator].append(_Entry(given, row, texts[given.record_id]))
    return matched


def _enter(workspace: Workspace, api: Api, entries: list[_Entry], finished: Callable[..., None]) -> None:
    projects = {entry.assignment["project_id"] for entry in entries}
    ids = {key: number for project in projects for key, number in task_ids(api, project).items()}
    for entry in sorted(
        entries, key=lambda each: (each.assignment["project_id"], each.assignment["position"])
    ):
        key = entry.assignment["task_key"]
        content = {
            "result": to_result(entry.given.answer, entry.text, workspace.label_scheme, entry.given.in_pass),
            "was_cancelled": entry.given.answer.skipped,
            "lead_time": entry.given.seconds,
            "unique_id": str(uuid.uuid5(_NAMESPACE, key)),
        }
        response = api.post(f"/api/tasks/{ids[key]}/annotations/", content)
        if not response.is_success and response.status_code != CONFLICT:
            raise ServerError(
                f"{api.url}: an answer in project {entry.assignment['project_id']} was refused with "
                f"{response.status_code}: its log says why"
            )
        finished(is_new=response.is_success)
