"""Adjudication: what annotators disagree about goes to somebody who has not judged it."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError
from aufruf.label_scheme import LANGUAGES
from aufruf.labelstudio.adjudication_disputes import never_given, open_disputes
from aufruf.labelstudio.adjudication_records import named_disputes
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.balance import Item, balanced
from aufruf.labelstudio.burden import heavy_among, heavy_labels, names_of, seconds_per_task
from aufruf.labelstudio.notes import silent
from aufruf.labelstudio.planning import check_opt_outs
from aufruf.labelstudio.projects import TASK_KEY
from aufruf.labelstudio.rounds import annotators_of, planned_or_error
from aufruf.labelstudio.routing import Circumstances, Plan, adjudication_rows
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, DISPUTES, RECORDS
from aufruf.views import ADJUDICATION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aufruf.labelstudio.annotators import Annotator
    from aufruf.labelstudio.apply import ApplyReport
    from aufruf.labelstudio.notes import Note
    from aufruf.workspace import Workspace


@dataclass(frozen=True)
class AdjudicatorLoad:
    """What one adjudicator has of this round in one language: ``new`` tasks, and those from before."""

    annotator: str
    language: str
    new: int
    existing: int


@dataclass(frozen=True)
class AdjudicateReport:
    """What goes to adjudicators.

    ``records`` are given out by this run, ``labels`` counts what is in dispute about them. ``incomplete``
    records still lack answers of the round and wait for them. ``unassignable`` counts records by reason.
    ``withdrawn`` tasks were planned before, not brought in yet, and may no longer be given to their
    adjudicator. ``applied`` is what was brought to Label Studio: None in a dry run or without any task.
    """

    round: str
    records: int
    labels: dict[str, int]
    incomplete: int
    withdrawn: int
    unassignable: dict[str, int]
    loads: list[AdjudicatorLoad]
    applied: ApplyReport | None


def adjudicate(  # noqa: PLR0913 -- the command's options
    workspace: Workspace,
    round_name: str,
    records: Path | None = None,
    *,
    seed: int = 0,
    dry_run: bool = False,
    note: Note = silent,
) -> AdjudicateReport:
    """Give what annotators disagree about to adjudicators, and bring it to Label Studio.

    A label of a record goes out once. It goes to one adjudicator who reads its language, has not opted out of
    what it holds, and has never had the record before them; if that person skips it, to the next one.
    Records of the round are taken when all who were asked have answered. Run it again after each pull.

    Args:
        workspace: the workspace; `[adjudication]` in its settings says what is a disagreement.
        round_name: the round.
        records: a file of records, see `named_disputes`, that are given out instead, answered by all or not.
        seed: decides who gets what, where loads leave it open.
        dry_run: write nothing, and ask no server.
        note: is told how it goes.

    Raises:
        InputError: if the round is not planned, nobody adjudicates, or the file names unknown records.
        SettingsError: if the rules name an unknown label, or somebody opts out of something unknown.
        ServerError: if Label Studio cannot be reached or refuses.
    """
    with nullcontext() if dry_run else workspace.locked():
        planned_or_error(workspace, round_name)
        people = _adjudicators(workspace)
        check_opt_outs(workspace, people)
        found, incomplete = open_disputes(workspace, round_name)
        if records is not None:
            found, incomplete = named_disputes(workspace, records), 0
        given = workspace.store.scan(ASSIGNMENTS).filter(pl.col("purpose") == ADJUDICATION).collect()
        known = _circumstances(
            workspace, pl.concat([found.select("record_id"), given.select("record_id")]), people
        )
        withdrawn = _withdrawable(given, round_name, people, known)
        given = given.join(withdrawn, on=TASK_KEY, how="anti")
        found = never_given(workspace, found, without=withdrawn)
        plan = Plan(round_name, "triage", seed, workspace.label_scheme.sha256)
        new, unassignable = _assigned(workspace, found, given, people, plan, known)
        mine = given.filter(pl.col("round") == round_name)
        if not dry_run:
            _write(workspace, round_name, withdrawn, found, new)
        return AdjudicateReport(
            round=round_name,
            records=new.height,
            labels=_label_counts(found.join(new, on="record_id", how="semi")),
            incomplete=incomplete,
            withdrawn=withdrawn.height,
            unassignable=unassignable,
            loads=_loads(new, mine),
            applied=None
            if dry_run or mine.height + new.height == 0
            else apply(workspace, round_name, ADJUDICATION, note=note),
        )


def _adjudicators(workspace: Workspace) -> list[Annotator]:
    people = [person for person in annotators_of(workspace) if person.role == "adjudicator"]
    if not people:
        raise InputError(
            f"{workspace.root / 'annotation' / 'annotators.toml'}: nobody adjudicates: add an [[annotator]] "
            'with role = "adjudicator"'
        )
    return people


def _circumstances(workspace: Workspace, records: pl.DataFrame, people: Sequence[Annotator]) -> Circumstances:
    names = names_of(workspace, records)
    heavy = heavy_among(names, heavy_labels(workspace))
    return Circumstances(names, heavy, seconds_per_task(workspace, ADJUDICATION, people))


def _withdrawable(
    given: pl.DataFrame, round_name: str, people: Sequence[Annotator], known: Circumstances
) -> pl.DataFrame:
    """Return the tasks that are not brought in yet and whose adjudicator has left or opted out since."""
    by_id = {person.id: person for person in people}

    def may_stay(name: str, language: str, record: str) -> bool:
        person = by_id.get(name)
        return person is not None and language in person.languages and known.may_read(person, record)

    waiting = given.filter(pl.col("project_id").is_null() & (pl.col("round") == round_name))
    keep = [may_stay(*row) for row in waiting.select("annotator", "language", "record_id").iter_rows()]
    return waiting.filter(~pl.Series(keep, dtype=pl.Boolean))


def _assigned(  # noqa: PLR0913, PLR0917 -- what an assignment depends on
    workspace: Workspace,
    found: pl.DataFrame,
    given: pl.DataFrame,
    people: Sequence[Annotator],
    plan: Plan,
    known: Circumstances,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the new assignments, one a record, and counts of records that nobody can be given, by reason."""
    store = workspace.store
    languages = store.scan(RECORDS).select("record_id", "language")
    records = found.lazy().select("record_id").unique().join(languages, on="record_id").sort("record_id")
    rows = records.collect().rows()
    seen = _seen(workspace, given, [record for record, _ in rows])
    items = [
        Item(
            record,
            language,
            tuple(
                person.id
                for person in people
                if language in person.languages
                and (record, person.id) not in seen
                and known.may_read(person, record)
            ),
        )
        for record, language in rows
        if language in LANGUAGES
    ]
    before = [
        Item(f"before {number}", language, (), (name,))
        for number, (language, name) in enumerate(given.select("language", "annotator").iter_rows())
    ]
    chosen = balanced([*items, *before], 1, Random(f"{plan.seed}:{plan.round_name}:{ADJUDICATION}"))
    reasons = Counter(f"language {language}" for _, language in rows if language not in LANGUAGES)
    reasons += Counter(
        f"no adjudicator for {item.language} who has not seen it"
        for item in items
        if not chosen[item.record_id]
    )
    pairs = [(item.record_id, item.language, name) for item in items for name in chosen[item.record_id]]
    mine = given.filter(pl.col("round") == plan.round_name)
    return adjudication_rows(pairs, people, plan, mine, known), dict(sorted(reasons.items()))


def _seen(workspace: Workspace, given: pl.DataFrame, records: Sequence[str]) -> set[tuple[str, str]]:
    """Return (record, annotator) of everyone who was asked about one of the records, or answered."""
    store = workspace.store
    columns = ["record_id", "annotator"]
    other = store.scan(ASSIGNMENTS).filter(pl.col("purpose") != ADJUDICATION)
    every = [other.select(columns), given.lazy().select(columns), store.scan(ANNOTATIONS).select(columns)]
    mine = pl.concat(every).filter(pl.col("record_id").is_in(list(records)))
    return set(mine.unique().collect().iter_rows())


def _write(
    workspace: Workspace, round_name: str, withdrawn: pl.DataFrame, found: pl.DataFrame, new: pl.DataFrame
) -> None:
    """Write what is asked before who is asked it: cut off between the two, the next run asks it again."""
    store = workspace.store
    if not withdrawn.is_empty():
        keys = ", ".join(f"'{key}'" for key in withdrawn.get_column(TASK_KEY))
        store.delete(ASSIGNMENTS, f"task_key IN ({keys})")
        store.delete(DISPUTES, f"task_key IN ({keys})")
    if not new.is_empty():
        asked = new.select("record_id", TASK_KEY).join(found, on="record_id", maintain_order="left")
        store.upsert(DISPUTES, DISPUTES.conform(asked.select(DISPUTES.schema.names())))
        store.append(ASSIGNMENTS, new)
    if not (new.is_empty() and withdrawn.is_empty()):
        workspace.record_event("adjudicate", round_name, {"new": new.height, "withdrawn": withdrawn.height})


def _label_counts(found: pl.DataFrame) -> dict[str, int]:
    counts = (
        found.get_column("label").value_counts(sort=True).sort("count", "label", descending=[True, False])
    )
    return dict(counts.iter_rows())


def _loads(new: pl.DataFrame, before: pl.DataFrame) -> list[AdjudicatorLoad]:
    every = pl.concat(
        [new.with_columns(is_new=pl.lit(value=True)), before.with_columns(is_new=pl.lit(value=False))]
    )
    counts = every.group_by("annotator", "language").agg(
        new=pl.col("is_new").sum(), existing=(~pl.col("is_new")).sum()
    )
    return [AdjudicatorLoad(*row) for row in counts.sort("annotator", "language").iter_rows()]
