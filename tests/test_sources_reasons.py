"""Reasons of refusal: a closed list, and what each does to an import."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aufruf.sources.items import DAMAGE, LEAVINGS, is_damage

ROOT = Path(__file__).parents[1]
TOOLKIT = ROOT / "toolkit" / "aufruf"
GUIDE = ROOT / "docs" / "guide.md"
WITH_MESSAGE = re.compile(r'"([a-z_]+)",\s+f?"[^"]* [^"]*"')

if not TOOLKIT.exists():  # the built wheel is tested without its sources
    pytest.skip("the sources are not here", allow_module_level=True)


def stages() -> str:
    """The code of all that refuses items of files, but for the list itself."""
    files = [*(TOOLKIT / "sources").glob("*.py"), *(TOOLKIT / "crosswalks").glob("*.py")]
    files += [file for file in TOOLKIT.glob("*.py") if "Refusal" in file.read_text("utf-8")]
    files += [TOOLKIT / "records.py", TOOLKIT / "tombstones.py"]
    return "".join(file.read_text("utf-8") for file in files if file.name != "items.py")


def test_each_reason_that_is_given_stands_in_the_list_and_each_in_the_list_is_given():
    code = stages()
    known = {*DAMAGE, *LEAVINGS}
    assert set(WITH_MESSAGE.findall(code)) - known == set()
    assert {reason for reason in known if f'"{reason}"' not in code} == set()
    assert not set(DAMAGE) & set(LEAVINGS)


def test_damage_counts_and_leavings_do_not():
    assert [is_damage(reason) for reason in ("bad_json", "unreadable", "partial", "no_record")] == [True] * 4
    assert [is_damage(reason) for reason in ("deleted", "not_a_post", "revisit", "media")] == [False] * 4
    assert is_damage("a reason of tomorrow")


@pytest.mark.skipif(not GUIDE.exists(), reason="the guide is not here")
def test_the_guide_explains_each_reason():
    tables = re.findall(r"^\| reason \|.*\n(?:\|.*\n)+", GUIDE.read_text("utf-8"), re.MULTILINE)
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", "".join(tables), re.MULTILINE))
    assert rows == {**DAMAGE, **LEAVINGS}
