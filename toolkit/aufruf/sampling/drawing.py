"""Draw clusters, and one record from each: frames to frames."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aufruf.errors import InputError
from aufruf.sampling.design import Draw, Stratum
from aufruf.sampling.probabilities import attributed, draw_systematically, mixed_probabilities
from aufruf.tables import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aufruf.sampling.design import Allocation, Design


def draw(candidates: pl.DataFrame, round_name: str, design: Design) -> Draw:
    """Draw one record from each of ``design.n`` clusters, or of all if there are fewer.

    A cluster's stratum is the one that most of its records are in, the first by name if several are. Random
    and stratified: within a stratum each cluster has the same chance. A mixture is one draw from all
    clusters, by mixed measures (see `mixed_probabilities`), a cluster's measure being the largest of its
    records'. Within a cluster each record has the same chance: a record's inclusion probability is its
    cluster's / records in the cluster. The same seed and round give the same sample, in whatever order the
    candidates stand; another round draws independently.

    Args:
        candidates: ``record_id``, ``cluster``, ``stratum``; for a mixture a column of its measure, 0 or
            above, named after each strategy but random.
        round_name: the round.
        design: size, strategy, allocation and seed.

    Raises:
        InputError: if there are more strata than records to draw: some would have no chance.
    """
    generator = _generator(round_name, design.seed)
    clusters = _clusters(candidates, generator)
    mixed = bool(design.mix)
    chosen = _mixed(clusters, candidates, design, generator) if mixed else _stratified(clusters, design)
    rows = chosen.filter("chosen").select(
        "record_id",
        "stratum",
        "strategy",
        round=pl.lit(round_name),
        inclusion_probability=pl.col("probability") / pl.col("size"),
    )
    return Draw(
        SAMPLES.conform(rows.sort("record_id")),
        _strata(chosen),
        least_probability=chosen.select((pl.col("probability") / pl.col("size")).min()).item(),
        effective=chosen.select(
            pl.col("size").sum() ** 2 / (pl.col("size") ** 2 / pl.col("probability")).sum()
        ).item(),
    )


def _stratified(clusters: pl.DataFrame, design: Design) -> pl.DataFrame:
    sizes = dict(clusters.group_by("stratum").len().iter_rows())
    if design.n < len(sizes):
        raise InputError(
            f"{len(sizes)} strata need n of {len(sizes)} or more, n is {design.n}: raise n or use "
            "fewer columns"
        )
    shares = allocate(sizes, min(design.n, clusters.height), design.allocation)
    drawn = pl.col("stratum").replace_strict(shares, return_dtype=pl.Int64)
    return clusters.with_columns(
        chosen=pl.col("order").rank("ordinal").over("stratum") <= drawn,
        probability=drawn / pl.col("stratum").replace_strict(sizes, return_dtype=pl.Int64),
        strategy=pl.lit(design.strategy),
    )


def _mixed(
    clusters: pl.DataFrame, candidates: pl.DataFrame, design: Design, generator: np.random.Generator
) -> pl.DataFrame:
    names = [name for name in design.mix if name != "random"]
    largest = candidates.group_by("cluster").agg(pl.col(names).max())
    found = clusters.select("cluster").join(largest, on="cluster", how="left", maintain_order="left")
    measures = {name: found.get_column(name).to_numpy().astype(np.float64) for name in names}
    measures |= {} if names else {"random": np.zeros(clusters.height)}
    shares = design.mix if names else {"random": 1.0}
    n = min(design.n, clusters.height)
    probabilities = mixed_probabilities(measures, {k: v for k, v in shares.items() if k in names}, n)
    chosen = draw_systematically(probabilities, generator)
    brought = attributed(measures, shares, probabilities, generator, n)
    return clusters.with_columns(
        chosen=pl.Series(chosen),
        probability=pl.Series(probabilities),
        strategy=pl.Series(brought.tolist(), dtype=pl.String),
    )


def _strata(chosen: pl.DataFrame) -> list[Stratum]:
    counts = chosen.group_by("stratum").agg(
        records=pl.col("size").sum(), clusters=pl.len(), drawn=pl.col("chosen").sum()
    )
    return [Stratum(*row) for row in counts.sort("stratum").iter_rows()]


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
    members = candidates.select("record_id", "cluster", "stratum").sort("record_id").with_columns(chance)
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
