"""Delta Lake behind five verbs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from aufruf.errors import WorkspaceError
from aufruf.store import Store
from aufruf.tables import DUPLICATES, QUARANTINE, RECORDS, TABLES, Column


def pairs(*names: str, similarity: float = 1.0) -> pl.DataFrame:
    return pl.DataFrame({"left": names, "right": names, "similarity": [similarity] * len(names)})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_table_never_written_has_no_rows_and_no_version(store: Store):
    assert store.read(RECORDS).schema == RECORDS.schema
    assert store.read(RECORDS).is_empty()
    assert store.version(RECORDS) is None
    assert store.files(RECORDS) == []


def test_what_is_appended_is_read_back_with_the_declared_types(store: Store):
    store.append(DUPLICATES, pairs("a", "b"))
    assert store.read(DUPLICATES).sort("left").equals(pairs("a", "b"))
    assert store.read(DUPLICATES).schema == DUPLICATES.schema


@pytest.mark.parametrize("name", ["with space", "Übung", "a#b", "a (1)*"])
def test_a_table_may_lie_in_a_folder_of_any_name(tmp_path: Path, name: str):
    store = Store(tmp_path / name)
    store.append(DUPLICATES, pairs("a", "b"))
    store.upsert(DUPLICATES, pairs("b", "c", similarity=0.9))
    assert store.read(DUPLICATES).sort("left")["left"].to_list() == ["a", "b", "c"]
    assert store.scan(DUPLICATES, 0).collect().height == 2
    store.delete(DUPLICATES, "similarity < 2")
    assert store.read(DUPLICATES).is_empty()
    assert store.files(DUPLICATES) == []
    store.append(RECORDS, RECORDS.empty())
    store.append(DUPLICATES, pairs("d"))
    assert all(Path(file).is_file() for file in store.files(DUPLICATES))


@pytest.mark.parametrize("name", ["plain", "with space"])
def test_a_table_written_before_a_column_was_added_is_read_and_written_on(tmp_path: Path, name: str):
    store = Store(tmp_path / name)
    added = Column("reason", pl.String, "why", nullable=True)
    newer = replace(DUPLICATES, columns=(*DUPLICATES.columns, added))
    store.append(DUPLICATES, pairs("a", "b"))
    assert store.read(newer).get_column("reason").to_list() == [None, None]
    store.append(newer, pairs("c").with_columns(reason=pl.lit("new")))
    store.upsert(newer, pairs("b", similarity=0.9).with_columns(reason=pl.lit("changed")))
    rows = store.read(newer).sort("left").select("left", "similarity", "reason").rows()
    assert rows == [("a", 1.0, None), ("b", 0.9, "changed"), ("c", 1.0, "new")]


def test_the_same_transaction_a_second_time_is_a_no_op(store: Store):
    assert store.append(DUPLICATES, pairs("a"), ("import:1", 1))
    assert not store.append(DUPLICATES, pairs("a"), ("import:1", 1))
    assert store.read(DUPLICATES).height == 1
    assert store.version(DUPLICATES) == 0


def test_an_upsert_replaces_rows_of_the_same_key_and_keeps_the_others(store: Store):
    store.upsert(DUPLICATES, pairs("a", "b"))
    assert store.upsert(DUPLICATES, pairs("b", "c", similarity=0.9))
    rows = store.read(DUPLICATES).sort("left").select("left", "similarity").rows()
    assert rows == [("a", 1.0), ("b", 0.9), ("c", 0.9)]


def test_an_upsert_of_rows_that_are_there_makes_no_version(store: Store):
    store.upsert(DUPLICATES, pairs("a", "b"))
    assert not store.upsert(DUPLICATES, pairs("b"))
    assert store.version(DUPLICATES) == 0


def test_an_older_version_can_be_read(store: Store):
    store.append(DUPLICATES, pairs("a"))
    store.append(DUPLICATES, pairs("b"))
    assert store.read(DUPLICATES, version=0).get_column("left").to_list() == ["a"]


def test_a_key_that_stands_twice_is_refused_before_anything_is_written(store: Store):
    with pytest.raises(ValueError, match="a key stands twice"):
        store.upsert(DUPLICATES, pairs("a", "a"))
    assert store.version(DUPLICATES) is None


def test_a_null_where_none_may_be_is_refused(store: Store):
    with pytest.raises(ValueError, match=r"null in \['similarity'\]"):
        store.append(DUPLICATES, pairs("a").with_columns(similarity=None))


def test_the_log_holds_no_value_of_a_column_without_statistics(store: Store, tmp_path: Path):
    row = {"import_id": "i", "file": "f", "item": "1", "reason": "empty_text", "message": "a-canary-message"}
    store.append(QUARANTINE, pl.DataFrame([row]))
    log = "".join(path.read_text() for path in (tmp_path / "quarantine" / "_delta_log").glob("*.json"))
    assert "empty_text" in log
    assert "a-canary-message" not in log


def test_no_table_writes_statistics_of_texts():
    texts = {"text", "title", "comment", "raw", "message", "url", "outlet", "details"}
    assert [table.name for table in TABLES if texts & set(table.statistics)] == []
    assert [table.name for table in TABLES if not set(table.statistics) <= set(table.schema)] == []


def test_a_disk_too_small_is_told_before_anything_is_written(store: Store, monkeypatch: pytest.MonkeyPatch):
    """Only the free space is made up: a real full disk needs rights that a test run has not."""
    usage = shutil.disk_usage(store.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(WorkspaceError, match=r"needs 1 MB, the disk has 0 MB left; make room"):
        store.append(DUPLICATES, pairs("a"))
    assert store.version(DUPLICATES) is None


def test_what_the_disk_refuses_inside_a_write_is_one_clear_error(store: Store):
    store.append(DUPLICATES, pairs("a"))
    log = store.root / "duplicates" / "_delta_log" / "00000000000000000001.json"
    log.mkdir()
    with pytest.raises(WorkspaceError, match="table duplicates"):
        store.append(DUPLICATES, pairs("b"))
    log.rmdir()
    assert store.read(DUPLICATES).height == 1


_WRITER = """
import sys, polars as pl
from pathlib import Path
from aufruf.errors import WorkspaceError
from aufruf.store import Store
from aufruf.tables import DUPLICATES
store = Store(Path(sys.argv[1]))
for version in range(1000):
    names = [f"{version}-{row}" for row in range(500)]
    store.upsert(DUPLICATES, pl.DataFrame({"left": names, "right": names, "similarity": [1.0] * 500}))
    print(version, flush=True)
"""


@pytest.mark.slow
@pytest.mark.campaign
def test_a_writer_killed_at_any_moment_leaves_whole_commits(tmp_path: Path, repetitions: int):
    """Each commit holds 500 rows: after a kill their number is a multiple of 500."""
    for attempt in range(repetitions):
        folder = tmp_path / str(attempt)
        command = [sys.executable, "-c", _WRITER, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.037 * (attempt % 10))
            os.kill(writer.pid, signal.SIGKILL)
        rows = Store(folder).read(DUPLICATES).height
        assert rows > 0
        assert rows % 500 == 0
