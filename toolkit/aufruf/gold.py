"""Decide final labels, column by column, from what annotators answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.tables import EVENTS, GOLD
from aufruf.views import current_annotations, first_answers, triage_judgements

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace


def settled_labels(annotations: pl.LazyFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return the labels that a strict majority of those who answered in triage chose, in any voice.

    Of repeated answers by one annotator the first counts; skipped answers and those that cannot judge do
    not. A tie settles nothing.

    Returns:
        ``record_id``, ``label``; sorted by record, labels in the scheme's order.
    """
    judged = triage_judgements(first_answers(current_annotations(annotations)), scheme)
    return (
        judged.group_by("record_id", "label")
        .agg(settled=2 * pl.col("contained").sum() > pl.len())
        .filter("settled")
        .select("record_id", "label")
        .sort("record_id", pl.col("label").cast(pl.Enum(scheme.label_names)))
        .collect()
    )


def newest_gold(workspace: Workspace) -> pl.DataFrame:
    """Return the rows of the newest gold run; none if nothing was ever decided."""
    last = workspace.store.scan(EVENTS).filter(pl.col("action") == "gold").sort("n").tail(1).collect()
    if last.is_empty():
        return GOLD.empty()
    run = last.item(0, "subject")
    return workspace.store.scan(GOLD).filter(pl.col("gold_run") == run).collect()
