"""Choose records for a round, so that each record's chance to be chosen is known."""

from __future__ import annotations

import hashlib
import re
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
import polars as pl

from aufruf.errors import InputError, WorkspaceError
from aufruf.tables import CLUSTERS, EVENTS, RECORDS, SAMPLES
from aufruf.views import QUALIFICATION, newest_records, qualification_records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.workspace import Workspace

Strategy = Literal["random", "stratified"]
Allocation = Literal["proportional", "equal"]
STRATIFIERS = ("language", "kind", "source", "month", "outlet", "has_media")
_ROUND_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True)
class Design:
    """How a round is drawn. ``by`` is empty for the random strategy."""

    n: int
    strategy: Strategy
    by: tuple[str, ...]
    allocation: Allocation
    languages: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Stratum:
    """One stratum: what could be drawn from it, and what was. A cluster gives one record at most."""

    stratum: str
    records: int
    clusters: int
    drawn: int


@dataclass(frozen=True)
class Draw:
    """The rows for the samples table, sorted by record, and the strata that they come from."""

    rows: pl.DataFrame
    strata: list[Stratum]


@dataclass(frozen=True)
class SampleReport:
    """What was drawn. ``existing`` says that the round had been drawn before in the same way.

    ``available`` counts duplicate clusters; where it is below ``design.n``, all were drawn.
    """

    round: str
    design: Design
    existing: bool
    drawn: int
    available: int
    strata: list[Stratum]


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
    dry_run: bool = False,
) -> SampleReport:
    """Choose records for a round and keep them with their inclusion probabilities.

    Chosen from are the newest versions of records in those languages whose duplicate cluster gave no
    record to another round and holds no qualification item. Where there are fewer than ``n``, all are taken.
    Drawing a round again in the same way changes nothing. ``by`` and ``allocation`` are for the stratified
    strategy.

    Raises:
        InputError: if the name, a column or the size is not possible, or nothing is left to draw.
        WorkspaceError: if the round was drawn before in another way.
    """
    stratified = strategy == "stratified"
    columns = tuple(by) if stratified else ()
    shares: Allocation = allocation if stratified else "proportional"
    design = Design(n, strategy, columns, shares, tuple(languages), seed)
    _check(round_name, design)
    with nullcontext() if dry_run else workspace.locked():
        return _sample(workspace, round_name, design, dry_run=dry_run)


def draw(candidates: pl.DataFrame, round_name: str, design: Design) -> Draw:
    """Draw one record from each of ``design.n`` clusters, or of all if there are fewer.

    A cluster's stratum is the one that most of its records are in, the first by name if several are. Within
    a stratum each cluster has the same chance, within a cluster each record: a record's inclusion
    probability is clusters drawn / clusters in the stratum / records in its cluster. The same seed and
    round give the same sample, in whatever order the candidates stand; another round draws independently.

    Args:
        candidates: ``record_id``, ``cluster``, ``stratum``.
        round_name: the round.
        design: size, strategy, allocation and seed.

    Raises:
        InputError: if there are more strata than records to draw: some would have no chance.
    """
    clusters = _clusters(candidates, _generator(round_name, design.seed))
    sizes = dict(clusters.group_by("stratum").len().iter_rows())
    if design.n < len(sizes):
        raise InputError(
            f"{len(sizes)} strata need n of {len(sizes)} or more, n is {design.n}: raise n or use "
            "fewer columns"
        )
    shares = allocate(sizes, min(design.n, clusters.height), design.allocation)
    drawn = pl.col("stratum").replace_strict(shares, return_dtype=pl.Int64)
    rows = (
        clusters.filter(pl.col("order").rank("ordinal").over("stratum") <= drawn)
        .select(
            "record_id",
            "stratum",
            round=pl.lit(round_name),
            strategy=pl.lit(design.strategy),
            inclusion_probability=drawn
            / pl.col("stratum").replace_strict(sizes, return_dtype=pl.Int64)
            / pl.col("size"),
        )
        .sort("record_id")
    )
    records = dict(clusters.group_by("stratum").agg(pl.col("size").sum()).iter_rows())
    strata = [Stratum(name, records[name], sizes[name], shares[name]) for name in sorted(sizes)]
    return Draw(SAMPLES.conform(rows), strata)


def allocate(sizes: Mapping[str, int], n: int, allocation: Allocation) -> dict[str, int]:
    """Divide ``n`` among strata: proportionally to their sizes, or equally; at least 1 to each.

    What a stratum gets above its whole number goes by largest remainder, ties to the first by name. An
    equal share that a stratum is too small for is divided among the others.

    Args:
        sizes: clusters in each stratum, above 0.
        n: at least the number of strata and at most the sum of their sizes.
        allocation: proportional or equal.
    """
    given: dict[str, int] = {}
    while True:
        left = n - sum(given.values())
        weights = {
            name: size if allocation == "proportional" else 1
            for name, size in sorted(sizes.items())
            if name not in given
        }
        total = sum(weights.values())
        bound = {
            name: 1 if left * weight <= total else sizes[name]
            for name, weight in weights.items()
            if left * weight <= total or left * weight >= sizes[name] * total
        }
        if not bound:
            break
        given |= bound
    whole = {name: left * weight // total for name, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda name: -(left * weights[name] % total))
    extra = by_remainder[: left - sum(whole.values())]
    return given | {name: share + (name in extra) for name, share in whole.items()}


def _clusters(candidates: pl.DataFrame, generator: np.random.Generator) -> pl.DataFrame:
    """Return a row for each cluster: one of its records by chance, its ``size``, ``stratum``, ``order``."""
    chance = pl.Series("chance", generator.random(candidates.height))
    members = candidates.sort("record_id").with_columns(chance)
    strata = (
        members.group_by("cluster", "stratum")
        .len()
        .sort("cluster", "len", "stratum", descending=[False, True, False])
        .unique("cluster", keep="first")
        .drop("len")
    )
    chosen = members.sort("chance").group_by("cluster").agg(pl.col("record_id").first(), size=pl.len())
    clusters = chosen.join(strata, on="cluster").sort("cluster")
    return clusters.with_columns(order=pl.Series(generator.random(clusters.height)))


def _generator(round_name: str, seed: int) -> np.random.Generator:
    name = int.from_bytes(hashlib.sha256(round_name.encode()).digest()[:8], "big")
    return np.random.default_rng([seed, name])


def _sample(workspace: Workspace, round_name: str, design: Design, *, dry_run: bool) -> SampleReport:
    old = workspace.store.scan(SAMPLES).filter(pl.col("round") == round_name).collect()
    recorded = None if old.is_empty() else _recorded(workspace, round_name)
    if recorded is not None:
        return _same(recorded, design)
    drawn = draw(_candidates(workspace, round_name, design), round_name, design)
    report = SampleReport(
        round=round_name,
        design=design,
        existing=False,
        drawn=drawn.rows.height,
        available=sum(stratum.clusters for stratum in drawn.strata),
        strata=drawn.strata,
    )
    if not dry_run:
        _write(workspace, drawn.rows, old, report)
    return report


def _check(round_name: str, design: Design) -> None:
    if not _ROUND_NAME.fullmatch(round_name):
        raise InputError(
            f"round '{round_name}': a name has up to 40 letters, digits, '.', '_' and '-', and begins with "
            "a letter or digit, such as 'pilot-1'"
        )
    if round_name == QUALIFICATION:
        raise InputError(f"round '{round_name}' belongs to `aufruf annotate qualify`: choose another name")
    if design.n < 1 or design.seed < 0:
        raise InputError(f"n is {design.n} and seed {design.seed}: n must be 1 or more, seed 0 or more")
    unknown = [name for name in design.by if name not in STRATIFIERS]
    if unknown or len(set(design.by)) < len(design.by):
        raise InputError(f"cannot stratify by {', '.join(design.by)}: choose among {', '.join(STRATIFIERS)}")
    if design.strategy == "stratified" and not design.by:
        raise InputError(f"name the columns to stratify by, among {', '.join(STRATIFIERS)}")


def _candidates(workspace: Workspace, round_name: str, design: Design) -> pl.DataFrame:
    store = workspace.store
    cluster = pl.coalesce("cluster", "record_id")
    clusters = store.scan(CLUSTERS)
    drawn = store.scan(SAMPLES).filter(pl.col("round") != round_name).select("record_id")
    known = qualification_records(store.scan(RECORDS)).select("record_id")
    taken = (
        pl.concat([drawn, known])
        .join(clusters, on="record_id", how="left")
        .select(cluster.alias("cluster"))
        .unique()
    )
    found = (
        newest_records(store.scan(RECORDS))
        .filter(pl.col("language").is_in(design.languages))
        .select("record_id", stratum=_stratum(design.by))
        .join(clusters, on="record_id", how="left")
        .with_columns(cluster=cluster)
        .join(taken, on="cluster", how="anti")
        .collect()
    )
    if found.is_empty():
        raise InputError(
            f"nothing left to draw: no record in {', '.join(design.languages)} whose duplicate cluster is in "
            "no other round; `aufruf import` more, or name other --languages"
        )
    return found


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


def _recorded(workspace: Workspace, round_name: str) -> SampleReport | None:
    same = (pl.col("action") == "sample") & (pl.col("subject") == round_name)
    events = workspace.store.scan(EVENTS).filter(same).sort("n").tail(1).collect()
    if events.is_empty():
        return None
    return msgspec.json.decode(events.item(0, "details"), type=SampleReport)


def _same(recorded: SampleReport, design: Design) -> SampleReport:
    if recorded.design != design:
        raise WorkspaceError(
            f"round '{recorded.round}' was drawn before in another way: {_named(recorded.design)}; "
            f"asked for now: {_named(design)}; choose another name for a new round"
        )
    return replace(recorded, existing=True)


def _named(design: Design) -> str:
    by = f" by {','.join(design.by)}, {design.allocation}" if design.by else ""
    return f"n {design.n}, {design.strategy}{by}, languages {','.join(design.languages)}, seed {design.seed}"


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
