"""The human ceiling: how well one annotator predicts what the others decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from aufruf.baselines.metrics import f1, mean_of_defined
from aufruf.baselines.release_data import SIDES
from aufruf.baselines.resampling import ROUNDS, draws
from aufruf.baselines.scoring import Figure
from aufruf.baselines.slices import languages_of
from aufruf.views import triage_judgements

if TYPE_CHECKING:
    from aufruf.baselines.examples import Examples, Reals, Target
    from aufruf.baselines.scoring import Score
    from aufruf.baselines.slices import Slice
    from aufruf.label_scheme import LabelScheme

METRIC = "human_f1"


def human_scores(
    judgements: pl.DataFrame, examples: Examples, *, rounds: int = ROUNDS, seed: int = 0
) -> list[Score]:
    """Score each annotator's answers against the strict majority of the others.

    F1 of yes is formed for each annotator over the texts where the others agree that much, then averaged
    over annotators; those to whom nothing was positive are left out. Texts over which the others are divided
    are left out too, so the ceiling is rather too high.

    Args:
        judgements: ``id``, ``annotator``, ``head``, ``yes``: see `judgements_of`.
        examples: the texts, with their ids among the facts; units are theirs.
        rounds: draws of the bootstrap, over units.
        seed: of the bootstrap.

    Returns:
        ``human_f1`` of each head of the examples of which annotators can be compared, by language; ``n``
        counts texts.
    """
    if examples.facts is None:
        return []
    place = examples.facts.select("id", row=pl.int_range(pl.len()))
    compared = _compared(judgements).join(place, on="id")
    found: list[Score] = []
    for target in examples.targets:
        of_head = compared.filter(pl.col("head") == target.name)
        parts = languages_of(examples) if of_head.height else []
        found += [_score(target, of_head, examples, part, rounds, seed) for part in parts]
    return found


def judgements_of(annotations: pl.DataFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return what annotators answered in triage, from a release's config ``annotations``.

    Records shown to somebody again are left out.

    Returns:
        ``id``, ``annotator``, ``head`` (such as ``threat_author``), ``yes``; a row a question answered.
    """
    labels, voices = (pl.Series(names, dtype=pl.String) for names in (scheme.label_names, scheme.voice_names))
    by_name = annotations.filter(pl.col("purpose").ne_missing("repeat")).select(
        "annotator",
        "pass",
        "round",
        "asked",
        record_id="id",
        annotation_uuid=pl.int_range(pl.len()).cast(pl.String),
        state=pl.lit("live"),
        labels=pl.col("labels").list.eval(_named(pl.element(), labels)),
        voices=pl.col("voices").list.eval(
            pl.struct(
                label=_named(pl.element().struct.field("label"), labels),
                voice=_named(pl.element().struct.field("voice"), voices),
            )
        ),
    )
    said = triage_judgements(by_name.lazy(), scheme).collect()
    first = said.unique(["record_id", "annotator", "label"], keep="first", maintain_order=True)
    sides = [
        first.filter(pl.col(side).is_not_null()).select(
            "annotator", id="record_id", head=pl.format("{}_{}", "label", pl.lit(side)), yes=side
        )
        for side in SIDES
    ]
    return pl.concat(sides)


def _named(codes: pl.Expr, names: pl.Series) -> pl.Expr:
    numbers = pl.Series(range(len(names)), dtype=pl.Int64)
    return codes.cast(pl.Int64).replace_strict(numbers, names, return_dtype=pl.String)


def _compared(judgements: pl.DataFrame) -> pl.DataFrame:
    """Return judgements with what most others say: ``truth``; those without a majority are left out."""
    yes, n = pl.col("yes").cast(pl.Int64), pl.len()
    others = judgements.with_columns(
        others=(n - 1).over("id", "head").cast(pl.Int64), agreed=yes.sum().over("id", "head") - yes
    )
    return others.filter(2 * pl.col("agreed") != pl.col("others")).with_columns(
        truth=2 * pl.col("agreed") > pl.col("others")
    )


def _score(  # noqa: PLR0913, PLR0917 -- one head in one place
    target: Target, compared: pl.DataFrame, examples: Examples, part: Slice, rounds: int, seed: int
) -> Score:
    rows = compared.filter(pl.Series(part.rows[compared.get_column("row").to_numpy()]))
    units = np.unique(examples.units, return_inverse=True)[1]
    n_units = int(units.max()) + 1
    hits, false_alarms, missed = (
        _by_annotator(rows.filter(kind), units, n_units, rows.get_column("annotator").unique().sort())
        for kind in (
            pl.col("yes") & pl.col("truth"),
            pl.col("yes") & ~pl.col("truth"),
            ~pl.col("yes") & pl.col("truth"),
        )
    )
    values: list[Reals] = []
    for draw in draws(n_units, rounds, seed):
        tp, fp, fn = (counts @ draw for counts in (hits, false_alarms, missed))
        each = np.where(tp + fn > 0, f1(tp, fp, fn), np.nan)
        values.append(mean_of_defined(each))
    n = rows.get_column("id").n_unique()
    return Figure(target.name, part.language, METRIC, np.concatenate(values), n).score


def _by_annotator(rows: pl.DataFrame, units: Any, n_units: int, annotators: pl.Series) -> Any:
    """Count rows by annotator and unit, shape (n_annotators, n_units), sparse."""
    from scipy.sparse import csr_array

    who = annotators.search_sorted(rows.get_column("annotator")).to_numpy()
    where = units[rows.get_column("row").to_numpy()]
    return csr_array((np.ones(rows.height), (who, where)), shape=(len(annotators), n_units))
