"""Which answers in triage are a disagreement that an adjudicator should decide."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import SettingsError
from aufruf.gold.decide import ties

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.settings import Adjudication, Rule

_OPINIONS = 2


def triage_columns(scheme: LabelScheme) -> list[str]:
    """Return what triage answers of a label, and a verdict decides."""
    attributes = [attribute.name for attribute in scheme.attributes if attribute.in_pass == "triage"]
    return ["contained", "author", "voice", *attributes]


def disputes(gold: pl.DataFrame, scheme: LabelScheme, rules: Adjudication) -> pl.DataFrame:
    """Return the labels of records about which the answers of triage disagree, by each label's rule.

    Two opinions are needed for a disagreement. Voice and attributes count where the label is not decided as
    no; what an adjudicator has decided is no longer in dispute, ambiguous or not.

    Args:
        gold: rows of GOLD.
        scheme: the label scheme.
        rules: what is a disagreement.

    Returns:
        ``record_id``, ``label``, ``columns`` (those in dispute, in their order); sorted by record, labels in
        the scheme's order.

    Raises:
        SettingsError: if the rules name a label that the scheme does not have.
    """
    unknown = sorted(rules.labels.keys() - set(scheme.label_names))
    if unknown:
        raise SettingsError(
            f"aufruf.toml: [adjudication] labels names '{unknown[0]}', expected one of "
            f"{', '.join(scheme.label_names)}"
        )
    columns = triage_columns(scheme)
    asked = gold.filter(
        pl.col("column").is_in(columns)
        & (pl.col("n") >= _OPINIONS)
        & pl.col("decided_by").ne_missing("adjudicated")
    )
    undecided = ties(asked).select("record_id", "label", "column", is_tied=pl.lit(value=True))
    denied = asked.filter((pl.col("column") == "contained") & (pl.col("value") == "false"))
    matters = pl.col("column").is_in(["contained", "author"]) | ~pl.col("is_denied").fill_null(value=False)
    return (
        asked.join(undecided, on=["record_id", "label", "column"], how="left")
        .join(
            denied.select("record_id", "label", is_denied=pl.lit(value=True)),
            on=["record_id", "label"],
            how="left",
        )
        .filter((_differs(rules) & matters) | pl.col("is_tied").fill_null(value=False))
        .sort(
            "record_id",
            pl.col("label").cast(pl.Enum(scheme.label_names)),
            pl.col("column").cast(pl.Enum(columns)),
        )
        .group_by("record_id", "label", maintain_order=True)
        .agg(columns="column")
    )


def _differs(rules: Adjudication) -> pl.Expr:
    """Whether a row's answers differ by its label's rule, ties aside: they differ by every rule."""
    by_label = (
        (pl.col("label") == label) & _differs_by(rule) for label, rule in sorted(rules.labels.items())
    )
    others = ~pl.col("label").is_in(list(rules.labels)) & _differs_by(rules.rule)
    return reduce(lambda left, right: left | right, by_label, others)


def _differs_by(rule: Rule) -> pl.Expr:
    if rule == "no_majority":
        return pl.lit(value=False)
    if rule == "any":
        return pl.col("distribution").list.len() > 1
    top = pl.col("distribution").list.first().struct.field("n")
    return top / pl.col("n") < rule
