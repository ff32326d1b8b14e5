"""Gather what a release is made of from a workspace's tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.context import with_context
from aufruf.errors import WorkspaceError
from aufruf.gold import scan_newest_gold
from aufruf.release.decided import decided_records
from aufruf.release.rights import with_form
from aufruf.release.syndication import syndicated_copies
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, CLUSTERS, RECORDS, SAMPLES
from aufruf.text import normalise
from aufruf.views import (
    ADJUDICATION,
    QUALIFICATION,
    current_annotations,
    newest_records,
    qualification_records,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

    from aufruf.label_scheme import Example, LabelScheme
    from aufruf.workspace import Workspace

CHANCE = ("random", "stratified")
"""Strategies that draw by chance alone: only what they drew may be validated or tested on."""
HELD_IN_TRAIN = ("qualification", "gold_check")
"""Purposes of tasks whose right answers annotators may have been told."""
_FIRST_WORDS = 4
_RANKED = ("cluster", "author", "conversation")
"""Columns that only tell records together from others: their ranks are quicker to sort and compare."""

_NOT_RELEASED = (
    "language_confidence",
    "title",
    "teaser",
    "outlet",
    "edited_at",
    "quotes",
    "reporting_cue",
    "indirect_speech",
    "has_media",
    "truncated",
    "key_id",
    "import_id",
)
"""Columns of records that no release is made from: a large table is read without them."""


@dataclass(frozen=True)
class Content:
    """What a release is made of.

    Attributes:
        records: the newest version of each record with gold, beside columns of the table ``cluster``,
            ``syndicated`` (smallest article_id of an article's copies), ``stratum``,
            ``inclusion_probability``, ``context_before``, ``context_after`` (null where the text is not
            released), those of `aufruf.release.rights.with_form`, ``train_only``, ``row`` (in ``gold``);
            sorted by id. ``cluster``, ``author`` and ``conversation`` are ranks.
        gold: what the newest gold run decided, from `decided_records`.
        annotations: live answers to them, with ``row`` and ``purpose``; those of qualification left out.
        gold_run: which run it is.
        superseded: how many records have gold, but a newer version of their text.
    """

    records: pl.DataFrame
    gold: pl.DataFrame
    annotations: pl.DataFrame
    gold_run: str
    superseded: int


def gather(workspace: Workspace) -> Content:
    """Return everything that a release may hold.

    Raises:
        WorkspaceError: if no gold labels were decided.
    """
    with ThreadPoolExecutor(1) as beside:
        answers = beside.submit(_answers, workspace)
        return _gathered(workspace, answers)


def _gathered(workspace: Workspace, answers: Future[pl.DataFrame]) -> Content:
    run = scan_newest_gold(workspace)
    decided = decided_records(run, workspace.label_scheme)
    if decided.is_empty():
        raise WorkspaceError(
            f"{workspace.root}: there are no gold labels to release; decide them with `aufruf gold`"
        )
    newest = newest_records(workspace.store.scan(RECORDS)).drop(_NOT_RELEASED)
    places = decided.select("record_id").with_row_index("row").lazy()
    records = newest.join(places, on="record_id").collect()
    clusters = workspace.store.read(CLUSTERS)
    clustered = records.join(clusters, on="record_id", how="left", maintain_order="left")
    tied = _with_copies(clustered, newest, clusters)
    described = _with_train_only(_with_sample(tied, workspace), clusters, workspace)
    whole = _with_context(with_form(described, workspace), newest)
    return Content(
        records=whole.with_columns(pl.col(_RANKED).rank("dense")).sort("row"),
        gold=decided,
        annotations=_answers_to(records, answers.result()),
        gold_run=run.select("gold_run").head(1).collect().item(),
        superseded=decided.height - records.height,
    )


def _with_copies(records: pl.DataFrame, newest: pl.LazyFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Add which articles are copies of one another; null for an article without a copy, and for posts."""
    excerpts = newest.select("record_id", "article_id").drop_nulls("article_id")
    held = excerpts.join(clusters.lazy(), on="record_id").select("article_id", "cluster")
    copies = syndicated_copies(held.collect())
    return records.join(copies, on="article_id", how="left", maintain_order="left")


def _with_sample(records: pl.DataFrame, workspace: Workspace) -> pl.DataFrame:
    """Add how each record was drawn; of several rounds the first. Null for what was never sampled."""
    drawn = workspace.store.scan(SAMPLES).collect().sort("round").unique("record_id", keep="first")
    named = drawn.select(
        "record_id",
        "strategy",
        "inclusion_probability",
        stratum=pl.concat_str("round", "stratum", separator="/"),
    )
    return records.join(named, on="record_id", how="left", maintain_order="left")


def _with_context(records: pl.DataFrame, newest: pl.LazyFrame) -> pl.DataFrame:
    """Add the sentences around news excerpts; what a post answers is another person's, and stays out."""
    excerpts = records.filter((pl.col("kind") == "news") & pl.col("gives_text"))
    articles = excerpts.lazy().select("article_id").unique()
    every = newest.drop_nulls("article_id").join(articles, on="article_id", how="semi").collect()
    found = with_context(excerpts, every).select("record_id", "context_before", "context_after")
    return records.join(found, on="record_id", how="left", maintain_order="left")


def _with_train_only(records: pl.DataFrame, clusters: pl.DataFrame, workspace: Workspace) -> pl.DataFrame:
    """Mark what must not be tested on: a model's choice, guideline examples, check items and their copies."""
    purposes = workspace.store.scan(ASSIGNMENTS).filter(pl.col("purpose").is_in(HELD_IN_TRAIN))
    items = qualification_records(workspace.store.scan(RECORDS))
    told = _clusters_of(pl.concat([purposes.select("record_id"), items.select("record_id")]), clusters)
    texts = pl.DataFrame({"text": [example.text for example in _examples(workspace.label_scheme)]})
    examples = texts.select(_comparable(pl.col("text"))).unique().to_series()
    alike = records.filter(pl.col("text").str.contains(_beginning(examples)))
    taken = alike.filter(_comparable(pl.col("text")).is_in(examples.implode())).get_column("record_id")
    by_model = pl.col("strategy").is_not_null() & ~pl.col("strategy").is_in(CHANCE)
    return records.with_columns(
        train_only=by_model
        | pl.coalesce("cluster", "record_id").is_in(told.implode())
        | pl.col("record_id").is_in(taken.implode())
    )


def _clusters_of(records: pl.LazyFrame, clusters: pl.DataFrame) -> pl.Series:
    """Return the duplicate clusters that hold one of the records; one in none is its own."""
    found = records.join(clusters.lazy(), on="record_id", how="left")
    return found.select(pl.coalesce("cluster", "record_id")).unique().collect().to_series()


def _examples(scheme: LabelScheme) -> list[Example]:
    labelled = [e for label in scheme.labels for e in (*label.examples, *label.counter_examples)]
    return [*labelled, *(example for border in scheme.borders for example in border.examples)]


def _comparable(texts: pl.Expr) -> pl.Expr:
    return normalise(texts).str.to_lowercase().str.replace_all(r"\s+", " ")


def _beginning(examples: pl.Series) -> str:
    """Return a pattern of the examples' first words: few texts match, and only those are compared whole."""
    words = [text.split(" ")[:_FIRST_WORDS] for text in examples]
    begins = {r"\s+".join(pl.escape_regex(word) for word in first) for first in words}
    return rf"(?i)^\s*(?:{'|'.join(sorted(begins))})"


def _answers(workspace: Workspace) -> pl.DataFrame:
    purposes = workspace.store.scan(ASSIGNMENTS).select("task_key", "purpose")
    return (
        current_annotations(workspace.store.scan(ANNOTATIONS))
        .filter(pl.col("state") == "live")
        .join(purposes, on="task_key", how="left")
        .filter(pl.col("purpose").is_null() | ~pl.col("purpose").is_in([QUALIFICATION, ADJUDICATION]))
        .drop("task_key", "revision", "state", "comment", "updated_at")
        .collect()
    )


def _answers_to(records: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Return the answers to records with their ``row``; ids alone are joined, for lists are dear to copy."""
    places = records.select("record_id", "row")
    found = answers.select("record_id").join(places, on="record_id", how="left", maintain_order="left")
    return answers.with_columns(found.get_column("row")).filter(pl.col("row").is_not_null())
