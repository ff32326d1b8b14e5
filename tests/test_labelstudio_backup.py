"""Backups of Label Studio: what is in them, what is not, and that a restored server is the one that was."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.assets import asset
from aufruf.errors import InputError, ServerError
from aufruf.labelstudio import database, server
from aufruf.labelstudio.accounts import annotator_token, logins_again, pseudonym_of
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.api import KEY_VARIABLE, URL_VARIABLE, connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.backup import backup, restore
from aufruf.labelstudio.backup_file import MANIFEST, Counts, open_backup, writing
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.portable import held, list_projects
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, EVENTS
from labelstudio_fixtures import ROUND, add_round

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aufruf.workspace import Workspace

THREAT = Answer(("threat",), (("threat", "own"),), (("threat", "serious", "serious"),))
NOTHING = Answer(labels=())
SECRETS = (server.API_KEY, server.PASSWORD)


@pytest.fixture(autouse=True)
def _no_team_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def written(path: Path, members: dict[str, bytes]) -> Path:
    with writing(path) as archive:
        for name, content in members.items():
            with archive.member(name) as member:
                member.write(content)
        archive.finish("portable", "1.23.2", "2030-01-01T00:00:00+00:00", Counts(tasks=2))
    return path


def replaced(path: Path, changes: dict[str, bytes | None]) -> Path:
    """A copy of an archive with other members; None leaves one out."""
    changed = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        kept = {name: old.read(name) for name in old.namelist()}
        for name, content in {**kept, **changes}.items():
            if content is not None:
                new.writestr(name, content)
    return changed


def test_a_backup_is_verified_and_readable_by_its_owner_alone(tmp_path: Path):
    path = written(tmp_path / "b.zip", {"tasks.jsonl": b"1\n2\n"})
    assert path.stat().st_mode & 0o777 == 0o600
    found = open_backup(path)
    assert found.manifest.counts.tasks == 2
    assert list(found.lines("tasks.jsonl")) == [b"1\n", b"2\n"]
    assert found.manifest.files == {"tasks.jsonl": hashlib.sha256(b"1\n2\n").hexdigest()}
    assert [file.name for file in tmp_path.iterdir()] == ["b.zip"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tasks.jsonl": b"1\n3\n"}, "tasks.jsonl is not what was backed up"),
        ({"tasks.jsonl": None}, "other files are in it"),
        ({"more": b""}, "other files are in it"),
        ({MANIFEST: None}, "it holds no manifest.json"),
        ({MANIFEST: b"{}"}, "its manifest cannot be read"),
        ({MANIFEST: b'{"format": 2}'}, "a backup of format 2"),
    ],
)
def test_a_backup_that_was_changed_is_refused(tmp_path: Path, changes: dict[str, bytes | None], said: str):
    path = written(tmp_path / "b.zip", {"tasks.jsonl": b"1\n2\n"})
    with pytest.raises(InputError, match=said):
        open_backup(replaced(path, changes))


def test_a_manifest_whose_counts_were_changed_is_refused(tmp_path: Path):
    path = written(tmp_path / "b.zip", {"tasks.jsonl": b"1\n"})
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read(MANIFEST))
    manifest["counts"]["tasks"] = 3
    with pytest.raises(InputError, match="its manifest was changed"):
        open_backup(replaced(path, {MANIFEST: json.dumps(manifest).encode()}))


def test_a_member_that_leads_out_of_the_folder_is_refused(tmp_path: Path):
    path = written(tmp_path / "b.zip", {"../out": b"x"})
    with pytest.raises(InputError, match="damaged"):
        open_backup(path)


@given(data=st.data())
def test_a_backup_cut_off_anywhere_or_with_a_changed_byte_is_refused(data: st.DataObject, tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("cut")
    content = written(folder / "b.zip", {"tasks.jsonl": bytes(range(256)) * 4}).read_bytes()
    cut = folder / "cut.zip"
    cut.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(InputError):
        open_backup(cut)


def test_what_is_no_backup_is_told(tmp_path: Path):
    (tmp_path / "posts.csv").write_text("text\n")
    with pytest.raises(InputError, match="no backup of Label Studio"):
        open_backup(tmp_path / "posts.csv")
    with pytest.raises(InputError, match="there is no such file"):
        open_backup(tmp_path / "missing.zip")


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path):
    def interrupted() -> None:
        with writing(tmp_path / "b.zip") as archive, archive.member("half") as member:
            member.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


_WRITE = """
import sys, time
from pathlib import Path
from aufruf.labelstudio.backup_file import Counts, writing
path = Path(sys.argv[1])
with writing(path) as archive:
    with archive.member("tasks") as member:
        member.write(b"x" * 10_000_000)
        print("ready", flush=True)
        time.sleep(60)
"""


def test_a_killed_backup_leaves_no_file_and_the_next_one_clears_up(tmp_path: Path):
    path = tmp_path / "b.zip"
    with subprocess.Popen([sys.executable, "-c", _WRITE, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    assert not path.exists()
    (partial,) = tmp_path.iterdir()
    assert partial.stat().st_mode & 0o777 == 0o600
    written(path, {})
    assert list(tmp_path.iterdir()) == [path]


def test_addresses_become_pseudonyms_and_two_never_the_same(workspace: Workspace):
    workspace.secrets.update({"annotator:amsel:email": "person@university.example"})
    emails = [
        "admin@aufruf.invalid",
        "Person@University.example",
        "amsel@annotators.invalid",
        "fink@annotators.invalid",
        "guest@elsewhere.example",
    ]
    assert pseudonym_of(workspace.secrets, emails) == {
        "admin@aufruf.invalid": "account-1@accounts.invalid",
        "Person@University.example": "amsel@annotators.invalid",
        "amsel@annotators.invalid": "account-3@accounts.invalid",
        "fink@annotators.invalid": "fink@annotators.invalid",
        "guest@elsewhere.example": "account-5@accounts.invalid",
    }


def test_what_the_database_had_deleted_long_ago_is_not_in_a_copy_either(tmp_path: Path):
    source, target = tmp_path / "old.sqlite3", tmp_path / "new.sqlite3"
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("PRAGMA secure_delete=off")
        connection.execute(
            "CREATE TABLE htx_user (id, email, username, first_name, last_name, phone, avatar)"
        )
        connection.execute("CREATE TABLE later_release (id integer, some_api_key text)")
        connection.execute("INSERT INTO later_release VALUES (1, 'new-key'), (2, 'deleted-key')")
        connection.execute("DELETE FROM later_release WHERE id = 2")
    assert b"deleted-key" in source.read_bytes()
    database.copy(source, target, {})
    assert b"new-key" not in target.read_bytes()
    assert b"deleted-key" not in target.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o600


def test_without_a_server_there_is_nothing_to_back_up(workspace: Workspace):
    with pytest.raises(ServerError, match="there is no Label Studio to back up here"):
        backup(workspace)
    assert not (workspace.root / "backups").exists()


def test_a_backup_never_replaces_a_file(workspace: Workspace, tmp_path: Path):
    (tmp_path / "b.zip").write_text("mine")
    with pytest.raises(InputError, match="there is a file already"):
        backup(workspace, tmp_path / "b.zip")
    with pytest.raises(InputError, match="its folder does not exist"):
        backup(workspace, tmp_path / "missing" / "b.zip")


def test_an_exact_copy_is_not_put_into_a_teams_server(workspace: Workspace, tmp_path: Path, monkeypatch):
    with writing(tmp_path / "b.zip") as archive:
        archive.finish("database", "1.23.2", "2030-01-01", Counts())
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(InputError, match="LABEL_STUDIO_URL names a team's server"):
        restore(workspace, tmp_path / "b.zip")


def test_a_backup_of_a_newer_label_studio_is_refused_with_both_versions(workspace: Workspace, tmp_path: Path):
    with writing(tmp_path / "b.zip") as archive:
        archive.finish("database", "1.100.0", "2030-01-01", Counts())
    with pytest.raises(ServerError, match=r"made by Label Studio 1\.100\.0, this aufruf has 1\.23\.2"):
        restore(workspace, tmp_path / "b.zip")


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a server of its own, a round whose answers were pulled, a draft and a prediction."""
    from aufruf.workspace import create_workspace

    home = create_workspace(tmp_path_factory.mktemp("backup") / "home")
    shutil.copy(asset("annotation", "sample", "annotators.toml"), home.root / "annotation")
    server.start(home)
    try:
        add_round(home)
        plan_round(home, ROUND, allow_unqualified=True)
        apply(home, ROUND)
        keys = assignments(home, ROUND).get_column("task_key").to_list()
        given = dict.fromkeys(keys[:20:2], THREAT) | dict.fromkeys(keys[1:20:2], NOTHING)
        enter_answers(home, ROUND, "triage", {**given, keys[0]: Answer(skipped=True)})
        _begin_one(home)
        pull(home, ROUND)
        yield home
    finally:
        server.stop(home)


def _begin_one(home: Workspace) -> None:
    planned = assignments(home, ROUND)
    with connect(home) as api:
        project = planned.item(0, "project_id")
        tasks = list(api.pages("/api/tasks/", "tasks", project=project, include="id,total_annotations"))
        with connect(home, annotator_token(home, planned.item(0, "annotator"))) as own:
            own.post(f"/api/tasks/{tasks[-1]['id']}/drafts", {"result": [], "lead_time": 1.0})


def contents(workspace: Workspace) -> dict[str, Any]:
    frames = {table.name: workspace.store.read(table).sort(table.key) for table in (ASSIGNMENTS, ANNOTATIONS)}
    return {name: frame.to_dicts() for name, frame in frames.items()}


def logged_in(workspace: Workspace, annotator: str) -> int:
    with connect(workspace, annotator_token(workspace, annotator)) as api:
        return api.get("/api/current-user/whoami")["id"]


@pytest.mark.labelstudio
def test_an_embedded_server_restored_is_the_one_that_was(answered: Workspace, tmp_path: Path):
    path = tmp_path / "b.zip"
    before, versions = contents(answered), answered.store.version(ANNOTATIONS)
    user = logged_in(answered, "amsel")
    assert backup(answered, path, dry_run=True).counts == database.count(_database(answered))
    assert not path.exists()
    made = backup(answered, path)
    assert (made.kind, made.counts.projects, made.counts.tasks, made.counts.annotations) == (
        "database",
        4,
        24,
        20,
    )
    assert made.counts.drafts == 1
    with pytest.raises(InputError, match="holds 4 projects already"):
        restore(answered, path)
    server.stop(answered)
    with pytest.raises(InputError, match="holds 4 projects already"):
        restore(answered, path)
    shutil.move(answered.cache / "labelstudio" / "data", tmp_path / "lost")
    assert restore(answered, path, dry_run=True).counts == made.counts
    assert not (answered.cache / "labelstudio" / "data").exists()
    report = restore(answered, path)
    assert (report.counts, report.newer, report.foreign) == (made.counts, 0, 0)
    server.start(answered)
    assert logged_in(answered, "amsel") == user
    again = apply(answered, ROUND)
    assert (again.created, again.existing, again.repaired) == (0, 24, 0)
    pulled = pull(answered, ROUND)
    assert (pulled.annotations, pulled.new, pulled.changed, pulled.deleted) == (20, 0, 0, 0)
    assert (contents(answered), answered.store.version(ANNOTATIONS)) == (before, versions)
    assert database.count(_database(answered)) == made.counts
    actions = answered.store.read(EVENTS).sort("n").get_column("action").to_list()
    assert [action for action in actions if action in {"backup", "restore"}][:2] == ["backup", "restore"]


@pytest.mark.labelstudio
def test_a_backup_holds_no_password_no_token_and_no_address(answered: Workspace, tmp_path: Path):
    address = "person@university.example"
    with closing(sqlite3.connect(_database(answered))) as connection, connection:
        connection.execute("UPDATE htx_user SET last_name = 'Realname' WHERE email LIKE 'fink@%'")
        hashes = [row[0] for row in connection.execute("SELECT password FROM htx_user")]
        tokens = [row[0] for row in connection.execute("SELECT key FROM authtoken_token")]
        assert len(hashes) == len(tokens) == 5
    secrets = [answered.secrets.get(name) for name in SECRETS]
    known = [secret.reveal() for secret in secrets if secret]
    with renamed(answered, "fink@annotators.invalid", address):
        answered.secrets.update({"annotator:fink:email": address})
        for kind in (False, True):
            path = tmp_path / f"{kind}.zip"
            backup(answered, path, portable=kind)
            content = b"".join(_members(path).values())
            for value in (*hashes, *tokens, *known, address, "Realname"):
                assert value.encode() not in content
            assert b"fink@annotators.invalid" in content
    answered.secrets.update({"annotator:fink:email": None})


@pytest.mark.labelstudio
def test_a_portable_backup_entered_into_an_empty_server_leaves_the_tables_as_they_were(
    answered: Workspace, tmp_path: Path
):
    path = tmp_path / "b.zip"
    before, versions = contents(answered), answered.store.version(ANNOTATIONS)
    made = backup(answered, path, portable=True)
    assert (made.kind, made.counts.annotations, made.counts.drafts) == ("portable", 20, 1)
    with connect(answered) as api:
        assert api.post("/api/projects/", {"title": "someone else's"}).is_success
    with pytest.raises(InputError, match="1 projects that are not this backup's are there"):
        restore(answered, path)
    _empty(answered, tmp_path / "lost")
    report = restore(answered, path)
    assert (report.newer, report.existing, report.foreign) == (0, 0, 0)
    moved = contents(answered)
    again = apply(answered, ROUND)
    assert (again.created, again.existing, again.repaired) == (0, 24, 0)
    pulled = pull(answered, ROUND)
    assert (pulled.new, pulled.changed, pulled.deleted, pulled.quarantined) == (0, 0, 0, {})
    assert (contents(answered), answered.store.version(ANNOTATIONS)) == (moved, versions)
    assert contents(answered)["annotations"] == before["annotations"]
    assert backup(answered, tmp_path / "again.zip", portable=True).counts == made.counts
    assert restore(answered, path).existing == 4


_RESTORE = """
import sys
from pathlib import Path
from aufruf.labelstudio.backup import restore
from aufruf.labelstudio.restoring import put_back
from aufruf.workspace import open_workspace
workspace = open_workspace(Path(sys.argv[1]))
print("ready", flush=True)
restore(workspace, Path(sys.argv[2]))
"""


@pytest.mark.labelstudio
def test_a_restore_killed_at_any_moment_and_run_again_ends_in_the_same_state(
    answered: Workspace, tmp_path: Path, repetitions: int
):
    path = tmp_path / "b.zip"
    made = backup(answered, path, portable=True)
    before = contents(answered)["annotations"]
    delete_projects(answered)
    begun = time.monotonic()
    restore(answered, path)
    whole = time.monotonic() - begun
    for _ in range(repetitions):
        delete_projects(answered)
        moment = random.uniform(0, whole)
        command = [sys.executable, "-c", _RESTORE, str(answered.root), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
        restore(answered, path)
        said = f"killed after {moment:.3f} of {whole:.3f} s"
        assert held(answered) == msgspec.structs.replace(made.counts, drafts=0), said
        pulled = pull(answered, ROUND)
        assert (pulled.annotations, pulled.new, pulled.changed, pulled.deleted) == (20, 0, 0, 0), said
    assert contents(answered)["annotations"] == before


@pytest.mark.labelstudio
def test_an_answer_of_someone_whose_token_is_not_known_is_counted_and_quarantined(
    answered: Workspace, tmp_path: Path
):
    path = tmp_path / "b.zip"
    token = annotator_token(answered, "fink").reveal()
    answers = answered.store.read(ANNOTATIONS).filter(annotator="fink").height
    backup(answered, path, portable=True)
    delete_projects(answered)
    with renamed(answered, "fink@annotators.invalid", "person@university.example"):
        answered.secrets.update(
            {"annotator:fink:email": "person@university.example", "annotator:fink:token": None}
        )
        report = restore(answered, path)
        assert (report.foreign, answers > 0) == (answers, True)
        assert pull(answered, ROUND, dry_run=True).quarantined == {"edited_by_other": answers}
    answered.secrets.update({"annotator:fink:email": None, "annotator:fink:token": token})
    delete_projects(answered)
    assert restore(answered, path).foreign == 0
    assert pull(answered, ROUND).quarantined == {}


@pytest.mark.labelstudio
def test_an_answer_that_the_backup_is_too_old_for_is_counted(answered: Workspace, tmp_path: Path):
    path = tmp_path / "b.zip"
    backup(answered, path, portable=True)
    planned = assignments(answered, ROUND)
    done = answered.store.read(ANNOTATIONS).get_column("task_key")
    (key, *_) = sorted(set(planned.get_column("task_key")) - set(done))
    enter_answers(answered, ROUND, "triage", {key: NOTHING})
    assert pull(answered, ROUND).new == 1
    delete_projects(answered)
    assert restore(answered, path).newer == 1
    assert pull(answered, ROUND).deleted == 1


def test_accounts_get_the_logins_that_are_known_and_new_ones_else(workspace: Workspace):
    secrets = workspace.secrets
    kept = {"annotator:amsel:password": "kept", "annotator:amsel:token": "1" * 40}
    secrets.update({**kept, "annotator:star:email": "person@university.example"})
    accounts = ["admin@aufruf.invalid", "account-7@accounts.invalid"]
    accounts += [f"{name}@annotators.invalid" for name in ("amsel", "fink", "star")]
    amsel, fink, star = logins_again(secrets, accounts)
    assert (amsel["email"], amsel["password"], amsel["token"]) == (
        "amsel@annotators.invalid",
        "kept",
        "1" * 40,
    )
    assert fink["password"]
    known = {what: secrets.get(f"annotator:fink:{what}") for what in ("password", "token")}
    assert {what: secret.reveal() for what, secret in known.items() if secret} == {
        "password": fink["password"],
        "token": fink["token"],
    }
    assert (star["pseudonym"], star["email"], star["password"]) == (
        "star@annotators.invalid",
        "person@university.example",
        None,
    )


def delete_projects(workspace: Workspace) -> None:
    with connect(workspace) as api:
        for project in list_projects(api):
            api.delete(f"/api/projects/{project['id']}/")


@contextmanager
def renamed(workspace: Workspace, old: str, new: str) -> Iterator[None]:
    """Another address for an account, as if the person had signed up with it."""

    def rename(address: str, other: str) -> None:
        with closing(sqlite3.connect(_database(workspace))) as connection, connection:
            connection.execute("UPDATE htx_user SET email = ? WHERE email = ?", (other, address))

    rename(old, new)
    try:
        yield
    finally:
        rename(new, old)


def _empty(workspace: Workspace, aside: Path) -> None:
    server.stop(workspace)
    shutil.move(workspace.cache / "labelstudio" / "data", aside)
    server.start(workspace)


def _database(workspace: Workspace) -> Path:
    return workspace.cache / "labelstudio" / "data" / "label_studio.sqlite3"


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
