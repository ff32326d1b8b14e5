"""Figures: equal to scikit-learn's, and to counting drawn texts one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from aufruf.baselines.examples import NOT_ASKED, YES_NO, Examples, Target
from aufruf.baselines.metrics import Judged, figures, tally
from aufruf.baselines.model import Answers
from aufruf.baselines.resampling import draws, interval
from aufruf.baselines.scoring import Score, few_positives, score

judgements = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.booleans(), min_size=n, max_size=n),
        st.lists(st.integers(-3, 3), min_size=n, max_size=n),
        st.lists(st.integers(0, 4), min_size=n, max_size=n),
    )
)


def judged(truth: list[bool], scores: list[int], units: list[int] | None = None) -> Judged:
    values = np.array(scores, dtype=np.float64)
    places = np.arange(len(truth)) if units is None else np.array(units)
    return Judged(np.array(truth), values >= 0, values, places)


def by_sklearn(truth: np.ndarray, predicted: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """scikit-learn's figures; NaN where a figure has nothing to count."""
    both = bool(truth.any() and not truth.all())
    some = {"zero_division": 0.0}
    return {
        "macro_f1": sk.f1_score(truth, predicted, average="macro", **some),
        "precision": sk.precision_score(truth, predicted) if predicted.any() else np.nan,
        "recall": sk.recall_score(truth, predicted) if truth.any() else np.nan,
        "f1": sk.f1_score(truth, predicted, **some) if truth.any() else np.nan,
        "average_precision": sk.average_precision_score(truth, scores) if truth.any() else np.nan,
        "roc_auc": sk.roc_auc_score(truth, scores) if both else np.nan,
    }


@given(judgements)
@settings(max_examples=40, deadline=None)
def test_figures_equal_those_of_scikit_learn(found: tuple[list[bool], list[int], list[int]]):
    truth, scores, _ = found
    given_ = judged(truth, scores)
    ours = figures(tally(given_, len(truth)), np.ones((len(truth), 1)))
    theirs = by_sklearn(given_.truth, given_.predicted, given_.scores)
    assert {name: values[0] for name, values in ours.items()} == pytest.approx(theirs, nan_ok=True)


@given(judgements, st.integers(0, 9))
@settings(max_examples=10, deadline=None)
def test_figures_of_a_draw_equal_those_of_the_texts_drawn(
    found: tuple[list[bool], list[int], list[int]], seed: int
):
    truth, scores, units = found
    given_ = judged(truth, scores, units)
    counts = tally(given_, 5)
    for draw in draws(5, 3, seed):
        ours = figures(counts, draw)
        for column in range(draw.shape[1]):
            rows = np.repeat(np.arange(len(truth)), draw[given_.units, column].astype(int))
            drawn = (given_.truth[rows], given_.predicted[rows], given_.scores[rows])
            theirs = by_sklearn(*drawn) if len(rows) else dict.fromkeys(ours, np.nan)
            assert {name: values[column] for name, values in ours.items()} == pytest.approx(
                theirs, nan_ok=True
            )


def test_a_worked_example():
    """Two of three positives found, one false alarm: P = R = F1 = 2/3; ranks 1, 3, 5 of 5 are positive."""
    scores = [2, 1, 0, -1, -2]
    ours = figures(tally(judged([True, False, True, False, True], scores), 5), np.ones((5, 1)))
    assert ours["precision"] == ours["recall"] == ours["f1"] == pytest.approx(2 / 3)
    assert ours["average_precision"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3)
    assert ours["roc_auc"] == pytest.approx((2 + 1 + 0) / 6)
    assert ours["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_each_draw_takes_as_many_units_as_there_are_and_the_first_takes_each_once():
    blocks = list(draws(7, 50, seed=1))
    assert (blocks[0] == 1).all()
    drawn = np.concatenate(blocks[1:], axis=1)
    assert drawn.shape == (7, 50)
    assert (drawn.sum(axis=0) == 7).all()


def test_the_same_seed_draws_the_same_and_another_does_not():
    first, again, other = (np.concatenate(list(draws(20, 10, seed)), axis=1) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_the_interval_holds_the_truth_about_as_often_as_it_says(repetitions: int):
    """Precision of 60 texts, truly .7: 95 of 100 intervals hold it; of 100 we allow 87 and more."""
    rng = np.random.default_rng(0)
    trials = 100 if repetitions < 50 else 1_000
    held = 0
    for trial in range(trials):
        truth = rng.random(60) < 0.7
        given_ = Judged(truth, np.ones(60, dtype=bool), np.zeros(60), np.arange(60))
        counts = tally(given_, 60)
        values = np.concatenate([figures(counts, draw)["precision"] for draw in draws(60, 300, trial)])
        low, high = interval(values[1:])
        assert low is not None
        assert high is not None
        held += low <= 0.7 <= high
    assert 0.87 <= held / trials <= 0.99


def test_an_interval_over_units_is_wider_than_one_over_texts_that_repeat_each_other():
    truth = np.tile([True, True, False, True, False, False, True, False], 40)
    predicted = np.tile([True, False, False, True, True, False, True, False], 40)

    def width(units: np.ndarray) -> float:
        counts = tally(Judged(truth, predicted, predicted * 1.0, units), int(units.max()) + 1)
        values = [figures(counts, draw)["macro_f1"] for draw in draws(int(units.max()) + 1, 400, 0)]
        low, high = interval(np.concatenate(values)[1:])
        assert low is not None
        assert high is not None
        return high - low

    assert width(np.arange(320) % 8) > 3 * width(np.arange(320))


def examples(codes: dict[str, list[int]], languages: list[str] | None = None, **more: Any) -> Examples:
    targets = tuple(Target(name, YES_NO, np.array(values)) for name, values in codes.items())
    n = len(targets[0].codes)
    return Examples(
        texts=pl.Series([""] * n),
        targets=targets,
        units=more.get("units", np.arange(n)),
        languages=None if languages is None else np.array(languages),
    )


def answers(scores: list[float]) -> Answers:
    values = np.array(scores, dtype=np.float64)
    return Answers(np.stack([-values, values], axis=1), (values >= 0).astype(np.int64))


def only(found: list[Score], **wanted: Any) -> Score:
    chosen = [row for row in found if all(getattr(row, name) == value for name, value in wanted.items())]
    assert len(chosen) == 1
    return chosen[0]


def test_only_what_was_asked_is_scored():
    given_ = examples({"a": [1, 0, NOT_ASKED, NOT_ASKED]})
    found = score(given_, {"a": answers([1, -1, 1, 1])}, rounds=20)
    assert only(found, label="a", metric="f1").n == 2
    assert only(found, label="a", metric="f1").value == 1.0


def test_texts_of_one_unit_are_drawn_together():
    """All of one unit or none of it: 4 units leave wide intervals, and gaps in their numbers none."""
    codes = [1, 1, 0, 1, 0, 0, 1, 0] * 20
    said = {"a": answers([1, -1, -1, 1, 1, -1, 1, -1] * 20)}
    each = only(score(examples({"a": codes}), said), metric="f1")
    together = np.arange(160) % 4 * 7
    units = only(score(examples({"a": codes}, units=together), said), metric="f1")
    assert units.value == each.value
    assert None not in {units.low, units.high, each.low, each.high}
    assert units.high - units.low > 2 * (each.high - each.low)


def test_what_cannot_be_computed_is_null_and_never_nan():
    given_ = examples({"a": [0, 0, 0]})
    found = score(given_, {"a": answers([-1, -1, 1])}, rounds=20)
    undefined = {row.metric for row in found if row.value is None}
    assert undefined == {"recall", "f1", "average_precision", "roc_auc"}
    assert all(row.low is None and row.high is None for row in found if row.value is None)
    assert only(found, metric="precision").value == 0.0


def test_a_head_that_nothing_was_asked_of_has_no_figures_and_n_0():
    found = score(examples({"a": [NOT_ASKED] * 3}), {"a": answers([1, 1, 1])}, rounds=5)
    assert {(row.value, row.n) for row in found} == {(None, 0)}
    nobody = score(examples({"a": []}), {"a": answers([])}, rounds=5)
    assert {(row.value, row.n) for row in nobody} == {(None, 0)}


def test_languages_stand_behind_the_whole_and_make_it_up():
    given_ = examples({"a": [1, 0, 1, 0, 1]}, ["de", "de", "en", "en", "und"])
    found = score(given_, {"a": answers([1, -1, -1, 1, 1])}, rounds=5)
    f1 = [(row.language, row.value, row.n) for row in found if row.metric == "f1"]
    assert f1 == [(None, pytest.approx(2 / 3), 5), ("de", 1.0, 2), ("en", 0.0, 2)]


def test_the_mean_over_labels_stands_first_and_leaves_out_labels_without_a_positive_text():
    given_ = examples({"a": [1, 0, 1], "b": [1, 1, 0], "c": [0, 0, 0]})
    found = score(
        given_,
        {"a": answers([1, 1, -1]), "b": answers([1, 1, -1]), "c": answers([-1, 1, -1])},
        means={"author": ["a", "b", "c"]},
        rounds=5,
    )
    assert (found[0].label, found[0].language, found[0].metric) == ("author", None, "macro_f1")
    assert found[0].value == pytest.approx((0.5 + 1.0) / 2)
    assert found[0].n == 3


def test_a_mention_called_the_authors_own_is_counted_among_mentions_alone():
    """Texts 1 to 3 contain a threat that is not the author's own; of two of them the model says it is.

    Whether the last one's threat is the author's own was not asked.
    """
    given_ = examples({"threat_author": [1, 0, 0, 0, 0, NOT_ASKED], "threat_contained": [1, 1, 1, 1, 0, 1]})
    said = {"threat_author": answers([1, 1, 1, -1, 1, 1]), "threat_contained": answers([1] * 6)}
    rate = only(score(given_, said, rounds=20), metric="mention_false_positive_rate")
    assert (rate.label, rate.value, rate.n) == ("threat_author", pytest.approx(2 / 3), 3)


def test_several_answers_have_a_mean_first_and_figures_each_as_scikit_learn_has_them():
    rng = np.random.default_rng(3)
    codes, scores = rng.integers(3, size=60), rng.normal(size=(60, 3))
    predicted = scores.argmax(axis=1)
    target = Target("mood", ("calm", "glad", "sad"), codes)
    given_ = Examples(pl.Series([""] * 60), (target,), np.arange(60))
    found = score(given_, {"mood": Answers(scores, predicted)}, rounds=5)
    assert (found[0].label, found[0].metric) == ("mood", "macro_f1")
    assert found[0].value == pytest.approx(sk.f1_score(codes, predicted, average="macro"))
    each = [row.value for row in found if row.metric == "f1"]
    assert each == pytest.approx(list(sk.f1_score(codes, predicted, average=None)))
    assert [row.label for row in found if row.metric == "f1"] == ["mood=calm", "mood=glad", "mood=sad"]


def test_fewer_than_50_positive_texts_are_pointed_out_by_head_and_language():
    given_ = examples({"a": [1] * 60 + [0] * 5, "b": [1, 1, *[0] * 63]}, ["de"] * 30 + ["en"] * 35)
    assert few_positives(given_) == [
        "fewer than 50 positive texts, read the intervals: a 60 (de 30, en 30), b 2 (de 2, en 0)"
    ]
    assert few_positives(examples({"a": [1] * 50})) == []


def test_intervals_without_draws_or_with_too_few_defined_ones_are_none():
    assert interval(np.array([])) == (None, None)
    assert interval(np.array([0.5, np.nan, np.nan])) == (None, None)
    assert interval(np.array([0.5, 0.5, np.nan])) == (0.5, 0.5)
