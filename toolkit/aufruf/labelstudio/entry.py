"""Enter answers through Label Studio's API, each under its annotator's own account."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.errors import InputError, ServerError
from aufruf.labelstudio.accounts import annotator_token
from aufruf.labelstudio.answers import to_result
from aufruf.labelstudio.api import CONFLICT, connect
from aufruf.labelstudio.projects import TASK_KEY, task_ids
from aufruf.labelstudio.rounds import planned_or_error
from aufruf.tables import RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aufruf.label_scheme import TaskPass
    from aufruf.labelstudio.answers import Answer
    from aufruf.labelstudio.api import Api
    from aufruf.workspace import Workspace

_NAMESPACE = uuid.UUID("5f0c0b52-7d0e-4c39-9d6a-0a6f6e1f7c11")
_SECONDS = 10.0


@dataclass(frozen=True)
class EntryReport:
    """Answers that were entered, and those that had been entered before."""

    entered: int
    existing: int


def enter_answers(
    workspace: Workspace,
    round_name: str,
    in_pass: TaskPass,
    answers: Mapping[str, Answer],
    progress: Callable[[int], None] | None = None,
) -> EntryReport:
    """Enter answers, by task key, into the applied tasks of a round, annotators side by side.

    An answer's UUID follows from its task, so that a second run enters nothing twice. ``progress`` is told
    how many are done; it is called from several threads, one at a time. When one annotator's answers fail, or
    the command is interrupted, the others stop at their next answer.

    Raises:
        InputError: if an answer has no applied task in the round and pass.
        ServerError: if Label Studio cannot be reached or refuses one.
    """
    planned = planned_or_error(workspace, round_name, in_pass).filter(pl.col("project_id").is_not_null())
    unknown = len(answers.keys() - set(planned.get_column(TASK_KEY)))
    if unknown:
        raise InputError(
            f"{unknown} of {len(answers)} answers have no task in round '{round_name}', {in_pass}: plan and "
            "apply it first"
        )
    texts = workspace.store.scan(RECORDS).select("record_id", "text")
    rows = planned.lazy().filter(pl.col(TASK_KEY).is_in(list(answers))).join(texts, on="record_id")
    queues = rows.sort("project_id", "position").collect().partition_by("annotator")
    done, lock, stop = {True: 0, False: 0}, Lock(), Event()

    def finished(*, is_new: bool) -> bool:
        with lock:
            done[is_new] += 1
            if progress is not None:
                progress(sum(done.values()))
        return not stop.is_set()

    def work(queue: pl.DataFrame) -> None:
        with connect(workspace, annotator_token(workspace, queue.item(0, "annotator"))) as api:
            _enter(workspace, api, queue, answers, finished)

    with ThreadPoolExecutor(max_workers=max(1, len(queues))) as pool:
        try:
            for entering in as_completed([pool.submit(work, queue) for queue in queues]):
                entering.result()
        except BaseException:
            stop.set()
            raise
    return EntryReport(entered=done[True], existing=done[False])


def _enter(
    workspace: Workspace,
    api: Api,
    queue: pl.DataFrame,
    answers: Mapping[str, Answer],
    finished: Callable[..., bool],
) -> None:
    projects = queue.get_column("project_id").unique()
    ids = {key: number for project in projects for key, number in task_ids(api, project).items()}
    for row in queue.iter_rows(named=True):
        content = _content(workspace, row, answers[row[TASK_KEY]])
        response = api.post(f"/api/tasks/{ids[row[TASK_KEY]]}/annotations/", content)
        if not response.is_success and response.status_code != CONFLICT:
            raise ServerError(
                f"{api.url}: an answer in project {row['project_id']} was refused with "
                f"{response.status_code}: the server's log says why"
            )
        if not finished(is_new=response.is_success):
            return


def _content(workspace: Workspace, row: dict[str, Any], answer: Answer) -> dict[str, Any]:
    return {
        "result": to_result(answer, row["text"], workspace.label_scheme, row["pass"]),
        "was_cancelled": answer.skipped,
        "lead_time": _SECONDS,
        "unique_id": str(uuid.uuid5(_NAMESPACE, f"{row['project_id']}:{row[TASK_KEY]}")),
    }
