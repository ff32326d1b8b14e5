"""Who judges what: pure assignment, balanced and reproducible.

Routing spreads the work; it is no access control. Label Studio's Community edition lets every member of
the organisation open every project.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import polars as pl

from aufruf.label_scheme import LANGUAGES
from aufruf.tables import ASSIGNMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aufruf.label_scheme import Pass
    from aufruf.labelstudio.annotators import Annotator

MAIN = "main"
_KEY_HEX = 32


@dataclass(frozen=True)
class Routing:
    """New assignments, and what could not be assigned.

    ``unassignable`` counts records by reason: a language without interface, or nobody who may read them.
    ``short`` counts records with fewer annotators than wanted, because of opt-outs.
    """

    assignments: pl.DataFrame
    unassignable: dict[str, int]
    short: int


@dataclass
class _Loads:
    """How much each annotator has to do in one language, and how often each pair meets."""

    tasks: Counter[str] = field(default_factory=Counter[str])
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def add(self, names: Sequence[str], annotator: str) -> None:
        self.tasks[annotator] += 1
        for other in names:
            self.pairs[_pair(other, annotator)] += 1

    def rank(self, names: Sequence[str], annotator: str) -> tuple[int, int]:
        return self.tasks[annotator], sum(self.pairs[_pair(other, annotator)] for other in names)


def task_key(round_name: str, in_pass: Pass, record_id: str, annotator: str, purpose: str = MAIN) -> str:
    """Return the key of an assignment: 32 hex digits of a hash of what identifies it."""
    content = f"{round_name}\0{in_pass}\0{record_id}\0{annotator}\0{purpose}"
    return hashlib.sha256(content.encode()).hexdigest()[:_KEY_HEX]


def plan(  # noqa: PLR0913 -- each argument is an own decision of the plan
    records: pl.DataFrame,
    annotators: Iterable[Annotator],
    *,
    round_name: str,
    overlap: int,
    seed: int,
    scheme_sha256: str,
    existing: pl.DataFrame | None = None,
) -> Routing:
    """Assign each record to ``overlap`` annotators for triage.

    Where everyone may read everything, loads differ by at most one per language and pairs of annotators
    share about equally many records. Nothing in ``existing`` is moved: only what is missing is added.

    Args:
        records: ``record_id``, ``language``, ``source``; one row a record.
        annotators: everyone in the annotators' file; adjudicators get no main tasks.
        round_name: the round.
        overlap: judgements wanted per record.
        seed: decides who gets what and in which order; the same seed gives the same plan.
        scheme_sha256: the label scheme in force.
        existing: rows of ASSIGNMENTS that were planned before, of this round and pass.
    """
    before = ASSIGNMENTS.empty() if existing is None else existing
    people = [annotator for annotator in annotators if annotator.role == "annotator"]
    languages = records.filter(pl.col("language").is_in(LANGUAGES))
    unassignable = _counted(records.filter(~pl.col("language").is_in(LANGUAGES)))
    chosen: list[tuple[str, str, str]] = []
    short = 0
    for language in LANGUAGES:
        rows, nobody, fewer = _assign(
            languages.filter(pl.col("language") == language),
            [annotator for annotator in people if language in annotator.languages],
            before.filter(pl.col("language") == language),
            overlap,
            Random(f"{seed}:{round_name}:{language}"),
        )
        chosen += [(record, language, annotator) for record, annotator in rows]
        short += fewer
        if nobody:
            unassignable[f"no annotator for {language}"] = nobody
    return Routing(_rows(chosen, before, round_name, "triage", seed, scheme_sha256), unassignable, short)


def plan_detail(  # noqa: PLR0913 -- each argument is an own decision of the plan
    judged: pl.DataFrame,
    settled: pl.DataFrame,
    annotators: Iterable[Annotator],
    *,
    round_name: str,
    seed: int,
    scheme_sha256: str,
    existing: pl.DataFrame | None = None,
) -> Routing:
    """Assign each record with a settled label to everyone who judged it in triage.

    Args:
        judged: ``record_id``, ``language``, ``annotator``; one row a person who answered and could judge.
        settled: ``record_id``, ``label``.
        annotators: everyone in the annotators' file; whoever opted out of a settled label is left out.
        round_name: the round.
        seed: decides the order.
        scheme_sha256: the label scheme in force.
        existing: rows of ASSIGNMENTS that were planned before, of this round and pass.
    """
    before = ASSIGNMENTS.empty() if existing is None else existing
    avoided = pl.DataFrame(
        [(annotator.id, label) for annotator in annotators for label in annotator.opt_out],
        schema={"annotator": pl.String, "label": pl.String},
        orient="row",
    )
    unwanted = settled.join(avoided, on="label").select("record_id", "annotator")
    wanted = (
        judged.join(settled, on="record_id", how="semi")
        .join(unwanted, on=["record_id", "annotator"], how="anti")
        .join(before, on=["record_id", "annotator"], how="anti")
        .select("record_id", "language", "annotator")
        .unique()
        .sort("record_id", "annotator")
    )
    return Routing(_rows(wanted.rows(), before, round_name, "detail", seed, scheme_sha256), {}, 0)


def _assign(
    records: pl.DataFrame, people: list[Annotator], before: pl.DataFrame, overlap: int, rng: Random
) -> tuple[list[tuple[str, str]], int, int]:
    """Return (record, annotator) pairs, how many records nobody may read, how many have too few."""
    had: dict[str, list[str]] = dict(before.group_by("record_id").agg("annotator").iter_rows())
    loads = _Loads()
    for names in had.values():
        for position, name in enumerate(names):
            loads.add(names[:position], name)
    rows: list[tuple[str, str]] = []
    nobody = short = 0
    for record, source in _in_order(records, people, rng):
        names = list(had.get(record, ()))
        free = [a.id for a in people if source not in a.opt_out and a.id not in names]
        rng.shuffle(free)
        while free and len(names) < overlap:
            name = min(free, key=lambda candidate: loads.rank(names, candidate))
            loads.add(names, name)
            free.remove(name)
            names.append(name)
            rows.append((record, name))
        nobody += not names
        short += 0 < len(names) < overlap
    return rows, nobody, short


def _in_order(records: pl.DataFrame, people: list[Annotator], rng: Random) -> list[tuple[str, str]]:
    """Return (record, source) shuffled, those that the fewest people may read first.

    The others then even out the loads.
    """
    rows: list[tuple[str, str]] = records.select("record_id", "source").sort("record_id").rows()
    rng.shuffle(rows)
    return sorted(rows, key=lambda row: sum(row[1] not in annotator.opt_out for annotator in people))


def _rows(  # noqa: PLR0913, PLR0917 -- the columns of one table
    chosen: Sequence[tuple[str, str, str]],
    before: pl.DataFrame,
    round_name: str,
    in_pass: Pass,
    seed: int,
    scheme_sha256: str,
) -> pl.DataFrame:
    last: dict[tuple[str, str], int] = {
        (annotator, language): position + 1
        for annotator, language, position in before.group_by("annotator", "language")
        .agg(pl.col("position").max())
        .iter_rows()
    }
    queues: dict[tuple[str, str], list[str]] = {}
    for record, language, annotator in chosen:
        queues.setdefault((annotator, language), []).append(record)
    rows: list[dict[str, str | int | None]] = []
    for (annotator, language), records in sorted(queues.items()):
        records.sort()
        Random(f"{seed}:{round_name}:{in_pass}:{annotator}:{language}").shuffle(records)
        rows += [
            {
                "task_key": task_key(round_name, in_pass, record, annotator),
                "round": round_name,
                "pass": in_pass,
                "record_id": record,
                "language": language,
                "annotator": annotator,
                "purpose": MAIN,
                "position": position,
                "release_day": 0,
                "project_id": None,
                "scheme_sha256": scheme_sha256,
            }
            for position, record in enumerate(records, start=last.get((annotator, language), 0))
        ]
    return pl.DataFrame(rows, schema=ASSIGNMENTS.schema)


def _counted(records: pl.DataFrame) -> dict[str, int]:
    counts = records.group_by("language").len().sort("language")
    return {f"language {language}": n for language, n in counts.iter_rows()}


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
