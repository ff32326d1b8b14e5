"""What is wrong with the set-up, and the remedy."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import polars as pl

from aufruf.doctor import Check, examine
from aufruf.tables import EVENTS

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


def checks(root: Path) -> dict[str, Check]:
    return {check.name: check for check in examine(root)}


def test_a_fresh_workspace_has_no_fault(workspace: Workspace):
    assert [check for check in checks(workspace.root).values() if not check.ok] == []


def test_where_there_is_no_workspace_the_remedy_is_to_make_one(tmp_path: Path):
    found = checks(tmp_path)["workspace"]
    assert not found.ok
    assert "aufruf init" in found.remedy


def test_secrets_that_others_can_read_are_a_fault(workspace: Workspace):
    workspace.secrets.path.chmod(0o644)
    found = checks(workspace.root)["secrets"]
    assert not found.ok
    assert "chmod 600" in found.remedy


def test_an_edited_event_is_a_fault(workspace: Workspace):
    workspace.record_event("import", "i1", {"read": 3})
    first = workspace.store.read(EVENTS).filter(pl.col("n") == 1)
    workspace.store.upsert(EVENTS, first.with_columns(subject=pl.lit("another")))
    found = checks(workspace.root)["event chain"]
    assert not found.ok
    assert "event 1" in found.found


def test_a_damaged_label_scheme_is_a_fault_that_names_the_file(workspace: Workspace):
    (workspace.root / "schemas" / "label_scheme.toml").write_text("version = 1\n")
    found = checks(workspace.root)["label scheme"]
    assert not found.ok
    assert "label_scheme.toml" in found.found


def test_a_lost_data_file_is_a_fault(workspace: Workspace):
    next((workspace.root / "tables" / "events").glob("*.parquet")).unlink()
    found = checks(workspace.root)["tables"]
    assert not found.ok
    assert "table events: 1 of 1 files are missing" in found.found


def test_the_command_ends_with_3_if_there_is_a_fault(tmp_path: Path):
    command = [sys.executable, "-m", "aufruf", "doctor", "--workspace", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 3
    assert "FAULT  workspace" in result.stdout
