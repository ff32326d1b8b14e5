"""Replace personal data in texts by placeholders of a fixed length.

    @user_1a2b3c4d   someone who is mentioned: the same person, the same digits, for whoever has the key
    [email] [phone] [profile_link] [iban]

Names of people in running text stay: news and posts about public figures cannot be judged without.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from aufruf.personal_data import CANDIDATES, FINDERS, may_hold, mentions_replaced
from aufruf.pseudonyms import keyed_hash

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from aufruf.secrets import Secret
    from aufruf.settings import MaskCategory

CATEGORIES: tuple[MaskCategory, ...] = tuple(FINDERS)
"""In order of precedence: where two overlap, the earlier one holds."""

PLACEHOLDER = r"@user_[0-9a-f]{8}\b|\[(?:email|phone|profile_link|iban)\]"
"""Pattern of every placeholder, for Python and for Polars."""


class Piece(NamedTuple):
    """A stretch of the unmasked text and what stands in its place; offsets in code points."""

    start: int
    end: int
    placeholder: str


@dataclass(frozen=True)
class MaskedText:
    """A masked text and where its placeholders come from."""

    text: str
    pieces: tuple[Piece, ...] = ()

    def carry(self, start: int, end: int) -> tuple[int, int]:
        """Carry a span of the unmasked text into the masked one.

        A bound inside a replaced stretch moves outwards, to the placeholder's bound.
        """
        return self._carried(start, outwards_left=True), self._carried(end, outwards_left=False)

    def _carried(self, offset: int, *, outwards_left: bool) -> int:
        shift = 0
        for piece in self.pieces:
            if offset <= piece.start:
                break
            if offset < piece.end:
                return piece.start + shift + (0 if outwards_left else len(piece.placeholder))
            shift += len(piece.placeholder) - (piece.end - piece.start)
        return offset + shift

    def masked_again(self, again: MaskedText) -> MaskedText:
        """Return the same with what was replaced in its text later; a later piece takes in earlier ones."""
        later = [
            Piece(
                self._origin(start, outwards_left=True), self._origin(end, outwards_left=False), placeholder
            )
            for start, end, placeholder in again.pieces
        ]
        left = [piece for piece in self.pieces if not any(_overlap(piece, other) for other in later)]
        return MaskedText(again.text, tuple(sorted([*left, *later])))

    def _origin(self, offset: int, *, outwards_left: bool) -> int:
        shift = 0
        for piece in self.pieces:
            start, end = piece.start + shift, piece.start + shift + len(piece.placeholder)
            if offset <= start:
                break
            if offset < end:
                return piece.start if outwards_left else piece.end
            shift += len(piece.placeholder) - (piece.end - piece.start)
        return offset - shift


def mask(text: str, key: Secret, categories: Collection[MaskCategory] = CATEGORIES) -> MaskedText:
    """Replace personal data of the given categories. Masking a masked text changes nothing."""
    wanted: list[MaskCategory] = [category for category in CATEGORIES if category in categories]
    return _masked(text, key, wanted, [category for category in wanted if may_hold(category, text)])


def mask_column(
    texts: pl.Series, key: Secret, categories: Collection[MaskCategory] = CATEGORIES
) -> pl.Series:
    """Return texts with personal data replaced, as `mask` does; null stays null.

    Quick patterns say which texts may hold what. Most hold nothing or mentions alone.
    """
    wanted: list[MaskCategory] = [category for category in CATEGORIES if category in categories]
    if not wanted:
        return texts
    frame = pl.DataFrame({"text": texts}).with_row_index("row")
    flags = frame.with_columns(_may_hold(category).alias(category) for category in wanted)
    chosen = flags.filter(pl.any_horizontal(wanted))

    @cache
    def someone(found: str) -> str:
        return _of_someone(found, key)

    masked: list[str] = []
    for text, *held in chosen.select("text", *wanted).iter_rows():
        found: list[MaskCategory] = [category for category, flag in zip(wanted, held, strict=True) if flag]
        if found == ["mention"]:
            masked.append(mentions_replaced(text, someone))
        else:
            masked.append(_masked(text, key, wanted, found).text)
    return frame["text"].scatter(chosen["row"], pl.Series(masked, dtype=pl.String)).alias(texts.name)


def pseudonymise(texts: Sequence[str] | pl.Series, *, key: str | Secret) -> pl.Series:
    """Return texts with all categories of personal data replaced under a key of your own."""
    from aufruf.secrets import Secret

    series = texts if isinstance(texts, pl.Series) else pl.Series("text", texts, dtype=pl.String)
    return mask_column(series, Secret(key) if isinstance(key, str) else key)


def unkeyed(texts: pl.Expr) -> pl.Expr:
    """Return texts with every placeholder reduced to its type: equal for all keys."""
    return texts.str.replace_all(r"@user_[0-9a-f]{8}\b", "@user")


def _without_overlaps(pieces: Iterable[Piece], length: int) -> list[Piece]:
    kept: list[Piece] = []
    taken = bytearray(length)
    for piece in pieces:
        if taken.find(1, piece.start, piece.end) < 0:
            taken[piece.start : piece.end] = b"\1" * (piece.end - piece.start)
            kept.append(piece)
    return sorted(kept)


def _masked(
    text: str, key: Secret, wanted: Sequence[MaskCategory], first: Sequence[MaskCategory]
) -> MaskedText:
    """Mask until nothing is left: where one thing is replaced, what stood beside it may show as another."""
    masked = again = _masked_once(text, key, first)
    while again.pieces:
        left: list[MaskCategory] = [category for category in wanted if may_hold(category, again.text)]
        again = _masked_once(again.text, key, left)
        masked = masked.masked_again(again)
    return masked


def _masked_once(text: str, key: Secret, categories: Sequence[MaskCategory]) -> MaskedText:
    found = (
        Piece(start, end, _placeholder(category, text[start:end], key))
        for category in categories
        for start, end in FINDERS[category](text)
    )
    pieces = _without_overlaps(found, len(text))
    bounds = [0, *(bound for piece in pieces for bound in (piece.start, piece.end)), len(text)]
    kept = [text[start:end] for start, end in list(pairwise(bounds))[::2]]
    placeholders = [piece.placeholder for piece in pieces] + [""]
    return MaskedText("".join(map("".join, zip(kept, placeholders, strict=True))), tuple(pieces))


def _overlap(one: Piece, other: Piece) -> bool:
    return one.start < other.end and other.start < one.end


def _may_hold(category: MaskCategory) -> pl.Expr:
    patterns = [pl.col("text").str.contains(pattern) for pattern in CANDIDATES[category]]
    return pl.any_horizontal(patterns).fill_null(value=False)


def _placeholder(category: MaskCategory, found: str, key: Secret) -> str:
    return f"[{category}]" if category != "mention" else _of_someone(found, key)


def _of_someone(found: str, key: Secret) -> str:
    return f"@user_{keyed_hash(key, 'mention', found.lstrip('@/').removeprefix('u/').casefold())[:8]}"
