"""Two models on the same texts: differences, and whether they can be chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from aufruf.baselines.comparison import compare, holm
from aufruf.baselines.examples import YES_NO, Examples, Target
from aufruf.baselines.model import Answers
from aufruf.baselines.scoring import score

if TYPE_CHECKING:
    from aufruf.baselines.comparison import Difference


def examples(truth: np.ndarray, units: np.ndarray | None = None) -> Examples:
    target = Target("a", YES_NO, truth.astype(np.int64))
    return Examples(
        pl.Series([""] * len(truth)), (target,), np.arange(len(truth)) if units is None else units
    )


def says(scores: np.ndarray) -> dict[str, Answers]:
    return {"a": Answers(np.stack([-scores, scores], axis=1), (scores >= 0).astype(np.int64))}


def only(found: list[Difference], metric: str) -> Difference:
    (row,) = [row for row in found if row.metric == metric]
    return row


def test_figures_of_both_are_those_of_scores_and_their_difference_is_the_firsts_less_the_seconds():
    rng = np.random.default_rng(0)
    truth = rng.random(80) < 0.4
    given = examples(truth)
    first, second = says(truth + rng.normal(-0.5, 0.4, 80)), says(rng.normal(0, 1, 80))
    found = compare(given, first, second, rounds=50)
    assert [row.first for row in found] == [row.value for row in score(given, first, rounds=0)]
    assert [row.second for row in found] == [row.value for row in score(given, second, rounds=0)]
    known = [row for row in found if row.difference is not None]
    assert [row.difference for row in known] == [(row.first or 0) - (row.second or 0) for row in known]
    better = only(found, "f1")
    assert better.low is not None
    assert better.low > 0
    assert better.p_value == pytest.approx(2 / 51)


def test_a_model_against_itself_differs_by_nothing():
    rng = np.random.default_rng(1)
    same = says(rng.normal(size=60))
    row = only(compare(examples(rng.random(60) < 0.5), same, same, rounds=40), "average_precision")
    assert (row.difference, row.low, row.high, row.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_models_as_good_as_each_other_are_told_apart_about_as_often_as_the_level_says(repetitions: int):
    """Of 100 pairs of models with the same error about 5 have p <= .05; 12 are allowed."""
    trials = 60 if repetitions < 50 else 400
    rng = np.random.default_rng(2)
    surprises = 0
    for trial in range(trials):
        truth = rng.random(150) < 0.4
        first, second = (says(truth + rng.normal(-0.5, 0.6, 150)) for _ in range(2))
        found = only(compare(examples(truth), first, second, rounds=200, seed=trial), "f1").p_value
        surprises += found is not None and found <= 0.05
    assert surprises / trials <= 0.12


def test_texts_of_one_unit_are_no_independent_evidence_for_a_difference():
    """The first is right about one text more of each eight; each eight 30 times over, or 30 texts apart."""
    truth = np.tile([True, True, False, True, False, False, True, False], 30)
    first = np.where(truth, 1.0, -1.0)
    second = first.copy()
    second[::8] *= -1
    apart = only(compare(examples(truth), says(first), says(second), rounds=300), "f1")
    copies = only(compare(examples(truth, np.arange(240) % 8), says(first), says(second), rounds=300), "f1")
    assert apart.p_value == pytest.approx(2 / 301)
    assert copies.p_value is not None
    assert copies.p_value > 0.2


def test_p_values_are_corrected_step_by_step_as_holm_has_it():
    """.01 by 4 = .04, .02 by 3 = .06, .03 by 2 = .06, .5 by 1, never below the one before."""
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_labels_are_corrected_for_and_means_over_them_are_not():
    rng = np.random.default_rng(3)
    truth = rng.random(60) < 0.5
    codes = truth.astype(np.int64)
    given = Examples(
        pl.Series([""] * 60), (Target("a", YES_NO, codes), Target("b", YES_NO, codes)), np.arange(60)
    )
    good, bad = says(truth - 0.5)["a"], says(rng.normal(size=60))["a"]
    found = compare(
        given, {"a": good, "b": good}, {"a": bad, "b": bad}, means={"author": ["a", "b"]}, rounds=99
    )
    rows = {row.label: row for row in found if row.metric == "macro_f1"}
    assert rows["a"].p_value == rows["author"].p_value == rows["author"].p_holm == pytest.approx(0.02)
    assert rows["a"].p_holm == rows["b"].p_holm == pytest.approx(0.04)
