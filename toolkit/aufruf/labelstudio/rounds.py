"""Rounds: plan who judges what."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError
from aufruf.gold import settled_labels
from aufruf.gold.verdicts import read_verdicts, settled_by_verdict
from aufruf.kept_schemes import keep_version
from aufruf.label_scheme import LANGUAGES
from aufruf.labelstudio.annotators import load_annotators
from aufruf.labelstudio.planning import (
    PlanOptions,
    PlanReport,
    circumstances,
    only_qualified,
    reported,
    withdrawable,
)
from aufruf.labelstudio.routing import Plan, plan_detail, plan_triage
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, RECORDS, SAMPLES
from aufruf.views import main_answers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aufruf.label_scheme import Pass, TaskPass
    from aufruf.labelstudio.annotators import Annotator
    from aufruf.labelstudio.routing import Routing
    from aufruf.workspace import Workspace


def annotators_of(workspace: Workspace) -> tuple[Annotator, ...]:
    """Return the annotators of a workspace.

    Raises:
        SettingsError: if the file is wrong.
        InputError: if it names nobody.
    """
    path = workspace.root / "annotation" / "annotators.toml"
    found = load_annotators(path)
    if not found:
        raise InputError(f"{path}: nobody annotates yet: add an [[annotator]] with id and languages")
    return found


def plan_round(  # noqa: PLR0913 -- the command's options
    workspace: Workspace,
    round_name: str,
    in_pass: Pass = "triage",
    *,
    overlap: int = 3,
    seed: int = 0,
    gold_rate: float = 0.05,
    repeat_rate: float = 0.05,
    allow_unqualified: bool = False,
    allow_suggestions: bool = False,
    now: datetime | None = None,
    dry_run: bool = False,
) -> PlanReport:
    """Assign a round's records to annotators and keep the plan.

    Triage takes the sampled records, ``overlap`` annotators each; detail takes those with a settled label,
    everyone who could judge them in triage. What was planned before stays as it is, and what is missing is
    added; tasks that are not brought in yet are withdrawn from those who have left or opted out since.

    Args:
        workspace: the workspace.
        round_name: the round.
        in_pass: triage or detail.
        overlap: judgements wanted per record, in triage.
        seed: decides what chance decides; the same seed and tables give the same plan.
        gold_rate: share of an annotator's new tasks that are added as records with known answers, in triage.
        repeat_rate: share that is added as records which the annotator answered some time ago.
        allow_unqualified: give tasks to people who have not passed the qualification.
        allow_suggestions: let `apply` show a model's suggestions; otherwise the round is blind.
        now: the time from which repeats are counted back; the present.
        dry_run: write nothing.

    Raises:
        InputError: if the round was not sampled, a language has too few annotators, or no label is settled.
        SettingsError: if the annotators' file names an unknown opt-out or a budget below one task.
    """
    options = PlanOptions(overlap, seed, gold_rate, repeat_rate, allow_unqualified, allow_suggestions)
    with nullcontext() if dry_run else workspace.locked():
        records = _sampled(workspace, round_name)
        before = assignments(workspace, round_name, in_pass)
        everyone = annotators_of(workspace)
        people, unqualified = only_qualified(workspace, everyone, allow_unqualified=allow_unqualified)
        settled = _settled_records(workspace, round_name, records) if in_pass == "detail" else None
        ids = pl.concat([records.select("record_id"), before.select("record_id")]).unique()
        known = circumstances(
            workspace, round_name, in_pass, ids, everyone, options, settled=settled, now=now
        )
        withdrawn = withdrawable(before, everyone, known)
        kept = before.join(withdrawn, on="task_key", how="anti")
        plan = Plan(round_name, in_pass, seed, workspace.label_scheme.sha256)
        if settled is None:
            _enough(records, people, overlap, unqualified)
            routing = plan_triage(records, people, plan, overlap=overlap, existing=kept, circumstances=known)
        else:
            judged = _judged(workspace, round_name, records)
            routing = plan_detail(judged, settled, people, plan, existing=kept, circumstances=known)
        changed = routing.assignments.height + withdrawn.height or allow_suggestions
        written = not dry_run and bool(changed)
        report = reported(
            round_name, in_pass, kept, withdrawn.height, routing, known, unqualified, written=written
        )
        if written:
            _write(workspace, report, withdrawn, routing, options)
    return report


def _write(
    workspace: Workspace, report: PlanReport, withdrawn: pl.DataFrame, routing: Routing, options: PlanOptions
) -> None:
    """Withdraw and add: cut off between the two, the next plan adds what is missing."""
    if not withdrawn.is_empty():
        keys = ", ".join(f"'{key}'" for key in withdrawn.get_column("task_key"))
        workspace.store.delete(ASSIGNMENTS, f"task_key IN ({keys})")
    keep_version(workspace)
    workspace.store.append(ASSIGNMENTS, routing.assignments)
    counts = {"new": report.new, "existing": report.existing, "withdrawn": report.withdrawn}
    details = {"pass": report.in_pass, **counts, "unassignable": report.unassignable, **asdict(options)}
    workspace.record_event("plan", report.round, details)


def assignments(workspace: Workspace, round_name: str, in_pass: TaskPass | None = None) -> pl.DataFrame:
    """Return the planned assignments of a round, of one pass or all, adjudication included."""
    wanted = pl.lit(value=True) if in_pass is None else pl.col("pass") == in_pass
    planned = workspace.store.scan(ASSIGNMENTS).filter((pl.col("round") == round_name) & wanted)
    return planned.sort("pass", "annotator", "language", "position").collect()


def planned_or_error(workspace: Workspace, round_name: str, in_pass: TaskPass | None = None) -> pl.DataFrame:
    """Return the assignments of a round.

    Raises:
        InputError: if there are none; names the rounds that are planned.
    """
    planned = assignments(workspace, round_name, in_pass)
    if planned.is_empty():
        every = workspace.store.scan(ASSIGNMENTS).select(pl.col("round").unique().sort()).collect()
        known = ", ".join(every.get_column("round")) or "none"
        which = f", pass {in_pass}," if in_pass else ""
        option = f" --pass {in_pass}" if in_pass else ""
        raise InputError(
            f"round '{round_name}'{which} is not planned; planned rounds: {known}; plan it with "
            f"`aufruf annotate plan {round_name}{option}`"
        )
    return planned


def _sampled(workspace: Workspace, round_name: str) -> pl.DataFrame:
    samples = workspace.store.scan(SAMPLES)
    chosen = samples.filter(pl.col("round") == round_name).select("record_id")
    records = workspace.store.scan(RECORDS).select("record_id", "language")
    found = records.join(chosen, on="record_id", how="semi").collect()
    if found.is_empty():
        known = samples.select(pl.col("round").unique().sort()).collect().get_column("round")
        raise InputError(
            f"round '{round_name}' was not sampled; sampled rounds: {', '.join(known) or 'none'}; choose its "
            f"records with `aufruf sample {round_name} -n N`"
        )
    return found


def _enough(
    records: pl.DataFrame, people: Sequence[Annotator], overlap: int, unqualified: dict[str, list[str]]
) -> None:
    for language in sorted(set(records.get_column("language")) & set(LANGUAGES)):
        able = sum(language in person.languages for person in people if person.role == "annotator")
        lacking = [name for name, languages in unqualified.items() if language in languages]
        if able >= overlap:
            continue
        if lacking:
            raise InputError(
                f"{able} annotators for {language} have passed the qualification, {overlap} judgements are "
                f"wanted per record; {', '.join(lacking)} have not: let them take it with `aufruf annotate "
                "qualify`, lower --overlap, or plan with --allow-unqualified"
            )
        raise InputError(
            f"{able} annotators for {language}, {overlap} judgements wanted per record: add annotators "
            "to annotation/annotators.toml or lower --overlap"
        )


def _settled_records(workspace: Workspace, round_name: str, records: pl.DataFrame) -> pl.DataFrame:
    settled = settled_in(workspace)
    if settled.join(records, on="record_id", how="semi").is_empty():
        raise InputError(
            f"round '{round_name}' has no record with a settled label yet: get the answers of triage with "
            f"`aufruf annotate pull {round_name}`"
        )
    return settled


def _judged(workspace: Workspace, round_name: str, records: pl.DataFrame) -> pl.DataFrame:
    """Return who answered in the round's triage, for its main purpose, and could judge."""
    store = workspace.store
    answers = main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS)).filter(
        (pl.col("round") == round_name)
        & (pl.col("pass") == "triage")
        & (pl.col("state") == "live")
        & pl.col("labels").is_not_null()
    )
    judged = answers.select("record_id", "annotator").unique().collect()
    return judged.join(records, on="record_id")


def settled_in(workspace: Workspace) -> pl.DataFrame:
    """Return the labels that main answers or verdicts settle: ``record_id``, ``label``."""
    store = workspace.store
    settled = settled_labels(
        main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS)), workspace.label_scheme
    )
    return settled_by_verdict(settled, read_verdicts(workspace))
