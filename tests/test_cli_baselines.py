"""The commands train and evaluate, as programs and people use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.errors import InputError, WorkspaceError
from aufruf.tables import EVENTS
from learnable import calls_and_others, write_table

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

METRICS = {
    *("macro_f1", "micro_f1", "precision", "recall", "f1", "average_precision", "roc_auc", "brier", "ece")
}
MENTION_METRICS = {"mention_false_positive_rate", "mention_false_positive_rate_at_recall_80"}


def run(*words: Any, code: int = 0) -> str:
    """Run a command, expect the exit status, and return what it printed on standard output."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table in an empty current directory, without a workspace around."""
    monkeypatch.chdir(tmp_path)
    return write_table(tmp_path, calls_and_others(60))


def test_the_recipes_are_listed():
    assert "tfidf-logreg" in run("train", "--list")
    recipes = {recipe["name"]: recipe for recipe in json.loads(run("train", "--list", "--json"))}
    assert {"lexicon", "majority", "probe-length", "tfidf-logreg", "tfidf-svm", "voice-cues"} <= set(recipes)
    assert recipes["probe-source"]["probe"]
    assert "a release" in run("train", "--list")


def test_from_a_release_to_scores_on_its_test_split(released_workspace: Workspace):
    at = ("-w", released_workspace.root)
    trained = json.loads(run("train", "tfidf-logreg", "--json", *at))
    model = released_workspace.root / "models" / "tfidf-logreg-0.1.0"
    assert Path(trained["model"]) == model
    found = json.loads(run("evaluate", "tfidf-logreg-0.1.0", "--json", *at))
    assert set(found["scores"][0]) == {
        *("label", "language", "metric", "value", "low", "high", "n", "slice", "weighted")
    }
    first = found["scores"][0]
    assert (first["label"], first["language"], first["metric"]) == ("author", None, "macro_f1")
    labels = {score["label"] for score in found["scores"]}
    assert {"threat_author", "threat_contained"} <= labels
    threat = [score for score in found["scores"] if score["label"] == "threat_author"]
    assert {score["language"] for score in threat} == {None, "de", "en"}
    assert {score["metric"] for score in threat} == METRICS | MENTION_METRICS | {"human_f1"}
    assert found["scores"] != trained["scores"]
    assert released_workspace.store.read(EVENTS).sort("n")["action"][-1] == "train"


def test_a_release_needs_no_workspace(filled_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    run("train", "majority", "--data", filled_release)
    shown = run("evaluate", "models/majority-0.1.0", "--data", filled_release, "--split", "validation")
    assert "threat_author" in shown
    assert "model: models/majority-0.1.0" in shown


def test_a_table_is_cross_validated_and_its_first_score_is_macro_f1(table: Path):
    words = ("train", "tfidf-svm", "--table", table, "--text", "text", "--label", "call")
    found = json.loads(run(*words, "--cross-validate", 3, "--json"))
    assert found["model"] == "models/tfidf-svm-calls-call"
    assert found["scores_of"] == "cross-validation"
    first = found["scores"][0]
    assert (first["label"], first["language"], first["metric"], first["n"]) == ("call", None, "macro_f1", 60)
    assert {score["metric"] for score in found["scores"]} == METRICS


def test_a_model_of_a_table_is_evaluated_on_another_by_the_same_columns(table: Path):
    run("train", "tfidf-svm", "--table", table, "--text", "text", "--label", "call", "-o", "mine")
    other = write_table(table.parent, calls_and_others(40, seed=9), "other.csv")
    found = json.loads(run("evaluate", "mine", "--table", other, "--json"))
    assert found["scores"][0]["value"] > 0.9
    assert not any("very table" in note for note in found["notes"])
    again = json.loads(run("evaluate", "mine", "--table", table, "--json"))
    assert any("trained on this very table" in note for note in again["notes"])


def test_the_answer_that_meant_yes_in_training_means_yes_in_evaluation(tmp_path: Path):
    frame = calls_and_others(60).with_columns(pl.col("call").replace({"yes": "rally", "no": "other"}))
    table = write_table(tmp_path, frame, "named.csv")
    words = ("--table", table, "--text", "text", "--label", "call", "--positive", "rally")
    run("train", "tfidf-svm", *words, "-o", tmp_path / "mine")
    found = json.loads(run("evaluate", tmp_path / "mine", "--table", table, "--json"))
    assert found["scores"][0]["value"] > 0.9


def test_one_head_of_a_release_model_answers_to_a_table(released_workspace: Workspace, tmp_path: Path):
    at = ("-w", released_workspace.root)
    run("train", "tfidf-svm", *at)
    other = write_table(tmp_path, calls_and_others(40), "other.csv")
    words = ("evaluate", "tfidf-svm-0.1.0", "--table", other, "--text", "text", "--label", "call")
    found = json.loads(run(*words, "--head", "protest_mobilization_author", "--json", *at))
    assert found["scores"][0]["label"] == "protest_mobilization_author"
    assert found["scores"][0]["value"] > 0.6
    with pytest.raises(InputError, match="say which head is to answer with --head: threat_author, "):
        run(*words, *at)


def test_a_model_of_a_table_is_not_evaluated_on_a_release(table: Path, filled_release: Path):
    run("train", "majority", "--table", table, "--text", "text", "--label", "call", "-o", "mine")
    with pytest.raises(InputError, match=r"answers call, which release 0\.1\.0 does not ask"):
        run("evaluate", "mine", "--data", filled_release)


def test_two_models_are_compared_on_a_release(released_workspace: Workspace):
    at = ("-w", released_workspace.root)
    run("train", "tfidf-svm", *at)
    run("train", "majority", *at)
    found = json.loads(run("evaluate", "tfidf-svm-0.1.0", "majority-0.1.0", "--json", *at))
    assert found["first"].endswith("tfidf-svm-0.1.0")
    assert "paired bootstrap" in found["test"]
    row = found["differences"][0]
    assert (row["label"], row["metric"]) == ("author", "macro_f1")
    assert row["difference"] == pytest.approx(row["first"] - row["second"])
    assert row["p_value"] <= 0.05
    shown = run("evaluate", "tfidf-svm-0.1.0", "majority-0.1.0", *at)
    assert "p: paired bootstrap" in shown


def test_two_models_are_compared_on_a_table_only_if_they_mean_the_same_answers(table: Path):
    words = ("--table", table, "--text", "text", "--label", "call")
    run("train", "tfidf-svm", *words, "-o", "one")
    run("train", "probe-length", *words, "-o", "other")
    run("train", "majority", *words, "--positive", "no", "-o", "turned")
    other = write_table(table.parent, calls_and_others(40, seed=9), "other.csv")
    found = json.loads(run("evaluate", "one", "other", "--table", other, "--json"))
    assert {row["label"] for row in found["differences"]} == {"call"}
    assert found["differences"][0]["n"] == 40
    with pytest.raises(InputError, match="do not mean the same answers"):
        run("evaluate", "one", "turned", "--table", other)


def test_people_get_a_table_and_notes_on_standard_error(table: Path):
    result = CliRunner().invoke(
        app, ["train", "majority", "--table", str(table), "--text", "text", "--label", "call"]
    )
    assert "macro_f1" in result.stdout
    assert "note: scored on a fifth held out" in result.stderr
    assert "note: fewer than 50 positive texts, read the intervals: call" in result.stderr


def test_a_dry_run_of_train_writes_nothing(released_workspace: Workspace):
    events = released_workspace.store.version(EVENTS)
    found = json.loads(run("train", "majority", "--dry-run", "--json", "-w", released_workspace.root))
    assert found["model"] is None
    assert list((released_workspace.root / "models").iterdir()) == []
    assert released_workspace.store.version(EVENTS) == events


@pytest.mark.parametrize(
    "words",
    [
        ("train", "majority", "--table", "x.csv"),
        ("train", "majority", "--table", "x.csv", "--data", "y"),
        ("train", "majority", "--text", "a"),
        ("train", "majority", "--cross-validate", "5"),
        ("train", "majority", "--table", "x.csv", "--text", "a", "--label", "b", "--cross-validate", "1"),
        ("evaluate", "x", "--split", "all"),
        ("evaluate", "x", "--head", "a"),
        ("evaluate", "x", "y", "--suite", "functional"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(words: tuple[str, ...], table: Path):
    assert table.exists()
    run(*words, code=2)


def test_without_a_release_or_a_model_it_is_said_what_is_missing(workspace: Workspace, table: Path):
    with pytest.raises(WorkspaceError, match="no workspace here"):
        run("train", "majority")
    with pytest.raises(WorkspaceError, match="`aufruf export` makes one"):
        run("train", "majority", "-w", workspace.root)
    with pytest.raises(InputError, match="no model here"):
        run("evaluate", "models/none", "-w", workspace.root)
    with pytest.raises(InputError, match="a table has no design weights"):
        run("train", "majority", "--table", table, "--text", "text", "--label", "call", "--weighted")
