"""Draw a round of a workspace, once."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import InputError, WorkspaceError
from aufruf.files import sha256_of
from aufruf.lexicon import load_lexicon
from aufruf.sampling.design import Design, SampleReport, check_design, mixture, named
from aufruf.sampling.drawing import draw
from aufruf.sampling.measures import diverse_measure, lexicon_measure, uncertain_measure
from aufruf.sampling.yields import expected_yields
from aufruf.scores import read_scores
from aufruf.tables import CLUSTERS, EVENTS, RECORDS, SAMPLES
from aufruf.views import newest_records, qualification_records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aufruf.sampling.design import Allocation, Strategy, Yield
    from aufruf.workspace import Workspace


def sample_round(  # noqa: PLR0913 -- the command's options, in the same words
    workspace: Workspace,
    round_name: str,
    n: int,
    *,
    seed: int,
    strategy: Strategy = "random",
    by: Sequence[str] = ("language", "kind"),
    allocation: Allocation = "proportional",
    languages: Sequence[str] = ("de", "en"),
    mix: Mapping[str, float] | None = None,
    scores: Path | None = None,
    gold: pl.DataFrame | None = None,
    dry_run: bool = False,
) -> SampleReport:
    """Choose records for a round and keep them with their inclusion probabilities.

    Chosen from are the newest versions of records in those languages whose duplicate cluster gave no
    record to another round and holds no qualification item. Where there are fewer than ``n``, all are taken.
    Drawing a round again in the same way changes nothing. ``by`` and ``allocation`` are for the stratified
    strategy, ``mix`` for the mixed one. Lexicon, uncertain and diverse draw a fifth at random.

    Args:
        workspace: the workspace.
        round_name: the new round.
        n: how many records.
        seed: of the draw.
        strategy: what to draw by.
        by: columns that make the strata.
        allocation: of n to the strata.
        languages: to draw from; what is said of the corpus later is said of these.
        mix: strategies and their shares, summing to 1, random's at least a tenth.
        scores: a file of a model's scores, for uncertain: see `aufruf.scores.read_scores`.
        gold: rows of the gold table, for the expected yield; None: it is not told.
        dry_run: whether to write nothing.

    Raises:
        InputError: if the name, a column or the size is not possible, or nothing is left to draw.
        WorkspaceError: if the round was drawn before in another way.
    """
    stratified = strategy == "stratified"
    columns = tuple(by) if stratified else ()
    shares: Allocation = allocation if stratified else "proportional"
    parts = mixture(strategy, mix or {})
    table = None if scores is None else read_scores(scores)
    sha256 = None if scores is None else sha256_of(scores)
    design = Design(n, strategy, columns, shares, tuple(languages), seed, parts, sha256)
    check_design(round_name, design)
    with nullcontext() if dry_run else workspace.locked():
        return _sample(workspace, round_name, design, table, gold, dry_run=dry_run)


def _sample(  # noqa: PLR0913 -- what the public function was given, checked
    workspace: Workspace,
    round_name: str,
    design: Design,
    scores: pl.DataFrame | None,
    gold: pl.DataFrame | None,
    *,
    dry_run: bool,
) -> SampleReport:
    old = workspace.store.scan(SAMPLES).filter(pl.col("round") == round_name).collect()
    recorded = None if old.is_empty() else recorded_sample(workspace, round_name)
    if recorded is not None:
        return _same(recorded, design)
    frame = _measured(workspace, _frame(workspace, round_name, design), design, scores)
    free = frame.filter(~pl.col("taken"))
    if free.is_empty():
        raise InputError(
            f"nothing left to draw: no record in {', '.join(design.languages)} whose duplicate cluster is in "
            "no other round; `aufruf import` more, or name other --languages"
        )
    drawn = draw(free, round_name, design)
    report = SampleReport(
        round=round_name,
        design=design,
        existing=False,
        drawn=drawn.rows.height,
        available=sum(stratum.clusters for stratum in drawn.strata),
        strata=drawn.strata,
        strategies=dict(drawn.rows.group_by("strategy").len().sort("strategy").iter_rows()),
        least_probability=drawn.least_probability,
        effective=drawn.effective,
        yields=[] if gold is None else _yields(workspace, frame, design, gold),
    )
    if not dry_run:
        _write(workspace, drawn.rows, old, report)
    return report


def _frame(workspace: Workspace, round_name: str, design: Design) -> pl.DataFrame:
    """Return all records of the languages; ``taken``: their duplicate cluster can give none any more."""
    store = workspace.store
    cluster = pl.coalesce("cluster", "record_id")
    clusters = store.scan(CLUSTERS)
    drawn = store.scan(SAMPLES).filter(pl.col("round") != round_name).select("record_id")
    known = qualification_records(store.scan(RECORDS)).select("record_id")
    taken = (
        pl.concat([drawn, known])
        .join(clusters, on="record_id", how="left")
        .select(cluster=cluster, taken=pl.lit(value=True))
        .unique()
    )
    text = ["text"] if design.mix else []
    return (
        newest_records(store.scan(RECORDS))
        .filter(pl.col("language").is_in(design.languages))
        .select("record_id", "language", *text, stratum=_stratum(design.by))
        .join(clusters, on="record_id", how="left")
        .with_columns(cluster=cluster)
        .join(taken, on="cluster", how="left")
        .with_columns(pl.col("taken").fill_null(value=False))
        .sort("record_id")
        .collect()
    )


def _measured(
    workspace: Workspace, frame: pl.DataFrame, design: Design, scores: pl.DataFrame | None
) -> pl.DataFrame:
    measures: list[pl.Series] = []
    if "lexicon" in design.mix:
        labels = workspace.label_scheme.label_names
        lexicon = load_lexicon(workspace.root / "schemas" / "lexicon.toml", labels)
        measures.append(lexicon_measure(frame, lexicon, list(labels)))
    if "uncertain" in design.mix and scores is not None:
        measures.append(uncertain_measure(frame, scores))
    if "diverse" in design.mix:
        measures.append(diverse_measure(frame, seed=design.seed))
    return frame.with_columns(measures)


def _yields(workspace: Workspace, frame: pl.DataFrame, design: Design, gold: pl.DataFrame) -> list[Yield]:
    samples = workspace.store.scan(SAMPLES).collect()
    return expected_yields(frame, design, samples, gold, list(workspace.label_scheme.label_names))


def _stratum(by: Sequence[str]) -> pl.Expr:
    if not by:
        return pl.lit("all")
    month = pl.col("created_at").dt.strftime("%Y-%m")
    values = [
        (month if name == "month" else pl.col(name)).cast(pl.String).fill_null("unknown") for name in by
    ]
    return pl.concat_str(
        [pl.format(f"{name}={{}}", value) for name, value in zip(by, values, strict=True)], separator=","
    )


def recorded_sample(workspace: Workspace, round_name: str) -> SampleReport | None:
    """Return how a round was drawn; None if no event says so."""
    same = (pl.col("action") == "sample") & (pl.col("subject") == round_name)
    events = workspace.store.scan(EVENTS).filter(same).sort("n").tail(1).collect()
    if events.is_empty():
        return None
    return msgspec.json.decode(events.item(0, "details"), type=SampleReport)


def _same(recorded: SampleReport, design: Design) -> SampleReport:
    if recorded.design != design:
        raise WorkspaceError(
            f"round '{recorded.round}' was drawn before in another way: {named(recorded.design)}; "
            f"asked for now: {named(design)}; choose another name for a new round"
        )
    return replace(recorded, existing=True)


def _write(workspace: Workspace, drawn: pl.DataFrame, old: pl.DataFrame, report: SampleReport) -> None:
    """Append the sample, unless a process killed before it recorded the event had appended the same."""
    if old.is_empty():
        workspace.store.append(SAMPLES, drawn)
    elif not old.sort("record_id").equals(drawn):
        raise WorkspaceError(
            f"round '{report.round}' holds another sample, and no event says how it was drawn: "
            "choose another name for a new round"
        )
    workspace.record_event("sample", report.round, msgspec.to_builtins(report))
