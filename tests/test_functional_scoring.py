"""Figures of a suite: against worked examples, another way of counting, and models that must fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aufruf.baselines.functional.scoring import SuiteScore, score_suite
from aufruf.baselines.functional.suite import Suite, read_suite
from aufruf.baselines.model import Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = {
    "case": pl.String,
    "functionality": pl.String,
    "language": pl.String,
    "template": pl.String,
    "unit": pl.String,
    "group": pl.String,
    "text": pl.String,
    "threat_author": pl.Boolean,
}


def suite(*rows: tuple[str, str, str, str | None, bool | None], fills: int = 1) -> Suite:
    """Return a suite of rows (functionality, unit, language, group, gold), each ``fills`` times."""
    cases = [
        (f"{number}/{fill}", name, language, f"{name}/{unit}", unit, group, "a text", gold)
        for number, (name, unit, language, group, gold) in enumerate(rows)
        for fill in range(fills)
    ]
    return Suite("small", pl.DataFrame(cases, schema=SCHEMA, orient="row"), ("threat_author",))


def answers(scores: Sequence[float]) -> dict[str, Answers]:
    """Return answers that say yes from a score of .5 on."""
    found = np.array(scores, dtype=np.float64)
    return {"threat_author": Answers(np.column_stack([1 - found, found]), (found >= 0.5).astype(np.int64))}


def figure(scores: Sequence[SuiteScore], metric: str, **where: Any) -> SuiteScore:
    wanted = {"functionality": None, "language": None, "group": None, "metric": metric} | where
    found = [score for score in scores if all(getattr(score, key) == value for key, value in wanted.items())]
    assert len(found) == 1
    return found[0]


SMALL = suite(
    ("direct", "1", "de", None, True),
    ("direct", "2", "de", None, True),
    ("negated", "1", "de", None, False),
    ("negated", "2", "de", None, False),
    ("idiom", "3", "en", None, False),
    ("wish", "4", "en", None, None),
)


def test_a_worked_example():
    """Said: yes, no / no, yes / no. Recall 1/2; false positives (1/2 + 0) / 2 = 1/4 over functionalities."""
    scores = score_suite(SMALL, answers([0.9, 0.3, 0.2, 0.7, 0.4, 0.9]), rounds=0)
    assert figure(scores, "recall").value == 0.5
    assert figure(scores, "false_positive_rate").value == 0.25
    assert figure(scores, "balanced_accuracy").value == (0.5 + 0.75) / 2
    assert figure(scores, "pairs_right").value == 0.5
    assert figure(scores, "pairs_ranked").value == 0.5
    assert figure(scores, "accuracy", functionality="direct").n == 2
    assert figure(scores, "accuracy", functionality="idiom").value == 1
    assert "wish" not in {score.functionality for score in scores}


def test_languages_are_scored_apart_and_undefined_figures_are_null():
    scores = score_suite(SMALL, answers([0.9] * 6), rounds=0)
    assert figure(scores, "false_positive_rate", language="en").value == 1
    assert figure(scores, "recall", language="en").value is None
    assert figure(scores, "balanced_accuracy", language="en").value is None
    assert figure(scores, "pairs_right", language="en").n == 0


def test_answers_that_depend_on_who_calls_are_seen():
    rows = [("calls", unit, "de", who, True) for unit in ("1", "2") for who in ("bakers", "millers")]
    rows += [("marched", unit, "de", who, False) for unit in ("1", "2") for who in ("bakers", "millers")]
    scores = score_suite(suite(*rows), answers([0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1]), rounds=0)
    assert figure(scores, "consistency").value == 0.5
    assert figure(scores, "consistency", functionality="calls").n == 2
    assert figure(scores, "recall", group="bakers").value == 1
    assert figure(scores, "recall", group="millers").value == 0.5
    assert figure(scores, "false_positive_rate", group="bakers").value == 0
    assert figure(scores, "false_positive_rate", group="millers").value == 0.5


def test_a_template_that_names_one_group_is_not_consistent():
    rows = [("calls", "1", "de", "bakers", True), ("calls", "1", "de", "millers", True)]
    rows += [("calls", unit, "de", "bakers", True) for unit in ("2", "3")]
    scores = score_suite(suite(*rows), answers([0.9, 0.1, 0.9, 0.9]), rounds=0)
    assert (figure(scores, "consistency").value, figure(scores, "consistency").n) == (0, 1)
    alone = score_suite(suite(*rows[2:]), answers([0.9, 0.9]), rounds=0)
    assert [score for score in alone if score.metric == "consistency"] == []


@given(st.data())
@settings(max_examples=30)
def test_pairs_are_those_that_a_loop_finds(data: st.DataObject):
    row = st.tuples(st.sampled_from("abcd"), st.sampled_from("123"), st.just("de"), st.none(), st.none())
    rows = data.draw(st.lists(row, min_size=1, max_size=20, unique=True))
    gold = {name: data.draw(st.booleans()) for name in "abcd"}
    small = suite(
        *[(name, unit, language, who, gold[name]) for name, unit, language, who, _ in rows], fills=2
    )
    said = data.draw(
        st.lists(
            st.sampled_from([0.125, 0.375, 0.625, 0.875]), min_size=2 * len(rows), max_size=2 * len(rows)
        )
    )
    places = [(name, unit) for name, unit, *_ in rows]
    right = ranked = pairs = 0
    for i, (yes, unit) in enumerate(places):
        for j, (no, other) in enumerate(places):
            if unit == other and gold[yes] and not gold[no]:
                of_yes, of_no = said[2 * i : 2 * i + 2], said[2 * j : 2 * j + 2]
                pairs += 1
                right += min(of_yes) >= 0.5 > max(of_no)
                ranked += sum(of_yes) > sum(of_no)
    scores = score_suite(small, answers(said), rounds=0)
    assert figure(scores, "pairs_right").n == pairs
    assert figure(scores, "pairs_right").value == (right / pairs if pairs else None)
    assert figure(scores, "pairs_ranked").value == (ranked / pairs if pairs else None)


def test_more_fills_of_a_template_are_no_more_evidence():
    rows = [("direct", str(unit), "de", None, True) for unit in range(8)]
    said = [0.9, 0.1] * 4
    once = score_suite(suite(*rows), answers(said), rounds=500, seed=1)
    often = score_suite(suite(*rows, fills=5), answers(np.repeat(said, 5).tolist()), rounds=500, seed=1)
    one, other = (figure(scores, "accuracy", functionality="direct") for scores in (once, often))
    assert (one.value, one.low, one.high) == (other.value, other.low, other.high)
    assert one.low is not None
    assert one.low < 0.3
    assert (one.n, other.n, one.units, other.units) == (8, 40, 8, 8)


@pytest.mark.parametrize("said", [0.0, 1.0])
def test_one_answer_to_all_earns_nothing(said: float):
    shipped = read_suite()
    constant = Answers(np.full((shipped.cases.height, 2), said), np.full(shipped.cases.height, int(said)))
    scores = score_suite(shipped, dict.fromkeys(shipped.golds, constant), rounds=0)
    for gold in shipped.golds:
        assert figure(scores, "balanced_accuracy", label=gold).value == pytest.approx(0.5)
        assert figure(scores, "pairs_right", label=gold).value == 0


def test_right_answers_earn_everything_in_each_language():
    shipped = read_suite()
    columns = {gold: shipped.cases[gold].fill_null(value=False).to_numpy() for gold in shipped.golds}
    right = {
        gold: Answers(np.column_stack([~yes, yes]), yes.astype(np.int64)) for gold, yes in columns.items()
    }
    scores = score_suite(shipped, right, rounds=20)
    assert {score.language for score in scores} == {None, "de", "en"}
    expected = {"false_positive_rate": 0.0}
    wrong = [score for score in scores if score.value not in {expected.get(score.metric, 1.0), None}]
    assert wrong == []
    with_groups = {score.label for score in scores if score.metric == "consistency"}
    assert {"threat_author", "call_to_violence_contained", "protest_mobilization_author"} <= with_groups
