"""Find personal data in texts: mentions, e-mail addresses, phone numbers, links to profiles, IBANs.

A finder yields the stretches of its category, in code points; nothing is looked up anywhere. Where a date,
a price or a case number may be meant, no phone number is seen.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aufruf.settings import MaskCategory

_GAP = "[ \u00a0\u202f]"

_AT = rf"{_GAP}?[\[({{<]{_GAP}?(?:at|AT|At|ät|Ät|@){_GAP}?[\])}}>]{_GAP}?"
_DOT_WORD = r"(?:dot|Dot|DOT|punkt|Punkt|PUNKT)"
_DOT = rf"(?:\.|{_GAP}\.{_GAP}|{_GAP}?[\[({{<]{_GAP}?(?:{_DOT_WORD}|\.){_GAP}?[\])}}>]{_GAP}?)"
_SPELLED_END = rf"{_GAP}{_DOT_WORD}{_GAP}(?:de|at|ch|eu|com|net|org|info|uk|io|me|ru|tv|biz)\b"
_EMAIL = re.compile(
    r"(?<![\w.+@-])[\w.+-]*[\w+-](?:"
    r"@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}\b"
    rf"|{_AT}[\w-]+(?:{_DOT}[\w-]+)*?{_DOT}[^\W\d_]{{2,}}\b"
    rf"|{_GAP}(?:at|AT|ät){_GAP}[\w-]+(?:\.[\w-]+)*{_SPELLED_END})"
)

_TIME = r"\d{1,2}(?:[:.]?\d\d)?(?:[ap]m|[uU]hr|h)\b"
_STYLE_RULE = (
    r"(?:media|import|supports|charset|font-face|keyframes)\b\s*(?:[({\"']|url\(|screen|print|only|all\b)"
)
_DECORATOR = r"[\w.]+(?:\([^()\n]*\))?\n\s*(?:def|class|async|public|private|protected)\b"
_AT_SOMEONE = re.compile(
    r"@(?<![\w@/]@)(?!(?:user|USER)\b(?!@))(?!user_[0-9a-f]{8}\b)(?=\w*[^\W\d]|\d{5})"
    rf"(?!{_TIME}|{_STYLE_RULE}|{_DECORATOR})"
    r"\w+(?:-(?=[a-z0-9])\w+)*"
    r"(?:\.(?=[a-z0-9_])\w+(?:-(?=[a-z0-9])\w+)*)*"
    r"(?:@[\w-]+(?:\.[\w-]+)+)?"
)
"""A handle after an @: with dots and hyphens, or with the server that it is at home on.

What a hyphen joins belongs to it unless a capital follows, as in »@anna-Freunde«.
"""
_U_SOMEONE = re.compile(r"(?<![\w/])/?u/[\w-]{3,20}\b")

_PHONE = re.compile(r"(?<![\w/.,-])[+(0-9][0-9\s()/.–\-]{5,22}[0-9](?![\w%€$£]|[.,:/-]\d)")
_AMERICAN = re.compile(r"(?:1[-. ])?(?:\(\d{3}\)[-. ]?|\d{3}[-. ])\d{3}[-. ]\d{4}")
_PAIRS_OF_DIGITS = re.compile(r"0[0-9](?![0-9])(?!(?<=01)[\s/-]+[0-9]{3})")
_HOURS = re.compile(r"[01]\d[0-5]\d\s?[–-]\s?[0-2]\d[0-5]\d")
_OTHER_NUMBER = re.compile(
    r"(?:\bAz\.?|aktenzeichen|\bISBN|\bEAN|\bDrs\.?|drucksache|rechnung\w*|sendung\w*|konto\w*|bestell\w*|"
    r"tracking|\bcase|docket|invoice|\border|account|parcel)(?:\s+(?:no|nr|number|nummer)\b\.?)?[\s:#]*$",
    re.IGNORECASE,
)
_CALLED = r"(?:Tel|TEL|tel|Telefon|Telefonnummer|Fon|Fax|Handy|Handynummer|Phone|phone)"
_CUED_PHONE = re.compile(
    rf"\b{_CALLED}(?:\.:?|:){_GAP}?([1-9][0-9]{{1,5}}(?:[ /-]?[0-9]{{2,6}}){{1,4}})(?![\w%€$£]|[.,:/-]\d)"
)
_LOOK_BACK = 30
_SPACES = re.compile(r"\s+")

_IBAN_LENGTHS: Mapping[str, int] = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FK FO GL NL",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
_IBAN_MARK = "[ \u00a0\u202f.-]"
_IBAN = re.compile(rf"\b[A-Za-z]{{2}}[0-9]{{2}}(?:{_IBAN_MARK}?[A-Za-z0-9]){{11,29}}")
_IBAN_DIGITS = 9

_HOSTS = (
    r"(?:twitter|x|facebook|fb|instagram|tiktok|youtube|linkedin|xing|threads|reddit|gab|parler|gettr|"
    r"truthsocial|minds|rumble|vk|pinterest|snapchat|twitch|tumblr|soundcloud|patreon|onlyfans|bitchute|"
    r"discord|steamcommunity)\.com|threads\.net|twitch\.tv|(?:t|telegram|wa|paypal)\.me|bsky\.app|ok\.ru|vkontakte\.ru|"
    r"linktr\.ee|gab\.ai"
)
_PLATFORM = re.compile(rf"(?:.*\.)?(?:{_HOSTS})")
_LINK = re.compile(
    r"(?<![\w@.-])(?:https?://)?(?P<host>(?:[\w-]+\.)+[^\W\d_]{2,})(?::[0-9]+)?/"
    r"(?P<path>(?:(?!https?://)[^\s<>\[\]\"«»„“”|])+)",
    re.IGNORECASE,
)
_LINK_ENDS = ".,;:!?…'’*}"
_NO_PROFILES = re.compile(
    r"hashtags?|search|home|explore|i|intent|share|sharer(?:\.php)?|watch|playlist|shorts|live|embed|v|results|"
    r"redirect|feed|p|reels?|tv|events|groups|pages|joinchat|addlist|addstickers|iv|r|jobs|pulse|videos?|about|"
    r"help|privacy|tos|settings|login|notifications|messages|tag|discover|dialog|plugins|story|clips|statuses|"
    r"photos?|media|pin|invite|channels|ads|business|policies|legal|\+.*"
)
_PROFILE_FOLDERS = re.compile(
    r"users?|u|c|channel|profiles?|profile\.php|(?:permalink|photo|story)\.php|people|in|company|pub|s|name|add|stories|posts|"
    r"notes|id|web|accounts"
)


def emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield e-mail addresses, those written to hide from machines too: »name (at) host . org«."""
    return (match.span() for match in _EMAIL.finditer(text))


def mentions(text: str) -> Iterator[tuple[int, int]]:
    """Yield handles after an @, and Reddit's u/name."""
    yield from (match.span() for match in _AT_SOMEONE.finditer(text))
    yield from (match.span() for match in _U_SOMEONE.finditer(text))


def mentions_replaced(text: str, placeholder: Callable[[str], str]) -> str:
    """Return a text with its `mentions` replaced: for texts that hold nothing else."""
    replaced = _AT_SOMEONE.sub(lambda match: placeholder(match[0]), text)
    return _U_SOMEONE.sub(lambda match: placeholder(match[0]), replaced) if "u/" in replaced else replaced


def profile_links(text: str) -> Iterator[tuple[int, int]]:
    """Yield addresses that lead to someone: a profile, or a post under it."""
    for match in _LINK.finditer(text):
        path = match["path"].rstrip(_LINK_ENDS)
        while path.endswith(")") and path.count(")") > path.count("("):
            path = path[:-1].rstrip(_LINK_ENDS)
        if _leads_to_someone(match["host"].lower(), path):
            yield match.start(), match.start("path") + len(path)


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield account numbers of the length that their country has, with a right check number."""
    for match in _IBAN.finditer(text):
        found = match.group()
        length = _IBAN_LENGTHS.get(found[:2].upper(), 0)
        ends = [place + 1 for place, character in enumerate(found) if character.isalnum()]
        if 0 < length <= len(ends):
            end = ends[length - 1]
            ends_there = not text[match.start() + end : match.start() + end + 1].isalnum()
            if ends_there and _is_iban(re.sub(_IBAN_MARK, "", found[:end])):
                yield match.start(), match.start() + end


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Yield phone numbers that are valid somewhere German or English is spoken, or that are called so."""
    yield from (match.span(1) for match in _CUED_PHONE.finditer(text))
    match = _PHONE.search(text)
    while match:
        before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
        length = 0 if _OTHER_NUMBER.search(before) else _phone_length(match.group())
        if length:
            yield match.start(), match.start() + length
        match = _PHONE.search(text, match.start() + length if length else match.end())


FINDERS: Mapping[MaskCategory, Callable[[str], Iterator[tuple[int, int]]]] = {
    "email": emails,
    "profile_link": profile_links,
    "iban": ibans,
    "phone": phones,
    "mention": mentions,
}
"""In order of precedence: where two overlap, the earlier one holds."""

CANDIDATES: Mapping[MaskCategory, tuple[str, ...]] = {
    "email": (
        r"[^\s@]@[^\s@]+\.[^\s@]",
        rf"[\[({{<]{_GAP}?(?:at|AT|At|ät|Ät|@){_GAP}?[\])}}>]",
        _SPELLED_END.removesuffix(r"\b"),
    ),
    "profile_link": (rf"(?i:/@|(?:{_HOSTS})[:/])",),
    "iban": (rf"[A-Za-z]{{2}}[0-9]{{2}}{_IBAN_MARK}?(?:[A-Za-z]{{0,6}}{_IBAN_MARK}?[0-9]){{4}}",),
    "phone": (r"(?:[+(0]|[0-9]{3}[-. ])[0-9\s()/.–\-]{6}", rf"{_CALLED}[.:]"),
    "mention": ("@", r"u/[^\s]{3}"),
}
"""Quick patterns, for Polars as for Python, of texts that may hold a category."""


@cache
def _candidate(category: MaskCategory) -> re.Pattern[str]:
    return re.compile("|".join(CANDIDATES[category]))


def may_hold(category: MaskCategory, text: str) -> bool:
    """Say whether a text is worth searching for a category."""
    return _candidate(category).search(text) is not None


def _leads_to_someone(host: str, path: str) -> bool:
    path = path.removeprefix("#!/").removeprefix("#/")
    plain, _, query = path.partition("?")
    folders = [folder for folder in plain.partition("#")[0].split("/") if folder]
    if not folders:
        return False
    if any(folder.startswith("@") and len(folder) > 1 for folder in folders[:2]):
        return True
    first = folders[0].lower()
    if not _PLATFORM.fullmatch(host) or _NO_PROFILES.fullmatch(first):
        return False
    if _PROFILE_FOLDERS.fullmatch(first):
        return len(folders) > 1 or "=" in query
    return not host.endswith(("reddit.com", "discord.com"))


def _phone_length(found: str) -> int:
    """Return how much of a run of digits is a phone number: all, or what ends before a space; 0 for none."""
    ends = [len(found), *(match.start() for match in reversed([*_SPACES.finditer(found)]))]
    return next((end for end in ends if _is_phone(found[:end])), 0)


def _is_phone(found: str) -> bool:
    """Say whether a run of digits is a valid number, written as numbers are written.

    National numbers begin with 0 in German-speaking countries and Britain; American ones have three
    groups. Anything else, such as a case number or an amount, is not taken for one.
    """
    import phonenumbers

    if found.startswith(("+", "00")):
        regions = ["DE"]
        found = found if found.startswith("+") else f"+{found[2:]}"
    elif _AMERICAN.fullmatch(found):
        regions = ["US"]
    elif re.match(r"\(?0[1-9]", found) and not _PAIRS_OF_DIGITS.match(found) and not _HOURS.fullmatch(found):
        regions = ["DE", "GB", "AT", "CH"]
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
    digits = sum(character.isdigit() for character in found)
    return digits >= _IBAN_DIGITS and int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
