"""A dataset's folder as a table: trained on its split train, scored on its own test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from datasets import ClassLabel, Dataset, DatasetDict
from typer.testing import CliRunner

from aufruf.baselines.table_data import read_table
from aufruf.cli.app import app
from aufruf.errors import InputError
from learnable import calls_and_others

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"train": 90, "validation": 45, "test": 48}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three files, as one would upload it to the hub."""
    (tmp_path / "set").mkdir()
    for seed, (name, size) in enumerate(SIZES.items()):
        calls_and_others(size, seed).write_csv(tmp_path / "set" / f"{name}.csv")
    return tmp_path / "set"


def run(*words: Any) -> Any:
    """Run a command and return its JSON."""
    result = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_splits_are_read_beside_train(folder: Path):
    table = read_table(folder, text="text", label="call")
    assert (len(table.examples), table.positive) == (90, "yes")
    assert table.validation is not None
    assert table.test is not None
    assert (len(table.validation), len(table.test)) == (45, 48)
    alone = read_table(folder, text="text", label="call", split="test")
    assert (len(alone.examples), alone.has_splits) == (48, False)
    assert alone.sha256 != table.sha256
    with pytest.raises(InputError, match=r"has no split 'dev'; name one of .*train.* with --split"):
        read_table(folder, text="text", label="call", split="dev")


@pytest.mark.parametrize("saved_by", ["to_parquet", "save_to_disk"])
def test_answers_of_a_class_label_have_their_names(tmp_path: Path, saved_by: str):
    frame = calls_and_others(30)
    kind = ClassLabel(names=["other", "rally"])
    dataset = Dataset.from_dict({"text": frame["text"].to_list(), "call": [0, 1, 0] * 10}).cast_column(
        "call", kind
    )
    if saved_by == "to_parquet":
        (tmp_path / "set").mkdir()
        dataset.to_parquet(tmp_path / "set" / "train.parquet")
    else:
        DatasetDict({"train": dataset, "test": dataset}).save_to_disk(tmp_path / "set")
    table = read_table(tmp_path / "set", text="text", label="call", positive="rally")
    assert table.examples.targets[0].counts == {"no": 20, "yes": 10}
    assert (table.test is None) == (saved_by == "to_parquet")


def test_a_model_is_fitted_on_train_and_scored_on_test(folder: Path, tmp_path: Path):
    words = ("--table", folder, "--text", "text", "--label", "call")
    trained = run("train", "hashed-svm", *words, "-o", tmp_path / "m")
    assert trained["scores_of"] == "test"
    assert {score["n"] for score in trained["scores"] if score["metric"] == "macro_f1"} == {48}
    evaluated = run("evaluate", tmp_path / "m", "--table", folder)
    assert evaluated["scores"] == trained["scores"]
    assert not any("this very table" in note for note in evaluated["notes"])
    again = run("evaluate", tmp_path / "m", "--table", folder, "--split", "train")
    assert any("this very table" in note for note in again["notes"])
    alone = run(
        "train", "hashed-svm", *words, "--split", "train", "--cross-validate", "3", "-o", tmp_path / "m"
    )
    assert alone["scores_of"] == "cross-validation"


def test_without_a_test_split_validation_is_scored_and_said_to_flatter(folder: Path, tmp_path: Path):
    (folder / "test.csv").unlink()
    words = ("--table", folder, "--text", "text", "--label", "call")
    trained = run("train", "hashed-svm", *words, "-o", tmp_path / "m")
    assert trained["scores_of"] == "validation"
    assert any("validation scores flatter" in note for note in trained["notes"])


def test_texts_of_train_in_test_are_told(folder: Path, tmp_path: Path):
    (folder / "test.csv").write_bytes((folder / "train.csv").read_bytes())
    trained = run(
        "train", "majority", "--table", folder, "--text", "text", "--label", "call", "-o", tmp_path / "m"
    )
    assert "90 of the 90 texts scored stand in train, too: these scores flatter" in trained["notes"]


def test_a_folder_of_anything_else_is_refused(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"no folder that `datasets.load_dataset` can read"):
        read_table(tmp_path / "set", text="text", label="call")
