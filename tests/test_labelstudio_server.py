"""The private server: its environment, its port, its process, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections import namedtuple
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.errors import InputError, ServerError
from aufruf.labelstudio import environment, server
from aufruf.labelstudio.api import KEY_VARIABLE, URL_VARIABLE, connect
from aufruf.labelstudio.process import spawn, started_at, terminate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from aufruf.workspace import Workspace

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture(autouse=True)
def _no_team_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@contextmanager
def answering(status: int, answers: dict[str, Any], host: str = "127.0.0.1") -> Iterator[str]:
    """A server that gives these answers by path, and a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(answers.get(self.path.partition("?")[0], {})).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer((host, 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://{host}:{listening.server_port}"
    finally:
        listening.shutdown()
        listening.server_close()


def refusal(workspace: Workspace, url: str, key: str = "0" * 40) -> str:
    workspace.secrets.update({server.URL: url, server.API_KEY: key})
    with pytest.raises(ServerError) as raised, connect(workspace):
        pass
    assert key not in str(raised.value)
    return str(raised.value)


def test_without_a_server_the_error_says_how_to_start_one(workspace: Workspace):
    with pytest.raises(ServerError, match="aufruf labelstudio start"), connect(workspace):
        pass


def test_a_server_that_cannot_be_reached_is_named_with_the_next_step(workspace: Workspace):
    said = refusal(workspace, "http://127.0.0.1:9")
    assert said.startswith("http://127.0.0.1:9: Label Studio cannot be reached")
    assert "aufruf labelstudio start" in said


def test_what_is_no_address_is_told(workspace: Workspace):
    assert "'localhost:8080' is no address of a Label Studio" in refusal(workspace, "localhost:8080")


def test_a_server_on_this_machine_is_not_asked_for_through_a_proxy(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with answering(200, {"/api/version": {"release": "1.23.2"}}) as url:
        workspace.secrets.update({server.URL: url, server.API_KEY: "1" * 40})
        with connect(workspace) as api:
            assert api.version() == "1.23.2"


def test_a_disabled_legacy_token_gets_the_advice_to_make_a_personal_one(workspace: Workspace):
    detail = {"detail": "Authentication token no longer valid: legacy token authentication has been disabled"}
    with answering(401, {"/api/current-user/whoami": detail}) as url:
        assert "make a personal access token" in refusal(workspace, url)


def test_a_server_that_is_too_old_is_refused_with_both_versions(workspace: Workspace):
    with answering(200, {"/api/version": {"release": "1.9.2"}}) as url:
        assert "Label Studio 1.9.2 is too old, expected 1.20 or newer" in refusal(workspace, url)


def test_a_server_without_the_right_is_told_from_one_without_the_token(workspace: Workspace):
    with answering(403, {}) as url:
        assert "ask its admin for the right" in refusal(workspace, url)


def test_the_environment_variables_win_over_the_workspaces_own_server(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    workspace.secrets.update({server.URL: "http://127.0.0.1:9", server.API_KEY: "1" * 40})
    with answering(200, {"/api/version": {"release": "1.23.2"}, "/api/projects/": {"results": []}}) as url:
        monkeypatch.setenv(URL_VARIABLE, url)
        with pytest.raises(ServerError, match=KEY_VARIABLE), connect(workspace):
            pass
        monkeypatch.setenv(KEY_VARIABLE, "2" * 40)
        with connect(workspace) as api:
            assert api.url == url
        assert not server.status(workspace).local


def test_a_port_that_is_taken_is_an_error_before_anything_is_made(workspace: Workspace):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port} is taken: name another with --port"):
            server.start(workspace, port)


def test_a_full_disk_is_told_before_anything_is_downloaded(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 -- what shutil returns
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 10**6))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(
        ServerError, match=r"0\.0 GB free, Label Studio's environment needs 1\.5 GB: make room"
    ):
        server.start(workspace)


def test_a_stopped_server_is_no_fault(workspace: Workspace):
    assert server.stop(workspace) is False
    assert server.status(workspace).running is False
    assert server.describe(workspace) == "not running; aufruf labelstudio start"


def test_a_process_with_a_pid_that_was_given_again_is_never_ended(workspace: Workspace, tmp_path: Path):
    pid = spawn(SLEEPER, os.environ, tmp_path, tmp_path / "log")
    try:
        noted = {"url": "http://127.0.0.1:9", "port": 9, "pid": pid, "started": "long ago"}
        folder = workspace.cache / "labelstudio"
        folder.mkdir(parents=True)
        (folder / "server.json").write_text(json.dumps(noted))
        assert server.stop(workspace) is False
        time.sleep(0.3)
        assert started_at(pid) is not None
    finally:
        terminate(pid, started_at(pid) or "")
    assert started_at(pid) is None


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); "
        "time.sleep(60)"
    )
    pid = spawn([sys.executable, "-c", stubborn], os.environ, tmp_path, tmp_path / "log")
    while not (tmp_path / "log").read_text():
        time.sleep(0.01)
    terminate(pid, started_at(pid) or "", patience=0.3)
    assert started_at(pid) is None


def test_nothing_of_the_users_environment_reaches_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LABEL_STUDIO_HOST", "http://elsewhere")
    monkeypatch.setenv("DJANGO_DB", "default")
    monkeypatch.setenv("HF_TOKEN", "secret")
    passed = environment.clean_environment(tmp_path / "home", tmp_path / "data")
    assert not {"LABEL_STUDIO_HOST", "DJANGO_DB", "HF_TOKEN"} & passed.keys()
    assert passed["HOME"] == str(tmp_path / "home")
    assert (passed["SENTRY_DSN"], passed["COLLECT_ANALYTICS"]) == ("", "false")


def test_a_dry_start_and_stop_say_what_they_would_do_and_do_nothing(workspace: Workspace):
    assert server.plan_start(workspace).running is False
    assert server.plan_start(workspace, 65000).url == "http://127.0.0.1:65000"
    assert server.plan_start(workspace).makes_database is True
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServerError, match="is taken: name another with --port"):
            server.plan_start(workspace, taken.getsockname()[1])
    assert server.stop(workspace, dry_run=True) is False
    assert not (workspace.cache / "labelstudio" / "data").exists()


def test_doctor_minds_a_teams_server_without_encryption(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(KEY_VARIABLE, "2" * 40)
    answers = {"/api/version": {"release": "1.23.2"}}
    with answering(200, answers) as url:
        monkeypatch.setenv(URL_VARIABLE, url)
        assert server.describe(workspace) == f"version 1.23.2 at {url}, never backed up"
    with answering(200, answers, "127.0.0.2") as url:
        monkeypatch.setenv(URL_VARIABLE, url)
        with pytest.raises(ServerError, match="travel there unencrypted; put it behind TLS"):
            server.describe(workspace)


@pytest.mark.labelstudio
def test_the_server_listens_on_this_machine_only_and_shows_no_secret_in_its_command(label_studio: Workspace):
    status = server.status(label_studio)
    assert (status.running, status.version, status.local) == (True, "1.23.2", True)
    assert (status.data_bytes or 0) > 100_000
    dry = server.plan_start(label_studio)
    assert (dry.running, dry.url, dry.makes_database) == (True, status.url, False)
    assert server.stop(label_studio, dry_run=True) is True
    assert server.status(label_studio).running is True
    command = Path(f"/proc/{status.pid}/cmdline").read_bytes().decode()
    assert "--internal-host\x00127.0.0.1" in command
    for name in (server.API_KEY, server.PASSWORD):
        secret = label_studio.secrets.get(name)
        assert secret is not None
        assert secret.reveal() not in command
    assert server.log_path(label_studio).stat().st_mode & 0o077 == 0


@pytest.mark.labelstudio
def test_starting_a_running_server_returns_it_and_another_port_is_refused(label_studio: Workspace):
    first = server.start(label_studio)
    assert server.start(label_studio, first.port) == first
    with pytest.raises(ServerError, match="stop it first"):
        server.start(label_studio, first.port + 1)


@pytest.mark.labelstudio
def test_a_server_that_ends_while_starting_names_its_log_and_shows_no_secret(workspace: Workspace):
    data = workspace.cache / "labelstudio" / "data"
    data.mkdir(parents=True)
    (data / "label_studio.sqlite3").write_text("no database")
    with pytest.raises(
        ServerError, match=r"Label Studio ended while starting; its log is .*server\.log"
    ) as raised:
        server.start(workspace)
    for name in (server.API_KEY, server.PASSWORD):
        secret = workspace.secrets.get(name)
        assert secret is not None
        assert secret.reveal() not in str(raised.value)
    assert server.stop(workspace) is False


@pytest.mark.labelstudio
def test_a_wrong_token_is_told_without_showing_it(label_studio: Workspace, workspace: Workspace):
    said = refusal(workspace, server.start(label_studio).url, "f" * 40)
    assert "Label Studio does not know the token" in said


@pytest.mark.labelstudio
def test_a_personal_access_token_works_too(label_studio: Workspace, workspace: Workspace):
    with connect(label_studio) as api:
        personal = api.post("/api/token/", {}).json()["token"]
        url = api.url
    workspace.secrets.update({server.URL: url, server.API_KEY: personal})
    with connect(workspace) as api:
        assert api.get("/api/current-user/whoami")["email"] == server.ADMIN


@pytest.mark.labelstudio
def test_another_workspaces_server_is_not_taken_for_ours(label_studio: Workspace, workspace: Workspace):
    """Two servers never share a key; a killed one comes back at its port with its data."""
    first = server.start(workspace)
    try:
        with connect(workspace) as api:
            number = api.post("/api/projects/", {"title": "stays"}).json()["id"]
        os.kill(first.pid, signal.SIGKILL)
        while first.is_alive:
            time.sleep(0.05)
        assert server.status(workspace).running is False
        second = server.start(workspace)
        assert (second.port, second.pid != first.pid) == (first.port, True)
        with connect(workspace) as api:
            assert api.get(f"/api/projects/{number}/")["title"] == "stays"
        keys = {
            (owner.cache / "labelstudio" / "data" / ".env").read_text() for owner in (workspace, label_studio)
        }
        assert len(keys) == 2
    finally:
        assert server.stop(workspace) is True
    with pytest.raises(httpx.ConnectError):
        httpx.get(first.url)


def test_the_commands_answer_in_json_and_say_what_a_dry_run_would_do(workspace: Workspace, tmp_path: Path):
    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["labelstudio", *words, "--workspace", str(workspace.root)])

    planned = json.loads(run("start", "--dry-run", "--json").stdout)
    assert (planned["running"], planned["url"], planned["makes_database"]) == (False, None, True)
    assert json.loads(run("stop", "--dry-run", "--json").stdout) == {"stopped": False}
    assert "dry run: nothing was started" in run("start", "--dry-run").stdout
    status = json.loads(run("status", "--json").stdout)
    assert (status["running"], status["last_backup"]) == (False, None)
    assert "last backup: none" in run("status").stdout
    missing = run("restore", str(tmp_path / "missing.zip"))
    assert isinstance(missing.exception, InputError)
