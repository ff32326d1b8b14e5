"""Give a release its texts back from the platform's files that somebody has, and say what is lost.

A text is found by its hash alone, and so is known to be the one that was judged. A post whose id is in the
files with another text was changed since: it counts as lost.
"""

from __future__ import annotations

import os
import secrets as random
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.errors import InputError
from aufruf.label_scheme import load_label_scheme
from aufruf.masking import mask, mask_column, unkeyed
from aufruf.pseudonyms import sha256_hashes
from aufruf.records import Origin, records_from_items
from aufruf.release.dehydrated import read_masking
from aufruf.release.features import FEATURES, SPLITS
from aufruf.release.manifest import read_manifest
from aufruf.release.parquet import read_split, write_split
from aufruf.secrets import Secret
from aufruf.sources.reading import given_map, placed, read_batches
from aufruf.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aufruf.settings import MaskCategory
    from aufruf.sources.fields import FieldMap
    from aufruf.sources.formats import Format

_FOUND = pl.Schema({"match_sha256": pl.String, "text": pl.String, "platform_id": pl.String})


@dataclass(frozen=True)
class Loss:
    """What of a split's records with one answer has a text: ``present`` of ``wanted``.

    ``weight`` is ``wanted`` / ``present``: scores weighted by it stand for all records of the split, as far
    as what is lost is like what is not; null where nothing is present.
    """

    split: str
    label: str
    value: bool
    wanted: int
    present: int
    weight: float | None


@dataclass(frozen=True)
class RehydrateReport:
    """How many records were without text, how many of them were found, were changed since, are lost."""

    path: str
    without_text: int
    found: int
    changed: int
    lost: int
    losses: list[Loss]


def rehydrate(  # noqa: PLR0913 -- the command's options
    release: Path,
    files: Sequence[Path],
    output: Path,
    *,
    format: Format | None = None,  # noqa: A002 -- as the command line says
    field_map: FieldMap | Path | None = None,
    dry_run: bool = False,
) -> RehydrateReport:
    """Write a release's config ``default`` with the texts that files hold into a new folder.

    Placeholders of people have other digits than the original's, the same length; spans fit. The folder
    appears whole or not at all; `datasets` loads it.

    Raises:
        InputError: if the release is not whole, a file cannot be read, or there is something at ``output``.
    """
    if output.exists():
        raise InputError(f"{output}: there is something already; name a new folder")
    manifest = read_manifest(release)
    scheme = load_label_scheme(release / "docs" / "label_scheme.toml")
    features = {config: FEATURES[config](scheme) for config in ("default", "dehydrated")}
    rows = {split: read_split(release, "default", split, features["default"]) for split in SPLITS}
    keys = pl.concat([read_split(release, "dehydrated", split, features["dehydrated"]) for split in SPLITS])
    if sum(frame.height for frame in rows.values()) != sum(manifest.splits.values()):
        raise InputError(f"{release}: rows are missing; `aufruf verify {release}` says which, or get it anew")
    wanted = keys.join(pl.concat(rows.values()).filter(pl.col("text").is_null()), on="id", how="semi")
    found = _found(files, wanted, read_masking(release), format, given_map(field_map))
    texts = wanted.join(found.unique("match_sha256", keep="first"), on="match_sha256").select("id", "text")
    filled = {split: _filled(frame, texts) for split, frame in rows.items()}
    if not dry_run:
        _write(output, filled, features["default"])
    known = found.select(pl.col("platform_id").drop_nulls().unique())
    lost = wanted.join(texts, on="id", how="anti")
    changed = lost.join(known, on="platform_id", how="semi").height
    losses = list(_losses(filled, scheme.label_names))
    return RehydrateReport(str(output), wanted.height, texts.height, changed, lost.height - changed, losses)


def _found(
    files: Sequence[Path],
    wanted: pl.DataFrame,
    masked: tuple[str, ...],
    format: Format | None,  # noqa: A002 -- as above
    given: FieldMap,
) -> pl.DataFrame:
    """Return the texts in files whose hash is wanted, and the ids that are, whatever their text; `_FOUND`."""
    key: Secret = Secret(random.token_hex(32))
    categories: tuple[MaskCategory, ...] = tuple(masked)  # pyright: ignore[reportAssignmentType] -- checked when it was written
    hashes, ids = wanted["match_sha256"].implode(), wanted["platform_id"].drop_nulls().implode()
    kept = pl.col("match_sha256").is_in(hashes) | pl.col("platform_id").is_in(ids)
    parts = [pl.DataFrame(schema=_FOUND)]
    for path in files:
        for name, batch in read_batches(path, format, given):
            items = placed(name, batch)
            made = [_posts(items, key, categories), _excerpts(items, wanted, key, categories)]
            parts += [each.filter(kept.fill_null(value=False)) for each in made]
    return pl.concat(parts)


def _posts(items: pl.DataFrame, key: Secret, categories: tuple[MaskCategory, ...]) -> pl.DataFrame:
    posts = items.filter((pl.col("kind") == "post") & pl.col("text").is_not_null())
    text = mask_column(posts.select(normalise(pl.col("text"))).to_series(), key, categories)
    return _hashed(pl.DataFrame({"text": text, "platform_id": posts["id"].str.strip_chars()}))


def _excerpts(
    items: pl.DataFrame, wanted: pl.DataFrame, key: Secret, categories: tuple[MaskCategory, ...]
) -> pl.DataFrame:
    """Return the excerpts of articles: as they are cut now, and by the offsets of excerpts that are wanted.

    Articles are cut by what recurs on their site, so that a file of a few may be cut otherwise. Where one
    excerpt or the address tells which article it is, its other excerpts are cut where they were.
    """
    news = items.filter((pl.col("kind") == "news") & pl.col("text").is_not_null())
    if news.is_empty():
        return pl.DataFrame(schema=_FOUND)
    cut = records_from_items(news, Origin("files", "files", key, categories)).records.select("text")
    places = wanted.drop_nulls("article").select(
        "article", "url", "match_sha256", "excerpt_start", "excerpt_end"
    )
    again = [
        mask(text[start:end], key, categories).text
        for text, url in news.select(normalise(pl.col("text")), "url").rows()
        for start, end in _places(text, url, places, key, categories)
    ]
    texts = pl.concat([cut, pl.DataFrame({"text": again}, schema={"text": pl.String})]).unique()
    return _hashed(texts.with_columns(platform_id=pl.lit(None, pl.String)))


def _places(
    text: str, url: str | None, places: pl.DataFrame, key: Secret, categories: tuple[MaskCategory, ...]
) -> list[tuple[int, int]]:
    """Return where the wanted excerpts of an article lie, if it can be told to be one of the wanted."""
    first = places.filter((pl.col("excerpt_end") <= len(text)) & (pl.col("excerpt_start") == 0))
    tries = first.select("article", "match_sha256", "excerpt_end").rows()
    named = {
        article
        for article, digest, end in tries
        if _hashed_text(mask(text[:end], key, categories).text) == digest
    }
    mine = places.filter(
        pl.col("article").is_in(list(named)) | pl.col("url").eq(pl.lit(url, pl.String)).fill_null(value=False)
    )
    return mine.select("excerpt_start", "excerpt_end").unique().rows()


def _hashed_text(text: str) -> str:
    return _hashed(pl.DataFrame({"text": [text]}).with_columns(platform_id=pl.lit(None, pl.String))).item(
        0, 0
    )


def _hashed(texts: pl.DataFrame) -> pl.DataFrame:
    digests = sha256_hashes(texts.select(unkeyed(pl.col("text"))).to_series())
    return texts.with_columns(match_sha256=digests).select(_FOUND.names())


def _filled(rows: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    joined = rows.join(texts.rename({"text": "given"}), on="id", how="left", maintain_order="left")
    return joined.with_columns(text=pl.coalesce("text", "given")).drop("given")


def _losses(rows: dict[str, pl.DataFrame], labels: Sequence[str]) -> Iterator[Loss]:
    for split, frame in rows.items():
        for name in [f"{label}_{side}" for label in labels for side in ("contained", "author")]:
            for value in (True, False):
                held = frame.filter(pl.col(name) == value)
                wanted, present = held.height, held["text"].count()
                if wanted:
                    yield Loss(split, name, value, wanted, present, wanted / present if present else None)


def _write(output: Path, rows: dict[str, pl.DataFrame], features: Any) -> None:
    building = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        building.mkdir(parents=True)
        for split, frame in rows.items():
            write_split(building, "default", split, frame, features)
        building.rename(output)
    finally:
        shutil.rmtree(building, ignore_errors=True)
