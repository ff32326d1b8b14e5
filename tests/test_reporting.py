"""Cues of reporting and the Konjunktiv I, in German and English."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.quotes import quotes_column
from aufruf.reporting import reporting_columns

CASES = tomllib.loads((Path(__file__).parent / "cases" / "reporting.toml").read_text("utf-8"))
GERMAN, ENGLISH = CASES["de"]["cases"], CASES["en"]["cases"]


def found(texts: list[str], language: str) -> pl.DataFrame:
    series = pl.Series(texts, dtype=pl.String)
    languages = pl.Series([language] * len(texts), dtype=pl.String)
    return reporting_columns(series, quotes_column(series), languages)


@pytest.mark.parametrize(("text", "cue", "indirect"), GERMAN, ids=[text for text, *_ in GERMAN])
def test_german_cues_and_indirect_speech_are_found(text: str, cue: str, *, indirect: bool):
    assert found([text], "de").row(0) == (cue or None, indirect)


@pytest.mark.parametrize(("text", "cue"), ENGLISH, ids=[text for text, _ in ENGLISH])
def test_english_cues_are_found_and_indirect_speech_is_not_asked(text: str, cue: str):
    assert found([text], "en").row(0) == (cue or None, None)


def test_the_first_of_several_cues_counts():
    texts = ["Laut Lind schrieb einer: „Nein.“", "Einer schrieb, laut Lind sei nichts."]
    assert found(texts, "de")["reporting_cue"].to_list() == ["laut", "schrieb"]


def test_a_column_gives_what_single_texts_give():
    texts = [text for text, *_ in GERMAN]
    single = [found([text], "de").row(0) for text in texts]
    assert found(texts, "de").rows() == single


@given(st.lists(st.text("„“ «»sagteriHhb,.:ich sei habe\n", max_size=60), max_size=4))
def test_any_texts_have_a_row_each(texts: list[str]):
    columns = found(texts, "de")
    assert columns.height == len(texts)
    assert columns["indirect_speech"].null_count() == 0
    assert found(texts, "other")["indirect_speech"].null_count() == len(texts)


@pytest.mark.parametrize("part", ["„", "er sagte ", "sei ", "gab ", "teilte a ", ", die", "laut A "])
def test_a_text_made_to_be_slow_is_not(part: str):
    started = time.process_time()
    found([part * (300_000 // len(part))], "de")
    assert time.process_time() - started < 3
