"""Copies of an article in several outlets are found over all excerpts, and stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from aufruf.gold import newest_gold
from aufruf.release.content import gather
from aufruf.release.syndication import syndicated_copies
from aufruf.tables import CLUSTERS, GOLD, RECORDS

if TYPE_CHECKING:
    from aufruf.workspace import Workspace


def copies(articles: dict[str, str]) -> dict[str, str]:
    """Name each cluster by one character."""
    rows = [(article, cluster) for article, clusters in articles.items() for cluster in clusters]
    excerpts = pl.DataFrame(rows, schema={"article_id": pl.String, "cluster": pl.String}, orient="row")
    return dict(syndicated_copies(excerpts).sort("article_id").rows())


def test_articles_that_share_half_of_the_shorter_one_are_copies():
    assert copies({"a": "1234", "b": "12789", "c": "xyz"}) == {"a": "a", "b": "a"}


def test_one_shared_notice_makes_no_copy_of_long_articles():
    assert copies({"a": "1234", "b": "1789", "c": "1xyz"}) == {}


def test_copies_join_over_a_chain():
    assert copies({"c": "12", "b": "2345", "a": "4567"}) == {"a": "a", "b": "a", "c": "a"}


def test_a_repeated_paragraph_within_an_article_ties_it_to_nothing():
    assert copies({"a": "1112", "b": "345"}) == {}


@given(st.integers(2, 300))
def test_a_text_in_many_outlets_is_one_unit(n: int):
    assert set(copies({f"{number:03d}": "1234" for number in range(n)}).values()) == {"000"}


def test_nothing_is_no_trouble():
    assert copies({}) == {}


def test_copies_are_tied_by_excerpts_that_are_not_released(filled_workspace: Workspace):
    """Of two copies one excerpt each is released, and not the same one."""
    store = filled_workspace.store
    excerpts = store.read(RECORDS).drop_nulls("article_id").sort("article_id", "excerpt_start")
    articles = excerpts.get_column("article_id").unique(maintain_order=True)
    left, right = (excerpts.filter(pl.col("article_id") == name)["record_id"] for name in articles[:2])
    store.upsert(CLUSTERS, pl.DataFrame({"record_id": right, "cluster": left}))
    store.upsert(CLUSTERS, pl.DataFrame({"record_id": left, "cluster": left}))
    hidden = pl.col("record_id").is_in([*left[1:], right[0], *right[2:]])
    shown = newest_gold(filled_workspace).filter(~hidden).with_columns(gold_run=pl.lit("shown"))
    store.append(GOLD, shown)
    filled_workspace.record_event("gold", "shown", {})
    records = gather(filled_workspace).records.filter(pl.col("article_id").is_in(articles[:2].implode()))
    assert records.height == 2
    assert records.get_column("cluster").n_unique() == 2
    assert records.get_column("syndicated").to_list() == [min(articles[:2])] * 2
