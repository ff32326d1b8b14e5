"""Who judges what: pure assignment, balanced and reproducible.

Routing spreads the work; it is no access control. Label Studio's Community edition lets every member of
the organisation open every project.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import polars as pl

from aufruf.label_scheme import LANGUAGES
from aufruf.labelstudio.balance import Item, balanced
from aufruf.labelstudio.queues import (
    GOLD_CHECK,
    MAIN,
    REPEAT,
    Days,
    Entry,
    in_turn,
    limits_of,
    queue,
    release_days,
)
from aufruf.tables import ASSIGNMENTS
from aufruf.views import ADJUDICATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aufruf.label_scheme import Pass, TaskPass
    from aufruf.labelstudio.annotators import Annotator

_KEY_HEX = 32
_SECONDS = 30.0


@dataclass(frozen=True)
class Checks:
    """Records that are shown again, at what rate, to measure how steady and how conforming answers are.

    ``candidates`` are records by (annotator, language), those to be taken first in front; ``rate`` is their
    share of the new main tasks.
    """

    rate: float = 0.0
    candidates: Mapping[tuple[str, str], Sequence[str]] = field(
        default_factory=dict[tuple[str, str], "Sequence[str]"]
    )

    def taken(self, annotator: str, language: str, tasks: int) -> Sequence[str]:
        """Return the records that go with so many main tasks: half a one is rounded up."""
        return self.candidates.get((annotator, language), ())[: int(self.rate * tasks + 0.5)]


@dataclass(frozen=True)
class Circumstances:
    """What is known of records and people beside languages.

    ``names`` are the labels, targets, groups and sources of a record that one may opt out of, ``heavy`` the
    records that are hard to read, ``seconds`` what a task takes each annotator.
    """

    names: Mapping[str, frozenset[str]] = field(default_factory=dict[str, "frozenset[str]"])
    heavy: frozenset[str] = frozenset()
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    gold_checks: Checks = field(default_factory=Checks)
    repeats: Checks = field(default_factory=Checks)

    def may_read(self, annotator: Annotator, record_id: str) -> bool:
        """Whether a record is nothing that this person opted out of, nor heavy where none are wanted."""
        is_heavy = record_id in self.heavy
        return (annotator.reads_heavy or not is_heavy) and not (
            annotator.opt_out and self.names.get(record_id, frozenset()) & set(annotator.opt_out)
        )


@dataclass(frozen=True)
class Plan:
    """What all assignments of one plan share. The same seed gives the same plan."""

    round_name: str
    in_pass: Pass
    seed: int
    scheme_sha256: str


@dataclass(frozen=True)
class Routing:
    """New assignments, and what could not be assigned.

    ``unassignable`` counts records by reason: a language without interface, or nobody who may read them.
    ``short`` counts records with fewer annotators than wanted, because of opt-outs.
    """

    assignments: pl.DataFrame
    unassignable: dict[str, int]
    short: int


def task_key(round_name: str, in_pass: TaskPass, record_id: str, annotator: str, purpose: str = MAIN) -> str:
    """Return the key of an assignment: 32 hex digits of a hash of what identifies it."""
    content = f"{round_name}\0{in_pass}\0{record_id}\0{annotator}\0{purpose}"
    return hashlib.sha256(content.encode()).hexdigest()[:_KEY_HEX]


def plan_triage(  # noqa: PLR0913 -- each argument is an own decision of the plan
    records: pl.DataFrame,
    annotators: Iterable[Annotator],
    plan: Plan,
    *,
    overlap: int,
    existing: pl.DataFrame | None = None,
    circumstances: Circumstances | None = None,
) -> Routing:
    """Assign each record to ``overlap`` annotators for triage.

    Where everyone may read everything, loads differ by at most one, in each language as in all, and pairs of
    annotators share about equally many records. Opt-outs and languages that some do not read leave the loads
    as even as they can be; pairs are then balanced as far as that goes. Nothing in ``existing`` is moved.

    Args:
        records: ``record_id``, ``language``; one row a record.
        annotators: everyone who may get tasks; adjudicators get no main tasks.
        plan: round, seed and label scheme.
        overlap: judgements wanted per record.
        existing: rows of ASSIGNMENTS that were planned before, of this round and pass.
        circumstances: opt-outs, heaviness, checks; none without it.
    """
    before = ASSIGNMENTS.empty() if existing is None else existing
    known = circumstances or Circumstances()
    people = [annotator for annotator in annotators if annotator.role == "annotator"]
    items = _items(records, people, before, known)
    given = balanced(items, overlap, Random(f"{plan.seed}:{plan.round_name}"))
    unassignable = _counted(records.filter(~pl.col("language").is_in(LANGUAGES)))
    reached = [(item, len(item.had_by) + len(given[item.record_id])) for item in items]
    for language in LANGUAGES:
        nobody = sum(n == 0 and item.language == language for item, n in reached)
        if nobody:
            unassignable[f"no annotator for {language}"] = nobody
    chosen = [(item.record_id, item.language, name) for item in items for name in given[item.record_id]]
    rows = _rows(chosen, people, plan, before, known)
    return Routing(rows, unassignable, sum(0 < n < overlap for _, n in reached))


def plan_detail(  # noqa: PLR0913 -- each argument is an own decision of the plan
    judged: pl.DataFrame,
    settled: pl.DataFrame,
    annotators: Iterable[Annotator],
    plan: Plan,
    *,
    existing: pl.DataFrame | None = None,
    circumstances: Circumstances | None = None,
) -> Routing:
    """Assign each record with a settled label to everyone who judged it in triage.

    Args:
        judged: ``record_id``, ``language``, ``annotator``; one row a person who answered and could judge.
        settled: ``record_id``, ``label``.
        annotators: everyone who may get tasks; whoever opted out of what a record holds is left out.
        plan: round, seed and label scheme.
        existing: rows of ASSIGNMENTS that were planned before, of this round and pass.
        circumstances: opt-outs, heaviness, checks; none without it.
    """
    before = ASSIGNMENTS.empty() if existing is None else existing
    known = circumstances or Circumstances()
    people = {annotator.id: annotator for annotator in annotators}
    wanted = (
        judged.join(settled, on="record_id", how="semi")
        .join(before.filter(pl.col("purpose") == MAIN), on=["record_id", "annotator"], how="anti")
        .select("record_id", "language", "annotator")
        .unique()
        .sort("record_id", "annotator")
    )
    chosen = [
        (record, language, name)
        for record, language, name in wanted.iter_rows()
        if name in people and known.may_read(people[name], record)
    ]
    return Routing(_rows(chosen, people.values(), plan, before, known), {}, 0)


def adjudication_rows(
    chosen: Iterable[tuple[str, str, str]],
    people: Iterable[Annotator],
    plan: Plan,
    before: pl.DataFrame,
    known: Circumstances,
) -> pl.DataFrame:
    """Return the assignments of (record, language, adjudicator), in each one's order and days.

    ``before`` are rows of ASSIGNMENTS for adjudication in the same round.
    """
    rows = _rows(chosen, people, plan, before, known)
    keys = [
        task_key(plan.round_name, ADJUDICATION, record, name, ADJUDICATION)
        for record, name in rows.select("record_id", "annotator").iter_rows()
    ]
    purpose = pl.lit(ADJUDICATION)
    return rows.with_columns(pl.Series("task_key", keys, pl.String), purpose=purpose, **{"pass": purpose})


def _items(
    records: pl.DataFrame, people: Sequence[Annotator], before: pl.DataFrame, known: Circumstances
) -> list[Item]:
    main = before.filter(pl.col("purpose") == MAIN).sort("annotator")
    had: dict[str, list[str]] = dict(main.group_by("record_id").agg("annotator").iter_rows())
    readable = records.filter(pl.col("language").is_in(LANGUAGES)).select("record_id", "language")
    return [
        Item(
            record,
            language,
            tuple(a.id for a in people if language in a.languages and known.may_read(a, record)),
            tuple(sorted(had.get(record, ()))),
        )
        for record, language in readable.iter_rows()
    ]


def _rows(
    chosen: Iterable[tuple[str, str, str]],
    people: Iterable[Annotator],
    plan: Plan,
    before: pl.DataFrame,
    known: Circumstances,
) -> pl.DataFrame:
    """Return the assignments of (record, language, annotator), with checks, in each one's order and days."""
    mine: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for record, language, name in chosen:
        mine[name][language].append(record)
    rows: list[dict[str, str | int | None]] = []
    for annotator in sorted(people, key=lambda each: each.id):
        if annotator.id in mine:
            rows += _rows_of(annotator, mine[annotator.id], plan, before, known)
    return pl.DataFrame(rows, schema=ASSIGNMENTS.schema)


def _rows_of(
    annotator: Annotator,
    records: Mapping[str, Sequence[str]],
    plan: Plan,
    before: pl.DataFrame,
    known: Circumstances,
) -> list[dict[str, str | int | None]]:
    own = before.filter(pl.col("annotator") == annotator.id)
    last: dict[str, int] = dict(own.group_by("language").agg(pl.col("position").max()).iter_rows())
    seconds = known.seconds.get(annotator.id, _SECONDS)
    days = Days(limits_of(annotator, seconds))
    for record, day in own.select("record_id", "release_day").iter_rows():
        days.take(day, seconds, is_heavy=record in known.heavy)
    queues: list[list[tuple[str, int, Entry]]] = []
    for language, wanted in sorted(records.items()):
        place = f"{plan.seed}:{plan.round_name}:{plan.in_pass}:{annotator.id}:{language}"
        entries = queue(_entries(annotator, language, wanted, known), Random(place))
        first = last.get(language, -1) + 1
        queues.append([(language, n, entry) for n, entry in enumerate(entries, start=first)])
    turns = in_turn(queues)
    due = release_days((entry for _, _, entry in turns), days, seconds)
    return [
        {
            "task_key": task_key(plan.round_name, plan.in_pass, entry.record_id, annotator.id, entry.purpose),
            "round": plan.round_name,
            "pass": plan.in_pass,
            "record_id": entry.record_id,
            "language": language,
            "annotator": annotator.id,
            "purpose": entry.purpose,
            "position": position,
            "release_day": day,
            "project_id": None,
            "scheme_sha256": plan.scheme_sha256,
        }
        for (language, position, entry), day in zip(turns, due, strict=True)
    ]


def _entries(
    annotator: Annotator, language: str, records: Sequence[str], known: Circumstances
) -> list[Entry]:
    kinds = [
        (MAIN, records),
        (GOLD_CHECK, known.gold_checks.taken(annotator.id, language, len(records))),
        (REPEAT, known.repeats.taken(annotator.id, language, len(records))),
    ]
    return [Entry(record, kind, record in known.heavy) for kind, chosen in kinds for record in chosen]


def _counted(records: pl.DataFrame) -> dict[str, int]:
    counts = records.group_by("language").len().sort("language")
    return {f"language {language}": n for language, n in counts.iter_rows()}
