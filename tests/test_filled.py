"""The filled workspace that other tests start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.tables import ANNOTATIONS, GOLD, RECORDS, TABLES
from aufruf.workspace import create_workspace
from filled import fill

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


def test_the_filled_workspace_is_the_same_each_time(filled_workspace: Workspace, tmp_path: Path):
    again = create_workspace(tmp_path / "again")
    fill(again)
    for table in TABLES[:-1]:
        assert again.store.read(table).equals(filled_workspace.store.read(table)), table.name


def test_it_holds_what_other_tests_look_for(filled_workspace: Workspace):
    store = filled_workspace.store
    gold = store.read(GOLD)
    assert gold.filter(pl.col("decided_by").is_null()).height > 100
    assert gold.filter((pl.col("column") == "contained") & (pl.col("value") == "true")).height > 250
    assert set(store.read(ANNOTATIONS)["state"]) == {"live", "skipped"}
    assert store.read(RECORDS).group_by("language", "kind").len().height == 4
