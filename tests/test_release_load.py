"""A release loads with `datasets` alone, and with any reader of Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Features, List, load_dataset
from huggingface_hub import DatasetCard

from aufruf.release.features import FEATURES, SPLITS
from aufruf.release.front_matter import read_front_matter

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

CONFIGS = ("default", "annotations", "dehydrated")
FOLDER = {"default": "data", "annotations": "annotations", "dehydrated": "dehydrated"}


def plain(release: Path, config: str, split: str) -> list[dict[str, Any]]:
    return pl.read_parquet(release / FOLDER[config] / f"{split}-*.parquet").to_dicts()


@pytest.fixture(scope="module")
def loaded(_released: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    release, cache = _released / "releases" / "0.1.0", tmp_path_factory.mktemp("cache")
    return {config: load_dataset(str(release), config, cache_dir=str(cache)) for config in CONFIGS}


def test_both_configs_load_with_all_splits_and_the_features_of_the_scheme(
    loaded: dict[str, Any], filled_workspace: Workspace
):
    for config in CONFIGS:
        assert tuple(loaded[config]) == SPLITS
        assert loaded[config]["train"].features == FEATURES[config](filled_workspace.label_scheme)


def test_nulls_stay_null_and_class_labels_decode(loaded: dict[str, Any], filled_release: Path):
    for config in CONFIGS:
        for split in SPLITS:
            assert loaded[config][split].to_list() == plain(filled_release, config, split)
    train = loaded["default"]["train"]
    assert None in train["threat_contained"]
    assert None in train["threat_voice"]
    voices = train.features["threat_voice"]
    assert isinstance(voices, List)
    assert isinstance(voices.feature, ClassLabel)
    assert voices.feature.int2str(2) == "reported"
    assert set(train.features["asked"].feature.names) == {
        "threat",
        "call_to_violence",
        "protest_mobilization",
        "violence_approval",
    }


@pytest.mark.parametrize("config", CONFIGS)
def test_streaming_gives_the_same_rows(filled_release: Path, tmp_path: Path, config: str):
    stream = load_dataset(str(filled_release), config, streaming=True, cache_dir=str(tmp_path / "cache"))
    assert list(stream["test"]) == plain(filled_release, config, "test")


def test_the_default_config_is_the_one_with_texts(filled_release: Path, tmp_path: Path):
    found = load_dataset(str(filled_release), split="validation", cache_dir=str(tmp_path / "cache"))
    assert "text" in found.column_names


@pytest.mark.parametrize("config", CONFIGS)
def test_pandas_reads_the_files(filled_release: Path, config: str):
    for split in SPLITS:
        frame = pd.read_parquet(filled_release / FOLDER[config] / f"{split}-00000-of-00001.parquet")
        assert frame["id"].tolist() == [row["id"] for row in plain(filled_release, config, split)]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_files_hold_plain_strings_and_lists_with_page_checksums(filled_release: Path, config: str):
    path = filled_release / FOLDER[config] / "test-00000-of-00001.parquet"
    assert "large" not in str(pq.read_schema(path))
    assert pq.read_metadata(path).row_group(0).column(0).compression == "ZSTD"
    content = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(0)
    content[column.dictionary_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)


def test_the_cards_yaml_holds_the_features_and_what_the_hub_wants(
    filled_release: Path, filled_workspace: Workspace
):
    card = read_front_matter((filled_release / "README.md").read_text("utf-8"))
    assert card["language"] == ["de", "en"]
    assert "not-for-all-audiences" in card["tags"]
    assert card["license"] == "other"
    assert card["task_ids"] == ["multi-label-classification"]
    assert [entry["config_name"] for entry in card["configs"]] == list(CONFIGS)
    infos = {entry["config_name"]: entry for entry in card["dataset_info"]}
    for config in CONFIGS:
        stored = Features._from_yaml_list(infos[config]["features"])  # noqa: SLF001 -- how `datasets` reads it
        assert stored == FEATURES[config](filled_workspace.label_scheme)
        counts = {entry["name"]: entry["num_examples"] for entry in infos[config]["splits"]}
        assert counts == {split: len(plain(filled_release, config, split)) for split in SPLITS}


def test_a_title_cannot_break_out_of_the_cards_yaml(filled_workspace: Workspace):
    from aufruf.release.front_matter import front_matter
    from aufruf.settings import Release

    title = 'a: "b"\n---\nlicense: mit # ❤'
    rows = {(config, split): 1 for config in CONFIGS for split in SPLITS}
    text = front_matter(Release(title=title), filled_workspace.label_scheme, ["de", "und"], rows, {})
    found = read_front_matter(text)
    assert (found["pretty_name"], found["license"], found["language"]) == (title, "other", ["de"])
    assert DatasetCard(text).data.to_dict()["pretty_name"] == title


def test_an_empty_split_has_no_file_and_the_others_load(filled_workspace: Workspace, tmp_path: Path):
    from aufruf.release.build import export
    from aufruf.release.verify import verify
    from aufruf.tables import GOLD

    gold = filled_workspace.store.read(GOLD)
    one = gold.filter(pl.col("record_id") == gold.item(0, "record_id")).with_columns(gold_run=pl.lit("one"))
    filled_workspace.store.append(GOLD, one)
    filled_workspace.record_event("gold", "one", {})
    report = export(filled_workspace, "0.1.0")
    assert sorted(report.splits.values()) == [0, 0, 1]
    assert sum("is empty" in warning for warning in report.warnings) == 2
    found = load_dataset(report.path, cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in found.items()} == {"train": 1}
    assert verify(filled_workspace.root / "releases" / "0.1.0").ok
