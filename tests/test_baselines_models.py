"""Models on disk: whole or not at all, as they were written, and nothing that runs code."""

from __future__ import annotations

import io
import os
import pickle  # noqa: TID251 -- to show that it is refused
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl
import pytest
import skops.io

from aufruf.baselines.card import model_card
from aufruf.baselines.examples import unanswered
from aufruf.baselines.features import TfidfNgrams
from aufruf.baselines.model_files import MODEL, RECORD, load_model, read_record, version_notes
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.record import TableOrigin
from aufruf.baselines.runs import default_name, train
from aufruf.baselines.table_data import read_table
from aufruf.errors import InputError
from aufruf.files import sha256_of
from aufruf.tables import EVENTS
from learnable import RECIPES_OF_TABLES, calls_and_others, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

TEXTS = pl.Series(["kommt alle vor das Rathaus", "die Nudeln sind fertig"])


@pytest.fixture
def table(tmp_path: Path) -> Any:
    return read_table(write_table(tmp_path, calls_and_others(60)), text="text", label="call")


@pytest.fixture
def model(tmp_path: Path, table: Any) -> Path:
    train(load_recipe("tfidf-logreg"), table, tmp_path / "model")
    return tmp_path / "model"


def put(folder: Path, content: bytes) -> None:
    """Put another model file in place, with a record that names it."""
    (folder / MODEL).write_bytes(content)
    record = msgspec.structs.replace(read_record(folder), model_sha256=sha256_of(folder / MODEL))
    (folder / RECORD).write_bytes(msgspec.json.encode(record))


@pytest.mark.parametrize("recipe", RECIPES_OF_TABLES)
def test_a_loaded_model_answers_as_the_trained_one_did(tmp_path: Path, table: Any, recipe: str):
    from aufruf.baselines.training import fit_on_table

    expected = fit_on_table(load_recipe(recipe), table).model.answer(table.examples)["call"]
    train(load_recipe(recipe), table, tmp_path / "model")
    loaded, _ = load_model(tmp_path / "model")
    found = loaded.answer(table.examples)["call"]
    assert found.scores == pytest.approx(expected.scores)
    assert (found.predicted == expected.predicted).all()


def test_a_vocabulary_survives_storage_whatever_its_characters(tmp_path: Path):
    texts = ["ä\u0301 日本 🙂🏽 \u200d", "a\x00b c", "ΑΒΓ ß ﬁ"]
    fitted = TfidfNgrams(analyzer="char", ngram_range=(1, 3)).fit(texts)
    skops.io.dump(fitted, tmp_path / "x.skops")
    loaded = skops.io.load(tmp_path / "x.skops", trusted=["aufruf.baselines.features.TfidfNgrams"])
    assert loaded.vocabulary_ == fitted.vocabulary_
    assert (loaded.transform(texts) != fitted.transform(texts)).nnz == 0


def test_features_equal_those_of_scikit_learn():
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = calls_and_others(30)["text"].to_list()
    settings: dict[str, Any] = {"ngram_range": (1, 2), "sublinear_tf": True, "min_df": 2}
    ours, theirs = (kind(**settings).fit_transform(texts) for kind in (TfidfNgrams, TfidfVectorizer))
    assert (ours != theirs).nnz == 0


def test_the_folder_holds_the_model_its_record_and_a_card(model: Path, table: Any):
    assert {path.name for path in model.iterdir()} == {"README.md", "model.json", "model.skops"}
    record = read_record(model)
    assert record.recipe == load_recipe("tfidf-logreg")
    assert record.origin == TableOrigin("calls.csv", table.sha256, "text", "call", "yes")
    assert record.versions["scikit-learn"]
    assert (model / "README.md").read_text() == model_card(record)
    assert "| call | no 40, yes 20 | 0.500 (default) |" in (model / "README.md").read_text()


def test_neither_record_nor_card_holds_a_text(model: Path):
    texts = calls_and_others(60)["text"]
    for name in ("README.md", "model.json"):
        content = (model / name).read_text()
        assert not any(text in content for text in texts)


def test_a_model_is_replaced_by_a_new_one_and_nothing_is_left_behind(tmp_path: Path, table: Any, model: Path):
    train(load_recipe("majority"), table, model)
    assert read_record(model).recipe.name == "majority"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.csv", "model"]


def test_what_is_no_model_is_never_replaced(tmp_path: Path, table: Any):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    for place in ("mine", "calls.csv"):
        with pytest.raises(InputError, match="choose another --output"):
            train(load_recipe("majority"), table, tmp_path / place)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_run_that_fails_leaves_the_model_before_it(
    model: Path, table: Any, monkeypatch: pytest.MonkeyPatch
):
    before = (model / RECORD).read_bytes()

    def full(*_args: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(skops.io, "dump", full)
    with pytest.raises(OSError, match="No space left"):
        train(load_recipe("majority"), table, model)
    assert (model / RECORD).read_bytes() == before
    assert sorted(path.name for path in model.parent.iterdir()) == ["calls.csv", "model"]


def test_a_dry_run_writes_nothing_and_says_what_it_would(tmp_path: Path, table: Any):
    report = train(load_recipe("tfidf-svm"), table, tmp_path / "model", dry_run=True)
    assert (report.model, report.scores) == (None, [])
    assert "would train 1 heads on 60 texts" in report.notes[0]
    assert not (tmp_path / "model").exists()


def test_training_in_a_workspace_is_an_event(workspace: Workspace, table: Any, tmp_path: Path):
    inside = workspace.root / "models" / "one"
    train(load_recipe("majority"), table, inside, workspace=workspace)
    train(load_recipe("majority"), table, tmp_path / "outside", workspace=workspace)
    events = workspace.store.read(EVENTS).sort("n")
    assert events["action"].to_list() == ["init", "train"]
    details = msgspec.json.decode(events["details"][-1])
    assert details == {"recipe": "majority", "texts": 60, "model_sha256": sha256_of(inside / MODEL)}


def test_the_default_name_says_recipe_and_data(table: Any, tmp_path: Path):
    assert default_name(load_recipe("majority"), table) == "majority-calls-call"
    assert default_name(load_recipe("majority"), tmp_path / "releases" / "1.0.0") == "majority-1.0.0"


class _Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_refused_and_never_run(tmp_path: Path, model: Path):
    put(model, pickle.dumps(_Runs(tmp_path / "trace")))
    with pytest.raises(InputError, match="no model file of skops; it was not loaded"):
        load_model(model)
    assert not (tmp_path / "trace").exists()


def crafted(folder: Path, content: Any) -> bytes:
    skops.io.dump(content, folder / "crafted.skops")
    return (folder / "crafted.skops").read_bytes()


@pytest.mark.parametrize("kind", ["reduce", "function", "estimator", "partial"])
def test_a_model_file_of_other_types_is_refused_and_leaves_no_trace(tmp_path: Path, model: Path, kind: str):
    from functools import partial

    from sklearn.preprocessing import FunctionTransformer

    trace = tmp_path / "trace"
    contents: dict[str, Any] = {
        "reduce": _Runs(trace),
        "function": FunctionTransformer(func=os.mkdir, kw_args={"path": str(trace)}),
        "estimator": FunctionTransformer(),
        "partial": partial(os.mkdir, str(trace)),
    }
    good, _ = load_model(model)
    put(model, crafted(tmp_path, {"features": good.features, "estimators": [contents[kind]]}))
    with pytest.raises(InputError, match="which no model of aufruf does; it was not loaded"):
        load_model(model)
    assert not trace.exists()


def test_a_known_name_with_a_foreign_loader_is_refused(model: Path):
    """Skops chooses what to do with an entry by its loader: a known class alone says nothing."""
    with zipfile.ZipFile(model / MODEL) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["schema.json"] = parts["schema.json"].replace(b'"DictNode"', b'"OperatorFuncNode"')
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    put(model, changed.getvalue())
    with pytest.raises(InputError, match="holds OperatorFuncNode, which no model of aufruf does"):
        load_model(model)


def test_a_model_file_that_was_changed_is_refused(model: Path):
    content = bytearray((model / MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    (model / MODEL).write_bytes(content)
    with pytest.raises(InputError, match=r"is not the file that model\.json names"):
        load_model(model)


def test_a_model_that_does_not_fit_its_record_is_refused(tmp_path: Path, model: Path):
    put(model, crafted(tmp_path, {"features": None, "estimators": []}))
    with pytest.raises(InputError, match=r"does not fit its model\.json"):
        load_model(model)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "no valid record"),
        (b'{"format": 1}', "no valid record"),
        (None, "no model here"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, content: bytes | None, said: str):
    (tmp_path / "x").mkdir()
    if content is not None:
        (tmp_path / "x" / RECORD).write_bytes(content)
    with pytest.raises(InputError, match=said):
        load_model(tmp_path / "x")


def test_a_model_of_a_newer_format_is_refused(model: Path):
    record = msgspec.structs.replace(read_record(model), format=2)
    (model / RECORD).write_bytes(msgspec.json.encode(record))
    with pytest.raises(InputError, match="a model of format 2; this aufruf reads 1"):
        load_model(model)


def test_another_scikit_learn_is_pointed_out(model: Path):
    record = read_record(model)
    older = msgspec.structs.replace(record, versions=record.versions | {"scikit-learn": "1.7.0"})
    assert version_notes(record) == []
    assert version_notes(older)[0].startswith("trained with scikit-learn 1.7.0, scored with ")


def test_answers_are_bounded_by_thresholds(model: Path):
    loaded, _ = load_model(model)
    found = loaded.answer(unanswered(TEXTS))["call"]
    assert found.predicted.tolist() == [1, 0]
    assert found.scores.sum(axis=1) == pytest.approx(np.ones(2))
