"""Measure what masking finds, and takes for something else, against libraries for single categories.

    .venv/bin/python benchmarks/masking.py

The texts are the invented ones of `tests/cases/masking.toml`: those under [masked] hold personal data, those
under [kept] look like it. Peers that are not installed are left out: phonenumbers comes with aufruf;
`pip install schwifty email-validator` for the others.
"""

from __future__ import annotations

import json
import re
import time
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from aufruf.personal_data import FINDERS

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
CASES = tomllib.loads((HERE.parent / "tests" / "cases" / "masking.toml").read_text("utf-8"))
RESULTS = HERE / "results" / "masking.json"


def phonenumbers_matcher(text: str) -> int:
    """Count what the matcher of phonenumbers takes for a valid number of any of five countries."""
    from phonenumbers import PhoneNumberMatcher

    regions = ("DE", "AT", "CH", "GB", "US")
    found = {(m.start, m.end) for region in regions for m in PhoneNumberMatcher(text, region)}
    return len({end for _, end in found})


def linkify_emails(text: str) -> int:
    """Count the addresses that linkify-it-py would link as mail."""
    from linkify_it import LinkifyIt

    return sum(match.schema == "mailto:" for match in LinkifyIt().match(text) or [])


def linkify_profiles(text: str) -> int:
    """Count the links of linkify-it-py that our rules take for profiles."""
    from linkify_it import LinkifyIt

    links = LinkifyIt().tlds(["app", "social", "chat"], keep_old=True).match(text) or []
    return sum(any(FINDERS["profile_link"](match.url)) for match in links)


def validated_emails(text: str) -> int:
    """Count the words that email-validator accepts, without brackets and full stops around them."""
    from email_validator import EmailNotValidError, validate_email

    def is_valid(word: str) -> bool:
        try:
            validate_email(word, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return False
        return True

    return sum(is_valid(word.strip(".,;:!?()<>[]")) for word in re.split(r"[\s,;]+", text) if "@" in word)


def schwifty_ibans(text: str) -> int:
    """Count what schwifty accepts of everything that begins like an IBAN."""
    from schwifty import IBAN
    from schwifty.exceptions import SchwiftyException

    found = 0
    for match in re.finditer(r"\b[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}", text):
        for length in range(34, 14, -1):
            try:
                IBAN(re.sub(r"[ -]", "", match.group())[:length])
            except SchwiftyException:
                continue
            found += 1
            break
    return found


PEERS: dict[str, tuple[str, str, Callable[[str], int]]] = {
    "phonenumbers, matcher": ("phone", "phonenumbers", phonenumbers_matcher),
    "linkify-it-py, mail": ("email", "linkify-it-py", linkify_emails),
    "email-validator, words": ("email", "email-validator", validated_emails),
    "linkify-it-py, links": ("profile_link", "linkify-it-py", linkify_profiles),
    "schwifty": ("iban", "schwifty", schwifty_ibans),
}


def measured(category: str, count: Callable[[str], int]) -> dict[str, float]:
    """Return how many of the wanted stretches are found, how many others are, and the time."""
    started = time.perf_counter()
    wanted = found = extra = 0
    for text, expected in CASES["masked"].values():
        there, here = expected.count(f"[{category}]"), count(text)
        wanted += there
        found += min(there, here)
        extra += max(0, here - there)
    false_hits = sum(map(count, CASES["kept"].values()))
    texts = len(CASES["masked"]) + len(CASES["kept"])
    micros = (time.perf_counter() - started) / texts * 1e6
    return {"wanted": wanted, "found": found, "false": extra + false_hits, "us_a_text": round(micros, 1)}


def ours(category: str) -> Callable[[str], int]:
    """Count what aufruf finds of a category."""
    return lambda text: sum(1 for _ in FINDERS[category](text))


def main() -> None:
    """Measure all in one run, write the results, and print them as a table."""
    rows = []
    systems = [("aufruf", name, "aufruf", ours(name)) for name in FINDERS if name != "mention"]
    systems += [(name, *peer) for name, peer in PEERS.items()]
    for name, category, package, count in sorted(systems, key=lambda system: system[1]):
        try:
            found = version(package)
        except PackageNotFoundError:
            print(f"left out: {package} is not installed")
            continue
        measured(category, count)
        rows.append({"category": category, "system": name, "version": found, **measured(category, count)})
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    for row in rows:
        shown = (
            row["category"],
            row["system"],
            f"{row['found']} of {row['wanted']}",
            row["false"],
            row["us_a_text"],
        )
        print("| " + " | ".join(map(str, shown)) + " |")


if __name__ == "__main__":
    main()
