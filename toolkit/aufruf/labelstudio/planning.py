"""What a plan is made from, and what it comes to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import SettingsError
from aufruf.labelstudio.burden import (
    heavy_among,
    heavy_labels,
    known_names,
    names_of,
    seconds_per_task,
)
from aufruf.labelstudio.checks import gold_check_candidates, repeat_candidates
from aufruf.labelstudio.qualification import qualified
from aufruf.labelstudio.queues import GOLD_CHECK, MAIN, REPEAT
from aufruf.labelstudio.routing import Checks, Circumstances

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aufruf.label_scheme import Pass
    from aufruf.labelstudio.annotators import Annotator
    from aufruf.labelstudio.routing import Routing
    from aufruf.workspace import Workspace

_MINUTE = 60


@dataclass(frozen=True)
class PlanOptions:
    """How a round is planned.

    ``overlap`` is judgements per record in triage. The rates are shares of an annotator's new main tasks that
    are added as gold checks and as repeats. ``allow_unqualified`` gives tasks to people who have not passed
    the qualification, too; ``allow_suggestions`` lets `apply` show a model's suggestions.
    """

    overlap: int = 3
    seed: int = 0
    gold_rate: float = 0.05
    repeat_rate: float = 0.05
    allow_unqualified: bool = False
    allow_suggestions: bool = False


@dataclass(frozen=True)
class PlannedLoad:
    """What one annotator has to do in one language, by this plan and earlier ones of the round and pass.

    ``new`` tasks come by this plan. ``heavy`` counts tasks, guesses included; ``days`` is the day of the
    round, from 1, on which the last task is due; ``minutes`` is an estimate.
    """

    annotator: str
    language: str
    tasks: int
    new: int
    heavy: int
    gold_checks: int
    repeats: int
    days: int
    minutes: float


@dataclass(frozen=True)
class PlanReport:
    """What was planned: ``records`` to judge; ``new``, ``existing`` and ``withdrawn`` count assignments.

    ``withdrawn`` ones were planned before, not brought in yet, and may no longer be given to their annotator:
    the person has left the file, or opted out since. ``unassignable`` counts records by reason; ``short``
    records with fewer annotators than wanted; ``unqualified`` names the languages in which people get none.
    """

    round: str
    in_pass: Pass
    records: int
    new: int
    existing: int
    withdrawn: int
    loads: list[PlannedLoad]
    unassignable: dict[str, int]
    short: int
    unqualified: dict[str, list[str]]
    written: bool


def only_qualified(
    workspace: Workspace, people: Sequence[Annotator], *, allow_unqualified: bool
) -> tuple[list[Annotator], dict[str, list[str]]]:
    """Return the annotators in the languages in which they have passed, and what was left out.

    Adjudicators judge what annotators disagree about; no qualification is asked of them here.
    """
    if allow_unqualified:
        return list(people), {}
    rows = qualified(workspace).filter("passed").select("annotator", "language").rows()
    passed: dict[str, set[str]] = defaultdict(set)
    for annotator, language in rows:
        passed[annotator].add(language)
    kept: list[Annotator] = []
    refused: dict[str, list[str]] = {}
    for person in people:
        lacking = [name for name in person.languages if name not in passed[person.id]]
        if person.role != "annotator" or not lacking:
            kept.append(person)
            continue
        refused[person.id] = lacking
        languages = tuple(name for name in person.languages if name not in lacking)
        kept.append(msgspec.structs.replace(person, languages=languages))
    return kept, refused


def check_opt_outs(workspace: Workspace, people: Iterable[Annotator]) -> None:
    """Refuse an opt-out that names nothing: it would protect nobody.

    Raises:
        SettingsError: names the annotator and what can be named.
    """
    known = known_names(workspace)
    for person in people:
        for name in person.opt_out:
            if name not in known and "=" not in name:
                raise SettingsError(
                    f"annotation/annotators.toml: '{person.id}' opts out of '{name}', which is no label, "
                    f"target, source or group of schemas/lexicon.toml: expected one of "
                    f"{', '.join(sorted(known))}, or column=value of a labelled source"
                )


def circumstances(  # noqa: PLR0913, PLR0917 -- what a plan depends on
    workspace: Workspace,
    round_name: str,
    in_pass: Pass,
    records: pl.DataFrame,
    people: Sequence[Annotator],
    options: PlanOptions,
    *,
    settled: pl.DataFrame | None = None,
    now: datetime | None = None,
) -> Circumstances:
    """Look up what is known of a round's records and of the people.

    Args:
        workspace: the workspace.
        round_name: the round.
        in_pass: triage has gold checks and repeats, detail repeats alone.
        records: ``record_id``; all that are, or were, to be planned.
        people: everyone who may get tasks.
        options: seed and rates.
        settled: ``record_id`` of the records that can be asked about in detail; None in triage.
        now: when repeats are counted from; the present.
    """
    check_opt_outs(workspace, people)
    checks = (
        gold_check_candidates(workspace, round_name, people, options.seed)
        if in_pass == "triage" and options.gold_rate
        else {}
    )
    age = timedelta(days=workspace.settings.rounds.repeat_after_days)
    then = (now or datetime.now(UTC)) - age
    repeats = (
        repeat_candidates(workspace, in_pass, people, then, options.seed, among=settled)
        if options.repeat_rate
        else {}
    )
    again = [record for found in (checks, repeats) for those in found.values() for record in those]
    ids = pl.concat(
        [records.select("record_id"), pl.DataFrame({"record_id": again}, {"record_id": pl.String})]
    )
    names = names_of(workspace, ids)
    found = Circumstances(
        names, heavy_among(names, heavy_labels(workspace)), seconds_per_task(workspace, in_pass, people)
    )
    return replace(
        found,
        gold_checks=Checks(options.gold_rate, _readable(checks, people, found)),
        repeats=Checks(options.repeat_rate, _readable(repeats, people, found)),
    )


def withdrawable(before: pl.DataFrame, people: Iterable[Annotator], known: Circumstances) -> pl.DataFrame:
    """Return the planned tasks that are not brought in yet and may no longer be given to their annotator.

    Args:
        before: rows of ASSIGNMENTS.
        people: everyone in the annotators' file, whether qualified or not.
        known: what the records hold, by now.
    """
    by_id = {person.id: person for person in people if person.role == "annotator"}

    def may_stay(annotator: str, language: str, record: str) -> bool:
        person = by_id.get(annotator)
        return person is not None and language in person.languages and known.may_read(person, record)

    waiting = before.filter(pl.col("project_id").is_null())
    keep = [may_stay(*row) for row in waiting.select("annotator", "language", "record_id").iter_rows()]
    return waiting.filter(~pl.Series(keep, dtype=pl.Boolean))


def reported(  # noqa: PLR0913, PLR0917 -- what a report tells of
    round_name: str,
    in_pass: Pass,
    kept: pl.DataFrame,
    withdrawn: int,
    routing: Routing,
    known: Circumstances,
    unqualified: dict[str, list[str]],
    *,
    written: bool,
) -> PlanReport:
    """Sum up a plan. ``kept`` are the assignments of earlier plans that stay."""
    new = routing.assignments.with_columns(is_new=pl.lit(value=True))
    every = pl.concat([kept.with_columns(is_new=pl.lit(value=False)), new])
    counts = (
        every.with_columns(is_heavy=pl.col("record_id").is_in(list(known.heavy)))
        .group_by("annotator", "language")
        .agg(
            tasks=pl.len(),
            new=pl.col("is_new").sum(),
            heavy=pl.col("is_heavy").sum(),
            gold_checks=(pl.col("purpose") == GOLD_CHECK).sum(),
            repeats=(pl.col("purpose") == REPEAT).sum(),
            days=pl.col("release_day").max() + 1,
        )
        .sort("annotator", "language")
    )
    loads = [
        PlannedLoad(**row, minutes=round(row["tasks"] * known.seconds.get(row["annotator"], 0) / _MINUTE, 1))
        for row in counts.iter_rows(named=True)
    ]
    return PlanReport(
        round=round_name,
        in_pass=in_pass,
        records=every.filter(pl.col("purpose") == MAIN).get_column("record_id").n_unique(),
        new=new.height,
        existing=kept.height + withdrawn,
        withdrawn=withdrawn,
        loads=loads,
        unassignable=routing.unassignable,
        short=routing.short,
        unqualified=unqualified,
        written=written,
    )


def _readable(
    candidates: dict[tuple[str, str], Sequence[str]], people: Iterable[Annotator], known: Circumstances
) -> dict[tuple[str, str], Sequence[str]]:
    by_id = {person.id: person for person in people}
    return {
        (annotator, language): [record for record in those if known.may_read(by_id[annotator], record)]
        for (annotator, language), those in candidates.items()
    }
