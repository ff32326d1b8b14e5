"""One normal form for every text: what spans, hashes and duplicates count in.

Applied once, on import, to posts and articles alike; normalising a second time changes nothing.
"""

from __future__ import annotations

from typing import TypeVar

import polars as pl

MAX_BYTES = 1_000_000
"""Longest text of a record or an article, in bytes of UTF-8."""

_LINE_ENDS = r"\r\n|[\r\x0B\x0C\x{85}\x{2028}\x{2029}]"
_INVISIBLE = (
    r"[\x00-\x08\x0E-\x1F\x7F-\x{84}\x{86}-\x{9F}"  # control characters but tab and line ends
    r"\x{AD}\x{200B}\x{2060}\x{FEFF}"  # soft hyphen, zero-width space, word joiner, byte order mark
    r"\x{202A}-\x{202E}\x{2066}-\x{2069}]"  # overrides of the writing direction: text that hides text
)

Texts = TypeVar("Texts", pl.Expr, pl.Series)


def normalise(texts: Texts) -> Texts:
    """Return texts in Unicode NFC, lines ended by LF, without invisible characters and trailing space.

    Joiners and variation selectors stay: emoji are made of them. Null stays null.
    """
    plain = texts.str.replace_all(_LINE_ENDS, "\n").str.replace_all(_INVISIBLE, "")
    return plain.str.normalize("NFC").str.replace_all(r"[^\S\n]+(\n|\z)", "$1").str.strip_chars()


def normalise_text(text: str) -> str:
    """Return one text in the normal form."""
    return normalise(pl.Series([text], dtype=pl.String)).item()
