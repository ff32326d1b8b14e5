"""Scoring a table of ids and scores from any model by the figures that our models get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, f1_score
from typer.testing import CliRunner

from aufruf.baselines.evaluation import evaluate_on_release
from aufruf.baselines.prediction import predict
from aufruf.baselines.prediction_input import table_source
from aufruf.baselines.predictions_of_others import compare_predictions, evaluate_predictions, read_predictions
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.runs import train
from aufruf.cli.app import app
from aufruf.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.runs import Report

HEAD = "protest_mobilization_author"


@pytest.fixture
def split(filled_release: Path) -> pl.DataFrame:
    """The rows of the release's test split."""
    return pl.read_parquet(filled_release / "data" / "test-*.parquet")


def figure(report: Report, metric: str, label: str = HEAD) -> float | None:
    """Return a figure over all texts."""
    return next(
        s.value
        for s in report.scores
        if (s.label, s.metric, s.language) == (label, metric, None) and not getattr(s, "slice", None)
    )


def scored(frame: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Return ids with invented scores that know something of the answers."""
    noise = np.random.default_rng(seed).random(frame.height)
    truth = frame[HEAD].cast(pl.Float64).fill_null(0)
    return pl.DataFrame({"id": frame["id"], HEAD: 0.3 * truth + 0.7 * noise})


def test_the_figures_are_those_of_scikit_learn(filled_release: Path, split: pl.DataFrame, tmp_path: Path):
    theirs = scored(split).sample(fraction=1.0, shuffle=True, seed=1)
    theirs.write_csv(tmp_path / "theirs.csv")
    report = evaluate_predictions(tmp_path / "theirs.csv", filled_release, rounds=0)
    asked = split.join(theirs, on="id", suffix="_said").filter(pl.col(HEAD).is_not_null())
    truth, scores = asked[HEAD].to_numpy(), asked[f"{HEAD}_said"].to_numpy()
    assert figure(report, "average_precision") == pytest.approx(average_precision_score(truth, scores))
    assert figure(report, "f1") == pytest.approx(f1_score(truth, scores >= 0.5))
    assert {score.label for score in report.scores} <= {HEAD, "author", "contained"}


def test_our_own_predictions_get_the_scores_of_the_model(
    filled_release: Path, split: pl.DataFrame, tmp_path: Path
):
    train(load_recipe("hashed-svm"), filled_release, tmp_path / "m")
    split.select("id", "text").write_parquet(tmp_path / "test.parquet")
    predict(tmp_path / "m", table_source(tmp_path / "test.parquet"), tmp_path / "wide.jsonl")
    theirs = evaluate_predictions(tmp_path / "wide.jsonl", filled_release, rounds=20)
    ours = evaluate_on_release(tmp_path / "m", filled_release, rounds=20)
    assert theirs.scores == [score for score in ours.scores if not score.metric.startswith("human")]
    compared = compare_predictions(tmp_path / "wide.jsonl", tmp_path / "m", filled_release, rounds=20)
    assert {row.difference for row in compared.differences} <= {0, None}
    assert {row.label for row in compared.differences} == {row.label for row in ours.scores}


def test_a_row_a_label_is_read_too(filled_release: Path, split: pl.DataFrame, tmp_path: Path):
    rows = scored(split).rename({"id": "record_id", HEAD: "score"}).with_columns(label=pl.lit(HEAD))
    rows.write_parquet(tmp_path / "long.parquet")
    scored(split).write_parquet(tmp_path / "wide.parquet")
    long, wide = (
        evaluate_predictions(tmp_path / name, filled_release, rounds=0).scores
        for name in ("long.parquet", "wide.parquet")
    )
    assert long == wide
    of_label = rows.with_columns(label=pl.lit("threat"))
    of_label.write_csv(tmp_path / "label.csv")
    assert list(read_predictions(tmp_path / "label.csv", ["threat_contained", HEAD]).heads) == [
        "threat_contained"
    ]


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("TRUE", "FALSE"), ("yes", "no")])
def test_decisions_need_no_threshold(
    filled_release: Path, split: pl.DataFrame, tmp_path: Path, yes: str, no: str
):
    said = scored(split).with_columns(
        pl.when(pl.col(HEAD) > 0.6).then(pl.lit(yes)).otherwise(pl.lit(no)).alias(HEAD)
    )
    said.write_csv(tmp_path / "theirs.tsv", separator="\t")
    report = evaluate_predictions(tmp_path / "theirs.tsv", filled_release, rounds=0)
    asked = split.join(said, on="id", suffix="_said").filter(pl.col(HEAD).is_not_null())
    assert figure(report, "f1") == pytest.approx(f1_score(asked[HEAD], asked[f"{HEAD}_said"] == yes))


def test_thresholds_are_tuned_where_validation_is_predicted(filled_release: Path, tmp_path: Path):
    splits = [
        pl.read_parquet(filled_release / "data" / f"{name}-*.parquet") for name in ("validation", "test")
    ]
    shy = pl.concat([scored(part, seed) for seed, part in enumerate(splits)]).with_columns(pl.col(HEAD) / 100)
    shy.write_csv(tmp_path / "both.csv")
    shy.tail(splits[1].height).write_csv(tmp_path / "test.csv")
    both = evaluate_predictions(tmp_path / "both.csv", filled_release, rounds=0)
    alone = evaluate_predictions(tmp_path / "test.csv", filled_release, rounds=0)
    assert figure(alone, "f1") == 0
    assert (figure(both, "f1") or 0) > 0.3
    assert figure(both, "average_precision") == figure(alone, "average_precision")
    assert any(note.startswith("thresholds tuned on the predictions of validation") for note in both.notes)


def test_texts_without_a_prediction_are_an_error_or_left_out(
    filled_release: Path, split: pl.DataFrame, tmp_path: Path
):
    most = scored(split).head(split.height * 9 // 10)
    most.write_csv(tmp_path / "most.csv")
    with pytest.raises(InputError, match=rf"says nothing for {HEAD} of \d+ of \d+ texts; predict them, too"):
        evaluate_predictions(tmp_path / "most.csv", filled_release)
    report = evaluate_predictions(tmp_path / "most.csv", filled_release, allow_missing=True, rounds=0)
    asked = most.join(split, on="id", suffix="_true").get_column(f"{HEAD}_true").drop_nulls().len()
    assert max(score.n for score in report.scores if score.label == HEAD) == asked
    assert any("have no prediction and are left out" in note for note in report.notes)


def test_files_that_say_nothing_usable_are_refused(tmp_path: Path):
    def refused(frame: pl.DataFrame, match: str) -> None:
        frame.write_csv(tmp_path / "bad.csv")
        with pytest.raises(InputError, match=match):
            read_predictions(tmp_path / "bad.csv", [HEAD])

    good = pl.DataFrame({"id": ["a", "b"], HEAD: [0.1, 0.9]})
    refused(good.rename({"id": "text_id"}), "no column id; its columns are text_id")
    refused(good.rename({HEAD: "call"}), f"answers none of the heads; .* of {HEAD}")
    refused(good.with_columns(id=pl.lit("a")), "1 with one that another row has")
    refused(good.with_columns(pl.lit(7.5).alias(HEAD)), "scores outside 0 to 1; give probabilities, or")
    refused(good.with_columns(pl.lit("likely").alias(HEAD)), "something else than numbers or decisions")
    renamed = good.rename({"id": "text_id"})
    renamed.write_csv(tmp_path / "named.csv")
    assert read_predictions(tmp_path / "named.csv", [HEAD], id="text_id").ids.to_list() == ["a", "b"]


def test_the_command_scores_a_file_alone_or_beside_a_model(
    filled_release: Path, split: pl.DataFrame, tmp_path: Path
):
    scored(split).write_csv(tmp_path / "theirs.csv")
    train(load_recipe("majority"), filled_release, tmp_path / "m")
    words = ["--predictions", str(tmp_path / "theirs.csv"), "--data", str(filled_release), "--resamples", "0"]
    alone = CliRunner().invoke(app, ["evaluate", *words, "--json"])
    assert json.loads(alone.stdout)["scores"][0]["label"] == "author"
    both = CliRunner().invoke(app, ["evaluate", str(tmp_path / "m"), *words, "--json"])
    compared = json.loads(both.stdout)
    assert (compared["first"], compared["second"]) == (str(tmp_path / "theirs.csv"), str(tmp_path / "m"))
    assert {row["label"] for row in compared["differences"]} == {HEAD, "author"}
    assert HEAD in CliRunner().invoke(app, ["evaluate", str(tmp_path / "m"), *words]).stdout
    assert CliRunner().invoke(app, ["evaluate"]).exit_code == 2
