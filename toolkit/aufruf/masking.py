"""Replace personal data in texts by placeholders of a fixed length.

    @user_1a2b3c4d   someone who is mentioned: the same person, the same digits, for whoever has the key
    [email] [phone] [profile_link] [iban]

Names of people in running text stay: news and posts about public figures cannot be judged without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

import polars as pl

from aufruf.pseudonyms import keyed_hash

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from aufruf.secrets import Secret
    from aufruf.settings import MaskCategory

CATEGORIES: tuple[MaskCategory, ...] = ("email", "profile_link", "iban", "phone", "mention")
"""In order of precedence: where two overlap, the earlier one holds."""

PLACEHOLDER = r"@user_[0-9a-f]{8}\b|\[(?:email|phone|profile_link|iban)\]"
"""Pattern of every placeholder, for Python and for Polars."""

_EMAIL = re.compile(
    r"(?<![\w.+@-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}\b"
    r"|(?<![\w.+@-])[\w.+-]+\s?[\[(](?:at|AT|ät)[\])]\s?[\w-]+(?:\s?(?:\.|[\[(](?:dot|DOT|punkt)[\])])\s?[\w-]+)+"
)
_AT_SOMEONE = re.compile(
    r"@(?<![\w@/]@)(?!(?:user|USER)\b(?!@))(?!user_[0-9a-f]{8}\b)(?=\w*[^\W\d])\w+"
    r"(?:\.(?=[a-z0-9_])\w+)*(?:@[\w-]+(?:\.[\w-]+)+)?"
)
_U_SOMEONE = re.compile(r"(?<![\w/])/?u/[\w-]{3,20}\b")
_PHONE = re.compile(r"(?<![\w/.,-])[+(0-9][0-9\s()/.\-]{5,22}[0-9](?![\w%€$£]|[.,:/-]\d)")
_OTHER_NUMBER = re.compile(
    r"(?:\bAz\.?|aktenzeichen|\bISBN|\bEAN|\bDrs\.?|drucksache|rechnung\w*|\bcase|docket|invoice|\border)"
    r"(?:\s+(?:no|nr|number|nummer)\b\.?)?[\s:#]*$",
    re.IGNORECASE,
)
_LOOK_BACK = 30
_SPACES = re.compile(r"\s+")
_PAIRS_OF_DIGITS = re.compile(r"0[0-9](?![0-9])(?!(?<=01)[\s/-]+[0-9]{3})")
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b")
_IBAN_LENGTHS = range(34, 14, -1)
_HOSTS = (
    r"(?:twitter|x|facebook|fb|instagram|tiktok|youtube|linkedin|xing|threads|reddit|gab|parler|gettr|"
    r"truthsocial|vk|pinterest|snapchat|twitch|tumblr|soundcloud)\.(?:com|net|tv)|(?:t|telegram|wa)\.me|"
    r"bsky\.app|ok\.ru"
)
_PLATFORM = re.compile(rf"(?:^|\.)(?:{_HOSTS})$")
_MAY_LEAD_TO_SOMEONE = rf"(?i:/@\w|(?:{_HOSTS})/)"
_CANDIDATE: dict[MaskCategory, tuple[str, ...]] = {
    "email": (r"[^\s@]@[^\s@]+\.[^\s@]", r"[\[(](?:at|AT|ät)[\])]"),
    "profile_link": (_MAY_LEAD_TO_SOMEONE,),
    "iban": (r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]",),
    "phone": (r"(?:[+(0]|[0-9]{3}[-. ])[0-9\s()/.\-]{6}",),
    "mention": (r"u/\w",),
}
"""Patterns for Polars of texts that may hold a category; mentions with an @ apart."""
_NO_PROFILES = re.compile(
    r"hashtags?|search|home|explore|i|intent|share|sharer(?:\.php)?|watch|playlist|shorts|results|feed|p|reels?|"
    r"tv|events|groups|pages|joinchat|addlist|iv|r|jobs|pulse|videos?|about|help|privacy|tos|settings|login|"
    r"notifications|messages|tag|discover|dialog|plugins|story|stories|clips"
)
_PROFILE_FOLDERS = re.compile(r"users?|u|c|channel|profile(?:\.php)?|people|in|company|pub|s|name|add")


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


def mask(text: str, key: Secret, categories: Collection[MaskCategory] = CATEGORIES) -> MaskedText:
    """Replace personal data of the given categories. Masking a masked text changes nothing."""
    found = (
        Piece(start, end, _placeholder(category, text[start:end], key))
        for category in CATEGORIES
        if category in categories
        for start, end in _FINDERS[category](text)
    )
    pieces = _without_overlaps(found, len(text))
    bounds = [0, *(bound for piece in pieces for bound in (piece.start, piece.end)), len(text)]
    kept = [text[start:end] for start, end in list(pairwise(bounds))[::2]]
    placeholders = [piece.placeholder for piece in pieces] + [""]
    return MaskedText("".join(map("".join, zip(kept, placeholders, strict=True))), tuple(pieces))


def mask_column(
    texts: pl.Series, key: Secret, categories: Collection[MaskCategory] = CATEGORIES
) -> pl.Series:
    """Return texts with personal data replaced, as `mask` does; null stays null.

    Only texts that a quick pattern cannot clear go through the slow search.
    """
    if not categories:
        return texts
    patterns = [
        pattern for category in CATEGORIES if category in categories for pattern in _CANDIDATE[category]
    ]
    may_hold_more = pl.any_horizontal(pl.col("text").str.contains(pattern) for pattern in patterns)
    mentions = (
        pl.col("text").str.contains("@", literal=True) if "mention" in categories else pl.lit(value=False)
    )
    frame = pl.DataFrame({"text": texts}).with_row_index("row").with_columns(slow=may_hold_more)
    chosen = frame.filter(pl.col("slow") | mentions)

    @cache
    def placeholder(found: str) -> str:
        return _of_someone(found, key)

    masked = [
        mask(text, key, categories).text if slow else _AT_SOMEONE.sub(lambda at: placeholder(at[0]), text)
        for text, slow in chosen.select("text", "slow").iter_rows()
    ]
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


def _placeholder(category: MaskCategory, found: str, key: Secret) -> str:
    return f"[{category}]" if category != "mention" else _of_someone(found, key)


def _of_someone(found: str, key: Secret) -> str:
    return f"@user_{keyed_hash(key, 'mention', found.lstrip('@/').removeprefix('u/').casefold())[:8]}"


def _emails(text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in _EMAIL.finditer(text)) if _may_hold("email", text) else iter(())


def _mentions(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span() for match in _AT_SOMEONE.finditer(text))
    yield from (match.span() for match in _U_SOMEONE.finditer(text))


def _profile_links(text: str) -> Iterator[tuple[int, int]]:
    if not _may_hold("profile_link", text):
        return
    for link in cast("list[Any]", _linkify().match(text) or []):
        if _is_profile(link.url):
            yield link.index, link.last_index


def _phones(text: str) -> Iterator[tuple[int, int]]:
    if not _may_hold("phone", text):
        return
    match = _PHONE.search(text)
    while match:
        before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
        length = 0 if _OTHER_NUMBER.search(before) else _phone_length(match.group())
        if length:
            yield match.start(), match.start() + length
        match = _PHONE.search(text, match.start() + length if length else match.end())


def _phone_length(found: str) -> int:
    """Return how much of a run of digits is a phone number: all, or what ends before a space; 0 for none."""
    ends = [len(found), *(match.start() for match in reversed([*_SPACES.finditer(found)]))]
    return next((end for end in ends if _is_phone(found[:end])), 0)


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _IBAN.finditer(text):
        found = match.group()
        ends = [place + 1 for place, character in enumerate(found) if character != " "]
        for length in _IBAN_LENGTHS:
            if length <= len(ends) and _is_iban(found[: ends[length - 1]].replace(" ", "")):
                yield match.start(), match.start() + ends[length - 1]
                break


_FINDERS = {
    "email": _emails,
    "profile_link": _profile_links,
    "iban": _ibans,
    "phone": _phones,
    "mention": _mentions,
}


@cache
def _pattern(category: MaskCategory) -> re.Pattern[str]:
    return re.compile("|".join(_CANDIDATE[category]))


def _may_hold(category: MaskCategory, text: str) -> bool:
    return _pattern(category).search(text) is not None


@cache
def _linkify() -> Any:
    from linkify_it import LinkifyIt

    return cast("Any", LinkifyIt()).tlds(["app", "social", "chat"], keep_old=True)


def _is_profile(url: str) -> bool:
    """Say whether an address leads to someone: a profile, or a post of theirs under it."""
    try:
        address = urlsplit(url)
        host = (address.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return False
    folders = [folder for folder in address.path.split("/") if folder]
    if not folders:
        return False
    if folders[0].startswith("@"):
        return True
    first = folders[0].lower()
    if not _PLATFORM.search(host) or _NO_PROFILES.fullmatch(first):
        return False
    if host.endswith("reddit.com") or _PROFILE_FOLDERS.fullmatch(first):
        named = len(folders) > 1 or bool(address.query)
        return named and _PROFILE_FOLDERS.fullmatch(first) is not None
    return True


def _is_phone(found: str) -> bool:
    """Say whether a run of digits is a valid number, written as numbers are written.

    National numbers begin with 0 in German-speaking countries and Britain; American ones have three
    groups. Anything else, such as a case number or an amount, is not taken for one.
    """
    import phonenumbers

    if found.startswith(("+", "00")):
        regions = ["DE"]
        found = found if found.startswith("+") else f"+{found[2:]}"
    elif re.match(r"\(?0[1-9]", found) and not _PAIRS_OF_DIGITS.match(found):
        regions = ["DE", "GB", "AT", "CH"]
    elif re.fullmatch(r"\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}", found):
        regions = ["US"]
    else:
        return False
    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(found, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _is_iban(found: str) -> bool:
    moved = found[4:] + found[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
