"""Find the lines that recur on the pages of a site: what stands around articles, not in them.

Phrases catch what all sites have (»Read also«); this catches what one site has, such as the text of its
newsletter box. Nothing here is random, and the order of the pages does not matter.
"""

from __future__ import annotations

import re

import polars as pl

MIN_PAGES = 5
"""A line must stand in so many different articles of a site."""

MIN_SHARE = 0.2
"""And in such a share of the site's articles: background paragraphs recur too, but in fewer."""

_LONGEST = 300
_SPEECH = r"[„“”\"»«‚‘›‹]"
_HOST = r"^\s*\w+://(?:www\.)?([^/:?#\s]+)"


def site_of(url: pl.Expr, outlet: pl.Expr, source: pl.Expr) -> pl.Expr:
    """Return the site of each article: its address's host, else its outlet, else the source."""
    return pl.coalesce(url.str.extract(_HOST).str.to_lowercase(), outlet, source)


def recurring_lines(articles: pl.DataFrame) -> dict[str, frozenset[str]]:
    """Return, by site, the keys (see `line_key`) of the lines that recur there.

    A line recurs if it stands in at least `MIN_PAGES` and `MIN_SHARE` of the site's articles. Articles
    with the same longest line, apart from the one in question, are versions of one and count once. Lines
    with quotation marks and long ones never count: what is quoted may recur, and is what we look for.

    Args:
        articles: columns ``site`` and ``text``, normalised.
    """
    lines = (
        articles.with_row_index("page")
        .select("page", "site", line=pl.col("text").str.split("\n"))
        .explode("line", empty_as_null=True, keep_nulls=True)
        .select("page", "site", key=_key(pl.col("line")))
        .filter(pl.col("key") != "")
        .unique()
    )
    needed = lines.group_by("site").agg(
        needed=pl.max_horizontal(pl.lit(MIN_PAGES), pl.col("page").n_unique() * MIN_SHARE)
    )
    found = pl.DataFrame(schema={"site": pl.String, "key": pl.String})
    while (more := _recurring(lines, needed)).height:
        found = pl.concat([found, more])
        lines = lines.join(more, on=["site", "key"], how="anti")
    return {site: frozenset(keys) for site, keys in found.group_by("site").agg("key").iter_rows()}


def line_key(line: str) -> str:
    """Return what lines are told apart by: their text with every number as 0."""
    return re.sub(r"\d+", "0", line.strip())


def _key(line: pl.Expr) -> pl.Expr:
    return line.str.strip_chars().str.replace_all(r"\d+", "0")


def _recurring(lines: pl.DataFrame, needed: pl.DataFrame) -> pl.DataFrame:
    """Return the lines that recur, by the longest other line of each of their pages."""
    ranked = lines.with_columns(length=pl.col("key").str.len_chars()).sort(
        "length", "key", descending=[True, False]
    )
    longest = ranked.group_by("page").agg(
        first=pl.col("key").first(), second=pl.col("key").slice(1, 1).first()
    )
    other = pl.when(pl.col("key") != pl.col("first")).then("first").otherwise("second")
    counted = (
        ranked.filter((pl.col("length") <= _LONGEST) & ~pl.col("key").str.contains(_SPEECH))
        .join(longest, on="page")
        .group_by("site", "key")
        .agg(articles=other.drop_nulls().n_unique())
    )
    return (
        counted.join(needed, on="site").filter(pl.col("articles") >= pl.col("needed")).select("site", "key")
    )
