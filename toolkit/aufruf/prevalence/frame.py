"""What was drawn from what, and what was judged of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError
from aufruf.sampling.rounds import recorded_sample
from aufruf.sampling.weights import overall_weights
from aufruf.tables import CLUSTERS, EVENTS, RECORDS, SAMPLES
from aufruf.views import newest_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aufruf.sampling import SampleReport
    from aufruf.workspace import Workspace

_CERTAIN = 1.0


@dataclass(frozen=True)
class Frame:
    """The corpus that is spoken of, and what was drawn from it.

    Attributes:
        records: ``record_id``, ``cluster``, ``size`` (records in it), ``language``, ``kind``, ``source``,
            ``month``.
        drawn: ``round``, ``record_id``, ``stratum`` (with its round), ``probability`` (of the cluster),
            ``share``, ``weight`` (see `overall_weights`).
        notes: what the reader must know of them.
    """

    records: pl.DataFrame
    drawn: pl.DataFrame
    notes: list[str]


def frame_of(workspace: Workspace, judged: pl.Series, round_name: str | None) -> Frame:
    """Return the corpus and the rounds that speak of it.

    Rounds drawn before the corpus grew, or from other languages, speak of another corpus: they count as
    known to later rounds, and no more. With ``round_name`` that round alone is estimated from.

    Args:
        workspace: the workspace.
        judged: record_ids with gold.
        round_name: the round; None: all that were judged.

    Raises:
        InputError: if no inclusion probability is known of what was judged, or of that round.
    """
    samples = workspace.store.scan(SAMPLES).collect()
    reports = _rounds(workspace, samples, judged, round_name)
    newest = reports[-1]
    records = _records(workspace, newest.design.languages)
    drawn = samples.filter(pl.col("round").is_in([report.round for report in reports])).join(
        records.select("record_id", "cluster", "size"), on="record_id"
    )
    sizes = _sizes(reports, drawn)
    same = [
        report
        for report in reports
        if sizes[report.round] == sizes[newest.round] and report.design.languages == newest.design.languages
    ]
    used = [newest] if round_name is not None else same
    importance = {report.round: report.effective or float(report.drawn) for report in used}
    notes = [
        f"round {report.round} was drawn from another corpus: known to later rounds only"
        for report in reports
        if report not in same
    ]
    if sizes[newest.round] != records.height:
        notes.append(
            f"the corpus has {records.height} records now and had {sizes[newest.round]} when round "
            f"{newest.round} was drawn: the figures are about that one"
        )
    probability = (pl.col("inclusion_probability") * pl.col("size")).clip(0, _CERTAIN)
    drawn = drawn.with_columns(probability=probability)
    order = [report.round for report in reports]
    weights = overall_weights(drawn, dict.fromkeys(order, 0.0) | importance, order)
    joined = drawn.join(weights, on=["round", "record_id"], maintain_order="left")
    stratum = pl.concat_str("round", "stratum", separator="/")
    return Frame(records, joined.with_columns(stratum=stratum).filter(pl.col("weight") > 0), notes)


def _rounds(
    workspace: Workspace, samples: pl.DataFrame, judged: pl.Series, round_name: str | None
) -> list[SampleReport]:
    """Return the rounds in the order of drawing, up to the newest that was judged or the one asked for."""
    order = _order(workspace, samples)
    if round_name is not None and round_name not in order:
        raise InputError(
            f"round '{round_name}' was not drawn by `aufruf sample`: no inclusion probabilities are known, "
            f"so it says nothing of the corpus; drawn rounds: {', '.join(order) or 'none'}"
        )
    seen = samples.filter(pl.col("record_id").is_in(judged.implode())).get_column("round").unique().to_list()
    known = [name for name in order if name in seen]
    if not known or (round_name is not None and round_name not in known):
        raise InputError(
            "no judged record has a known inclusion probability: labels that came with an imported set say "
            "nothing of the corpus; draw with `aufruf sample ROUND`, annotate, and decide with `aufruf gold`"
        )
    wanted = order[: order.index(round_name or known[-1]) + 1]
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError(
            f"round {', '.join(missing)} was drawn before and is not judged, so what it took out of the "
            "corpus is unknown: annotate it and run `aufruf gold`"
        )
    found = [recorded_sample(workspace, name) for name in wanted]
    return [report for report in found if report is not None]


def _order(workspace: Workspace, samples: pl.DataFrame) -> list[str]:
    events = workspace.store.scan(EVENTS).filter(pl.col("action") == "sample").sort("n").collect()
    drawn = set(samples.get_column("round").unique())
    return [name for name in dict.fromkeys(events.get_column("subject")) if name in drawn]


def _records(workspace: Workspace, languages: Sequence[str]) -> pl.DataFrame:
    return (
        newest_records(workspace.store.scan(RECORDS))
        .filter(pl.col("language").is_in(languages))
        .join(workspace.store.scan(CLUSTERS), on="record_id", how="left")
        .select(
            "record_id",
            "language",
            "kind",
            "source",
            cluster=pl.coalesce("cluster", "record_id"),
            month=pl.col("created_at").dt.strftime("%Y-%m").fill_null("unknown"),
        )
        .with_columns(size=pl.len().over("cluster"))
        .collect()
    )


def _sizes(reports: list[SampleReport], drawn: pl.DataFrame) -> dict[str, int]:
    """Return how many records the corpus had when each round was drawn."""
    sizes: dict[str, int] = {}
    taken = 0
    for report in reports:
        sizes[report.round] = taken + sum(stratum.records for stratum in report.strata)
        taken += int(drawn.filter(pl.col("round") == report.round).get_column("size").sum())
    return sizes
