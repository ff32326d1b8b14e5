"""Keyed pseudonyms: HMAC-SHA-256, so that nobody without the key can try out names.

The first 128 bits are kept, as 32 hex digits: among a billion values a collision stays out of reach.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

    from aufruf.secrets import Secret

_HEX_DIGITS = 32
_BLOCK = 64
_KEY_ID_DIGITS = 12


def keyed_hash(key: Secret, *parts: str | None) -> str:
    """Return the pseudonym of a sequence of parts: 32 hex digits.

    Each part is preceded by its length, so ``("ab", "c")``, ``("a", "bc")`` and ``("abc",)`` differ; a
    missing part (None) differs from an empty one. The first part should say what is being hashed.
    """
    return hmac.digest(key.reveal().encode(), "".join(map(_one, parts)).encode(), "sha256").hex()[
        :_HEX_DIGITS
    ]


def keyed_hashes(key: Secret, *parts: str | pl.Series | None) -> pl.Series:
    """Return `keyed_hash` for each row of columns; a string or None stands for itself in every row.

    Rows in which every column is null give null: nothing is known, so there is nothing to hide.
    """
    columns = [part for part in parts if isinstance(part, pl.Series)]
    frame = pl.DataFrame({str(number): column for number, column in enumerate(columns)})
    names = iter(frame.columns)
    encoded = [
        _encoded(pl.col(next(names))) if isinstance(part, pl.Series) else pl.lit(_one(part)) for part in parts
    ]
    known = ~pl.all_horizontal(pl.all().is_null())
    messages = frame.select(pl.when(known).then(pl.concat_str(encoded))).to_series()
    unique = messages.drop_nulls().unique()
    hashed = map(_keyed_digest(key), unique.cast(pl.Binary))
    digests = pl.Series(hashed, dtype=pl.Binary).bin.encode("hex").str.head(_HEX_DIGITS)
    return messages.replace_strict(unique, digests, default=None, return_dtype=pl.String)


def sha256_hashes(texts: pl.Series) -> pl.Series:
    """Return the hex SHA-256 of each text as UTF-8; null stays null. Anyone can make it again."""
    digests = [None if text is None else hashlib.sha256(text).digest() for text in texts.cast(pl.Binary)]
    return pl.Series(texts.name, digests, dtype=pl.Binary).bin.encode("hex")


def key_id(key: Secret) -> str:
    """Return a short name of a key, 12 hex digits, that tells nothing about it."""
    return keyed_hash(key, "key_id")[:_KEY_ID_DIGITS]


def _one(part: str | None) -> str:
    return "-" if part is None else f"{len(part.encode())}:{part}"


def _encoded(column: pl.Expr) -> pl.Expr:
    text = column.cast(pl.String)
    return pl.concat_str(text.str.len_bytes().cast(pl.String), pl.lit(":"), text).fill_null("-")


def _keyed_digest(key: Secret) -> Callable[[bytes], bytes]:
    """Return HMAC-SHA-256 under a key, with the key's own blocks hashed once (RFC 2104).

    A third of the time of `hmac.digest`, which looks up the hash and both blocks at each call.
    """
    secret = key.reveal().encode()
    block = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(message: bytes) -> bytes:
        within = inner.copy()
        within.update(message)
        around = outer.copy()
        around.update(within.digest())
        return around.digest()

    return digest
