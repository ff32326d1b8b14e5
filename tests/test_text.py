"""One normal form for every text."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.text import normalise, normalise_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("eins\r\nzwei\rdrei\u2028vier", "eins\nzwei\ndrei\nvier"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("  vorn und hinten \t\n\n", "vorn und hinten"),
        ("Zeile  \t\nnächste", "Zeile\nnächste"),
        ("a\x00b\x07c\x9f\ufeff\u00add\u202e", "abcd"),
        ("Tab\tbleibt", "Tab\tbleibt"),
        ("\U0001f468\u200d\U0001f373\ufe0f", "\U0001f468\u200d\U0001f373\ufe0f"),
        ("", ""),
    ],
)
def test_a_text_gets_its_normal_form(raw: str, normal: str):
    assert normalise_text(raw) == normal


def test_null_stays_null():
    assert normalise(pl.Series(["a ", None])).to_list() == ["a", None]


@given(TEXTS)
def test_normalising_a_second_time_changes_nothing(text: str):
    once = normalise_text(text)
    assert normalise_text(once) == once


@given(TEXTS)
def test_the_normal_form_is_composed_and_has_no_control_characters(text: str):
    normal = normalise_text(text)
    assert unicodedata.is_normalized("NFC", normal)
    assert not [c for c in normal if unicodedata.category(c) == "Cc" and c not in "\t\n"]
    assert normal == normal.strip()


@given(st.lists(TEXTS, max_size=5))
def test_a_column_and_single_texts_get_the_same_form(texts: list[str]):
    column = normalise(pl.Series(texts, dtype=pl.String))
    assert column.to_list() == [normalise_text(text) for text in texts]
