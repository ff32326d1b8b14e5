"""Which records a takedown is about: by id, by author, by address."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import polars as pl

from aufruf.errors import InputError
from aufruf.pseudonyms import keyed_hash
from aufruf.sources.formats import ONE_NAMING
from aufruf.tables import PLATFORM_IDS, RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aufruf.workspace import Workspace

_TELLING = 40
_LONG_ID = 6
_ID_FIELDS = ("id", "v", "lc", "comment", "post")
"""Fields of an address's query that name a post."""


@dataclass(frozen=True)
class Wanted:
    """What to take down: any of these.

    ``author`` is the name or id as the platform has it. ``source`` or ``platform`` say where it holds;
    without them every source and platform is tried.
    """

    records: tuple[str, ...] = ()
    author: str | None = None
    url: str | None = None
    source: str | None = None
    platform: str | None = None


@dataclass(frozen=True)
class Selection:
    """Records with all versions, excerpts of the same article and reposts.

    Further posts of ``authors`` are refused. ``copies`` are ids of other records that hold one of the texts
    word by word, and are not taken down.
    """

    records: pl.DataFrame
    authors: tuple[str, ...]
    copies: tuple[str, ...]


def select(workspace: Workspace, wanted: Wanted) -> Selection:
    """Find the records that are wanted, and what belongs to them.

    Raises:
        InputError: if there are none.
        WorkspaceError: if the pseudonym key was destroyed and a name or address is to be looked up.
    """
    if not (wanted.records or wanted.author or wanted.url):
        raise InputError("nothing to take down: name records with --record, an --author or a --url")
    stored = workspace.store.scan(RECORDS)
    authors = _authors(workspace, wanted)
    chosen = pl.col("record_id").is_in(list(wanted.records)) | pl.col("author").is_in(authors)
    if wanted.url:
        chosen |= _at(workspace, wanted.url, wanted)
    first = (
        stored.filter(chosen.fill_null(value=False)).select("record_id", "post_id", "article_id").collect()
    )
    if first.is_empty():
        raise InputError(
            f"{workspace.root}: no such record here: `aufruf takedown --help` says how to name one; a text "
            "that was never imported cannot be taken down"
        )
    missing = set(wanted.records) - set(first["record_id"])
    if missing:
        raise InputError(f"{workspace.root}: no record {min(missing)} here; look ids up in a release")
    records = _with_all_versions(stored, first)
    return Selection(records, tuple(sorted(set(authors) & set(records["author"]))), _copies(stored, records))


def _with_all_versions(stored: pl.LazyFrame, first: pl.DataFrame) -> pl.DataFrame:
    """Add the other versions of the posts, the other excerpts of the articles, and bare reposts."""
    posts, articles = first["post_id"].implode(), first["article_id"].drop_nulls().implode()
    same = (
        pl.col("post_id").is_in(posts)
        | pl.col("article_id").is_in(articles)
        | pl.col("repost_of").is_in(posts)
    )
    return stored.filter(same.fill_null(value=False)).collect().sort("record_id")


def _names(workspace: Workspace, wanted: Wanted) -> list[str]:
    """Return within what ids and names of people may hold; see `aufruf.records.Origin`."""
    platforms = [wanted.platform] if wanted.platform else sorted(ONE_NAMING)
    if wanted.platform:
        return [f"platform {wanted.platform}"]
    if wanted.source:
        return [wanted.source, *(f"platform {name}" for name in platforms)]
    sources = workspace.store.scan(RECORDS).select(pl.col("source").unique()).collect().to_series().to_list()
    return [*sources, *(f"platform {name}" for name in platforms)]


def _authors(workspace: Workspace, wanted: Wanted) -> list[str]:
    if not wanted.author:
        return []
    key = workspace.pseudonym_key()
    spelled = {wanted.author.strip(), wanted.author.strip().removeprefix("@")}
    return [
        keyed_hash(key, "author", names, name)
        for names in _names(workspace, wanted)
        for name in sorted(spelled)
    ]


def _at(workspace: Workspace, url: str, wanted: Wanted) -> pl.Expr:
    """Return which records have an address: of an article, or of a post whose id stands in it.

    A short id is one in many sources: it counts only where it is said in which.
    """
    key = workspace.pseudonym_key()
    shortest = 1 if wanted.source or wanted.platform else _LONG_ID
    ids = sorted(name for name in _ids_in(url) if len(name) >= shortest)
    names = _names(workspace, wanted)
    posts = [keyed_hash(key, "post", name, "id", number, None, None) for name in names for number in ids]
    named = workspace.store.scan(PLATFORM_IDS).filter(pl.col("platform_id").is_in(ids)).collect()
    addresses = [url, url.rstrip("/"), url.rstrip("/") + "/"]
    return (
        pl.col("url").is_in(addresses)
        | pl.col("post_id").is_in(posts)
        | pl.col("record_id").is_in(named["record_id"].implode())
    )


def _ids_in(url: str) -> set[str]:
    """Return what of an address may be an id: a part of its path, two in a row, a value of its query."""
    parts = urlsplit(url)
    path = [unquote(part) for part in parts.path.split("/") if part]
    query = parse_qs(parts.query)
    values = [value for name in _ID_FIELDS for value in query.get(name, ())]
    pairs = [f"{one}/{other}" for one, other in pairwise(path)]
    return {url, *path, *pairs, *values, *(f"{kind}_{part}" for part in path for kind in ("t1", "t3"))}


def _copies(stored: pl.LazyFrame, records: pl.DataFrame) -> tuple[str, ...]:
    texts = records.filter(pl.col("text").str.len_chars() >= _TELLING)["text"].unique().to_list()
    if not texts:
        return ()
    same = pl.col("text").str.contains_any(texts) & ~pl.col("record_id").is_in(records["record_id"].implode())
    return tuple(sorted(stored.filter(same).select("record_id").collect().to_series()))


def texts_of(records: pl.DataFrame) -> Iterable[str]:
    """Return everything that was written: texts, headlines, teasers."""
    return (
        records.select(pl.concat_list("text", "title", "teaser").explode()).to_series().drop_nulls().unique()
    )
