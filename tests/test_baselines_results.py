"""The table of results in baselines/README.md is the one that baselines/results makes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="runs from a checkout only: benchmarks/ is no package")
def test_the_table_of_results_is_made_from_the_results(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    made = importlib.import_module("baseline_results")
    text = made.README.read_text("utf-8")
    assert text.partition(made.BEGIN)[2].partition(made.END)[0].strip() == made.table()
    assert made.table().count("hashed-svm") >= 6
    sys.modules.pop("baseline_results")
