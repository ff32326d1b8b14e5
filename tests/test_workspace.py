"""A workspace is everything, appears whole, and has one writer at a time."""

from __future__ import annotations

import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.errors import SettingsError, WorkspaceError
from aufruf.tables import EVENTS
from aufruf.workspace import create_workspace, event_sha256, open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


def test_a_new_workspace_has_its_own_label_scheme_and_guidelines_but_not_the_sample(workspace: Workspace):
    assert (workspace.root / "schemas" / "label_scheme.toml").is_file()
    assert (workspace.root / "annotation" / "guidelines" / "de.md").is_file()
    assert not (workspace.root / "annotation" / "sample").exists()


def test_the_secrets_can_be_read_by_the_owner_alone(workspace: Workspace):
    assert stat.S_IMODE(workspace.secrets.path.stat().st_mode) == 0o600


def test_two_workspaces_never_share_a_key(workspace: Workspace, tmp_path: Path):
    other = create_workspace(tmp_path / "other")
    assert workspace.pseudonym_key().reveal() != other.pseudonym_key().reveal()


def test_a_key_does_not_show_when_printed(workspace: Workspace):
    key = workspace.pseudonym_key()
    assert key.reveal() not in f"{key} {key!r} {[key]} {workspace.secrets}"


def test_a_workspace_is_found_from_the_folders_inside_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(workspace.root / "tables")
    assert open_workspace().root == workspace.root


def test_a_folder_without_workspace_is_told_with_the_next_step(tmp_path: Path):
    with pytest.raises(WorkspaceError, match="aufruf init"):
        open_workspace(tmp_path)


@pytest.mark.parametrize("name", ["workspace", "full"])
def test_nothing_that_exists_is_overwritten(workspace: Workspace, tmp_path: Path, name: str):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    before = sorted(path.name for path in (tmp_path / name).iterdir())
    with pytest.raises(WorkspaceError):
        create_workspace(tmp_path / name)
    assert sorted(path.name for path in (tmp_path / name).iterdir()) == before
    assert workspace.root.exists()


def test_a_workspace_of_a_newer_version_is_refused(workspace: Workspace):
    settings = workspace.root / "aufruf.toml"
    settings.write_text(settings.read_text().replace("format = 1", "format = 2"))
    with pytest.raises(SettingsError, match=r"format 2.*reads up to 1.*install a newer aufruf"):
        open_workspace(workspace.root)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("colour = 1", r"unknown field `colour`"),
        ("[splits]\ntrain = 0.9", "aufruf.toml"),
        ("[privacy]\nmask = ['names']", r"privacy\.mask"),
        ("= nothing", "not valid TOML"),
    ],
)
def test_wrong_settings_are_refused_with_file_and_key(workspace: Workspace, line: str, complaint: str):
    (workspace.root / "aufruf.toml").write_text(f"format = 1\n{line}\n")
    with pytest.raises(SettingsError, match=complaint) as caught:
        open_workspace(workspace.root)
    assert "aufruf.toml" in str(caught.value)


def test_events_form_a_chain_in_which_each_holds_the_hash_of_the_one_before(workspace: Workspace):
    workspace.record_event("import", "i1", {"read": 3})
    workspace.record_event("import", "i2", {"read": 4})
    events = workspace.store.read(EVENTS).sort("n")
    assert events.get_column("n").to_list() == [1, 2, 3]
    assert events.get_column("previous").to_list() == ["", *events.get_column("sha256").to_list()[:-1]]
    for event in events.iter_rows(named=True):
        assert event_sha256(event) == event["sha256"]
        assert event_sha256({**event, "details": '{"read":5}'}) != event["sha256"]


def test_a_second_process_is_told_that_the_workspace_is_being_written(workspace: Workspace):
    code = "import sys; from aufruf.workspace import open_workspace\n"
    code += "from pathlib import Path\nwith open_workspace(Path(sys.argv[1])).locked(): pass"
    with workspace.locked():
        other = subprocess.run(
            [sys.executable, "-c", code, str(workspace.root)], capture_output=True, text=True, check=False
        )
    assert "another aufruf command is writing" in other.stderr
    again = subprocess.run(
        [sys.executable, "-c", code, str(workspace.root)], capture_output=True, check=False
    )
    assert again.returncode == 0


def test_a_lock_is_held_again_within_the_same_process(workspace: Workspace):
    with workspace.locked(), workspace.locked():
        workspace.record_event("test", "nested", {})
    assert workspace.store.scan(EVENTS).select(pl.len()).collect().item() == 2


def test_a_destroyed_key_is_told_with_what_it_means(workspace: Workspace):
    workspace.secrets.update({"pseudonym_key": None})
    with pytest.raises(WorkspaceError, match="pseudonym key is gone"):
        workspace.pseudonym_key()


def test_damaged_secrets_are_told_without_their_content(workspace: Workspace):
    workspace.secrets.path.write_text("pseudonym_key = 'half-a-canary")
    with pytest.raises(SettingsError) as caught:
        workspace.secrets.get("pseudonym_key")
    assert "canary" not in str(caught.value)
