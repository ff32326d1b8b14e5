"""The certificate says how alike texts of different splits are."""

from __future__ import annotations

import polars as pl
import pytest

from aufruf.duplicates import comparable, find_duplicates
from aufruf.release.likeness import SEARCHED_FROM, likeness

LONG = "Treffen am Sonnabend vor dem alten Rathaus, bringt Lampen und Tee mit, wir gehen gemeinsam"


def splits(
    train: list[str | None], validation: list[str | None], test: list[str | None]
) -> dict[str, pl.DataFrame]:
    named = {"train": train, "validation": validation, "test": test}
    return {
        split: pl.DataFrame({"text": texts}, schema={"text": pl.String}) for split, texts in named.items()
    }


def test_a_copy_in_another_split_is_found_whatever_its_case_and_mentions():
    copy = f"@user_1a2b3c4d {LONG.upper()}"
    found = likeness(splits([f"@user_99999999 {LONG}", "Etwas anderes."], [], [copy, None]))
    assert (found.texts, found.highest, found.near_duplicates) == (3, 1.0, 1)


def test_copies_within_a_split_do_not_count():
    found = likeness(splits([LONG, LONG], ["Etwas anderes."], [None]))
    assert (found.texts, found.highest, found.near_duplicates) == (3, None, 0)


def test_the_highest_similarity_below_a_duplicates_is_told():
    other = f"{LONG} bis zum Fluss."
    expected = find_duplicates(comparable(pl.Series([LONG, other])), SEARCHED_FROM).pairs.item(
        0, "similarity"
    )
    found = likeness(splits([LONG], [other], []))
    assert found.highest == pytest.approx(expected)
    assert found.near_duplicates == int(expected >= 0.8)


def test_nothing_is_no_trouble():
    assert likeness(splits([], [], [None])).highest is None
