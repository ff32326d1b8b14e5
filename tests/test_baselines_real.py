"""Baselines on real posts, where they are at hand: as good as others report, and not better."""

from __future__ import annotations

from pathlib import Path

import pytest

from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.table_data import read_table
from aufruf.baselines.training import fit_on_table

POSTS = Path(__file__).parents[2] / "shared" / "data" / "germeval2025"
pytestmark = pytest.mark.skipif(not POSTS.is_dir(), reason="the real data sets are not part of the project")


@pytest.mark.parametrize(("name", "label", "rows"), [("c2a", "C2A", 6_840), ("vio", "VIO", 7_783)])
def test_every_row_of_a_real_table_is_read(name: str, label: str, rows: int):
    table = read_table(POSTS / f"{name}_train.csv", text="description", label=label)
    assert table.read == len(table.examples) == rows
    assert table.positive == "TRUE"


@pytest.mark.slow
def test_calls_to_action_are_found_as_well_as_plain_scikit_learn_finds_them_and_not_suspiciously_better():
    """Above .80 something of the answers would have leaked: encoders reach .82 to .86, counts cannot."""
    table = read_table(POSTS / "c2a_train.csv", text="description", label="C2A", positive="TRUE")
    scores = fit_on_table(load_recipe("tfidf-logreg"), table, folds=5).scores
    assert (scores[0].metric, scores[0].n) == ("macro_f1", 6_840)
    assert scores[0].value is not None
    assert 0.72 <= scores[0].value <= 0.80
