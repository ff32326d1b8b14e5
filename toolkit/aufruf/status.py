"""What is in a workspace, and what is next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from aufruf.chains import largest_clusters
from aufruf.keys import key_status
from aufruf.labelstudio.adjudication_progress import has_adjudicators, undecided_records
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, CLUSTERS, GOLD, QUARANTINE, RECORDS, SAMPLES
from aufruf.views import ADJUDICATION, current_annotations, newest_records

if TYPE_CHECKING:
    from aufruf.workspace import Workspace


@dataclass(frozen=True)
class RoundStatus:
    """One round and pass: tasks planned, tasks that are in Label Studio, answers pulled."""

    round: str
    in_pass: str
    planned: int
    applied: int
    answered: int
    skipped: int


@dataclass(frozen=True)
class Status:
    """What a workspace holds. ``records`` counts newest versions, by kind and language.

    ``duplicate_clusters`` are those of two records or more; ``chains`` counts those among the ten largest
    whose ends are unlike each other (see `largest_clusters`). ``disputed`` counts by round the records that
    answers of all who were asked disagree about and no adjudicator has yet, if anybody adjudicates.
    ``pseudonym_key`` is its state: see `KeyStatus`.
    """

    workspace: str
    label_scheme: str
    records: dict[str, int]
    duplicate_clusters: int
    chains: int
    quarantined: int
    sampled: dict[str, int]
    rounds: list[RoundStatus]
    gold_records: int
    disputed: dict[str, int]
    releases: list[str]
    models: list[str]
    pseudonym_key: str
    next: str = ""


def status(workspace: Workspace) -> Status:
    """Look at every table of the workspace and say what comes next."""
    store = workspace.store
    records = newest_records(store.scan(RECORDS)).group_by("kind", "language").len().sort("kind", "language")
    scheme = workspace.label_scheme
    found = Status(
        workspace=str(workspace.root),
        label_scheme=f"{scheme.version} ({scheme.sha256[:12]})",
        records={f"{kind} {language}": n for kind, language, n in records.collect().rows()},
        duplicate_clusters=store.scan(CLUSTERS)
        .select(pl.col("cluster").filter(pl.col("cluster").is_duplicated()).n_unique())
        .collect()
        .item(),
        chains=largest_clusters(store).filter("is_chain").height,
        quarantined=store.scan(QUARANTINE).select(pl.len()).collect().item(),
        sampled=dict(store.scan(SAMPLES).group_by("round").len().sort("round").collect().iter_rows()),
        rounds=_rounds(workspace),
        gold_records=store.scan(GOLD).select(pl.col("record_id").n_unique()).collect().item(),
        disputed=_disputed(workspace),
        releases=_folders(workspace, "releases"),
        models=_folders(workspace, "models"),
        pseudonym_key=key_status(workspace).state,
    )
    return replace(found, next=_next_step(found))


def _rounds(workspace: Workspace) -> list[RoundStatus]:
    answers = (
        current_annotations(workspace.store.scan(ANNOTATIONS))
        .group_by("task_key")
        .agg(skipped=(pl.col("state") == "skipped").all())
    )
    rounds = (
        workspace.store.scan(ASSIGNMENTS)
        .join(answers, on="task_key", how="left")
        .group_by("round", "pass")
        .agg(
            planned=pl.len(),
            applied=pl.col("project_id").is_not_null().sum(),
            answered=(~pl.col("skipped")).fill_null(value=False).sum(),
            skipped=pl.col("skipped").fill_null(value=False).sum(),
        )
        .sort("round", "pass", descending=[False, True])
    )
    return [RoundStatus(*row) for row in rounds.collect().rows()]


def _disputed(workspace: Workspace) -> dict[str, int]:
    rounds = workspace.store.scan(ASSIGNMENTS).filter(pl.col("purpose") == "main")
    names = rounds.select(pl.col("round").unique().sort()).collect().get_column("round")
    if names.is_empty() or not has_adjudicators(workspace):
        return {}
    counts = {name: undecided_records(workspace, name) for name in names}
    return {name: n for name, n in counts.items() if n}


def _folders(workspace: Workspace, name: str) -> list[str]:
    folder = workspace.root / name
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.name for path in found if path.is_dir() and not path.name.startswith("."))


def _next_step(found: Status) -> str:
    if not found.records:
        steps = {"present": "aufruf import FILE…", "interrupted": "aufruf key destroy"}
        return steps.get(found.pseudonym_key, "aufruf key new")
    if not found.sampled:
        return "aufruf sample ROUND -n N"
    unfinished = _next_in_rounds(found)
    if unfinished:
        return unfinished
    if not found.gold_records:
        return "aufruf agreement, then aufruf gold"
    if not found.releases:
        return "aufruf export 0.1.0"
    return f"aufruf verify releases/{found.releases[-1]}" if found.models else "aufruf train"


def _next_in_rounds(found: Status) -> str | None:
    planned = {entry.round for entry in found.rounds}
    for name in found.sampled:
        if name not in planned:
            return f"aufruf annotate plan {name}"
    for entry in found.rounds:
        if entry.answered + entry.skipped < entry.applied:
            return f"aufruf annotate status {entry.round}, then aufruf annotate pull {entry.round}"
        if entry.applied < entry.planned and entry.in_pass == ADJUDICATION:
            return f"aufruf annotate adjudicate {entry.round}"
        if entry.applied < entry.planned:
            return f"aufruf annotate apply {entry.round} --pass {entry.in_pass}"
    return next((f"aufruf annotate adjudicate {name}" for name in found.disputed), None)
