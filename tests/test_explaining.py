"""What spoke most for an answer: pieces of the text, with weights that make up the score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.baselines.explaining import buckets_of
from aufruf.baselines.hashing import HashedNgrams
from aufruf.baselines.prediction import predict
from aufruf.baselines.prediction_input import table_source
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.runs import train
from aufruf.baselines.table_data import read_table
from aufruf.errors import InputError
from learnable import calls_and_others, write_table

if TYPE_CHECKING:
    from pathlib import Path


def trained(folder: Path, recipe: str, frame: pl.DataFrame | None = None) -> tuple[Path, Path]:
    """Train a recipe and return the model's folder with the table."""
    table = write_table(folder, calls_and_others(60) if frame is None else frame)
    train(load_recipe(recipe), read_table(table, text="text", label="call"), folder / recipe)
    return folder / recipe, table


def explained(model: Path, table: Path) -> pl.DataFrame:
    """Return the rows of a table with what spoke for each yes."""
    predict(model, table_source(table), table.parent / "out.parquet", explain=True)
    return pl.read_parquet(table.parent / "out.parquet").hstack(pl.read_csv(table).select("text"))


@pytest.mark.parametrize("recipe", ["tfidf-logreg", "tfidf-svm", "hashed-svm", "hashed-logreg"])
def test_each_yes_has_its_heaviest_pieces_and_they_stand_in_the_text(tmp_path: Path, recipe: str):
    found = explained(*trained(tmp_path, recipe))
    assert found.filter("call")["call_because"].list.len().min() == 5
    assert found.filter(~pl.col("call"))["call_because"].null_count() == found.filter(~pl.col("call")).height
    for text, reasons in found.filter("call").select("text", "call_because").iter_rows():
        words = " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
        spaced = f" {text.lower()} "
        weights: list[float] = [reason["weight"] for reason in reasons]
        assert weights == sorted(weights, reverse=True)
        assert weights[-1] > 0
        for reason in reasons:
            assert reason["feature"].strip(), "every feature has a name"
            assert reason["feature"].strip() in spaced or reason["feature"] in words


def test_hashed_and_named_features_give_the_same_reasons(tmp_path: Path):
    """The same n-grams, weights from the same kind of machine: the heaviest is mostly the same."""
    first = []
    for recipe in ("hashed-svm", "tfidf-svm"):
        found = explained(*trained(tmp_path, recipe))
        first.append(found.filter("call")["call_because"].list.first().struct.field("feature"))
    assert (first[0] == first[1]).mean() > 0.5


@given(st.text(max_size=60))
def test_the_buckets_found_by_name_are_those_of_the_kernels(text: str):
    features = HashedNgrams()
    row: Any = features.fit_transform([text])
    known = {int(features.buckets_[column]) for column in row.indices}
    assert set(buckets_of(features, pl.Series([text]).str.to_lowercase()[0])) == known


def test_several_answers_are_each_explained(tmp_path: Path):
    frame = calls_and_others(60).with_columns(call=pl.col("text").str.extract(r"(\w+)"))
    found = explained(*trained(tmp_path, "tfidf-svm", frame))
    assert found["call_because"].null_count() == 0


def test_a_model_without_named_features_is_not_explained(tmp_path: Path):
    model, table = trained(tmp_path, "majority")
    with pytest.raises(InputError, match="rest on nothing that has a name"):
        predict(model, table_source(table), tmp_path / "out.parquet", explain=True)
