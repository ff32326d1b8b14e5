"""Hashed n-grams and the machine that is fitted to them, against slow and independent implementations."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from aufruf.baselines import hashing
from aufruf.baselines.examples import YES_NO, Examples, Target, unanswered
from aufruf.baselines.explaining import buckets_of
from aufruf.baselines.hashing import HashedNgrams
from aufruf.baselines.model import Model, fit_model, no_step
from aufruf.baselines.ngram_weights import NgramWeights, ngram_weights
from aufruf.baselines.recipes import load_recipe
from learnable import calls_and_others

if TYPE_CHECKING:
    import pytest

BITS = 22
FACTOR = 0x9E3779B97F4A7C15
WORD = 1 << 64
LETTERS = st.text(max_size=40) | st.text(" .:!?#aäB\n", max_size=20)
TEXTS = st.lists(LETTERS, min_size=1, max_size=6)


def mixed(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % WORD
    return value ^ (value >> 31)


def folded(numbers: list[int]) -> int:
    found = 0
    for number in numbers:
        found = (found + number) * FACTOR % WORD
    return found


def with_marks(text: str) -> list[str]:
    """Return words of any length, marks, and starts of sentences as the character 0."""
    tokens: list[str] = []
    ended = True
    for piece in text.split():
        tokens += ["\0"] if ended else []
        tokens += re.findall(r"\w+|\W", piece)
        ended = piece[-1] in ".:!?"
    return tokens


def buckets(
    text: str, words: tuple[int, int], characters: tuple[int, int], *, marks: bool
) -> list[Counter[int]]:
    """Return how often each bucket is in a text, of words and of characters; scikit-learn finds them."""
    found: list[Counter[int]] = [Counter(), Counter()]
    listed = CountVectorizer(ngram_range=(1, 1)).build_analyzer()
    tokens = with_marks(text.lower()) if marks else listed(text)
    numbers = [mixed(folded([ord(letter) + 1 for letter in token])) for token in tokens]
    for size in range(words[0], words[1] + 1):
        for start in range(len(numbers) - size + 1):
            found[0][folded(numbers[start : start + size]) >> (65 - BITS)] += 1
    for gram in CountVectorizer(analyzer="char_wb", ngram_range=characters).build_analyzer()(text):
        found[1][(1 << (BITS - 1)) + (folded([ord(letter) + 1 for letter in gram]) >> (65 - BITS))] += 1
    return found


def slow_rows(fitted_on: list[str], texts: list[str], **ranges: Any) -> list[dict[int, float]]:
    """Return the rows of texts by bucket: sublinear counts times idf, each block of length 1."""
    known = [buckets(text, **ranges) for text in fitted_on]
    within = Counter(bucket for blocks in known for block in blocks for bucket in block)
    idf = {bucket: 1 + math.log((1 + len(known)) / (1 + n)) for bucket, n in within.items()}
    rows: list[dict[int, float]] = []
    for blocks in [buckets(text, **ranges) for text in texts]:
        row: dict[int, float] = {}
        for block in blocks:
            worth = {b: (1 + math.log(n)) * idf[b] for b, n in block.items() if b in idf}
            length = math.sqrt(sum(value**2 for value in worth.values()))
            row |= {b: value / length for b, value in worth.items()}
        rows.append(row)
    return rows


def rows_of(features: HashedNgrams, matrix: Any) -> list[dict[int, float]]:
    return [
        {
            int(features.buckets_[column]): float(value)
            for column, value in zip(
                matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]],
                matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]],
                strict=True,
            )
        }
        for row in range(matrix.shape[0])
    ]


def same(found: list[dict[int, float]], expected: list[dict[int, float]]) -> bool:
    return all(
        row.keys() == other.keys() and all(math.isclose(row[b], other[b], rel_tol=1e-5) for b in row)
        for row, other in zip(found, expected, strict=True)
    )


@given(
    TEXTS,
    TEXTS,
    st.tuples(st.integers(1, 2), st.integers(0, 2)),
    st.tuples(st.integers(1, 3), st.integers(0, 3)),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_rows_are_those_of_a_slow_reference_for_any_unicode(
    known: list[str],
    unknown: list[str],
    words: tuple[int, int],
    characters: tuple[int, int],
    marks: bool,  # noqa: FBT001 -- hypothesis names it
):
    ranges: dict[str, Any] = {
        "words": (words[0], sum(words)),
        "characters": (characters[0], sum(characters)),
        "marks": marks,
    }
    features = HashedNgrams(**ranges)
    assert same(rows_of(features, features.fit_transform(known)), slow_rows(known, known, **ranges))
    assert same(rows_of(features, features.transform(unknown)), slow_rows(known, unknown, **ranges))


@given(TEXTS, TEXTS, st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_scores_without_a_matrix_are_those_with_one(known: list[str], unknown: list[str], heads: int):
    features = HashedNgrams()
    width = features.fit_transform(known).shape[1]
    weights = np.random.default_rng(0).normal(size=(heads, width)).astype(np.float32)
    intercepts = np.arange(heads) - 0.5
    expected = features.transform(unknown) @ weights.T + intercepts
    np.testing.assert_allclose(features.score(unknown, weights, intercepts), expected, atol=1e-4)


def test_marks_and_starts_of_sentences_are_words_that_can_be_named():
    features = HashedNgrams((1, 2), None, marks=True).fit(["Go. We said: go to 3 of them at 6:30 or so! "])
    named = buckets_of(features, "Go. We said: go to 3 of them at 6:30 or so! ")
    assert set(named) == set(features.buckets_.tolist())
    assert {"[start] go", "go .", ". [start]", "[start] we", ": [start]", "3", "so !"} <= set(named.values())
    assert not {"! [start]", "30 [start]"} & set(named.values())


def test_an_ngram_that_training_never_saw_says_nothing():
    features = HashedNgrams().fit(["ab cd", "ab ef"])
    assert features.transform(["xyzzy", "", None]).nnz == 0
    assert features.transform(["ab xyzzy"]).nnz > 0


def test_a_bucket_of_fewer_texts_than_asked_for_is_no_column():
    features = HashedNgrams(characters=None, words=(1, 1), min_df=2).fit(
        ["one two", "two three", "three two"]
    )
    assert len(features.buckets_) == len({"two", "three"})


def test_it_makes_no_difference_in_what_portions_threads_take_the_texts(monkeypatch: pytest.MonkeyPatch):
    texts = calls_and_others(200).get_column("text")
    features = HashedNgrams()
    whole = features.fit_transform(texts)
    monkeypatch.setattr(hashing, "_SLICE", 64)
    parts = HashedNgrams()
    np.testing.assert_array_equal(parts.fit_transform(texts).toarray(), whole.toarray())
    np.testing.assert_array_equal(parts.buckets_, features.buckets_)


def several(n: int = 240) -> Examples:
    """Return texts with three questions, one of them with three answers, the second not asked of all."""
    rows = calls_and_others(n)
    call = (rows.get_column("call") == "yes").to_numpy().astype(np.int64)
    lengths = rows.get_column("text").str.len_chars()
    short = (lengths < lengths.median()).to_numpy().astype(np.int64)
    targets = (
        Target("call", YES_NO, call),
        Target("short", YES_NO, np.where(np.arange(n) % 5 == 0, -1, short)),
        Target("both", ("a", "b", "c"), call + short),
    )
    languages = np.where(np.arange(n) % 2, "de", "en")
    return Examples(rows.get_column("text"), targets, np.arange(n), languages=languages)


def test_a_model_answers_all_questions_at_once_as_it_answers_each():
    examples = several()
    model = fit_model(load_recipe("hashed-svm"), examples, seed=0, step=no_step)
    matrix = model.features.transform(examples.texts)
    found = model.distances(examples)
    for head in model.heads:
        np.testing.assert_allclose(found[head.name], head.distances(matrix), atol=1e-4)
    alone = fit_model(
        load_recipe("hashed-svm"),
        Examples(examples.texts, examples.targets[:1], examples.units),
        seed=0,
        step=no_step,
    )
    np.testing.assert_array_equal(alone.heads[0].estimator.coef_, model.heads[0].estimator.coef_)


def test_probabilities_of_logistic_regression_are_scikit_learns():
    examples = several()
    model = fit_model(load_recipe("hashed-logreg"), examples, seed=0, step=no_step)
    matrix = model.features.transform(examples.texts)
    for head, answers in zip(model.heads, model.answer(examples).values(), strict=True):
        np.testing.assert_allclose(answers.scores, head.estimator.predict_proba(matrix), atol=1e-5)


def test_calibration_is_that_of_platt_and_moves_no_answer():
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    examples = several()
    train, validation = examples.take(np.arange(120)), examples.take(np.arange(120, 240))
    model = fit_model(load_recipe("hashed-svm"), train, seed=0, step=no_step)
    distances = model.distances(validation)
    likely = model.calibrated(distances, validation)
    head = likely.heads[0]
    matrix = model.features.transform(validation.texts)
    theirs = CalibratedClassifierCV(FrozenEstimator(model.heads[0].estimator), method="sigmoid")
    theirs.fit(matrix, validation.targets[0].codes)
    scores = head.scores(distances["call"])
    np.testing.assert_allclose(scores[:, 1], theirs.predict_proba(matrix)[:, 1], atol=0.01)
    np.testing.assert_array_equal(
        head.predict(scores), model.heads[0].predict(model.heads[0].scores(distances["call"]))
    )
    assert likely.heads[2].calibration is None


def test_a_language_has_its_own_threshold_once_there_are_enough_texts_of_it():
    n = 400
    examples = several(n)
    model: Model = fit_model(load_recipe("hashed-svm"), examples, seed=0, step=no_step)
    tuned = model.tuned(examples)
    positives = {
        language: int(((examples.targets[0].codes == 1) & (examples.languages == language)).sum())
        for language in ("de", "en")
    }
    assert min(positives.values()) >= 50
    assert set(tuned.heads[0].by_language) == {"de", "en"}
    few = model.tuned(examples.take(np.arange(140)))
    assert few.heads[0].by_language == {}
    head = tuned.heads[0]
    scores = np.array([[0.5, 0.5], [0.5, 0.5]])
    moved = type(head)(**{**head.__dict__, "threshold": 0.9, "by_language": {"de": 0.1}})
    assert moved.predict(scores, np.array(["de", "en"])).tolist() == [1, 0]
    assert moved.predict(scores).tolist() == [0, 0]
    asked = Model(model.recipe, model.features, (moved,))
    german, english = (
        "Kommt alle am Samstag auf den Platz, wir sind viele!",
        "Come to the square on Saturday!",
    )
    told = Examples(pl.Series([german, english]), (), np.arange(2), languages=np.array(["en", "de"]))
    either = moved.scores(asked.distances(told)[moved.name])[:, 1]
    sure = replace(moved, threshold=either.max() + 1, by_language={"de": either.min() - 1})
    asked = replace(asked, heads=(sure,))
    assert asked.answer(told)[moved.name].predicted.tolist() == [0, 1]
    assert asked.answer(unanswered(told.texts))[moved.name].predicted.tolist() == [1, 0]


def test_texts_alone_are_answered():
    examples = several()
    model = fit_model(load_recipe("hashed-svm"), examples, seed=0, step=no_step)
    answered = model.answer(unanswered(pl.Series(["kommt alle", None], dtype=pl.String).fill_null("")))
    assert answered["call"].scores.shape == (2, 2)


def test_the_heaviest_ngrams_of_a_hashed_model_are_named_by_texts_that_hold_them():
    rows = calls_and_others(300)
    target = Target("call", YES_NO, (rows["call"] == "yes").to_numpy().astype(np.int64))
    examples = Examples(rows["text"], (target,), np.arange(300))
    hashed = fit_model(load_recipe("hashed-svm"), examples, seed=0, step=no_step)
    listed = fit_model(load_recipe("tfidf-svm"), examples, seed=0, step=no_step)
    (ours,), (theirs,) = ngram_weights(hashed, examples.texts), ngram_weights(listed, examples.texts)
    assert len(ours.yes) == len(ours.no) == 20
    assert len({ngram for ngram, _ in ours.yes} & {ngram for ngram, _ in theirs.yes}) >= 15
    assert ngram_weights(hashed, pl.Series(["xyzzy"])) == [NgramWeights("call", [], [])]
