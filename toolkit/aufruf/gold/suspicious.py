"""Final labels that a model's scores speak against: a list to look at again, no verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError
from aufruf.sources.columns import read_columns

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.label_scheme import LabelScheme

FEWEST = 10
"""Records of either value that a column needs before its scores say anything."""
_CELL = ["record_id", "label", "column"]
_BINARY = ("contained", "author")


@dataclass(frozen=True)
class Suspicion:
    """A decided value that the scores speak against.

    ``score`` is the model's probability of yes, made without the record; ``usual`` the mean score of the
    other value's records, which this one reaches. ``share`` is that of annotators for yes.
    """

    record_id: str
    label: str
    column: str
    value: str
    score: float
    usual: float
    share: float | None
    decided_by: str


def suspicious(gold: pl.DataFrame, scores: pl.DataFrame) -> list[Suspicion]:
    """Return decided values that look like the other value, the most surprising first.

    Confident learning (Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in data
    set labels"): a value is suspicious where the probability of the other one is as high as it is on average
    among records that have the other one, unless its own is as high as is usual too and the higher of both.
    So a rare label whose scores are low throughout is served as well as a frequent one, without a threshold
    to set. Scores must be made out of fold: a model that saw the label would only repeat it.

    Args:
        gold: rows of a gold run.
        scores: ``record_id``, ``label``, ``column`` (contained or author), ``score`` (probability of yes).

    Raises:
        InputError: if nothing is decided, or a score is no probability.
    """
    if gold.is_empty():
        raise InputError("nothing is decided yet: run `aufruf gold`")
    if not scores.get_column("score").is_between(0, 1).all():
        raise InputError("scores must be probabilities from 0 to 1")
    decided = gold.filter(pl.col("column").is_in(_BINARY) & pl.col("value").is_not_null())
    each = ["label", "column"]
    scored = decided.join(scores, on=_CELL).with_columns(yes=pl.col("value") == "true")
    usual = scored.group_by(each).agg(
        usual_yes=pl.col("score").filter("yes").mean(),
        usual_no=pl.col("score").filter(~pl.col("yes")).mean(),
        fewest=pl.min_horizontal(pl.col("yes").sum(), (~pl.col("yes")).sum()),
    )
    known = scored.join(usual.filter(pl.col("fewest") >= FEWEST), on=each)
    half = 0.5
    score, usual_yes, usual_no = (pl.col(name) for name in ("score", "usual_yes", "usual_no"))
    against_no = ~pl.col("yes") & (score >= usual_yes) & ((score > usual_no) | (score > half))
    against_yes = pl.col("yes") & (score <= usual_no) & ((score < usual_yes) | (score < half))
    own = pl.when("yes").then("score").otherwise(1 - pl.col("score"))
    found = (
        known.filter(against_no | against_yes)
        .with_columns(usual=pl.when("yes").then("usual_no").otherwise("usual_yes"))
        .sort(own, *_CELL)
    )
    fields = found.select(*_CELL, "value", "score", "usual", "share", "decided_by")
    return [Suspicion(*row) for row in fields.iter_rows()]


def read_scores(path: Path, scheme: LabelScheme) -> pl.DataFrame:
    """Read scores of any model: a table of ``record_id``, ``label``, ``score`` and perhaps ``column``.

    ``label`` is a label's name, or a head's such as ``threat_author``. Without a column or a head,
    ``contained`` is meant.

    Raises:
        InputError: if the file is none, lacks a column, has a score that is no number, says something twice,
            or names no label of the scheme.
    """
    table = read_columns(path)
    missing = [name for name in ("record_id", "label", "score") if name not in table.columns]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; columns are {', '.join(table.columns)}")
    heads = [(f"{label}_{side}", label, side) for label in scheme.label_names for side in _BINARY]
    heads += [(label, label, "contained") for label in scheme.label_names]
    names = pl.DataFrame(heads, schema=["named", "label", "column"], orient="row")
    given = pl.format("{}_{}", "label", "column") if "column" in table.columns else pl.col("label")
    scores = (
        table.select("record_id", named=given, score=pl.col("score").cast(pl.Float64, strict=False))
        .join(names, on="named")
        .select(*_CELL, "score")
        .sort(_CELL)
    )
    wrong = scores.get_column("score").null_count() + scores.select(_CELL).is_duplicated().sum()
    if scores.is_empty() or wrong:
        raise InputError(
            f"{path}: {scores.height:,} scores of known labels, {wrong:,} of them no number or twice; "
            f"expected record_id, label ({', '.join(scheme.label_names)}), score from 0 to 1"
        )
    return scores
