"""What annotators reach among themselves, and models where annotators disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as sk

from aufruf.baselines.evaluation import evaluate_on_release
from aufruf.baselines.examples import YES_NO, Examples, Target
from aufruf.baselines.human import human_scores, judgements_of
from aufruf.baselines.model import Answers
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.release_data import read_annotations, read_release
from aufruf.baselines.runs import train
from aufruf.baselines.soft import soft_scores

if TYPE_CHECKING:
    from pathlib import Path


def examples(n: int, name: str = "a_contained", **facts: Any) -> Examples:
    ids = pl.DataFrame({"id": [f"r{row}" for row in range(n)], **facts})
    target = Target(name, YES_NO, np.zeros(n, dtype=np.int64))
    return Examples(pl.Series([""] * n), (target,), np.arange(n), facts=ids)


def judgements(answers: dict[str, str]) -> pl.DataFrame:
    """Return answers by annotator: ``1``, ``0`` or a blank for each record."""
    rows = [
        (f"r{row}", who, "a_contained", value == "1")
        for who, values in answers.items()
        for row, value in enumerate(values)
        if value != " "
    ]
    return pl.DataFrame(rows, schema=["id", "annotator", "head", "yes"], orient="row")


def test_each_annotator_is_scored_against_the_majority_of_the_others():
    """Three annotators, four records; where the other two differ, nobody is right.

    A: of records 1, 3 and 4 the others agree (1, 0, 0), A says 1, 0, 1: F1 = 2/3.
    B: of records 1, 2 and 3 (1, 1, 0), B says 1, 0, 0: F1 = 2/3. C: of 1 and 3 (1, 0), C is right: 1.
    """
    found = human_scores(judgements({"A": "1101", "B": "1000", "C": "1100"}), examples(4), rounds=20)
    (row,) = found
    assert (row.label, row.metric, row.n) == ("a_contained", "human_f1", 4)
    assert row.value == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_a_record_that_one_person_judged_says_nothing():
    (row,) = human_scores(judgements({"A": "11 ", "B": "1  "}), examples(3), rounds=5)
    assert (row.value, row.n) == (1.0, 1)
    assert human_scores(judgements({"A": "11 "}), examples(3), rounds=5) == []


def test_annotators_who_never_meet_a_positive_record_are_left_out():
    found = human_scores(judgements({"A": "10", "B": "10", "C": " 0"}), examples(2), rounds=5)
    assert found[0].value == 1.0


def test_the_ceiling_of_a_release_is_read_from_its_annotations(filled_release: Path):
    release = read_release(filled_release, ("train",))
    rows = read_annotations(filled_release, "train")
    assert rows is not None
    said = judgements_of(rows, release.scheme)
    assert set(said["head"]) == {
        f"{name}_{side}" for name in release.scheme.label_names for side in ("author", "contained")
    }
    threats = release.scheme.label_names.index("threat")
    triage = rows.filter((pl.col("pass") == "triage") & pl.col("labels").is_not_null())
    chosen = triage.filter(pl.col("labels").list.contains(threats)).select("id", "annotator").unique()
    found = said.filter((pl.col("head") == "threat_contained") & pl.col("yes")).select("id", "annotator")
    assert found.sort("id", "annotator").equals(chosen.sort("id", "annotator"))


def test_soft_scores_equal_scikit_learns_where_shares_are_certain():
    truth, said = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.2, 0.4, 0.0])
    given = examples(4, a_share=truth, a_n=[3] * 4)
    answers = {"a_contained": Answers(np.stack([1 - said, said], axis=1), np.zeros(4, dtype=np.int64))}
    entropy, manhattan = soft_scores(given, answers, rounds=5)
    assert entropy.metric == "soft_cross_entropy"
    assert entropy.value == pytest.approx(sk.log_loss(truth, said))
    assert manhattan.value == pytest.approx(2 * np.abs(truth - said).mean())
    assert manhattan.n == 4


def test_the_share_itself_is_the_best_probability_and_single_answers_do_not_count():
    """Two of three and one of four said yes; the third record was judged by one alone."""
    shares = np.array([2 / 3, 1 / 4, 1.0])
    given = examples(3, a_share=shares, a_n=[3, 4, 1])

    def scored(said: list[float]) -> list[float | None]:
        values = np.array(said)
        answers = {"a_contained": Answers(np.stack([1 - values, values], 1), np.zeros(3, dtype=np.int64))}
        found = soft_scores(given, answers, rounds=0)
        assert {row.n for row in found} == {2}
        return [row.value for row in found]

    best = scored([2 / 3, 1 / 4, 0.0])
    assert best[1] == pytest.approx(0)
    assert best[0] is not None
    assert all(
        other[0] > best[0] for other in (scored([0.6, 1 / 4, 0.0]), scored([2 / 3, 0.4, 0.0])) if other[0]
    )


def test_distances_are_no_probabilities_and_have_no_soft_scores():
    given = examples(2, a_share=[1.0, 0.0], a_n=[2, 2])
    said = np.array([[-3.0, 3.0], [1.0, -1.0]])
    assert soft_scores(given, {"a_contained": Answers(said, np.array([1, 0]))}, rounds=0) == []


def test_an_evaluation_on_a_release_tells_ceiling_and_soft_scores(filled_release: Path, tmp_path: Path):
    train(load_recipe("tfidf-logreg"), filled_release, tmp_path / "m")
    found = evaluate_on_release(tmp_path / "m", filled_release, rounds=5).scores
    assert {"human_f1", "soft_cross_entropy", "soft_manhattan"} <= {row.metric for row in found}
