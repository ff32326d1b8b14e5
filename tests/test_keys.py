"""The pseudonym key can be destroyed for good, at any moment of a crash, and another one made."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.doctor import examine
from aufruf.errors import WorkspaceError
from aufruf.importing import import_paths
from aufruf.keys import destroy_key, key_status, new_key
from aufruf.pseudonyms import key_id
from aufruf.status import status
from aufruf.tables import EVENTS, RECORDS
from aufruf.workspace import TOMBSTONE_KEY, create_workspace, open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def events(workspace: Workspace) -> list[tuple[str, str, str]]:
    table = workspace.store.read(EVENTS).sort("n").filter(pl.col("action").str.starts_with("key"))
    return [
        (row["action"], row["subject"], json.loads(row["details"]).get("state", ""))
        for row in table.iter_rows(named=True)
    ]


def files_with(root: Path, value: str) -> list[str]:
    """Names of files that hold a value, deleted temporary ones aside."""
    return [path.name for path in root.rglob("*") if path.is_file() and value.encode() in path.read_bytes()]


@pytest.fixture(scope="session")
def _posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two posts of one author, and a workspace that holds them."""
    folder = tmp_path_factory.mktemp("posts")
    posts = [{"id": n, "author": "anna", "text": f"Wir sind {n} am Ufer, @ben"} for n in (1, 2)]
    (folder / "posts.jsonl").write_text("\n".join(map(json.dumps, posts)))
    import_paths(create_workspace(folder / "workspace"), [folder / "posts.jsonl"])
    return folder


@pytest.fixture
def imported(_posts: Path, tmp_path: Path) -> Workspace:
    """A workspace of the test's own with the two posts, and their file beside it."""
    shutil.copytree(_posts, tmp_path, dirs_exist_ok=True)
    return open_workspace(tmp_path / "workspace")


def test_a_destroyed_key_is_in_no_file_and_other_secrets_stay(imported: Workspace):
    key = imported.pseudonym_key().reveal()
    tombstone = imported.secrets.get(TOMBSTONE_KEY)
    assert files_with(imported.root, key) == ["secrets.toml"]
    done = destroy_key(imported)
    assert files_with(imported.root, key) == []
    assert imported.secrets.get(TOMBSTONE_KEY) == tombstone
    assert done.records == 2
    assert imported.store.read(RECORDS)["key_id"].unique().to_list() == [done.key_id]


def test_the_old_file_is_overwritten_where_it_lay(imported: Workspace):
    with imported.secrets.path.open("rb") as old:
        destroy_key(imported)
        assert set(old.read()) == {0}


def test_what_a_crash_left_of_the_file_is_destroyed_too(imported: Workspace):
    key = imported.pseudonym_key().reveal()
    leftover = imported.root / ".secrets.toml.abc123"
    leftover.write_bytes(imported.secrets.path.read_bytes())
    with leftover.open("rb") as old:
        destroy_key(imported)
        assert set(old.read()) == {0}
    assert not leftover.exists()
    assert files_with(imported.root, key) == []


def test_what_a_stopped_import_left_goes_with_the_key(imported: Workspace):
    left = imported.cache / "import" / "abc" / "000000.records.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"texts beside pseudonyms")
    destroy_key(imported)
    assert not left.exists()


def test_behind_a_link_it_is_the_file_itself_that_forgets_the_key(imported: Workspace, tmp_path: Path):
    real = tmp_path / "elsewhere.toml"
    imported.secrets.path.rename(real)
    imported.secrets.path.symlink_to(real)
    key = imported.pseudonym_key().reveal()
    destroy_key(imported)
    assert key not in real.read_text()
    assert imported.secrets.path.is_symlink()


def test_a_second_name_of_the_file_is_left_and_told(imported: Workspace, tmp_path: Path):
    copy = tmp_path / "copy.toml"
    os.link(imported.secrets.path, copy)
    before = copy.read_bytes()
    assert any("hard link" in line for line in destroy_key(imported).remains)
    assert copy.read_bytes() == before


def test_a_variable_that_holds_the_key_is_named(imported: Workspace, monkeypatch: pytest.MonkeyPatch):
    key = imported.pseudonym_key().reveal()
    monkeypatch.setenv("MY_COPY", f"key={key}")
    told = " ".join(destroy_key(imported).remains)
    assert "MY_COPY" in told
    assert key not in told


def test_destroying_is_told_in_the_chain_of_events(imported: Workspace):
    name = destroy_key(imported).key_id
    assert events(imported) == [("key destroy", name, "begun"), ("key destroy", name, "done")]
    assert {check.name for check in examine(imported.root) if not check.ok} == set()


def test_a_dry_run_changes_nothing(imported: Workspace):
    before = imported.secrets.path.read_bytes()
    foreseen = destroy_key(imported, dry_run=True)
    assert (imported.secrets.path.read_bytes(), events(imported)) == (before, [])
    assert foreseen == destroy_key(imported)


def test_without_a_key_there_is_nothing_to_destroy_and_nothing_can_be_imported(
    imported: Workspace, tmp_path: Path
):
    name = destroy_key(imported).key_id
    with pytest.raises(WorkspaceError, match=rf"{name} was destroyed.*aufruf key new"):
        destroy_key(imported)
    with pytest.raises(WorkspaceError, match="aufruf key new"):
        import_paths(imported, [tmp_path / "posts.jsonl"])


def test_the_state_shows_in_status_and_doctor(imported: Workspace):
    def seen() -> tuple[str, str, bool]:
        check = next(check for check in examine(imported.root) if check.name == "pseudonym key")
        return key_status(imported).state, status(imported).pseudonym_key, check.ok

    assert seen() == ("present", "present", True)
    name = destroy_key(imported).key_id
    assert seen() == ("destroyed", "destroyed", True)
    assert key_status(imported).records == {name: 2}
    new_key(imported)
    imported.secrets.update({"pseudonym_key": None})
    assert seen()[2] is True
    imported.secrets.update({"pseudonym_key": "another"})
    imported.record_event("key destroy", key_id(imported.pseudonym_key()), {"state": "begun", "records": 0})
    assert seen() == ("interrupted", "interrupted", False)


def test_a_lost_key_is_a_fault(workspace: Workspace):
    workspace.secrets.update({"pseudonym_key": None})
    check = next(check for check in examine(workspace.root) if check.name == "pseudonym key")
    assert (key_status(workspace).state, check.ok) == ("missing", False)
    assert "aufruf key new" in check.remedy


def test_with_a_new_key_importing_goes_on_and_links_to_nothing(imported: Workspace, tmp_path: Path):
    before = imported.store.read(RECORDS)
    destroy_key(imported)
    made = new_key(imported)
    assert import_paths(imported, [tmp_path / "posts.jsonl"]).new == 0
    again = tmp_path / "again.jsonl"
    again.write_text((tmp_path / "posts.jsonl").read_text() + "\n")
    report = import_paths(imported, [again], source="posts")
    after = imported.store.read(RECORDS).join(before, on="record_id", how="anti")
    assert (report.new, report.known) == (2, 0)
    assert after["key_id"].unique().to_list() == [made.key_id]
    assert not set(after["author"]) & set(before["author"])
    assert key_status(imported).records == dict.fromkeys(after["key_id"], 2) | dict.fromkeys(
        before["key_id"], 2
    )


def test_a_second_key_is_not_made_beside_the_first(imported: Workspace):
    key = imported.pseudonym_key()
    with pytest.raises(WorkspaceError, match="destroy it first"):
        new_key(imported)
    assert imported.pseudonym_key() == key


def test_a_dry_run_makes_no_key(imported: Workspace):
    destroy_key(imported)
    assert new_key(imported, dry_run=True).key_id is None
    assert key_status(imported).state == "destroyed"


_KILLED = """
import os, signal, sys
from pathlib import Path
from aufruf.keys import destroy_key
from aufruf.workspace import open_workspace
left = int(sys.argv[2])
workspace = open_workspace(Path(sys.argv[1]))
def count(event, args):
    global left
    if event in ("open", "os.rename", "os.remove", "os.chmod", "os.truncate", "shutil.disk_usage") and any(
        name in str(args[0]) for name in ("secrets.toml", "tables")
    ):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
destroy_key(workspace)
"""


@pytest.mark.slow
def test_killed_at_any_step_and_run_again_the_key_is_gone_and_the_chain_says_so(
    workspace: Workspace, tmp_path: Path
):
    """Each step that touches the secrets or the tables is the last one once; other secrets survive each."""
    key, tombstone = workspace.pseudonym_key(), workspace.secrets.get(TOMBSTONE_KEY)
    step, killed = 0, True
    while killed:
        step += 1
        root = tmp_path / f"step-{step}"
        subprocess.run(["cp", "-r", workspace.root, root], check=True)
        done = subprocess.run([sys.executable, "-c", _KILLED, root, str(step)], check=False)
        killed = done.returncode == -signal.SIGKILL
        copy = open_workspace(root)
        assert copy.secrets.get(TOMBSTONE_KEY) == tombstone
        if key_status(copy).state != "destroyed":
            assert destroy_key(copy).key_id == key_id(key)
        assert files_with(root, key.reveal()) == []
        assert events(copy) == [("key destroy", key_id(key), "begun"), ("key destroy", key_id(key), "done")]
        assert [check.name for check in examine(root) if not check.ok] == []
    assert step > 5


def test_the_command_refuses_where_nobody_can_be_asked(imported: Workspace):
    result = run("key", "destroy", "-w", imported.root)
    assert result.exit_code == 2
    assert "--yes" in result.output
    assert key_status(imported).state == "present"


@pytest.mark.parametrize(("answer", "state"), [("n\n", "present"), ("y\n", "destroyed")])
def test_the_command_says_what_it_costs_and_asks(imported: Workspace, answer: str, state: str):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "aufruf", "key", "destroy", "-w", imported.root]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.write(ours, answer.encode())
        _, told = process.communicate(timeout=60)
    for descriptor in (ours, theirs):
        os.close(descriptor)
    assert key_status(imported).state == state
    assert process.returncode == (0 if state == "destroyed" else 1)
    for part in (b"become new records", b"removal of all their posts", b"stay searchable", b"backups"):
        assert part in told


def test_programs_get_one_json_document_and_no_key(imported: Workspace):
    key = imported.pseudonym_key().reveal()
    before = run("key", "status", "--json", "-w", imported.root)
    done = run("key", "destroy", "--yes", "--json", "-w", imported.root)
    after = run("key", "new", "--json", "-w", imported.root)
    name = json.loads(before.stdout)["key_id"]
    assert json.loads(before.stdout)["records"] == {name: 2}
    assert (json.loads(done.stdout)["key_id"], json.loads(done.stdout)["records"]) == (name, 2)
    assert json.loads(after.stdout)["state"] == "present"
    assert key not in before.output + done.output + after.output
