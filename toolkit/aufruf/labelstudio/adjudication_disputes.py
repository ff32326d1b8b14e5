"""What the answers of a round leave in dispute, and what of it nobody has been asked to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.gold.decide import decide
from aufruf.gold.disputes import disputes
from aufruf.gold.verdicts import read_verdicts, with_verdicts
from aufruf.labelstudio.projects import TASK_KEY
from aufruf.labelstudio.queues import MAIN
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, DISPUTES
from aufruf.views import ADJUDICATION, current_annotations, main_answers

if TYPE_CHECKING:
    from aufruf.workspace import Workspace


def open_disputes(workspace: Workspace, round_name: str) -> tuple[pl.DataFrame, int]:
    """Return what the answers to a round's records disagree about, and how many records still lack answers.

    All answers for the main purpose count, of other rounds too, as they do in gold; verdicts end a dispute.

    Returns:
        ``record_id``, ``label``, ``columns``, of records that all have answered; and the count of the others.
    """
    store = workspace.store
    asked = store.scan(ASSIGNMENTS).filter(
        (pl.col("round") == round_name) & (pl.col("pass") == "triage") & (pl.col("purpose") == MAIN)
    )
    answered = current_annotations(store.scan(ANNOTATIONS)).select(TASK_KEY)
    missing = asked.join(answered, on=TASK_KEY, how="anti").select("record_id").unique()
    complete = asked.select("record_id").unique().join(missing, on="record_id", how="anti")
    counted = main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS))
    return (
        _disputes(workspace, counted.join(complete, on="record_id", how="semi")),
        missing.collect().height,
    )


def never_given(
    workspace: Workspace, found: pl.DataFrame, *, without: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Leave out the labels of records that an adjudicator has before them or has decided, in any round.

    Tasks that were skipped, or are ``without`` (rows of ASSIGNMENTS), do not count.
    """
    store = workspace.store
    skipped = current_annotations(store.scan(ANNOTATIONS)).filter(pl.col("state") == "skipped")
    given = store.scan(ASSIGNMENTS).filter(pl.col("purpose") == ADJUDICATION)
    live = given.join(skipped, on=TASK_KEY, how="anti")
    if without is not None:
        live = live.join(without.lazy(), on=TASK_KEY, how="anti")
    asked = store.scan(DISPUTES).join(live, on=TASK_KEY, how="semi").select("record_id", "label")
    taken = pl.concat([asked.collect(), read_verdicts(workspace).select("record_id", "label")])
    return found.join(taken, on=["record_id", "label"], how="anti", maintain_order="left")


def _disputes(workspace: Workspace, answers: pl.LazyFrame) -> pl.DataFrame:
    scheme = workspace.label_scheme
    rows = with_verdicts(decide(answers, scheme, ""), read_verdicts(workspace), scheme)
    return disputes(rows, scheme, workspace.settings.adjudication)
