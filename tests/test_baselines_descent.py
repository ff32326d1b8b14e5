"""Support vector machines by dual coordinate descent."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.svm import LinearSVC

from aufruf.baselines.descent import DualSvm, fit_together
from aufruf.baselines.hashing import HashedNgrams
from learnable import calls_and_others

if TYPE_CHECKING:
    from aufruf.baselines.examples import Ints


def rows_and_answers(n: int) -> tuple[Any, Ints]:
    rows = calls_and_others(n)
    matrix = HashedNgrams().fit_transform(rows.get_column("text"))
    return matrix, (rows.get_column("call") == "yes").to_numpy().astype(int)


def loss(matrix: Any, signs: Any, costs: Any, weights: Any, intercept: float) -> float:
    margins = 1 - signs * (matrix @ weights + intercept)
    return float(0.5 * (weights @ weights + intercept**2) + (costs * np.maximum(margins, 0) ** 2).sum())


@pytest.mark.parametrize("balanced", ["balanced", None])
@pytest.mark.parametrize("weighted", [True, False])
def test_it_reaches_the_optimum_of_scikit_learn(balanced: str | None, *, weighted: bool):
    matrix, yes = rows_and_answers(300)
    weights = np.random.default_rng(1).uniform(0.5, 3, len(yes)) if weighted else None
    theirs = LinearSVC(C=0.3, class_weight=balanced, tol=1e-8, max_iter=50_000)
    theirs.fit(matrix, yes, sample_weight=weights)
    share = np.bincount(yes, weights=weights)
    by_class = share.sum() / (2 * share) if balanced else np.ones(2)
    costs = 0.3 * by_class[yes] * (1 if weights is None else weights)
    signs = np.where(yes == 1, 1, -1)
    best = loss(matrix, signs, costs, theirs.coef_[0], theirs.intercept_[0])
    for tolerance, worse, apart in ((1e-6, 1e-6, 1e-3), (DualSvm().tol, 0.005, 0.05)):
        ours = DualSvm(C=0.3, class_weight=balanced, tol=tolerance).fit(matrix, yes, weights)
        assert loss(matrix, signs, costs, ours.coef_[0], ours.intercept_[0]) <= best * (1 + worse)
        np.testing.assert_allclose(
            ours.decision_function(matrix), theirs.decision_function(matrix), atol=apart
        )


def weighed_by_class_ratio(matrix: Any, yes: Ints, power: float) -> Any:
    """Return the matrix as Wang & Manning weigh it, column by column, to a power."""
    dense, ratios = matrix.toarray(), []
    for column in dense.T:
        p, q = (column[yes == answer].sum() + 0.1 for answer in (1, 0))
        everything = [(dense[yes == answer].sum(axis=0) + 0.1).sum() for answer in (1, 0)]
        ratios.append(abs(np.log((p / everything[0]) / (q / everything[1]))))
    return csr_array(dense * (np.array(ratios) / np.mean(ratios)) ** power)


def test_weighed_by_class_ratio_it_is_the_machine_of_the_weighed_matrix():
    matrix, yes = rows_and_answers(120)
    yes[::7] = 1 - yes[::7]
    weighed = weighed_by_class_ratio(matrix, yes, 0.4)
    theirs = LinearSVC(C=0.3, tol=1e-8, max_iter=50_000).fit(weighed, yes)
    ours = DualSvm(C=0.3, class_ratio=0.4, tol=1e-6).fit(matrix, yes)
    np.testing.assert_allclose(ours.decision_function(matrix), theirs.decision_function(weighed), atol=1e-3)
    plain = DualSvm(C=0.3, tol=1e-6).fit(matrix, yes)
    assert np.abs(plain.decision_function(matrix) - ours.decision_function(matrix)).max() > 0.05


def test_where_classes_are_alike_in_all_columns_none_is_weighed():
    matrix = HashedNgrams().fit_transform(["one two", "one two", "three four", "three four"])
    yes = np.array([0, 1, 0, 1])
    weighed, plain = (DualSvm(class_ratio=power).fit(matrix, yes) for power in (0.3, 0))
    np.testing.assert_array_equal(weighed.coef_, plain.coef_)


def test_it_tells_several_answers_apart_and_repeats_itself():
    texts = [f"{word} {n}" for n in range(20) for word in ("apples", "pears", "plums")]
    answers = np.array([0, 1, 2] * 20)
    matrix = HashedNgrams().fit_transform(texts)
    first, again = (DualSvm(random_state=5).fit(matrix, answers) for _ in range(2))
    assert (first.predict(matrix) == answers).all()
    assert first.decision_function(matrix).shape == (60, 3)
    np.testing.assert_array_equal(first.coef_, again.coef_)


def test_a_text_of_weight_zero_is_as_if_it_were_not_there():
    matrix, yes = rows_and_answers(100)
    weights = np.ones(len(yes))
    weights[::4] = 0
    some = np.flatnonzero(weights)
    with_zeros = DualSvm(tol=1e-7).fit(matrix, yes, weights)
    without = DualSvm(tol=1e-7).fit(matrix[some], yes[some])
    np.testing.assert_allclose(with_zeros.coef_, without.coef_, atol=1e-5)


def test_a_second_process_compiles_nothing():
    code = """
import numpy as np
from aufruf.baselines.descent import DualSvm
from aufruf.baselines.descent_kernels import descent
from scipy.sparse import csr_array
DualSvm().fit(csr_array(np.eye(4, dtype=np.float32)), np.array([0, 1, 0, 1]))
print(sum(descent.stats.cache_misses.values()))
"""
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_rows_of_one_answer_are_refused():
    matrix, yes = rows_and_answers(12)
    with pytest.raises(ValueError, match="two answers"):
        DualSvm().fit(matrix, np.zeros_like(yes))


def test_a_matrix_with_long_indices_is_the_same_matrix():
    matrix, yes = rows_and_answers(60)
    long = matrix.copy()
    long.indices, long.indptr = long.indices.astype(np.int64), long.indptr.astype(np.int64)
    np.testing.assert_array_equal(DualSvm().fit(long, yes).coef_, DualSvm().fit(matrix, yes).coef_)


@pytest.mark.parametrize("processors", [1, 2, 3])
@pytest.mark.parametrize("machines", [1, 2, 3, 9])
def test_each_of_several_comes_out_to_the_last_bit_as_it_would_alone(
    machines: int, processors: int, monkeypatch: pytest.MonkeyPatch
):
    matrix, yes = rows_and_answers(200)
    rng = np.random.default_rng(machines)
    answers = [np.where(rng.random(len(yes)) < noise / 20, 1 - yes, yes) for noise in range(machines)]
    answers[-1] = yes + rng.integers(0, 2, len(yes))
    weights = [(rng.random(len(yes)) < 0.8) * rng.uniform(0.5, 2, len(yes)) for _ in range(machines)]
    power = 0.1 * (machines - 1)
    alone = [
        DualSvm(class_ratio=power).fit(matrix, y, weight) for y, weight in zip(answers, weights, strict=True)
    ]
    monkeypatch.setattr(pl, "thread_pool_size", lambda: processors)
    together = list(fit_together([DualSvm(class_ratio=power) for _ in answers], matrix, answers, weights))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.coef_, other.coef_)
        np.testing.assert_array_equal(one.intercept_, other.intercept_)
        np.testing.assert_array_equal(one.classes_, other.classes_)
