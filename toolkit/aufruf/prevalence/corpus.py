"""How common each label is in a workspace's corpus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import polars as pl

from aufruf.errors import InputError
from aufruf.gold import scan_newest_gold
from aufruf.prevalence.errors_of_annotators import corrected
from aufruf.prevalence.estimates import Estimate, Sampled, estimate
from aufruf.prevalence.frame import Frame, frame_of
from aufruf.tables import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aufruf.prevalence.errors_of_annotators import ErrorRates
    from aufruf.workspace import Workspace

Domain = Literal["language", "kind", "source", "month"]
DOMAINS: tuple[Domain, ...] = get_args(Domain)
_COLUMNS = ("contained", "author")


@dataclass(frozen=True)
class PrevalenceRow:
    """A label's share in the corpus or in a part of it.

    ``estimator`` is hajek or model_assisted. ``effective`` is the size of a simple random sample that sure;
    null for a census. ``value`` is null, with a ``reason``, where the design does not support a figure.
    ``corrected`` says whether errors of gold were taken out.
    """

    label: str
    column: str
    group: str
    estimator: str
    value: float | None
    low: float | None
    high: float | None
    effective: float | None
    judged: int
    positives: float
    population: int
    corrected: bool
    reason: str | None
    notes: list[str] = field(default_factory=list[str])


def prevalence(
    workspace: Workspace,
    round_name: str | None = None,
    *,
    by: Sequence[Domain] = (),
    scores: pl.DataFrame | None = None,
    errors: Mapping[tuple[str, str], ErrorRates] | None = None,
) -> list[PrevalenceRow]:
    """Return how common each label is among the records of the corpus, copies counted each.

    From the newest gold; a record on which people were divided counts by their share. Records that were
    drawn and have no gold are taken to be like the others of their stratum.

    Args:
        workspace: the workspace.
        round_name: the round to estimate from; None: all judged ones, see `frame_of`.
        by: parts of the corpus to tell apart.
        scores: a model's, of the whole corpus (see `aufruf.scores.read_scores`), for model-assisted rows; a
            label is named as threat, or as threat_author.
        errors: of gold, by label and column; None: shares are those of gold labels.

    Raises:
        InputError: if there is no gold, inclusion probabilities are unknown, or nothing of a stratum was
            judged.
    """
    truths = _truths(workspace)
    frame = frame_of(workspace, truths.get_column("record_id").unique(), round_name)
    rows: list[PrevalenceRow] = []
    for label in workspace.label_scheme.label_names:
        for column in _COLUMNS:
            truth = truths.filter((pl.col("label") == label) & (pl.col("column") == column))
            question = _Question(
                label, column, _scores_of(scores, label, column), (errors or {}).get((label, column))
            )
            rows += _rows(question, judged_sample(frame, truth), frame, by)
    return rows


def _truths(workspace: Workspace) -> pl.DataFrame:
    """Return what gold says of drawn records: ``record_id``, ``label``, ``column``, ``truth`` (0 to 1)."""
    gold = scan_newest_gold(workspace).filter(
        pl.col("column").is_in(_COLUMNS) & pl.col("share").is_not_null()
    )
    if gold.select("share").head(1).collect(engine="streaming").is_empty():
        raise InputError("there is no gold to estimate from: decide it with `aufruf gold`")
    decided = (
        pl.when(pl.col("value").is_null())
        .then("share")
        .otherwise((pl.col("value") == "true").cast(pl.Float64))
    )
    truths = gold.select("record_id", "label", "column", truth=decided)
    drawn = workspace.store.scan(SAMPLES).select("record_id").unique().collect()
    if drawn.is_empty():
        return truths.head(0).collect()
    return truths.join(drawn.lazy(), on="record_id", how="semi").collect(engine="streaming")


@dataclass(frozen=True)
class _Question:
    label: str
    column: str
    scores: pl.DataFrame | None
    errors: ErrorRates | None


def judged_sample(frame: Frame, truth: pl.DataFrame) -> pl.DataFrame:
    """Return the judged records of the sample; those not judged are made up for within their stratum.

    Args:
        frame: what was drawn.
        truth: ``record_id``, ``truth``.

    Raises:
        InputError: if nothing of a stratum was judged.
    """
    joined = frame.drawn.join(truth.select("record_id", "truth"), on="record_id", how="left").with_columns(
        rate=pl.col("truth").is_not_null().mean().over("stratum")
    )
    empty = joined.filter(pl.col("rate") == 0).get_column("stratum").unique().sort()
    if truth.height and empty.len():
        raise InputError(
            f"stratum {', '.join(empty.head(5))}: {empty.len()} of the strata drawn from have no judged "
            "record, so nothing is known of that part of the corpus: annotate them and run `aufruf gold`"
        )
    return (
        joined.filter(pl.col("truth").is_not_null())
        .with_columns(
            probability=pl.col("probability") * pl.col("rate"), weight=pl.col("weight") / pl.col("rate")
        )
        .join(frame.records.drop("size", "cluster"), on="record_id")
        .sort("record_id")
    )


def _scores_of(scores: pl.DataFrame | None, label: str, column: str) -> pl.DataFrame | None:
    if scores is None:
        return None
    for name in (f"{label}_{column}", label):
        found = scores.filter(pl.col("label") == name)
        if found.height:
            return found.select("record_id", "score")
    return scores.select("record_id", "score").clear()


@dataclass(frozen=True)
class _Part:
    """A part of the corpus: its judged records, all of its records, and what must be known of it."""

    group: str
    sample: pl.DataFrame
    everyone: pl.DataFrame
    notes: list[str]


def _rows(
    question: _Question, sample: pl.DataFrame, frame: Frame, by: Sequence[Domain]
) -> Iterator[PrevalenceRow]:
    everyone = frame.records
    strata = sample.with_columns(pl.col("stratum").rank("dense").cast(pl.Int64) - 1)
    yield from _estimates(question, _Part("all", strata, everyone, frame.notes))
    for name in by:
        for value in everyone.get_column(name).unique().sort():
            here = pl.col(name) == value
            part = _Part(f"{name}={value}", strata.filter(here), everyone.filter(here), frame.notes)
            yield from _estimates(question, part)


def _estimates(question: _Question, part: _Part) -> Iterator[PrevalenceRow]:
    few = f"{part.sample.height} judged records: at least 2 are needed"
    sampled = _sampled(part.sample)
    yield _row(question, part, "hajek", estimate(sampled), few)
    if question.scores is None:
        return
    scored = part.everyone.select("record_id").join(question.scores, on="record_id").get_column("score")
    if scored.len() < part.everyone.height:
        reason = f"scores cover {scored.len()} of {part.everyone.height} records: all are needed"
        yield _row(question, part, "model_assisted", None, reason)
        return
    own = part.sample.join(question.scores, on="record_id", how="left", maintain_order="left")
    mean = float(scored.to_numpy().mean())
    found = estimate(sampled, own.get_column("score").to_numpy(), mean)
    yield _row(question, part, "model_assisted", found, few)


def _sampled(sample: pl.DataFrame) -> Sampled:
    names = ("truth", "size", "probability", "share", "weight")
    columns = {name: sample.get_column(name).to_numpy().astype(np.float64) for name in names}
    return Sampled(**columns, stratum=sample.get_column("stratum").to_numpy().astype(np.int64))


def _row(
    question: _Question, part: _Part, estimator: str, found: Estimate | None, reason: str
) -> PrevalenceRow:
    if found is not None and question.errors is not None:
        reason = "sensitivity and specificity of gold add up to 1 or less, or all was judged"
        found = corrected(found, question.errors)
    return PrevalenceRow(
        label=question.label,
        column=question.column,
        group=part.group,
        estimator=estimator,
        value=None if found is None else found.value,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        effective=None if found is None or np.isinf(found.effective) else found.effective,
        judged=part.sample.height,
        positives=float(part.sample.get_column("truth").sum()),
        population=part.everyone.height,
        corrected=question.errors is not None,
        reason=reason if found is None else None,
        notes=part.notes,
    )
