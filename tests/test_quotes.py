"""Quoted spans, by the marks of German and English."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aufruf.quotes import quoted_spans, quotes_column

CASES = tomllib.loads((Path(__file__).parent / "cases" / "quotes.toml").read_text("utf-8"))
MARKED = st.text("„“”»«\"‚‘’›‹' \nabS.", max_size=40)


@pytest.mark.parametrize("name", CASES)
def test_what_stands_in_quotation_marks_is_found(name: str):
    case = CASES[name]
    assert [case["text"][start:end] for start, end in quoted_spans(case["text"])] == case["quoted"]


@example("'“S\n'“")
@given(MARKED)
def test_spans_lie_in_the_text_in_order_and_are_nested_or_apart(text: str):
    spans = quoted_spans(text)
    assert spans == sorted(spans, key=lambda span: (span.start, -span.end))
    for number, left in enumerate(spans):
        assert 0 < left.start < left.end <= len(text)
        assert text[left.start : left.end].strip()
        for right in spans[number + 1 :]:
            assert right.end <= left.end or left.end <= right.start


@given(st.lists(MARKED, max_size=4))
def test_a_column_gives_what_single_texts_give(texts: list[str]):
    column = quotes_column(pl.Series(texts, dtype=pl.String)).to_list()
    assert column == [[span._asdict() for span in quoted_spans(text)] for text in texts]


@pytest.mark.parametrize("part", ["„", "„“", '"a" ', "'s' a", "„\n", '„«‚‘"“”»'])
def test_a_text_of_nothing_but_marks_takes_no_time(part: str):
    started = time.process_time()
    quoted_spans(part * (300_000 // len(part)))
    assert time.process_time() - started < 3
