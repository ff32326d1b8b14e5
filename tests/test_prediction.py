"""Scoring texts of any number: every row accounted for, taken up again, the same bytes."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.baselines.model_files import load_model
from aufruf.baselines.prediction import predict
from aufruf.baselines.prediction_input import records_source, table_source
from aufruf.baselines.prediction_parts import read_metadata
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.runs import train
from aufruf.baselines.table_data import read_table
from aufruf.cli.app import app
from aufruf.errors import InputError
from aufruf.sampling import sample_round
from aufruf.scores import read_scores
from aufruf.tables import RECORDS
from aufruf.views import newest_records
from learnable import calls_and_others, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows calls to protest from other texts."""
    folder = tmp_path_factory.mktemp("trained")
    table = read_table(write_table(folder, calls_and_others(90)), text="text", label="call")
    train(load_recipe("tfidf-logreg"), table, folder / "model")
    return folder / "model"


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    """Forty texts with ids that need all 64 bits, every tenth of them missing."""
    texts = calls_and_others(40, seed=5)["text"]
    frame = pl.DataFrame({"id": [2**62 + n for n in range(40)], "text": texts}).with_columns(
        pl.when(pl.col("id") % 10 == 0).then(None).otherwise("text").alias("text")
    )
    frame.write_parquet(tmp_path / "posts.parquet")
    return tmp_path / "posts.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of five files: five batches."""
    (tmp_path / "many").mkdir()
    for number in range(5):
        calls_and_others(8, seed=number).write_ndjson(tmp_path / "many" / f"{number}.jsonl")
    return tmp_path / "many"


def test_every_row_has_a_row_with_its_id_decision_and_score(model: Path, posts: Path, tmp_path: Path):
    report = predict(model, table_source(posts), tmp_path / "out.parquet")
    found, given = pl.read_parquet(tmp_path / "out.parquet"), pl.read_parquet(posts)
    assert found["id"].to_list() == given["id"].cast(pl.String).to_list()
    assert found.columns == ["id", "call", "call_score"]
    assert (report.read, report.scored, report.without_text) == (40, 36, 4)
    missing = given["text"].is_null()
    assert (found["call"].is_null() == missing).all()
    assert (found["call_score"].is_null() == missing).all()
    assert report.heads[0].yes == found["call"].sum()
    threshold = report.heads[0].threshold
    assert found.filter(pl.col("call") != (pl.col("call_score") >= threshold)).is_empty()
    assert set(given.filter(found["call"])["text"].str.ends_with("!")) == {True}


def test_any_kind_of_table_is_scored_alike(model: Path, posts: Path, tmp_path: Path):
    frame = pl.read_parquet(posts)
    frame.write_csv(tmp_path / "posts.csv", separator=";")
    frame.write_csv(tmp_path / "posts.tsv", separator="\t")
    frame.write_ndjson(tmp_path / "posts.jsonl")
    (tmp_path / "posts.jsonl.gz").write_bytes(gzip.compress((tmp_path / "posts.jsonl").read_bytes()))
    predict(model, table_source(posts), tmp_path / "out.jsonl")
    expected = pl.read_ndjson(tmp_path / "out.jsonl")
    for kind in ("csv", "tsv", "jsonl", "jsonl.gz"):
        predict(model, table_source(tmp_path / f"posts.{kind}"), tmp_path / "other.jsonl")
        assert pl.read_ndjson(tmp_path / "other.jsonl").equals(expected), kind


def test_rows_without_an_id_are_called_by_their_place(model: Path, folder: Path, tmp_path: Path):
    predict(model, table_source(folder / "0.jsonl"), tmp_path / "one.parquet")
    assert pl.read_parquet(tmp_path / "one.parquet")["id"].head(2).to_list() == ["1", "2"]
    predict(model, table_source(folder), tmp_path / "all.parquet")
    assert pl.read_parquet(tmp_path / "all.parquet")["id"].tail(1).item() == "4.jsonl:8"


def test_columns_of_other_names_are_named(model: Path, tmp_path: Path):
    frame = calls_and_others(3).select(nr=pl.lit("x") + pl.col("call"), what="text")
    source = table_source(write_table(tmp_path, frame), text="what", id="nr")
    predict(model, source, tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet")["id"].to_list() == frame["nr"].to_list()


def test_rows_that_cannot_be_read_are_counted_with_their_reason(model: Path, tmp_path: Path):
    (tmp_path / "bad.jsonl").write_text('{"text": "Kommt alle!"}\n{"text": \n{"text": ""}\n[1]\n', "utf-8")
    report = predict(model, table_source(tmp_path / "bad.jsonl"), tmp_path / "out.parquet")
    assert (report.read, report.scored, report.without_text) == (4, 1, 1)
    assert report.refused == {"bad_json": 1, "not_an_object": 1}
    assert pl.read_parquet(tmp_path / "out.parquet")["id"].to_list() == ["1", "3"]


@pytest.mark.parametrize("name", ["none.parquet", "none.csv"])
def test_a_table_without_rows_becomes_one_without_rows(model: Path, tmp_path: Path, name: str):
    frame = pl.DataFrame(schema={"id": pl.String, "text": pl.String})
    frame.write_csv(tmp_path / name) if name.endswith("csv") else frame.write_parquet(tmp_path / name)
    assert predict(model, table_source(tmp_path / name), tmp_path / "out.parquet").read == 0
    assert pl.read_parquet(tmp_path / "out.parquet").columns == ["id", "call", "call_score"]


def test_no_text_reaches_the_output(model: Path, posts: Path, tmp_path: Path):
    report = predict(model, table_source(posts), tmp_path / "out.jsonl")
    told = (tmp_path / "out.jsonl").read_text("utf-8") + str(report)
    assert not any(text in told for text in pl.read_parquet(posts)["text"].drop_nulls())


def _stopping_after(batches: int) -> Any:
    seen: list[int] = []

    def advance(rows: int, _done: float) -> None:
        seen.append(rows)
        if len(seen) == batches:
            raise KeyboardInterrupt

    return advance


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
@pytest.mark.parametrize("scores_for", [(), ("all",)])
def test_a_stopped_run_goes_on_and_writes_what_an_unbroken_one_writes(
    model: Path, folder: Path, tmp_path: Path, ending: str, scores_for: tuple[str, ...]
):
    whole, broken = tmp_path / f"whole.{ending}", tmp_path / f"broken.{ending}"
    predict(model, table_source(folder), whole, scores_for=scores_for)
    with pytest.raises(KeyboardInterrupt):
        predict(model, table_source(folder), broken, scores_for=scores_for, advance=_stopping_after(3))
    assert not broken.exists()
    report = predict(model, table_source(folder), broken, scores_for=scores_for)
    assert report.resumed == 24
    assert broken.read_bytes() == whole.read_bytes()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"many", f"whole.{ending}", f"broken.{ending}"}


def test_a_run_on_changed_texts_begins_anew(model: Path, folder: Path, tmp_path: Path):
    output = tmp_path / "out.parquet"
    with pytest.raises(KeyboardInterrupt):
        predict(model, table_source(folder), output, advance=_stopping_after(3))
    calls_and_others(9, seed=77).write_ndjson(folder / "0.jsonl")
    report = predict(model, table_source(folder), output)
    assert (report.resumed, report.read) == (0, 41)


def test_a_part_without_its_counts_is_made_again(model: Path, folder: Path, tmp_path: Path):
    output = tmp_path / "out.parquet"
    with pytest.raises(KeyboardInterrupt):
        predict(model, table_source(folder), output, advance=_stopping_after(3))
    (tmp_path / ".out.parquet.parts" / "000002.json").unlink()
    (tmp_path / ".out.parquet.parts" / "000002.parquet").write_bytes(b"half of")
    assert predict(model, table_source(folder), output).resumed == 16
    assert pl.read_parquet(output).height == 40


def test_a_parquet_file_tells_how_it_came_about(model: Path, posts: Path, tmp_path: Path):
    report = predict(model, table_source(posts), tmp_path / "out.parquet")
    told = read_metadata(tmp_path / "out.parquet")
    assert told["model_sha256"] == report.model_sha256
    assert told["thresholds"] == {"call": report.heads[0].threshold}
    assert told["scores"] == {"call": "probability"}
    assert told["counts"]["scored"] == 36
    assert read_metadata(posts) == {}


def test_the_model_of_a_release_finds_records_for_the_next_round(
    released_workspace: Workspace, tmp_path: Path
):
    """From the workspace's own records by predict to a round drawn by uncertainty."""
    models, output = released_workspace.root / "models", tmp_path / "scores.parquet"
    train(load_recipe("hashed-svm"), released_workspace.root / "releases" / "0.1.0", models / "m")
    report = predict(models / "m", records_source(released_workspace), output, scores_for=["all"])
    records = newest_records(released_workspace.store.scan(RECORDS)).select("record_id").collect()
    assert report.scored == records.height
    scores = read_scores(output)
    assert set(scores["label"]) == set(released_workspace.label_scheme.label_names)
    assert scores["record_id"].n_unique() == records.height
    drawn = sample_round(
        released_workspace, "next", 5, strategy="uncertain", scores=output, seed=0, dry_run=True
    )
    assert drawn.drawn == 5


def test_scores_of_a_label_are_probabilities_or_else_half_where_the_decision_changes(
    released_workspace: Workspace, tmp_path: Path
):
    folder = released_workspace.root / "models" / "m"
    for recipe in ("hashed-svm", "tfidf-logreg"):
        train(load_recipe(recipe), released_workspace.root / "releases" / "0.1.0", folder)
        source = records_source(released_workspace)
        predict(folder, source, tmp_path / "wide.parquet")
        predict(folder, source, tmp_path / "long.parquet", scores_for=["threat", "threat_author"])
        wide, long = pl.read_parquet(tmp_path / "wide.parquet"), pl.read_parquet(tmp_path / "long.parquet")
        heads = {head.name: head for head in load_model(folder)[0].heads}
        for label, head in (("threat", "threat_contained"), ("threat_author", "threat_author")):
            scores = long.filter(pl.col("label") == label)["score"]
            border = heads[head].threshold if heads[head].calibration else 0.5
            assert ((scores >= border) == wide[head]).all()
            assert not heads[head].calibration or (scores == wide[f"{head}_score"]).all()


def test_several_answers_are_told_by_name(tmp_path: Path):
    frame = calls_and_others(60).with_columns(call=pl.col("text").str.extract(r"(\w+)"))
    table = read_table(write_table(tmp_path, frame), text="text", label="call")
    train(load_recipe("tfidf-svm"), table, tmp_path / "m")
    report = predict(tmp_path / "m", table_source(tmp_path / "calls.csv"), tmp_path / "out.parquet")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert set(found["call"]) <= set(frame["call"])
    assert (found["call"] == frame["call"]).mean() > 0.9
    assert (report.heads[0].threshold, report.heads[0].yes) == (None, None)
    with pytest.raises(InputError, match="needs a head that answers yes or no"):
        predict(
            tmp_path / "m", table_source(tmp_path / "calls.csv"), tmp_path / "o.jsonl", scores_for=["call"]
        )


def test_what_cannot_be_scored_or_written_is_refused(model: Path, posts: Path, tmp_path: Path):
    source = table_source(posts)
    with pytest.raises(InputError, match=r"ends in \.parquet or \.jsonl"):
        predict(model, source, tmp_path / "out.csv")
    with pytest.raises(InputError, match="is what is to be read"):
        predict(model, source, posts)
    with pytest.raises(InputError, match="has no head for 'threat'; choose of call, or all"):
        predict(model, source, tmp_path / "out.parquet", scores_for=["threat"])
    with pytest.raises(InputError, match="no column body"):
        predict(model, table_source(posts, text="body"), tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_a_probe_that_reads_no_text_scores_nothing(filled_release: Path, posts: Path, tmp_path: Path):
    train(load_recipe("probe-source"), filled_release, tmp_path / "m")
    with pytest.raises(InputError, match="never at the text"):
        predict(tmp_path / "m", table_source(posts), tmp_path / "out.parquet")


def test_the_command_says_what_became_of_every_row(model: Path, posts: Path, tmp_path: Path):
    words = ["predict", str(model), str(posts), "-o", str(tmp_path / "out.parquet")]
    planned = CliRunner().invoke(app, [*words, "--dry-run", "--json"])
    assert json.loads(planned.stdout)["output"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["posts.parquet"]
    shown = CliRunner().invoke(app, words)
    assert "read 40 = scored 36 + without text 4" in shown.stdout
    assert CliRunner().invoke(app, ["predict", str(model)]).exit_code == 2
    assert CliRunner().invoke(app, ["predict", str(model), str(posts), "--records"]).exit_code == 2
