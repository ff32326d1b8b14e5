"""How far a round is, person by person: for the lead, as of the last pull."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from aufruf.label_scheme import PASSES
from aufruf.labelstudio.adjudication_progress import AdjudicationStatus, adjudication_status
from aufruf.labelstudio.annotators import load_annotators
from aufruf.labelstudio.burden import heavy_among, heavy_labels, names_of, seconds_per_task
from aufruf.labelstudio.conformity import check_conformity, repeat_agreement
from aufruf.labelstudio.interface import URGENT
from aufruf.labelstudio.refused import refused_answers
from aufruf.labelstudio.rounds import planned_or_error
from aufruf.labelstudio.urgent import urgent_answers
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, EVENTS
from aufruf.views import ADJUDICATION, current_annotations

if TYPE_CHECKING:
    from aufruf.label_scheme import TaskPass
    from aufruf.labelstudio.annotators import Annotator
    from aufruf.labelstudio.conformity import Share
    from aufruf.labelstudio.refused import Refused
    from aufruf.labelstudio.urgent import Urgent
    from aufruf.workspace import Workspace

_DAYS = 7


@dataclass(frozen=True)
class AnnotatorStatus:
    """How far an annotator is in one pass of a round.

    ``released`` tasks are in Label Studio, ``done`` ones answered, ``skipped`` ones passed over, which is
    free and part of no figure; ``left`` counts all that are neither, released or not. ``seconds`` is the
    median of what Label Studio measured. ``conformity`` is with the known answers of check items, no measure
    of truth; ``repeats`` with own answers of before; None: there is nothing to count.
    """

    annotator: str
    in_pass: TaskPass
    released: int
    done: int
    skipped: int
    left: int
    urgent: int
    seconds: float | None
    conformity: Share | None
    repeats: Share | None


@dataclass(frozen=True)
class BudgetUse:
    """What a person did today (UTC) and in the last seven days with it, in all rounds; budgets of None: none.

    Minutes are answers, skips among them, times what a task takes that person.
    """

    annotator: str
    minutes_today: float
    daily: int | None
    minutes_week: float
    weekly: int | None
    heavy_today: int
    daily_heavy: int | None
    heavy_week: int
    weekly_heavy: int | None


@dataclass(frozen=True)
class RoundStatus:
    """A round as of ``pulled_at``; people by name, never by a figure. ``responsible``: for urgent answers."""

    round: str
    pulled_at: datetime | None
    annotators: list[AnnotatorStatus]
    budgets: list[BudgetUse]
    quarantined: dict[str, int]
    refused: list[Refused]
    urgent: list[Urgent]
    responsible: str
    adjudication: AdjudicationStatus


def round_status(workspace: Workspace, round_name: str, now: datetime | None = None) -> RoundStatus:
    """Return how far everyone is, what does not count and what is urgent, as of the last pull.

    Raises:
        InputError: if nothing was planned for the round.
    """
    planned = planned_or_error(workspace, round_name)
    names = planned.get_column("annotator").unique().sort()
    path = workspace.root / "annotation" / "annotators.toml"
    known = {person.id: person for person in load_annotators(path)} if path.exists() else {}
    refused = refused_answers(workspace, round_name, planned)
    return RoundStatus(
        round=round_name,
        pulled_at=_pulled_at(workspace, round_name),
        annotators=_people(workspace, planned),
        budgets=_budgets(
            workspace, [known[name] for name in names if name in known], now or datetime.now(UTC)
        ),
        quarantined=dict(sorted(Counter(entry.reason for entry in refused).items())),
        refused=refused,
        urgent=urgent_answers(workspace, planned),
        responsible=workspace.settings.urgent.responsible,
        adjudication=adjudication_status(workspace, round_name),
    )


def _pulled_at(workspace: Workspace, round_name: str) -> datetime | None:
    """Return when a pull last brought something."""
    events = workspace.store.scan(EVENTS)
    mine = events.filter((pl.col("action") == "pull") & (pl.col("subject") == round_name))
    return mine.select(pl.col("at").max()).collect().item()


def _people(workspace: Workspace, planned: pl.DataFrame) -> list[AnnotatorStatus]:
    store = workspace.store
    every = current_annotations(store.scan(ANNOTATIONS)).join(
        store.scan(ASSIGNMENTS).select("task_key", "purpose"), on="task_key"
    )
    answers = every.join(planned.lazy().select("task_key"), on="task_key", how="semi")
    conforming = check_conformity(workspace, answers)
    repeated = repeat_agreement(workspace, answers, every)
    found: list[AnnotatorStatus] = []
    for name, in_pass, *counts in _counts(planned, answers).iter_rows():
        shares = [each.get(name) if in_pass == "triage" else None for each in (conforming, repeated)]
        found.append(AnnotatorStatus(name, in_pass, *counts, *shares))
    return found


def _counts(planned: pl.DataFrame, answers: pl.LazyFrame) -> pl.DataFrame:
    is_live = pl.col("state") == "live"
    by_task = (
        answers.group_by("task_key")
        .agg(
            done=is_live.any(),
            urgent=pl.col("flags").list.contains(URGENT).any(),
            seconds=pl.col("seconds").filter(is_live).first(),
        )
        .with_columns(answered=True)
    )
    done, answered = (pl.col(name).fill_null(value=False) for name in ("done", "answered"))
    return (
        planned.lazy()
        .join(by_task, on="task_key", how="left")
        .group_by("annotator", "pass")
        .agg(
            released=pl.col("project_id").is_not_null().sum(),
            done=done.sum(),
            skipped=(answered & ~done).sum(),
            left=(~answered).sum(),
            urgent=pl.col("urgent").fill_null(value=False).sum(),
            seconds=pl.col("seconds").median(),
        )
        .sort(pl.col("pass").cast(pl.Enum([*PASSES, ADJUDICATION])), "annotator")
        .collect()
    )


def _budgets(workspace: Workspace, people: list[Annotator], now: datetime) -> list[BudgetUse]:
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    recent = (
        current_annotations(workspace.store.scan(ANNOTATIONS))
        .filter(
            pl.col("annotator").is_in([person.id for person in people])
            & pl.col("created_at").is_between(start - timedelta(days=_DAYS - 1), now)
        )
        .select("annotator", "pass", "record_id", today=pl.col("created_at") >= start)
        .collect()
    )
    heavy = heavy_among(names_of(workspace, recent), heavy_labels(workspace))
    costs = pl.DataFrame(
        [
            (in_pass, name, seconds / 60)
            for in_pass in (*PASSES, ADJUDICATION)
            for name, seconds in seconds_per_task(workspace, in_pass, people).items()
        ],
        schema={"pass": pl.String, "annotator": pl.String, "minutes": pl.Float64},
        orient="row",
    )
    counted = recent.join(costs, on=["pass", "annotator"]).with_columns(
        heavy=pl.col("record_id").is_in(list(heavy))
    )
    return [_use(person, counted.filter(pl.col("annotator") == person.id)) for person in people]


def _use(person: Annotator, answers: pl.DataFrame) -> BudgetUse:
    today = answers.filter("today")
    return BudgetUse(
        annotator=person.id,
        minutes_today=round(float(today.get_column("minutes").sum()), 1),
        daily=person.daily,
        minutes_week=round(float(answers.get_column("minutes").sum()), 1),
        weekly=person.weekly,
        heavy_today=int(today.get_column("heavy").sum()),
        daily_heavy=person.daily_heavy,
        heavy_week=int(answers.get_column("heavy").sum()),
        weekly_heavy=person.weekly_heavy,
    )
