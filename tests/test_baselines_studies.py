"""Studies: a recipe trained on less, on one language, on the past; a model asked without seed terms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.baselines.evaluation import evaluate_on_release
from aufruf.baselines.examples import YES_NO, Examples, Target, joined
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.release_data import read_release
from aufruf.baselines.runs import train
from aufruf.baselines.studies import study_on_release, without_terms
from aufruf.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.scoring import Score


@pytest.fixture
def model(filled_release: Path, tmp_path: Path) -> Path:
    train(load_recipe("hashed-svm"), filled_release, tmp_path / "m")
    return tmp_path / "m"


def of_author(scores: list[Score], **wanted: str | None) -> dict[str | None, tuple[float | None, int]]:
    chosen = [row for row in scores if (row.label, row.metric) == ("author", "macro_f1")]
    chosen = [row for row in chosen if all(getattr(row, name) == value for name, value in wanted.items())]
    return {row.slice: (row.value, row.n) for row in chosen}


def test_training_on_one_language_or_both_is_scored_on_each_language(model: Path, filled_release: Path):
    scores = study_on_release(model, filled_release, "crosslingual", rounds=2).scores
    assert {row.slice for row in scores} == {"train=de", "train=en", "train=all"}
    assert {row.language for row in scores} == {None, "de", "en"}
    asis = evaluate_on_release(model, filled_release, rounds=0, probes=False).scores
    expected = of_author([row for row in asis if not row.weighted], language="de")[None]
    assert of_author(scores, language="de")["train=all"] == expected


def test_a_learning_curve_ends_where_the_model_stands_and_each_part_holds_the_one_before(
    model: Path, filled_release: Path
):
    report = study_on_release(model, filled_release, "learning", rounds=0)
    found = of_author(report.scores, language=None)
    assert list(found) == ["train=0.0625", "train=0.125", "train=0.25", "train=0.5", "train=1"]
    asis = evaluate_on_release(model, filled_release, rounds=0, probes=False).scores
    assert found["train=1"] == of_author([row for row in asis if not row.weighted], language=None)[None]
    n = len(read_release(filled_release, ("train",)).splits["train"])
    assert f"train=1 {n}" in report.notes[0]


def test_the_past_is_trained_on_and_the_future_scored(model: Path, filled_release: Path):
    (slice_,) = of_author(study_on_release(model, filled_release, "time", rounds=0).scores, language=None)
    assert slice_ is not None
    assert slice_.startswith("train<")
    release = read_release(filled_release, ("train", "validation", "test"))
    months = pl.concat([part.facts["month"] for part in release.splits.values() if part.facts is not None])
    newer = (months >= slice_.removeprefix("train<")).sum()
    assert 0 < newer < len(months) / 2


def test_terms_of_the_lexicon_are_taken_out_in_either_language_and_nothing_else():
    texts = pl.Series(["Kommt alle: Demo am Montag!", "A quiet afternoon in the garden."])
    masked = without_terms(texts)
    assert masked[1] == texts[1]
    assert masked[0] != texts[0]
    assert "Montag" in masked[0]


def test_a_model_is_asked_with_and_without_seed_terms(model: Path, filled_release: Path):
    report = study_on_release(model, filled_release, "masked", rounds=0)
    found = of_author(report.scores, language=None)
    assert list(found) == ["masked=none", "masked=lexicon"]
    assert "texts hold a term of the lexicon" in report.notes[0]
    lexicon = model.parent / "lexicon"
    train(load_recipe("lexicon"), filled_release, lexicon)
    found = of_author(study_on_release(lexicon, filled_release, "masked", rounds=0).scores, language=None)
    before, after = found["masked=none"][0], found["masked=lexicon"][0]
    assert before is not None
    assert after is not None
    assert before > after


def test_joined_examples_keep_their_units_apart():
    def part(units: list[int], language: str) -> Examples:
        target = Target("a", YES_NO, np.arange(len(units)) % 2)
        return Examples(
            pl.Series(["x"] * len(units)), (target,), np.array(units), np.array([language] * len(units))
        )

    both = joined([part([0, 1, 1], "de"), part([0, 0], "en")])
    assert both.units.tolist() == [0, 1, 1, 2, 2]
    assert both.targets[0].codes.tolist() == [0, 1, 0, 0, 1]
    assert both.languages is not None
    assert both.languages.tolist() == ["de"] * 3 + ["en"] * 2
    assert both.facts is None


def test_the_command_shows_a_study(model: Path, filled_release: Path):
    words = ["evaluate", str(model), "--data", str(filled_release), "--study", "masked", "--resamples", "5"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "masked=lexicon" in shown.stdout
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert {row["slice"] for row in told["scores"]} == {"masked=none", "masked=lexicon"}
    assert CliRunner().invoke(app, [*words, "--split", "train"]).exit_code == 2
