"""Rounds: plan who judges what, and see how far everyone is."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError
from aufruf.gold import settled_labels
from aufruf.label_scheme import PASSES
from aufruf.labelstudio.annotators import load_annotators
from aufruf.labelstudio.routing import plan, plan_detail
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, RECORDS, SAMPLES
from aufruf.views import current_annotations, main_answers

if TYPE_CHECKING:
    from aufruf.label_scheme import Pass
    from aufruf.labelstudio.annotators import Annotator
    from aufruf.labelstudio.routing import Routing
    from aufruf.workspace import Workspace

URGENT = "urgent"


@dataclass(frozen=True)
class PlanReport:
    """What was planned. ``new`` and ``existing`` count assignments, ``loads`` all of them by annotator.

    ``unassignable`` counts records by reason; ``short`` records with fewer annotators than wanted.
    """

    round: str
    in_pass: Pass
    records: int
    new: int
    existing: int
    loads: dict[str, dict[str, int]]
    unassignable: dict[str, int]
    short: int
    written: bool


@dataclass(frozen=True)
class AnnotatorStatus:
    """How far an annotator is in one pass of a round: as of the last pull."""

    annotator: str
    in_pass: Pass
    released: int
    done: int
    skipped: int
    left: int
    urgent: int


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
    dry_run: bool = False,
) -> PlanReport:
    """Assign a round's records to annotators and keep the plan.

    Triage takes the sampled records, ``overlap`` annotators each; detail takes those with a settled label,
    everyone who could judge them in triage. What was planned before stays as it is; what is missing is added.

    Raises:
        InputError: if the round was not sampled, a language has too few annotators, or no label is settled.
    """
    with nullcontext() if dry_run else workspace.locked():
        before = assignments(workspace, round_name, in_pass)
        records = _sampled(workspace, round_name)
        if in_pass == "triage":
            routing = _plan_triage(workspace, round_name, records, before, overlap, seed)
        else:
            routing = _plan_detail(workspace, round_name, records, before, seed)
        written = not dry_run and not routing.assignments.is_empty()
        report = _report(round_name, in_pass, before, routing, written=written)
        if written:
            workspace.store.append(ASSIGNMENTS, routing.assignments)
            counts = {"pass": in_pass, "new": report.new, "existing": report.existing}
            settings = {"overlap": overlap, "seed": seed, "unassignable": report.unassignable}
            workspace.record_event("plan", round_name, {**counts, **settings})
    return report


def assignments(workspace: Workspace, round_name: str, in_pass: Pass | None = None) -> pl.DataFrame:
    """Return the planned assignments of a round, of one pass or both."""
    wanted = pl.col("pass").is_in(PASSES if in_pass is None else [in_pass])
    planned = workspace.store.scan(ASSIGNMENTS).filter((pl.col("round") == round_name) & wanted)
    return planned.sort("pass", "annotator", "language", "position").collect()


def round_status(workspace: Workspace, round_name: str) -> list[AnnotatorStatus]:
    """Return how far each annotator is, as of the last pull.

    Raises:
        InputError: if nothing was planned for the round.
    """
    planned = planned_or_error(workspace, round_name)
    flagged = pl.col("flags").list.contains(URGENT)
    answers = (
        current_annotations(workspace.store.scan(ANNOTATIONS))
        .group_by("task_key")
        .agg(done=(pl.col("state") == "live").any(), urgent=flagged.any())
        .with_columns(answered=True)
    )
    done, answered = (pl.col(name).fill_null(value=False) for name in ("done", "answered"))
    rows = (
        planned.lazy()
        .join(answers, on="task_key", how="left")
        .group_by("annotator", "pass")
        .agg(
            released=pl.col("project_id").is_not_null().sum(),
            done=done.sum(),
            skipped=(answered & ~done).sum(),
            left=(~answered).sum(),
            urgent=pl.col("urgent").fill_null(value=False).sum(),
        )
        .sort(pl.col("pass") == "detail", "annotator")
    )
    return [AnnotatorStatus(*row) for row in rows.collect().iter_rows()]


def planned_or_error(workspace: Workspace, round_name: str, in_pass: Pass | None = None) -> pl.DataFrame:
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
    records = workspace.store.scan(RECORDS).select("record_id", "language", "source")
    found = records.join(chosen, on="record_id", how="semi").collect()
    if found.is_empty():
        known = samples.select(pl.col("round").unique().sort()).collect().get_column("round")
        raise InputError(
            f"round '{round_name}' was not sampled; sampled rounds: {', '.join(known) or 'none'}; choose its "
            f"records with `aufruf sample {round_name} -n N`"
        )
    return found


def _plan_triage(  # noqa: PLR0913, PLR0917 -- what the plan depends on
    workspace: Workspace,
    round_name: str,
    records: pl.DataFrame,
    before: pl.DataFrame,
    overlap: int,
    seed: int,
) -> Routing:
    people = annotators_of(workspace)
    for language in sorted(set(records.get_column("language")) & {"de", "en"}):
        able = sum(language in person.languages for person in people if person.role == "annotator")
        if able < overlap:
            raise InputError(
                f"{able} annotators for {language}, {overlap} judgements wanted per record: add annotators "
                "to annotation/annotators.toml or lower --overlap"
            )
    return plan(
        records,
        people,
        round_name=round_name,
        overlap=overlap,
        seed=seed,
        scheme_sha256=workspace.label_scheme.sha256,
        existing=before,
    )


def _plan_detail(
    workspace: Workspace, round_name: str, records: pl.DataFrame, before: pl.DataFrame, seed: int
) -> Routing:
    settled = settled_in(workspace).join(records, on="record_id", how="semi")
    if settled.is_empty():
        raise InputError(
            f"round '{round_name}' has no record with a settled label yet: get the answers of triage with "
            f"`aufruf annotate pull {round_name}`"
        )
    answers = current_annotations(workspace.store.scan(ANNOTATIONS)).filter(
        (pl.col("round") == round_name)
        & (pl.col("pass") == "triage")
        & (pl.col("state") == "live")
        & pl.col("labels").is_not_null()
    )
    judged = answers.select("record_id", "annotator").unique().collect().join(records, on="record_id")
    return plan_detail(
        judged,
        settled,
        annotators_of(workspace),
        round_name=round_name,
        seed=seed,
        scheme_sha256=workspace.label_scheme.sha256,
        existing=before,
    )


def settled_in(workspace: Workspace) -> pl.DataFrame:
    """Return the labels that are settled by the answers for the main purpose: ``record_id``, ``label``."""
    store = workspace.store
    return settled_labels(
        main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS)), workspace.label_scheme
    )


def _report(
    round_name: str, in_pass: Pass, before: pl.DataFrame, routing: Routing, *, written: bool
) -> PlanReport:
    every = pl.concat([before, routing.assignments])
    counts = every.group_by("annotator", "language").len().sort("annotator", "language")
    loads: dict[str, dict[str, int]] = {}
    for annotator, language, n in counts.iter_rows():
        loads.setdefault(annotator, {})[language] = n
    return PlanReport(
        round=round_name,
        in_pass=in_pass,
        records=every.get_column("record_id").n_unique(),
        new=routing.assignments.height,
        existing=before.height,
        loads=loads,
        unassignable=routing.unassignable,
        short=routing.short,
        written=written,
    )
