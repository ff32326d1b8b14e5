"""Which planned tasks are given out today, so that nobody has more before them than a day's budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.label_scheme import PASSES
from aufruf.labelstudio.burden import heavy_among, heavy_labels, names_of, seconds_per_task
from aufruf.labelstudio.projects import TASK_KEY
from aufruf.labelstudio.queues import Days, limits_of
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, EVENTS
from aufruf.views import ADJUDICATION, current_annotations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aufruf.label_scheme import TaskPass
    from aufruf.labelstudio.annotators import Annotator
    from aufruf.labelstudio.api import Api
    from aufruf.workspace import Workspace

_ANSWERED = {TASK_KEY: pl.String, "answered": pl.Date}


@dataclass(frozen=True)
class Release:
    """What is given out on a day of the round, counted from 0.

    ``tasks`` are the rows of ASSIGNMENTS to bring in: those of before and the new ones. ``waiting`` counts
    what is due on a later day; ``held`` what is due, but too much beside what is open or was done, or meant
    for somebody who has left.
    """

    day: int
    tasks: pl.DataFrame
    new: int
    waiting: int
    held: int


def first_day(workspace: Workspace, round_name: str, in_pass: TaskPass) -> date | None:
    """Return the day (UTC) on which the round was first brought in, None if it never was."""
    applied = workspace.store.scan(EVENTS).filter(
        (pl.col("action") == "apply") & (pl.col("subject") == round_name)
    )
    for at, details in applied.sort("n").select("at", "details").collect().iter_rows():
        if msgspec.json.decode(details).get("pass") == in_pass:
            return at.date()
    return None


def release(  # noqa: PLR0913 -- what a release depends on
    workspace: Workspace,
    api: Api,
    planned: pl.DataFrame,
    people: Iterable[Annotator],
    *,
    in_pass: TaskPass,
    start: date | None,
    day: int | None = None,
) -> Release:
    """Choose what to give out: everything that is due to those without a budget, to others what fits today.

    A person's day and week hold what they have done in it, and all that is open, in any round; what is due
    comes in its order as long as it fits. So nobody who fell behind finds two days' work at once.

    Args:
        workspace: the workspace; what was pulled counts as done.
        api: the server, asked what else was answered where it matters.
        planned: the assignments of a round and pass.
        people: everyone in the annotators' file; whoever is no longer in it gets nothing new.
        in_pass: the pass.
        start: the first day of the round; None: today.
        day: take it for this day of the round instead of today.
    """
    today = datetime.now(UTC).date()
    begun = start or today
    number = (today - begun).days if day is None else day
    waiting = planned.filter(pl.col("project_id").is_null())
    due = _in_turn(planned).filter(pl.col("project_id").is_null() & (pl.col("release_day") <= number))
    known = {person.id: person for person in people}
    limited = {name: person for name, person in known.items() if person.has_budget}
    free = [name for name in known if name not in limited]
    bounded = due.filter(pl.col("annotator").is_in(list(limited)))
    chosen = [due.filter(pl.col("annotator").is_in(free))]
    if not bounded.is_empty():
        names = bounded.get_column("annotator").unique().to_list()
        allowances = _Allowances(workspace, api, [limited[name] for name in names], in_pass, bounded)
        chosen += [
            allowances.fitting(limited[rows.item(0, "annotator")], rows, begun, number)
            for rows in bounded.partition_by("annotator", maintain_order=True)
        ]
    keys = pl.concat(rows.select(TASK_KEY) for rows in chosen)
    there = planned.filter(pl.col("project_id").is_not_null()).select(TASK_KEY)
    tasks = planned.join(pl.concat([there, keys]), on=TASK_KEY, how="semi", maintain_order="left")
    return Release(number, tasks, keys.height, waiting.height - due.height, due.height - keys.height)


def _in_turn(planned: pl.DataFrame) -> pl.DataFrame:
    """Return the assignments day by day, an annotator's languages in turn."""
    place = (pl.col("position") + 0.5) / pl.len()
    turns = planned.with_columns(turn=place.over("annotator", "language"))
    return turns.sort("annotator", "release_day", "turn", "language").drop("turn")


class _Allowances:
    """What annotators have before them and behind them, in all rounds."""

    def __init__(
        self, workspace: Workspace, api: Api, people: list[Annotator], in_pass: TaskPass, due: pl.DataFrame
    ) -> None:
        ids = [person.id for person in people]
        store = workspace.store
        given = store.scan(ASSIGNMENTS).filter(
            pl.col("annotator").is_in(ids) & pl.col("project_id").is_not_null()
        )
        self._in_pass = in_pass
        self._given = _with_answers(workspace, api, given.collect())
        self._seconds: dict[str, Mapping[str, float]] = {
            each: seconds_per_task(workspace, each, people) for each in (*PASSES, ADJUDICATION)
        }
        records = pl.concat([due.select("record_id"), self._given.select("record_id")])
        self._heavy = heavy_among(names_of(workspace, records), heavy_labels(workspace))

    def fitting(self, person: Annotator, due: pl.DataFrame, begun: date, number: int) -> pl.DataFrame:
        """Return the first of the tasks that are due, as many as fit into the day."""
        cost = self._seconds[self._in_pass][person.id]
        days = Days(limits_of(person, cost))
        mine = self._given.filter(pl.col("annotator") == person.id)
        for record, in_pass, answered in mine.select("record_id", "pass", "answered").iter_rows():
            day = number if answered is None else min(number, (answered - begun).days)
            seconds = self._seconds[in_pass][person.id]
            days.take(day, seconds, is_heavy=record in self._heavy)
        fits = 0
        for record in due.get_column("record_id"):
            is_heavy = record in self._heavy
            if not days.has_room(number, cost, is_heavy=is_heavy):
                break
            days.take(number, cost, is_heavy=is_heavy)
            fits += 1
        return due.head(fits)


def _with_answers(workspace: Workspace, api: Api, given: pl.DataFrame) -> pl.DataFrame:
    """Return the tasks with the day on which they were ``answered`` or skipped; null: they are open.

    The server is asked about projects that have open tasks as of the last pull.
    """
    known = (
        current_annotations(workspace.store.scan(ANNOTATIONS))
        .group_by(TASK_KEY)
        .agg(answered=pl.col("created_at").min().dt.date())
        .collect()
    )
    found = given.join(known, on=TASK_KEY, how="left")
    open_ = found.filter(pl.col("answered").is_null()).get_column("project_id").unique().sort()
    asked = [answer for project in open_ for answer in _answered(api, project)]
    fresh = pl.DataFrame(asked, schema=_ANSWERED, orient="row").unique(TASK_KEY, maintain_order=True)
    return (
        found.join(fresh, on=TASK_KEY, how="left", suffix="_fresh")
        .with_columns(answered=pl.coalesce("answered", "answered_fresh"))
        .drop("answered_fresh")
    )


def _answered(api: Api, project: int) -> Iterable[tuple[str, date]]:
    wanted = "id,data,total_annotations,cancelled_annotations,completed_at"
    now = datetime.now(UTC)
    for task in api.pages("/api/tasks/", "tasks", project=project, include=wanted):
        if task["total_annotations"] or task["cancelled_annotations"]:
            at = task.get("completed_at")
            moment = datetime.fromisoformat(at) if at else now
            yield str(task["data"].get(TASK_KEY)), moment.astimezone(UTC).date()
