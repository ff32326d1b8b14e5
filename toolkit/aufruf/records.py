"""Make records of items: normalise, mask, identify the language, find quotes, name by keyed hashes.

Pure: the same items, key and settings give the same records, in any batches.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import polars as pl

from aufruf.articles import Excerpts, excerpts
from aufruf.language import identify_language
from aufruf.masking import mask, mask_column, unkeyed
from aufruf.pseudonyms import key_id, keyed_hash, keyed_hashes, sha256_hashes
from aufruf.quotes import quoted_spans, quotes_column
from aufruf.recurring import site_of
from aufruf.reporting import reporting_columns
from aufruf.sources.items import REFUSALS
from aufruf.sources.times import utc_times
from aufruf.tables import RECORDS
from aufruf.text import MAX_BYTES, normalise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from aufruf.masking import MaskedText
    from aufruf.quotes import Span
    from aufruf.secrets import Secret
    from aufruf.settings import MaskCategory

MADE = pl.Schema({**RECORDS.schema, "unit": pl.String, "editable": pl.Boolean, "platform_id": pl.String})
"""Records with ``unit``, the post or article that they were made of, ``editable``: the platform named the
post, so that another text under the same name is an edit, and that name where it is to be kept.
"""


_MISSING = ("", "nan", "NaN", "None", "null", "NULL", "<NA>")
"""How programs that write tables spell a cell without a value."""

_NAMES = [
    pl.col(name).str.strip_chars().replace(dict.fromkeys(_MISSING, None))
    for name in ("id", "author", "conversation", "reply_to", "repost_of", "quote_of")
]


@dataclass(frozen=True)
class Origin:
    """What holds for all items of one source: its slug, rights and outlet, the import, the key.

    ``language`` is that of posts from which none can be told; ``recurring`` are, by site, the lines that
    belong to no article (see `aufruf.recurring`); ``platform`` is given where its ids hold in all sources.
    With ``keep_ids`` the platform's own ids of posts are kept.
    """

    source: str
    import_id: str
    key: Secret
    mask: tuple[MaskCategory, ...]
    rights: str | None = None
    outlet: str | None = None
    language: Literal["de", "en", "und"] = "und"
    recurring: Mapping[str, Collection[str]] = field(default_factory=dict[str, frozenset[str]])
    platform: str | None = None
    keep_ids: bool = False

    @property
    def names(self) -> str:
        """Within what the ids of posts, people and conversations hold: a platform, else the source."""
        return self.source if self.platform is None else f"platform {self.platform}"


@dataclass(frozen=True)
class Made:
    """Records (see `MADE`), the refused items (see `REFUSALS`), and the unit of each kept item.

    ``residue`` counts the lines of articles that were left out, by reason.
    """

    records: pl.DataFrame
    refused: pl.DataFrame
    units: pl.Series
    residue: Counter[str] = field(default_factory=Counter[str])


def records_from_items(items: pl.DataFrame, origin: Origin) -> Made:
    """Make records of items (see `ITEMS`): one of a post, one or more of an article.

    Refused are texts that are empty (``empty_text``) or too long (``too_long``), and articles that are
    nothing but residue (``only_residue``).
    """
    normal = items.with_columns(
        normalise(pl.col("text")).fill_null(""), normalise(pl.col("title")), normalise(pl.col("teaser"))
    )
    normal = normal.with_columns(utc_times(pl.col("created_at")), utc_times(pl.col("edited_at")), *_NAMES)
    empty, long = pl.col("text") == "", pl.col("text").str.len_bytes() > MAX_BYTES
    refused = [
        _refusals(normal.filter(empty), "empty_text", "no text"),
        _refusals(normal.filter(long), "too_long", f"a text of more than {MAX_BYTES:,} bytes"),
    ]
    good = normal.filter(~empty & ~long)
    posts = _posts(good.filter(pl.col("kind") == "post"), origin)
    articles = good.filter(pl.col("kind") == "news")
    news, units, residue = _news(articles, origin)
    bare = articles.filter(units.is_null())
    refused.append(_refusals(bare, "only_residue", "nothing but comment forms and the like"))
    kept = pl.concat([posts["unit"], units.drop_nulls()])
    return Made(pl.concat([posts, news]), pl.concat(refused), kept, residue)


def _posts(items: pl.DataFrame, origin: Origin) -> pl.DataFrame:
    masked = mask_column(items["text"], origin.key, origin.mask)
    language = identify_language(masked)
    hashed = sha256_hashes(items["text"])
    form = _identity_form(items)
    first = pl.select(pl.coalesce(items["id"], pl.when(form == "at").then(items["author"]))).to_series()
    second = pl.select(pl.when(form == "at").then(items["created_at"].dt.to_string())).to_series()
    third = pl.select(pl.when(form == "text").then(hashed)).to_series()
    record_id = keyed_hashes(origin.key, "record", origin.names, form, first, second, hashed)
    return _finished(
        items.select("created_at", "edited_at", "title", "has_media", "truncated").with_columns(
            record_id=record_id,
            post_id=keyed_hashes(origin.key, "post", origin.names, form, first, second, third),
            unit=record_id,
            editable=form == "id",
            kind=pl.lit("post"),
            language=language["language"].replace("und", origin.language),
            language_confidence=language["confidence"],
            text=masked,
            quotes=quotes_column(masked),
            author=keyed_hashes(origin.key, "author", origin.names, items["author"]),
            conversation=keyed_hashes(origin.key, "conversation", origin.names, items["conversation"]),
            reply_to=_named(items["reply_to"], origin),
            repost_of=_named(items["repost_of"], origin),
            quote_of=_named(items["quote_of"], origin),
            platform_id=items["id"] if origin.keep_ids else pl.lit(None, pl.String),
        ),
        origin,
    )


def _named(ids: pl.Series, origin: Origin) -> pl.Series:
    """Return the post_ids of posts that the platform names."""
    return keyed_hashes(origin.key, "post", origin.names, "id", ids, None, None)


def _identity_form(items: pl.DataFrame) -> pl.Series:
    """Return what names each post: its own id, else author and time, else its text alone."""
    by_time = pl.col("author").is_not_null() & pl.col("created_at").is_not_null()
    form = pl.when(pl.col("id").is_not_null()).then(pl.lit("id")).when(by_time).then(pl.lit("at"))
    return items.select(form.otherwise(pl.lit("text")).alias("form")).to_series()


def _news(items: pl.DataFrame, origin: Origin) -> tuple[pl.DataFrame, pl.Series, Counter[str]]:
    """Return the excerpts of articles, the unit of each article (null without excerpts), and the residue."""
    languages = identify_language(items["text"])
    publisher = pl.lit(origin.outlet or origin.source)
    sites = items.select(site_of(pl.col("url"), pl.col("outlet"), publisher)).to_series()
    cuts = [
        excerpts(text, language, origin.recurring.get(site, ()))
        for text, language, site in zip(items["text"], languages["language"], sites, strict=True)
    ]
    rows = [
        list(_excerpt_rows(item, cut, language, confidence, origin))
        for item, cut, (language, confidence) in zip(
            items.iter_rows(named=True), cuts, languages.iter_rows(), strict=True
        )
    ]
    units = pl.Series("unit", [row[0]["unit"] if row else None for row in rows], dtype=pl.String)
    schema = {name: MADE[name] for name in _EXCERPT_COLUMNS}
    frame = pl.DataFrame([excerpt for row in rows for excerpt in row], schema=schema)
    residue = Counter(line.reason for cut in cuts for line in cut.residue)
    return _finished(frame, origin), units, residue


def _excerpt_rows(
    item: dict[str, str | None], cut: Excerpts, language: str, confidence: float | None, origin: Origin
) -> Iterator[dict[str, object]]:
    article = item["text"] or ""
    quotes = quoted_spans(article)
    title = item["title"] or (article[slice(*cut.title)] if cut.title else None)
    teaser = item["teaser"]
    digest = hashlib.sha256(article.encode()).hexdigest()
    unit = keyed_hash(origin.key, "article", origin.source, item["id"] or item["url"], digest)
    for start, end in cut.excerpts:
        masked = mask(article[start:end], origin.key, origin.mask)
        yield {
            "record_id": keyed_hash(origin.key, "record", unit, str(start), article[start:end]),
            "post_id": keyed_hash(origin.key, "excerpt", unit, str(start)),
            "unit": unit,
            "kind": "news",
            "language": language,
            "language_confidence": confidence,
            "text": masked.text,
            "title": title and mask(title, origin.key, origin.mask).text,
            "teaser": teaser and mask(teaser, origin.key, origin.mask).text,
            "outlet": item["outlet"] or origin.outlet,
            "url": item["url"],
            "created_at": item["created_at"],
            "author": item["author"] and keyed_hash(origin.key, "author", origin.source, item["author"]),
            "article_id": unit,
            "excerpt_start": start,
            "excerpt_end": end,
            "quotes": list(_carried(quotes, start, end, masked)),
        }


_EXCERPT_COLUMNS = (
    *("record_id", "post_id", "unit", "kind", "language", "language_confidence", "text", "title", "teaser"),
    *("outlet", "url", "created_at", "author", "article_id", "excerpt_start", "excerpt_end", "quotes"),
)


def _carried(quotes: Iterable[Span], start: int, end: int, masked: MaskedText) -> Iterator[dict[str, int]]:
    """Yield the parts of an article's quotes that lie in an excerpt, counted in its masked text."""
    for quote in quotes:
        first, last = max(quote.start, start) - start, min(quote.end, end) - start
        if first < last:
            first, last = masked.carry(first, last)
            yield {"start": first, "end": last}


def _finished(frame: pl.DataFrame, origin: Origin) -> pl.DataFrame:
    """Add what all records have; columns that say nothing here are null."""
    full = frame.with_columns(
        *reporting_columns(frame["text"], frame["quotes"], frame["language"]),
        match_sha256=sha256_hashes(frame.select(unkeyed(pl.col("text"))).to_series()),
        import_id=pl.lit(origin.import_id),
        source=pl.lit(origin.source),
        rights=pl.lit(origin.rights, pl.String),
        key_id=pl.lit(key_id(origin.key)),
    )
    if "title" in frame.columns and "article_id" not in frame.columns:
        full = full.with_columns(title=mask_column(frame["title"], origin.key, origin.mask))
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in MADE.items() if name not in full.columns]
    return full.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in MADE.items())


def _refusals(items: pl.DataFrame, reason: str, message: str) -> pl.DataFrame:
    return items.select("file", "item", reason=pl.lit(reason), message=pl.lit(message)).select(
        pl.col(name).cast(dtype) for name, dtype in REFUSALS.items()
    )
