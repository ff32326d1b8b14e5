"""What one gold run says otherwise than another, and why."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_CELL = ["record_id", "label", "column"]


@dataclass(frozen=True)
class Change:
    """A final value that is other than it was; null: open.

    ``why``: adjudicated · more answers · fewer answers · answers changed · rule (the same answers, decided
    in another way, such as by a model) · no answer counts any more.
    """

    record_id: str
    label: str
    column: str
    before: str | None
    after: str | None
    why: str


def changes_between(before: pl.DataFrame, after: pl.DataFrame) -> list[Change]:
    """Return the cells of ``before`` whose value is another in ``after`` or that are gone, in their order.

    Args:
        before: rows of a gold run.
        after: rows of another.
    """
    columns = ["value", "n", "distribution", "decided_by"]
    new = after.select(
        *_CELL, *(pl.col(name).alias(f"{name}_after") for name in columns), there=pl.lit(value=True)
    )
    both = before.join(new, on=_CELL, how="left", maintain_order="left")
    changed = both.filter(pl.col("there").is_null() | pl.col("value").ne_missing(pl.col("value_after")))
    adjudicated = pl.col("decided_by_after").eq_missing("adjudicated")
    why = (
        pl.when(pl.col("there").is_null())
        .then(pl.lit("no answer counts any more"))
        .when(adjudicated & pl.col("decided_by").ne_missing("adjudicated"))
        .then(pl.lit("adjudicated"))
        .when(pl.col("n_after") > pl.col("n"))
        .then(pl.lit("more answers"))
        .when(pl.col("n_after") < pl.col("n"))
        .then(pl.lit("fewer answers"))
        .when(pl.col("distribution") != pl.col("distribution_after"))
        .then(pl.lit("answers changed"))
        .otherwise(pl.lit("rule"))
    )
    return [
        Change(*row) for row in changed.select(*_CELL, "value", "value_after", why.alias("why")).iter_rows()
    ]
