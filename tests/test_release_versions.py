"""Releases one after the other: versions, frozen splits, changes, events."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.errors import InputError, WorkspaceError
from aufruf.release.build import export
from aufruf.release.draft import draft_release
from aufruf.release.manifest import read_manifest
from aufruf.release.verify import verify
from aufruf.tables import EVENTS, GOLD, RECORDS

if TYPE_CHECKING:
    from aufruf.workspace import Workspace


def rows_of(release: Path, config: str = "data", split: str = "*") -> pl.DataFrame:
    return pl.read_parquet(release / config / f"{split}-*.parquet")


def add_records(workspace: Workspace, n: int) -> list[str]:
    """Add new records, each by an author of a record that is there, with gold for `threat`."""
    store = workspace.store
    old = store.read(RECORDS).filter(pl.col("author").is_not_null()).head(n)
    fresh = old.with_columns(
        pl.concat_str(pl.lit("new"), pl.col("record_id", "post_id")).alias("record_id"),
        pl.concat_str(pl.lit("new"), "post_id").alias("post_id"),
        pl.concat_str("text", pl.lit(" again")).alias("text"),
        pl.lit(None, pl.String).alias("conversation"),
    )
    store.append(RECORDS, fresh)
    gold = store.read(GOLD)
    cell = gold.filter((pl.col("label") == "threat") & (pl.col("column") == "contained")).head(1)
    more = cell.drop("record_id").join(fresh.select("record_id"), how="cross")
    store.append(GOLD, pl.concat([gold, more.select(gold.columns)]).with_columns(gold_run=pl.lit("gold-2")))
    workspace.record_event("gold", "gold-2", {})
    return fresh.get_column("record_id").to_list()


def test_a_later_release_keeps_every_split_and_says_what_was_added(released_workspace: Workspace):
    first = released_workspace.root / "releases" / "0.1.0"
    added = add_records(released_workspace, 30)
    second = Path(export(released_workspace, "0.2.0", seed=9).path)
    for split in ("train", "validation", "test"):
        before, after = (set(rows_of(path, split=split)["id"]) for path in (first, second))
        assert before <= after
    assert set(added) <= set(rows_of(second)["id"])
    log = (second / "CHANGELOG.md").read_text("utf-8")
    assert "records added: 30; removed: 0" in log
    assert "The first release." in log
    assert verify(second).ok


def decide_anew(workspace: Workspace, gold: pl.DataFrame) -> None:
    workspace.store.append(GOLD, gold.with_columns(gold_run=pl.lit("anew")))
    workspace.record_event("gold", "anew", {})


def test_a_record_that_is_missing_from_one_release_keeps_its_split_for_the_next(
    released_workspace: Workspace,
):
    gold = released_workspace.store.read(GOLD)
    test = rows_of(released_workspace.root / "releases" / "0.1.0", split="test")
    missing = test.item(0, "id")
    decide_anew(released_workspace, gold.filter(pl.col("record_id") != missing))
    draft = draft_release(released_workspace, "0.2.0", seed=0)
    assert missing not in draft.frames["default", "test"]["id"]
    assert dict(draft.lock.rows())[missing] == "test"


def test_voice_and_attributes_are_null_where_the_label_was_decided_as_no(filled_workspace: Workspace):
    gold = filled_workspace.store.read(GOLD).filter(pl.col("label") == "threat")
    meant = gold.filter((pl.col("column") == "serious") & pl.col("value").is_not_null())
    contained = pl.col("column") == "contained"
    no = pl.when(contained).then(pl.lit("false")).otherwise("value")
    decide_anew(filled_workspace, gold.join(meant, on="record_id", how="semi").with_columns(value=no))
    frames = draft_release(filled_workspace, "0.1.0", seed=0).frames
    rows = pl.concat([frame for (config, _), frame in frames.items() if config == "default"])
    assert rows.height == meant.height > 0
    for column in ("threat_voice", "threat_serious", "threat_target", "spans"):
        assert rows.get_column(column).null_count() == rows.height


def test_a_record_with_a_newer_text_is_not_released_but_counted(filled_workspace: Workspace):
    old = filled_workspace.store.read(RECORDS).head(1)
    edited = old.with_columns(record_id=pl.lit("edited"), supersedes="record_id", text=pl.lit("calmer now"))
    filled_workspace.store.append(RECORDS, edited)
    draft = draft_release(filled_workspace, "0.1.0", seed=0)
    assert draft.left_out == {"a newer version of the text exists": 1}
    assert {old.item(0, "record_id"), "edited"}.isdisjoint(draft.lock.get_column("record_id"))
    assert draft.lock.height == 480


def test_the_event_names_the_release_and_its_hashes(released_workspace: Workspace):
    manifest = read_manifest(released_workspace.root / "releases" / "0.1.0")
    event = released_workspace.store.read(EVENTS).sort("n").row(-1, named=True)
    assert (event["action"], event["subject"]) == ("export", "0.1.0")
    assert json.loads(event["details"])["manifest_sha256"] == manifest.manifest_sha256
    assert manifest.events.sha256 == event["previous"]


def test_a_release_whose_event_was_lost_to_a_kill_is_recorded_by_the_next_export(
    filled_workspace: Workspace, filled_release: Path
):
    releases = filled_workspace.root / "releases"
    shutil.copytree(filled_release, releases / "0.1.0")
    (releases / ".building-0.2.0-1").mkdir()
    export(filled_workspace, "0.3.0")
    events = filled_workspace.store.read(EVENTS).filter(pl.col("action") == "export").sort("n")
    assert events.get_column("subject").to_list() == ["0.1.0", "0.3.0"]
    assert sorted(path.name for path in releases.iterdir()) == ["0.1.0", "0.3.0"]


@pytest.mark.parametrize(
    "version", ["1", "1.0", "v1.0.0", "1.0.0-rc1", "01.0.0", "1.0.0\n", "../1.0.0", "\u0661.0.0"]
)
def test_what_is_no_semantic_version_is_refused(filled_workspace: Workspace, version: str):
    with pytest.raises(InputError, match="write three numbers"):
        export(filled_workspace, version)


def test_a_version_that_exists_or_is_below_the_newest_is_refused(filled_workspace: Workspace):
    (filled_workspace.root / "releases" / "0.10.0").mkdir()
    with pytest.raises(WorkspaceError, match="exists already"):
        export(filled_workspace, "0.10.0")
    with pytest.raises(WorkspaceError, match=r"below the newest release 0\.10\.0"):
        export(filled_workspace, "0.9.1")


def test_without_gold_the_error_says_what_to_run(workspace: Workspace):
    with pytest.raises(WorkspaceError, match="aufruf gold"):
        export(workspace, "0.1.0")


def test_an_altered_list_of_splits_is_not_built_upon(released_workspace: Workspace):
    lock = released_workspace.root / "releases" / "0.1.0" / "splits.lock.json"
    lock.write_bytes(lock.read_bytes().replace(b'"test"', b'"tset"'))
    with pytest.raises(InputError, match=r"splits\.lock\.json: is not as it was released"):
        export(released_workspace, "0.2.0")
