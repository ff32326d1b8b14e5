"""Figures: equal to scikit-learn's, and to counting drawn texts one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from aufruf.baselines.examples import NOT_ASKED, YES_NO, Examples, Target
from aufruf.baselines.metrics import Judged, Ranking, figures, mention_figures, named
from aufruf.baselines.model import Answers
from aufruf.baselines.resampling import drawn_counts, draws, interval
from aufruf.baselines.scoring import Score, notes_on, score

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


def figures_of(given_: Judged, drawn: np.ndarray | None = None) -> dict[str, np.ndarray]:
    once = np.ones((1, len(given_)), dtype=np.int32)
    return figures(named(Ranking(given_).counted(once if drawn is None else drawn)))


def by_sklearn(
    truth: np.ndarray, predicted: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, Any]:
    """scikit-learn's figures; NaN where a figure has nothing to count."""
    both = bool(truth.any() and not truth.all())
    some: dict[str, Any] = {"zero_division": 0.0, "sample_weight": weights}
    weighted = {"sample_weight": weights}
    are_probabilities = scores.min() >= 0 and scores.max() <= 1
    return {
        "macro_f1": sk.f1_score(truth, predicted, average="macro", **some),
        "micro_f1": sk.f1_score(truth, predicted, average="micro", **some),
        "precision": sk.precision_score(truth, predicted, **weighted) if predicted.any() else np.nan,
        "recall": sk.recall_score(truth, predicted, **weighted) if truth.any() else np.nan,
        "f1": sk.f1_score(truth, predicted, **some) if truth.any() else np.nan,
        "average_precision": sk.average_precision_score(truth, scores, **weighted) if truth.any() else np.nan,
        "roc_auc": sk.roc_auc_score(truth, scores, **weighted) if both else np.nan,
        "brier": sk.brier_score_loss(truth, scores, **weighted, labels=[False, True])
        if are_probabilities
        else np.nan,
    }


def calibration_error(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """The error by tenths of the score, a bin at a time: scikit-learn has none."""
    if scores.min() < 0 or scores.max() > 1:
        return float("nan")
    tenth = np.minimum((scores * 10).astype(int), 9)
    bins = [tenth == number for number in set(tenth.tolist())]
    gaps = [
        weights[rows].sum()
        * abs(
            np.average(scores[rows], weights=weights[rows]) - np.average(truth[rows], weights=weights[rows])
        )
        for rows in bins
    ]
    return sum(gaps) / weights.sum()


@given(judgements, st.sampled_from(["distances", "probabilities"]), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_figures_equal_those_of_scikit_learn(
    found: tuple[list[bool], list[int], list[int]], kind: str, seed: int
):
    truth, scores, _ = found
    weights = np.random.default_rng(seed).uniform(0.1, 3, len(truth))
    plain = judged(truth, scores)
    some = replace(plain, scores=1 / (1 + np.exp(-plain.scores))) if kind == "probabilities" else plain
    for given_ in (some, replace(some, weights=weights)):
        theirs = by_sklearn(given_.truth, given_.predicted, given_.scores, given_.weights)
        each = np.ones(len(truth)) if given_.weights is None else weights
        theirs["ece"] = calibration_error(given_.truth, given_.scores, each)
        ours = {name: values[0] for name, values in figures_of(given_).items()}
        assert ours == pytest.approx(theirs, nan_ok=True)


@given(judgements, st.integers(0, 9))
@settings(max_examples=10, deadline=None)
def test_figures_of_a_draw_equal_those_of_the_texts_drawn(
    found: tuple[list[bool], list[int], list[int]], seed: int
):
    truth, scores, units = found
    given_ = judged(truth, scores, units)
    for draw in drawn_counts(5, 3, seed):
        ours = figures_of(given_, draw)
        del ours["ece"]
        for number, counts in enumerate(draw):
            rows = np.repeat(np.arange(len(truth)), counts[given_.units])
            drawn = (given_.truth[rows], given_.predicted[rows], given_.scores[rows])
            theirs = by_sklearn(*drawn) if len(rows) else dict.fromkeys(ours, np.nan)
            ours_then = {name: values[number] for name, values in ours.items()}
            if not (given_.scores >= 0).all() or (given_.scores > 1).any():
                theirs["brier"] = np.nan
            assert ours_then == pytest.approx(theirs, nan_ok=True)


def test_a_worked_example():
    """Two of three positives found, one false alarm: P = R = F1 = 2/3; ranks 1, 3, 5 of 5 are positive."""
    ours = figures_of(judged([True, False, True, False, True], [2, 1, 0, -1, -2]))
    assert ours["precision"] == ours["recall"] == ours["f1"] == pytest.approx(2 / 3)
    assert ours["average_precision"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3)
    assert ours["roc_auc"] == pytest.approx((2 + 1 + 0) / 6)
    assert ours["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert ours["micro_f1"] == pytest.approx(3 / 5)


def test_at_a_recall_of_80_percent_mentions_count_down_to_the_score_that_finds_so_many():
    """Five positives; the fourth has score 3, tied with a mention: of four mentions three are so high."""
    truth = np.array([True, True, True, True, True, False, False, False, False, False])
    scores = np.array([9.0, 8.0, 7.0, 3.0, 1.0, 8.5, 5.0, 3.0, 2.0, 6.0])
    is_mention = np.array([False, False, False, False, False, True, True, True, True, False])
    given_ = Judged(truth, scores >= 7, scores, np.arange(10), mentions=is_mention)
    once = np.ones((1, 10), dtype=np.int32)
    found = mention_figures(named(Ranking(given_).counted(once)))
    assert found["mention_false_positive_rate"] == [1 / 4]
    assert found["mention_false_positive_rate_at_recall_80"] == [3 / 4]
    nothing = replace(given_, truth=np.zeros(10, dtype=bool))
    found = mention_figures(named(Ranking(nothing).counted(once)))
    assert np.isnan(found["mention_false_positive_rate_at_recall_80"]).all()


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
        values = np.concatenate(
            [figures_of(given_, drawn)["precision"] for drawn in drawn_counts(60, 300, trial)]
        )
        low, high = interval(values[1:])
        assert low is not None
        assert high is not None
        held += low <= 0.7 <= high
    assert 0.87 <= held / trials <= 0.99


def test_an_interval_over_units_is_wider_than_one_over_texts_that_repeat_each_other():
    truth = np.tile([True, True, False, True, False, False, True, False], 40)
    predicted = np.tile([True, False, False, True, True, False, True, False], 40)

    def width(units: np.ndarray) -> float:
        given_ = Judged(truth, predicted, predicted * 1.0, units)
        blocks = drawn_counts(int(units.max()) + 1, 400, 0)
        values = [figures_of(given_, drawn)["macro_f1"] for drawn in blocks]
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
        weights=more.get("weights"),
        facts=more.get("facts"),
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


@pytest.mark.parametrize(("share", "expected", "at_least"), [(1.0, 0.0, 24), (0.5, 0.2, 34)])
def test_the_interval_of_a_calibration_error_reaches_down_to_what_chance_did_not_add(
    share: float, expected: float, at_least: int
):
    """Probabilities around .4, of which so large a share comes true: the error is |.4 - share * .4|."""
    held = 0
    for trial in range(40):
        rng = np.random.default_rng(trial)
        said = rng.uniform(0, 0.8, 1_000)
        truth = (rng.random(1_000) < share * said).astype(int).tolist()
        found = Answers(np.stack([1 - said, said], axis=1), (said >= 0.5).astype(np.int64))
        row = only(score(examples({"a": truth}), {"a": found}, rounds=200), metric="ece")
        assert None not in {row.value, row.low, row.high}
        assert 0 <= row.low <= row.value <= row.high
        held += row.low <= expected <= row.high
    assert held >= at_least


def test_what_cannot_be_computed_is_null_and_never_nan():
    given_ = examples({"a": [0, 0, 0]})
    found = score(given_, {"a": answers([-1, -1, 1])}, rounds=20)
    undefined = {row.metric for row in found if row.value is None}
    assert undefined == {"recall", "f1", "average_precision", "roc_auc", "brier", "ece"}
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


def test_figures_are_told_by_kind_source_and_voice_only_where_asked_for():
    """60 posts of one source and 40 items of news, half of them mentions: 10 condemned, 10 reported."""
    facts = pl.DataFrame(
        {
            "kind": ["post"] * 60 + ["news"] * 40,
            "source": ["a"] * 60 + ["b"] * 40,
            "threat_voice": [[]] * 80 + [["condemning"]] * 10 + [["reporting", "condemning"]] * 10,
        }
    )
    author = [1, 0] * 30 + [0] * 40
    contained = [1, 0] * 30 + [0] * 20 + [1] * 20
    given_ = examples({"threat_author": author, "threat_contained": contained}, facts=facts)
    said = {"threat_author": answers([1] * 30 + [-1] * 50 + [1] * 10 + [-1] * 10)}
    said["threat_contained"] = said["threat_author"]
    assert {row.slice for row in score(given_, said, rounds=5)} == {None}
    found = score(given_, said, rounds=5, sliced=True)
    assert {row.slice for row in found} == {
        *(None, "kind=news", "kind=post", "source=a", "voice=condemning", "voice=reporting")
    }
    rate = {"label": "threat_author", "metric": "mention_false_positive_rate"}
    values = {row.slice: (row.value, row.n) for row in found if row.metric == rate["metric"]}
    assert values == {
        None: (0.5, 20),
        "kind=news": (0.5, 20),
        "kind=post": (None, 0),
        "source=a": (None, 0),
        "voice=condemning": (0.5, 20),
        "voice=reporting": (0.0, 10),
    }
    news = only(found, label="threat_contained", metric="recall", slice="kind=news")
    assert (news.value, news.n) == (0.5, 40)


def test_a_text_counts_by_its_design_weight_in_weighted_figures_alone():
    """Recall: 1 of 2 positives as sampled; the one found stands for 3 texts, the other for 1."""
    weights = np.array([3.0, 1.0, 1.0, 1.0])
    given_ = examples({"a": [1, 1, 0, 0]}, weights=weights)
    found = score(given_, {"a": answers([1, -1, -1, 1])}, rounds=5, sliced=True)
    assert only(found, metric="recall", weighted=False).value == 0.5
    assert only(found, metric="recall", weighted=True).value == 0.75
    assert only(found, metric="precision", weighted=True).value == 0.75


def test_the_mean_over_labels_has_the_f1_of_all_questions_together_beside_it():
    given_ = examples({"a": [1, 0, 1], "b": [1, 1, 0]})
    said = {"a": answers([1, 1, -1]), "b": answers([1, 1, -1])}
    found = score(given_, said, means={"author": ["a", "b"]}, rounds=5)
    micro = only(found, label="author", metric="micro_f1")
    assert micro.value == pytest.approx(sk.f1_score([1, 0, 1, 1, 1, 0], [1, 1, 0, 1, 1, 0]))


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
    assert notes_on(given_) == [
        "fewer than 50 positive texts, read the intervals: a 60 (de 30, en 30), b 2 (de 2, en 0)"
    ]
    assert notes_on(examples({"a": [0] + [1] * 50})) == []


def test_a_head_without_negative_texts_is_pointed_out():
    given_ = examples({"a": [1] * 50 + [NOT_ASKED], "b": [1] * 50 + [0], "c": [NOT_ASKED] * 51})
    found = [note for note in notes_on(given_) if "negative" in note]
    assert found == ["no negative texts, so always yes scores 1, in the mean, too: a"]


def test_intervals_without_draws_or_with_too_few_defined_ones_are_none():
    assert interval(np.array([])) == (None, None)
    assert interval(np.array([0.5, np.nan, np.nan])) == (None, None)
    assert interval(np.array([0.5, 0.5, np.nan])) == (0.5, 0.5)
