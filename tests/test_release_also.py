"""CSV and JSON Lines beside Parquet: nothing is lost, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.release.also import write_also
from aufruf.release.build import export
from aufruf.release.features import FEATURES, FOLDERS
from aufruf.release.manifest import read_manifest
from aufruf.release.parquet import read_split
from aufruf.release.rebuild import rebuild
from aufruf.release.verify import verify

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

SPLITS = ("train", "validation", "test")


@pytest.fixture
def release(filled_workspace: Workspace) -> Path:
    return Path(export(filled_workspace, "0.1.0", also=["csv", "jsonl"]).path)


def undone(cell: str | None) -> str | None:
    """The reader that the documentation describes."""
    return cell[1:] if cell is not None and cell.startswith("'") else cell


def by_name(value: Any, feature: Any) -> Any:
    """A stored value with names for the numbers of class labels, told from datasets' own features."""
    if value is None:
        return None
    if isinstance(feature, dict):
        return {name: by_name(value[name], inner) for name, inner in feature.items()}
    if hasattr(feature, "names"):
        return feature.int2str(value)
    if hasattr(feature, "feature"):
        return [by_name(each, feature.feature) for each in value]
    return value


def expected(release: Path, config: str, split: str, workspace: Workspace) -> list[dict[str, Any]]:
    features = FEATURES[config](workspace.label_scheme)
    rows = read_split(release, config, split, features).to_dicts()
    return [{name: by_name(row[name], feature) for name, feature in features.items()} for row in rows]


@pytest.mark.parametrize("config", list(FOLDERS))
def test_json_lines_hold_what_parquet_holds_with_names_for_numbers(
    release: Path, config: str, filled_workspace: Workspace
):
    for split in SPLITS:
        wanted = expected(release, config, split, filled_workspace)
        path = release / "jsonl" / f"{config}-{split}.jsonl"
        lines = path.read_text("utf-8").split("\n") if wanted else []
        assert [json.loads(line) for line in lines if line] == wanted


@pytest.mark.parametrize("config", list(FOLDERS))
def test_csv_holds_what_parquet_holds(release: Path, config: str, filled_workspace: Workspace):
    for split in SPLITS:
        wanted = expected(release, config, split, filled_workspace)
        if not wanted:
            continue
        found = pl.read_csv(release / "csv" / f"{config}-{split}.csv", infer_schema=False).to_dicts()
        assert len(found) == len(wanted)
        for row, right in zip(found, wanted, strict=True):
            for name, value in right.items():
                cell = undone(row[name])
                if isinstance(value, list):
                    assert json.loads(str(cell)) == value
                elif isinstance(value, bool):
                    assert cell == str(value).lower()
                elif isinstance(value, int | float):
                    assert float(str(cell)) == value
                else:
                    assert cell == value


TEXTS = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8)


@given(TEXTS)
def test_any_text_comes_back_from_csv_and_none_begins_like_a_formula(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str | None]
):
    from datasets import Features, Value

    folder = tmp_path_factory.mktemp("also")
    frame = pl.DataFrame({"text": texts, "n": range(len(texts))}, schema={"text": pl.String, "n": pl.Int64})
    features = {"default": Features({"text": Value("string"), "n": Value("int64")})}
    write_also(folder, ["csv"], {("default", "train"): frame}, features)
    path = folder / "csv" / "default-train.csv"
    found = pl.read_csv(path, infer_schema=False).get_column("text").to_list()
    assert [undone(text) for text in found] == texts
    for text in found:
        assert text is None or not text.startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))
    plain = csv.DictReader(io.StringIO(path.read_bytes().decode(), newline=""))
    assert [undone(row["text"]) for row in plain] == [text or "" for text in texts]


def test_the_manifest_lists_the_files_and_a_changed_one_is_found(release: Path):
    manifest = read_manifest(release)
    assert manifest.also == ["csv", "jsonl"]
    assert "csv/default-train.csv" in manifest.files
    assert verify(release).ok
    path = release / "csv" / "default-train.csv"
    path.write_bytes(path.read_bytes().replace(b"e", b"f", 1))
    assert any(failure.startswith("csv/default-train.csv") for failure in verify(release).failures)


def test_load_dataset_takes_no_notice(release: Path):
    from datasets import load_dataset

    found = load_dataset(str(release))
    assert {name: len(rows) for name, rows in found.items()} == read_manifest(release).splits


def test_a_release_made_again_has_the_same_formats(
    release: Path, filled_workspace: Workspace, tmp_path: Path
):
    assert rebuild(filled_workspace, "0.1.0", tmp_path / "again").differing == []
    assert (tmp_path / "again" / "csv" / "default-train.csv").is_file()
    assert release.is_dir()


@pytest.mark.parametrize("given", [["--also", "csv, jsonl"], ["--also", "csv", "--also", "jsonl"]])
def test_the_command_takes_several_formats_and_refuses_others(filled_workspace: Workspace, given: list[str]):
    root = str(filled_workspace.root)
    refused = CliRunner().invoke(app, ["export", "0.1.0", "--also", "xlsx", "--workspace", root])
    assert refused.exit_code == 1
    made = CliRunner().invoke(app, ["export", "0.1.0", *given, "--workspace", root])
    assert made.exit_code == 0, made.output
    assert (filled_workspace.root / "releases" / "0.1.0" / "csv" / "annotations-train.csv").is_file()
    assert (filled_workspace.root / "releases" / "0.1.0" / "jsonl" / "annotations-train.jsonl").is_file()
