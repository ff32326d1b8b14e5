"""Records without their words: labels, offsets, and a hash by which whoever has the text finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.release.features import WORDS
from aufruf.release.rows import salted

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from aufruf.settings import MaskCategory

MASKING = "masking.json"
"""In a release's `docs`: what was masked in its texts. Without it nobody can make the same hashes."""


class _Masking(msgspec.Struct, frozen=True):
    mask: list[str]


def without_words(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with null in place of the words of those that are released without."""
    return rows.with_columns(pl.when("gives_text").then(name).alias(name) for name in WORDS)


def found_by(rows: pl.DataFrame, salt: bytes) -> pl.DataFrame:
    """Return what finds the words of rows, beside their ``split``.

    ``match_sha256`` is a hash without a key: it gives no text, but it confirms a guess. ``length`` counts
    the text's code points; ``article`` is the release's own name of an article, ``excerpt_start`` and
    ``excerpt_end`` count code points of its normalised, unmasked text.
    """
    return rows.select(
        "split",
        *("match_sha256", "platform_id", "url", "excerpt_start", "excerpt_end"),
        article=salted("article_id", salt, "article"),
        length=pl.col("text").str.len_chars(),
    )


def masking_bytes(mask: Collection[MaskCategory]) -> bytes:
    """Return the file that says what was masked."""
    return msgspec.json.encode(_Masking(sorted(mask))) + b"\n"


def read_masking(release: Path) -> tuple[str, ...]:
    """Return what was masked in a release's texts.

    Raises:
        InputError: if it does not say so.
    """
    path = release / "docs" / MASKING
    try:
        return tuple(msgspec.json.decode(path.read_bytes(), type=_Masking).mask)
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: does not say what was masked; get the whole release") from error
