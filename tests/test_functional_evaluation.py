"""A stored model answers to our suite and to those of others, from Python and from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from aufruf.baselines.functional.evaluation import evaluate_on_suite, find_suite
from aufruf.baselines.functional.others import read_others_suite
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.runs import train
from aufruf.baselines.table_data import read_table
from aufruf.cli.app import app
from aufruf.errors import InputError
from learnable import calls_and_others, write_table

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

HATECHECK = Path(__file__).parents[2] / "shared" / "data" / "hatecheck" / "test_suite_cases.csv"
SUITE = """test_case,label_gold,functionality,templ_id
Kommt alle!,hateful,calls,1
Kommt doch alle!,hateful,calls,1
Die Nudeln sind fertig.,non-hateful,plain,2
"""


def run(*words: Any, code: int = 0) -> str:
    """Run a command, expect the exit status, and return what it printed on standard output."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def of_table(tmp_path: Path) -> Path:
    """A model of a table, with one head called ``call``."""
    table = read_table(write_table(tmp_path, calls_and_others(60)), text="text", label="call")
    train(load_recipe("tfidf-logreg"), table, tmp_path / "of_table")
    return tmp_path / "of_table"


@pytest.fixture
def others(tmp_path: Path) -> Path:
    (tmp_path / "others.csv").write_text(SUITE, "utf-8")
    return tmp_path / "others.csv"


def test_all_heads_of_a_model_of_a_release_answer(released_workspace: Workspace):
    at = ("-w", released_workspace.root)
    run("train", "tfidf-logreg", *at)
    words = ("evaluate", "tfidf-logreg-0.1.0", "--suite", "functional", "--resamples", 50, *at)
    found = json.loads(run(*words, "--json"))
    assert found["cases"] > 3000
    assert found["heads"]["threat_author"] == "threat_author"
    fields = {"functionality", "language", "group", "label", "metric", "value", "low", "high", "n", "units"}
    assert set(found["scores"][0]) == fields
    assert {"left", "against_migration", None} <= {score["group"] for score in found["scores"]}
    shown = run(*words)
    assert "who_is_said_to_call" in shown
    assert "false_positive_rate, by group" in shown
    assert json.loads(run(*words, "--json")) == found


def test_a_head_of_another_name_answers_to_the_named_gold(of_table: Path):
    with pytest.raises(InputError, match=r"no head is called .*say with --label .* --head which of call"):
        evaluate_on_suite(of_table, rounds=0)
    found = evaluate_on_suite(of_table, gold="protest_mobilization_contained", rounds=0)
    assert found.heads == {"protest_mobilization_contained": "call"}
    assert {score.label for score in found.scores} == {"protest_mobilization_contained"}
    with pytest.raises(InputError, match="has no right answers 'hate'; it has "):
        evaluate_on_suite(of_table, gold="hate")
    with pytest.raises(InputError, match="has no head 'other' that answers yes or no; it has call"):
        evaluate_on_suite(of_table, gold="threat_author", head="other")


def test_the_commoner_answer_for_all_earns_nothing(tmp_path: Path):
    table = read_table(write_table(tmp_path, calls_and_others(60)), text="text", label="call")
    train(load_recipe("majority"), table, tmp_path / "majority")
    found = evaluate_on_suite(tmp_path / "majority", gold="threat_author", rounds=0)
    assert found.scores[0].value == 0.5


def test_someone_elses_suite_is_found_out_by_usual_names(of_table: Path, others: Path):
    suite = find_suite(str(others))
    assert suite.golds == ("label_gold",)
    assert suite.cases["label_gold"].to_list() == [True, True, False]
    assert suite.cases["template"].to_list() == suite.cases["unit"].to_list() == ["1", "1", "2"]
    found = json.loads(run("evaluate", of_table, "--suite", others, "--json"))
    assert found["heads"] == {"label_gold": "call"}
    assert {score["functionality"] for score in found["scores"]} == {None, "calls", "plain"}
    assert {score["language"] for score in found["scores"]} == {None}


def test_its_columns_can_be_named(others: Path):
    others.write_text("a,b,c\nEins,ja,x\nZwei,nein,x\n", "utf-8")
    with pytest.raises(
        InputError, match=r"none of its columns is called test_case or .*say with --text which"
    ):
        read_others_suite(others)
    suite = find_suite(str(others), text="a", gold="b", functionality="c")
    assert suite.cases.select("text", "template", "b").rows() == [
        ("Eins", "Eins", True),
        ("Zwei", "Zwei", False),
    ]
    with pytest.raises(InputError, match="has no column 'd'; its columns are a, b, c"):
        find_suite(str(others), text="d", gold="b", functionality="c")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("non-hateful", "fine", "2 different answers, none of them a plain yes: say which one"),
        ("non-hateful", "hateful", "1 different answers"),
        ("Die Nudeln sind fertig.", "", "1 cases have no text"),
    ],
)
def test_what_is_no_suite_says_why(others: Path, old: str, new: str, message: str):
    others.write_text(SUITE.replace(old, new), "utf-8")
    with pytest.raises(InputError, match=message):
        read_others_suite(others)


def test_the_answer_that_counts_as_yes_can_be_named(others: Path):
    others.write_text(SUITE.replace("non-hateful", "fine"), "utf-8")
    assert read_others_suite(others, positive="hateful").cases["label_gold"].sum() == 2
    with pytest.raises(InputError, match="no answer in column 'label_gold' is 'bad'"):
        read_others_suite(others, positive="bad")


def test_models_see_cases_as_they_see_all_texts(tmp_path: Path):
    """A model of words that learnt that being mentioned means yes has never seen a name."""
    (tmp_path / "words.toml").write_text(
        'title = "words"\nestimator = "logistic_regression"\nregularisation = 100\n[words]\nngrams = [1, 1]\n'
    )
    rows = [f"@anna{n} kommt {n},yes" for n in range(15)] + [f"niemand kommt {n},no" for n in range(45)]
    (tmp_path / "mentions.csv").write_text("\n".join(["text,call", *rows]), "utf-8")
    table = read_table(tmp_path / "mentions.csv", text="text", label="call")
    train(load_recipe(str(tmp_path / "words.toml")), table, tmp_path / "words")
    (tmp_path / "suite.csv").write_text("text,gold,functionality\n@gertrud,yes,a\nniemand,no,b\n", "utf-8")
    found = evaluate_on_suite(tmp_path / "words", find_suite(str(tmp_path / "suite.csv")), rounds=0)
    assert {score.value for score in found.scores if score.metric == "accuracy"} == {1.0}


def test_a_suite_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="there is no suite here; 'functional' is the one that ships"):
        find_suite(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="text, template can be chosen in a table, which this is not"):
        find_suite("functional", text="a", template="b")
    assert find_suite("functional").cases.height == find_suite("baselines/functional").cases.height


def test_a_suite_excludes_other_data(of_table: Path, others: Path):
    run("evaluate", of_table, "--suite", "functional", "--table", others, code=2)
    run("evaluate", of_table, "--functionality", "a", code=2)


@pytest.mark.skipif(not HATECHECK.exists(), reason="needs HateCheck beside the checkout")
def test_hatecheck_is_read_as_it_is():
    suite = read_others_suite(HATECHECK)
    assert suite.cases.height == 3728
    assert suite.cases["label_gold"].sum() == 2563
    assert suite.cases["functionality"].n_unique() == 29
    assert suite.cases["template"].n_unique() == 845
