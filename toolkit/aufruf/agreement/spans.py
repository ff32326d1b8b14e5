"""Agreement on marked passages: character by character, and passage by passage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aufruf.agreement.bootstrap import Interval, draws, interval
from aufruf.agreement.coefficients import NO_PAIRS, AgreementRow, Bootstrap
from aufruf.agreement.sums import Sums
from aufruf.tables import RECORDS
from aufruf.views import question_answers

if TYPE_CHECKING:
    from aufruf.agreement.coding import Floats
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace

NO_PASSAGES = "nobody marked a passage"
ONE_RECORD = "no interval: all passages are of one duplicate cluster"
_PERSON = ["record_id", "annotator", "label"]
_FIGURES = {"exact_f1": "exact", "overlap_f1": "overlapping"}


def marked_passages(annotations: pl.LazyFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return what everybody who could mark a passage did mark.

    Could have: who chose the label in triage and answered about it in the detail pass. Passages of one
    annotator that overlap or touch are one.

    Returns:
        ``record_id``, ``annotator``, ``label``, ``round``, ``start``, ``end`` (code points in the text; both
        null where nothing was marked).
    """
    said = question_answers(annotations, scheme).collect()
    chosen = said.filter((pl.col("column") == "contained") & (pl.col("value") == "true"))
    marks = (
        annotations.filter(pl.col("pass") == "detail")
        .select("record_id", "annotator", "round", "spans")
        .explode("spans")
        .filter(pl.col("spans").is_not_null())
        .unnest("spans")
        .collect()
        .join(chosen, on=_PERSON, how="semi")
    )
    people = pl.concat([some.select(*_PERSON, "round") for some in (_detailed(said), marks)])
    return people.unique(_PERSON, maintain_order=True).join(_merged(marks), on=_PERSON, how="left")


def character_answers(passages: pl.DataFrame, workspace: Workspace) -> pl.DataFrame:
    """Return the passages as answers: whether each stretch of characters is marked, weighted by its length.

    With every character a unit this is the binary idea of Krippendorff, Mathet, Bouvry & Widlöcher 2016, "On
    the reliability of unitizing textual continua": marked matter against unmarked, nothing said of where one
    passage ends and the next begins. Stretches lie between places where somebody's passage begins or ends.

    Returns:
        ``record_id``, ``annotator``, ``round``, ``question`` (``<label>_spans``), ``value`` (true or false),
        ``weight`` (characters), ``stretch`` (its first character).
    """
    texts = workspace.store.scan(RECORDS).select("record_id", length=pl.col("text").str.len_chars())
    lengths = texts.join(passages.lazy(), on="record_id", how="semi").collect()
    keys = ["record_id", "label"]
    people = passages.select(*_PERSON, "round").unique()
    bounds = [passages.select(*keys, at=edge) for edge in ("start", "end")]
    ends = people.select(keys).unique().join(lengths, on="record_id")
    bounds += [
        ends.select(*keys, at=pl.lit(0, pl.Int64)),
        ends.select(*keys, at=pl.col("length").cast(pl.Int64)),
    ]
    stretches = (
        pl.concat(bounds)
        .drop_nulls()
        .unique()
        .sort(*keys, "at")
        .with_columns(until=pl.col("at").shift(-1).over(keys))
        .drop_nulls("until")
    )
    marked = stretches.join(passages.drop_nulls("start"), on=keys).filter(
        (pl.col("start") <= pl.col("at")) & (pl.col("end") >= pl.col("until"))
    )
    return (
        stretches.join(people, on=keys)
        .join(marked.select(*_PERSON, "at", value=pl.lit("true")), on=[*_PERSON, "at"], how="left")
        .select(
            "record_id",
            "annotator",
            "round",
            question=pl.col("label") + "_spans",
            value=pl.col("value").fill_null("false"),
            weight=(pl.col("until") - pl.col("at")).cast(pl.Float64),
            stretch="at",
        )
    )


def passage_pairs(passages: pl.DataFrame) -> pl.DataFrame:
    """Return what any two annotators marked in the same record.

    Returns:
        ``record_id``, ``round``, ``question``, ``annotator``, ``other``, ``total`` (passages of both),
        ``exact`` (those of both that the other one marked with the same borders), ``overlapping`` (those that
        share a character with one of the other's).
    """
    people = passages.select(*_PERSON, "round").unique()
    own = passages.drop_nulls("start").select(*_PERSON, "start", "end")
    beside = own.join(own, on=["record_id", "label"], suffix="_other").filter(
        (pl.col("annotator") != pl.col("annotator_other"))
        & (pl.col("start") < pl.col("end_other"))
        & (pl.col("start_other") < pl.col("end"))
    )
    same = (pl.col("start") == pl.col("start_other")) & (pl.col("end") == pl.col("end_other"))
    found = beside.group_by(*_PERSON, "annotator_other").agg(
        exact=same.sum(), overlapping=pl.struct("start", "end").n_unique()
    )
    counts = own.group_by(_PERSON).agg(marked=pl.len())
    one_way = (
        people.join(people.drop("round"), on=["record_id", "label"], suffix="_other")
        .filter(pl.col("annotator") != pl.col("annotator_other"))
        .join(counts, on=_PERSON, how="left")
        .join(found, on=[*_PERSON, "annotator_other"], how="left")
        .with_columns(pl.col("marked", "exact", "overlapping").fill_null(0))
    )
    first, last = (f(pl.col("annotator", "annotator_other")) for f in (pl.min_horizontal, pl.max_horizontal))
    return (
        one_way.with_columns(annotator=first, other=last)
        .group_by("record_id", "label", "annotator", "other")
        .agg(
            round=pl.col("round").min(),
            total=pl.col("marked").sum(),
            exact=pl.col("exact").sum(),
            overlapping=pl.col("overlapping").sum(),
        )
        .with_columns(question=pl.col("label") + "_spans")
        .drop("label")
    )


def passage_rows(pairs: pl.DataFrame, label: str, group: str, bootstrap: Bootstrap) -> list[AgreementRow]:
    """Return the F1 of passages, over all pairs of annotators: 2 matches / passages of both.

    ``exact_f1`` takes the same borders for a match, ``overlap_f1`` one common character.

    Args:
        pairs: see `passage_pairs`, with ``cluster``.
        label: the question.
        group: the group's name.
        bootstrap: how intervals are made; annotators are taken as they are.
    """
    people = pl.concat([pairs.get_column("annotator"), pairs.get_column("other")]).n_unique()
    rows: list[AgreementRow] = []
    for name, column in _FIGURES.items():
        value, spread = _f1(pairs, column, bootstrap)
        records = pairs.get_column("record_id").n_unique()
        rows.append(
            AgreementRow(
                label, group, name, "spans", value, spread.low, spread.high, records, people, spread.reason
            )
        )
    return rows


def _f1(pairs: pl.DataFrame, column: str, bootstrap: Bootstrap) -> tuple[float | None, Interval]:
    if pairs.is_empty():
        return None, Interval(reason=NO_PAIRS)
    of_cluster = pairs.group_by("cluster").agg(pl.col(column).sum(), pl.col("total").sum())
    alike = of_cluster.group_by(column, "total").agg(clusters=pl.len()).sort(column, "total")
    hits, total = (alike.get_column(name).cast(pl.Float64).to_numpy()[:, None] for name in (column, "total"))
    sums = Sums(alike.get_column("clusters").cast(pl.Int64).to_numpy(), {"hits": hits, "total": total})
    if not total.any():
        return None, Interval(reason=NO_PASSAGES)
    value = float((hits.T @ sums.clusters).item() / (total.T @ sums.clusters).item())
    if not bootstrap.resamples:
        return value, Interval()
    if of_cluster.height == 1:
        return value, Interval(reason=ONE_RECORD)
    parts = [_share(part) for part in draws(sums, seed=bootstrap.seed, resamples=bootstrap.resamples)]
    return value, interval(np.concatenate(parts))


def _share(sums: Sums) -> Floats:
    hits, total = sums.parts["hits"][:, 0], sums.parts["total"][:, 0]
    return np.where(total > 0, hits / np.where(total > 0, total, 1), np.nan)


def _detailed(said: pl.DataFrame) -> pl.DataFrame:
    return said.filter(pl.col("pass") == "detail")


def _merged(marks: pl.DataFrame) -> pl.DataFrame:
    """Return each annotator's passages, those that overlap or touch as one."""
    reach = pl.col("end").cum_max().shift(1).over(_PERSON)
    return (
        marks.sort(*_PERSON, "start", "end")
        .with_columns(begins=(pl.col("start") > reach).fill_null(value=True))
        .with_columns(passage=pl.col("begins").cum_sum().over(_PERSON))
        .group_by(*_PERSON, "passage")
        .agg(start=pl.col("start").min(), end=pl.col("end").max())
        .drop("passage")
    )
