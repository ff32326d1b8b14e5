"""Copies of an article in several outlets are found over all excerpts, and stay together."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from aufruf.release.syndication import syndicated_copies


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
