"""Platforms' own formats. Each case is a folder: a file, and what is to be read from it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from aufruf.errors import InputError
from aufruf.sources.fields import FieldMap
from aufruf.sources.formats import FORMATS, detect_format
from aufruf.sources.items import SourceResult
from aufruf.sources.reading import read_source

CASES = sorted((Path(__file__).parent / "cases").glob("*/*/expected.json"))
REAL = Path(__file__).parents[2] / "shared" / "data" / "platforms"
real = pytest.mark.skipif(not REAL.exists(), reason="the real data is not here")


def content_of(case: Path) -> bytes:
    (file,) = (file for file in case.parent.iterdir() if file.name != "expected.json")
    return file.read_bytes()


def told(result: SourceResult) -> dict[str, object]:
    items = result.records.drop("file").to_dicts()
    return {
        "items": [{name: value for name, value in item.items() if value is not None} for item in items],
        "refused": result.quarantine.select("item", "reason").to_dicts(),
        "notes": [note.split(": ", 1)[1] for note in result.notes],
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: "/".join(case.parts[-3:-1]))
def test_a_case_is_recognised_by_its_content_and_read_as_expected(case: Path, tmp_path: Path):
    file = tmp_path / "a file without a telling name"
    file.write_bytes(content_of(case))
    with file.open("rb") as stream:
        assert detect_format(stream, "file") == case.parts[-3]
        assert stream.tell() == 0
    assert told(read_source(file)) == json.loads(case.read_text("utf-8"))


def test_there_are_cases_for_each_format_of_a_platform():
    others = {"csv", "jsonl", "parquet", "news-text", "news-html", "feed", "warc", "huggingface"}
    assert {case.parts[-3] for case in CASES} >= set(FORMATS) - others
