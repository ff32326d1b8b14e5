"""Training: out of sample, unable to cheat, thresholds from validation, heads that know one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.metrics import f1_score

from aufruf.baselines.examples import NOT_ASKED, YES_NO, Examples, Target, unanswered
from aufruf.baselines.folds import folds_of
from aufruf.baselines.heads import best_threshold
from aufruf.baselines.model import fit_model, no_step
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.release_data import read_release
from aufruf.baselines.table_data import read_table
from aufruf.baselines.training import fit_on_release, fit_on_table
from aufruf.errors import InputError
from learnable import RECIPES_OF_TABLES, calls_and_others, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.release_data import Release
    from aufruf.baselines.scoring import Score
    from aufruf.baselines.training import Training


def table_of(folder: Path, frame: pl.DataFrame, **options: Any) -> Any:
    return read_table(write_table(folder, frame), text="text", label="call", **options)


def value(scores: list[Score], metric: str = "macro_f1") -> float:
    found = next(score.value for score in scores if score.metric == metric)
    assert found is not None
    return found


def fitted(codes: list[int], recipe: str = "tfidf-logreg", **more: Any) -> Any:
    texts = pl.Series([f"alle kommen {'zum Rathaus' if code == 1 else 'nach Hause'}" for code in codes])
    examples = Examples(texts, (Target("a", YES_NO, np.array(codes)),), np.arange(len(codes)), **more)
    return fit_model(load_recipe(recipe), examples, seed=0, step=no_step)


@pytest.mark.parametrize("recipe", ["tfidf-logreg", "tfidf-svm"])
def test_what_can_be_learnt_is_learnt(tmp_path: Path, recipe: str):
    training = fit_on_table(load_recipe(recipe), table_of(tmp_path, calls_and_others(150)), folds=3)
    assert value(training.scores) > 0.95
    assert training.scores_of == "cross-validation"
    assert training.scores[0].n == training.texts == 150


@pytest.mark.parametrize("recipe", ["hashed-svm", "tfidf-logreg"])
def test_probabilities_of_a_fold_come_from_the_other_folds(tmp_path: Path, recipe: str):
    frame = calls_and_others(300)
    doubtful = pl.when(pl.int_range(300) % 5 == 0).then(frame["call"].shuffle(seed=5)).otherwise("call")
    table = table_of(tmp_path, frame.with_columns(doubtful.alias("call")))
    training = fit_on_table(load_recipe(recipe), table, folds=5)
    truth, errors = table.examples.targets[0].codes == 1, []
    far = np.empty(300)
    folds = folds_of(table.examples, 5, 0)
    for train, held_out in folds:
        model = fit_model(load_recipe(recipe), table.examples.take(train), seed=0, step=no_step)
        far[held_out] = model.distances(table.examples.take(held_out))["call"][:, 0]
    for train, held_out in folds:
        others = _SigmoidCalibration().fit(far[train], truth[train])
        errors.append((others.predict(far[held_out]) - truth[held_out]) ** 2)
    assert value(training.scores, "brier") == pytest.approx(np.concatenate(errors).mean(), abs=2e-5)
    assert value(training.scores, "brier") < 0.9 * truth.mean() * (1 - truth.mean())
    assert value(training.scores) == pytest.approx(f1_score(truth, far > 0, average="macro"), abs=1e-12)


def test_a_fifth_held_out_has_probabilities_if_both_halves_can_tell_them(tmp_path: Path):
    for n, known in ((600, True), (60, False)):
        training = fit_on_table(load_recipe("hashed-svm"), table_of(tmp_path, calls_and_others(n)))
        found = next(score for score in training.scores if score.metric == "brier")
        assert (found.value is not None) is known
        assert training.scores_of == "held out"


def test_shuffled_answers_score_at_chance(tmp_path: Path):
    frame = calls_and_others(200)
    shuffled = frame.with_columns(frame["call"].shuffle(seed=5))
    training = fit_on_table(load_recipe("tfidf-logreg"), table_of(tmp_path, shuffled), folds=3)
    assert value(training.scores, "roc_auc") == pytest.approx(0.5, abs=0.12)
    assert value(training.scores) < 0.6


def test_the_majority_scores_as_it_must(tmp_path: Path):
    """Two thirds are no: F1 of no is .8, of yes 0, so their mean .4; ranks say nothing."""
    training = fit_on_table(load_recipe("majority"), table_of(tmp_path, calls_and_others(90)), folds=3)
    assert value(training.scores) == pytest.approx(0.4)
    assert value(training.scores, "roc_auc") == pytest.approx(0.5, abs=0.05)


def test_copies_of_a_text_do_not_help_to_tell_its_answer(tmp_path: Path):
    """Each text stands four times, with answers that cannot be learnt: only leaking copies could."""
    rng = np.random.default_rng(0)
    texts = [f"{a} {b} {c}" for a, b, c in rng.permutation(26**3)[:60, None] // [676, 26, 1] % 26 + 97]
    frame = pl.DataFrame({"text": texts, "call": rng.permutation(["yes", "no"] * 30)})
    copies = pl.concat([frame] * 4)
    training = fit_on_table(load_recipe("tfidf-logreg"), table_of(tmp_path, copies), folds=5)
    assert value(training.scores, "roc_auc") < 0.7


def test_the_features_of_a_fold_know_nothing_of_the_texts_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from aufruf.baselines import out_of_sample

    seen: list[set[str]] = []

    def watched(recipe: Any, examples: Examples, **options: Any) -> Any:
        seen.append(set(examples.texts))
        return fit_model(recipe, examples, **options)

    monkeypatch.setattr(out_of_sample, "fit_model", watched)
    frame = calls_and_others(60)
    fit_on_table(load_recipe("tfidf-logreg"), table_of(tmp_path, frame), folds=3)
    assert [len(texts) for texts in seen] == [40, 40, 40]
    assert not set.intersection(*seen[:3])


def test_without_cross_validation_a_fifth_is_held_out_and_the_model_is_fitted_on_all(tmp_path: Path):
    training = fit_on_table(load_recipe("tfidf-svm"), table_of(tmp_path, calls_and_others(100)))
    assert training.scores_of == "held out"
    assert training.scores[0].n == pytest.approx(20, abs=2)
    assert sum(training.model.heads[0].counts.values()) == 100
    assert "identical texts stay on one side" in training.notes[0]


def test_several_answers_are_learnt_at_once(tmp_path: Path):
    frame = calls_and_others(120).with_columns(
        call=pl.when(pl.col("text").str.contains("Nudeln")).then(pl.lit("cooking")).otherwise("call")
    )
    training = fit_on_table(load_recipe("tfidf-svm"), table_of(tmp_path, frame, positive=None), folds=3)
    assert value(training.scores) > 0.9


@pytest.mark.parametrize("recipe", RECIPES_OF_TABLES)
def test_the_same_seed_gives_the_same_scores(tmp_path: Path, recipe: str):
    table = table_of(tmp_path, calls_and_others(60))
    first, again = (fit_on_table(load_recipe(recipe), table, folds=2, seed=4) for _ in range(2))
    assert first.scores == again.scores


def test_only_asked_texts_train_a_head():
    model = fitted([1, 0, NOT_ASKED] * 8, recipe="majority")
    assert model.heads[0].counts == {"no": 8, "yes": 8}
    assert model.answer(unanswered(pl.Series(["alle"])))["a"].scores.tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("codes", [[0] * 6, [1] * 6, [0, NOT_ASKED, 0, 0]])
def test_a_head_that_knows_one_answer_always_gives_it(codes: list[int]):
    model = fitted(codes)
    assert model.heads[0].is_constant
    assert set(model.answer(unanswered(pl.Series(["alle kommen zum Rathaus"])))["a"].predicted) == {codes[0]}


def test_a_head_that_nothing_was_asked_of_says_no():
    model = fitted([NOT_ASKED] * 4)
    assert model.heads[0].is_constant
    assert model.answer(unanswered(pl.Series(["alle"])))["a"].predicted.tolist() == [0]


def test_texts_without_a_common_word_are_refused():
    with pytest.raises(InputError, match="too few or too short"):
        fit_model(
            load_recipe("tfidf-logreg"),
            Examples(pl.Series(["a"]), (Target("a", YES_NO, np.array([1])),), np.arange(1)),
            seed=0,
            step=no_step,
        )


def test_a_text_with_more_weight_counts_for_more():
    """Two texts, each with both answers: of each the heavier one wins."""
    recipe = load_recipe("tfidf-logreg")
    texts = pl.Series(["alle kommen zum Rathaus", "sie gehen nach Hause"] * 20)
    codes = np.repeat([0, 1], 20)
    for heavy in (0, 1):
        weights = np.where((np.arange(40) % 2 == heavy) == codes, 1.9, 0.1)
        examples = Examples(texts, (Target("a", YES_NO, codes),), np.arange(40), weights=weights)
        model = fit_model(recipe, examples, seed=0, step=no_step)
        assert model.answer(unanswered(texts[:2]))["a"].predicted.tolist() == [
            int(heavy == 0),
            int(heavy == 1),
        ]


def f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    return 2 * (truth & predicted).sum() / (truth.sum() + predicted.sum())


@given(
    st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=30).filter(
        lambda rows: any(truth for truth, _ in rows)
    )
)
def test_no_other_threshold_has_a_higher_f1(rows: list[tuple[bool, int]]):
    truth = np.array([truth for truth, _ in rows])
    scores = np.array([score for _, score in rows], dtype=np.float64)
    best = max(f1(truth, scores >= level) for level in np.arange(-4, 5, 0.5))
    assert f1(truth, scores >= best_threshold(truth, scores)) == pytest.approx(best)


def test_training_on_a_release_makes_two_heads_a_label_and_looks_at_no_test(filled_release: Path):
    for path in (filled_release / "data").glob("test-*"):
        path.unlink()
    release = read_release(filled_release, ("train", "validation"))
    steps: list[tuple[str, int, int]] = []
    training = fit_on_release(
        load_recipe("tfidf-logreg"), release, seed=0, step=lambda *step: steps.append(step)
    )
    labels = release.scheme.label_names
    assert {head.name for head in training.model.heads} == {
        f"{label}_{side}" for label in labels for side in ("author", "contained")
    }
    means = [(score.label, score.language) for score in training.scores if score.metric == "macro_f1"]
    assert means[:2] == [
        ("author", None),
        ("author", "de"),
    ]
    assert steps[-1] == ("trained", 9, 9)
    tuned = {head.name: head for head in training.model.heads}
    assert tuned["protest_mobilization_contained"].threshold_from == "validation"
    assert any("thresholds were tuned on the same texts" in note for note in training.notes)


@pytest.fixture(scope="module")
def release(_released: Path) -> Release:
    return read_release(_released / "releases" / "0.1.0", ("train", "validation"))


@pytest.fixture(scope="module")
def training(release: Release) -> Training:
    return fit_on_release(load_recipe("tfidf-logreg"), release)


def test_few_positives_in_validation_tune_no_threshold(release: Release, training: Training):
    validation = release.splits["validation"]
    for head in training.model.heads:
        positives = validation.target(head.name).counts["yes"]
        assert (head.threshold_from == "validation") == (positives >= 10)


def test_weights_change_a_release_model_only_when_asked_for(release: Release, training: Training):
    texts = unanswered(release.splits["validation"].texts)
    weighted = fit_on_release(load_recipe("tfidf-logreg"), release, weighted=True).model
    plain, other = (model.answer(texts)["threat_contained"].scores for model in (training.model, weighted))
    assert np.abs(plain - other).max() > 0.001


def test_the_mean_over_labels_leaves_the_auxiliary_one_out(release: Release, training: Training):
    main = [label.name for label in release.scheme.labels if not label.auxiliary]
    assert len(main) == len(release.scheme.labels) - 1
    f1 = {s.label: s.value for s in training.scores if s.metric == "f1" and s.language is None}
    assert training.scores[0].value == pytest.approx(np.mean([f1[f"{name}_author"] for name in main]))
