"""Forgetting rows: no earlier version, data file or log entry keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from deltalake.exceptions import TableNotFoundError

from aufruf.tables import CLUSTERS

if TYPE_CHECKING:
    from aufruf.workspace import Workspace


def rows(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"record_id": names, "cluster": [f"cluster-{name}" for name in names]})


def files_with(workspace: Workspace, word: bytes) -> list[str]:
    folder = workspace.root / "tables" / "clusters"
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and word in path.read_bytes())


def test_forgotten_rows_stand_in_no_file_and_in_no_earlier_version(workspace: Workspace):
    store = workspace.store
    store.append(CLUSTERS, rows("amsel", "drossel"), ("import:1", 1))
    store.upsert(CLUSTERS, rows("fink"))
    assert files_with(workspace, b"cluster-drossel")
    assert store.forget(CLUSTERS, pl.col("record_id") == "drossel") == 1
    assert files_with(workspace, b"drossel") == []
    assert sorted(store.read(CLUSTERS)["record_id"]) == ["amsel", "fink"]
    assert store.version(CLUSTERS) == 2
    with pytest.raises(TableNotFoundError):
        store.read(CLUSTERS, version=0)


def test_forgetting_keeps_transactions_and_lets_others_write_on(workspace: Workspace):
    store = workspace.store
    store.append(CLUSTERS, rows("amsel", "drossel"), ("import:1", 1))
    store.forget(CLUSTERS, pl.col("record_id") == "drossel")
    assert not store.append(CLUSTERS, rows("again"), ("import:1", 1))
    assert store.append(CLUSTERS, rows("fink"), ("import:2", 1))
    assert sorted(store.read(CLUSTERS)["record_id"]) == ["amsel", "fink"]


def test_history_goes_even_if_the_rows_were_gone_before(workspace: Workspace):
    store = workspace.store
    store.append(CLUSTERS, rows("amsel", "drossel"))
    store.delete(CLUSTERS, "record_id = 'drossel'")
    assert store.forget(CLUSTERS, pl.col("record_id") == "drossel") == 0
    assert files_with(workspace, b"drossel") == []


def test_what_a_killed_write_leaves_afterwards_is_still_tidied(workspace: Workspace):
    store = workspace.store
    store.append(CLUSTERS, rows("amsel"))
    store.forget(CLUSTERS, pl.col("record_id") == "amsel")
    store.append(CLUSTERS, rows("fink"))
    stray = workspace.root / "tables" / "clusters" / "part-stray.parquet"
    rows("drossel").write_parquet(stray)
    store.tidy(CLUSTERS)
    assert not stray.exists()
    assert store.read(CLUSTERS)["record_id"].to_list() == ["fink"]


def test_forgetting_where_nothing_was_written_does_nothing(workspace: Workspace):
    assert workspace.store.forget(CLUSTERS, pl.lit(value=True)) == 0
    assert workspace.store.version(CLUSTERS) is None
