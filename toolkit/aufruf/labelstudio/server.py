"""A private Label Studio for one workspace: SQLite, this machine only, in its own environment."""

from __future__ import annotations

import contextlib
import secrets as random
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import ServerError
from aufruf.files import write_bytes
from aufruf.labelstudio.address import HOST, any_free, is_free, is_private
from aufruf.labelstudio.environment import DATABASE, clean_environment, ensure_environment, environment
from aufruf.labelstudio.notes import silent
from aufruf.labelstudio.process import spawn, started_at, terminate
from aufruf.tables import EVENTS

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime
    from pathlib import Path

    from aufruf.labelstudio.environment import Environment
    from aufruf.labelstudio.notes import Note
    from aufruf.workspace import Workspace

ADMIN = "admin@aufruf.invalid"
"""The e-mail address of the local server's first user; no mail ever goes there."""
URL, API_KEY, PASSWORD = "label_studio_url", "label_studio_api_key", "label_studio_password"
_PATIENCE = 300


class Server(msgspec.Struct, frozen=True):
    """A local server that was started: where, and which process. ``started`` tells it from a later one."""

    url: str
    port: int
    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs; it may not answer yet."""
        return started_at(self.pid) == self.started


@dataclass(frozen=True)
class ServerStatus:
    """What is known of Label Studio. ``local`` is False where the environment names a team's server."""

    running: bool
    local: bool
    url: str | None = None
    pid: int | None = None
    version: str | None = None
    problem: str | None = None
    projects: int = 0
    tasks: int = 0
    answers: int = 0
    data_bytes: int | None = None
    last_backup: datetime | None = None


@dataclass(frozen=True)
class StartPlan:
    """What a start would do. ``url`` is None where any free port would be taken."""

    running: bool
    url: str | None
    makes_environment: bool
    makes_database: bool


def start(workspace: Workspace, port: int | None = None, note: Note = silent) -> Server:
    """Start the workspace's own Label Studio and wait until it answers; a running one is returned.

    Address, login and token are kept in the workspace's secrets. ``note`` is told how it goes.

    Raises:
        ServerError: if the port is taken, the server ends or does not answer in 5 minutes, or its
            environment cannot be made.
    """
    with _starting(workspace):
        running = _running(workspace)
        _refuse_port(port, running)
        if running is not None:
            _await(workspace, running, note)
            return running
        made = ensure_environment(note)
        _prepare(workspace, made)
        server = _spawn(workspace, made, port or _free_port(workspace))
        try:
            _await(workspace, server, note)
        except BaseException:
            terminate(server.pid, server.started)
            _file(workspace).unlink(missing_ok=True)
            raise
        return server


def plan_start(workspace: Workspace, port: int | None = None) -> StartPlan:
    """Say what `start` would do, and do nothing.

    Raises:
        ServerError: if the port is taken, or a server runs at another one.
    """
    running = _running(workspace)
    _refuse_port(port, running)
    last = _last_port(workspace)
    chosen = running.port if running else port or (last if last and is_free(last) else None)
    return StartPlan(
        running=running is not None,
        url=f"http://{HOST}:{chosen}" if chosen else None,
        makes_environment=not environment().is_complete,
        makes_database=not (server_folder(workspace) / "data" / DATABASE).exists(),
    )


def stop(workspace: Workspace, *, dry_run: bool = False) -> bool:
    """Stop the workspace's own Label Studio; return False if none was running."""
    server = _noted(workspace)
    alive = server is not None and server.is_alive
    if dry_run:
        return alive
    if server is not None:
        terminate(server.pid, server.started)
    _file(workspace).unlink(missing_ok=True)
    return alive


def status(workspace: Workspace) -> ServerStatus:
    """Look whether Label Studio answers; raise nothing."""
    from aufruf.labelstudio.api import connect, names_team_server

    local = not names_team_server()
    server = _running(workspace) if local else None
    data = server_folder(workspace) / "data"
    sizes = [path.stat().st_size for path in data.rglob("*") if path.is_file()] if data.is_dir() else None
    size = sum(sizes) if local and sizes else None
    known = ServerStatus(
        running=False,
        local=local,
        data_bytes=size,
        last_backup=_last_backup(workspace),
        pid=server and server.pid,
    )
    try:
        with connect(workspace) as api:
            listed = list(api.pages("/api/projects/", "results"))
            return replace(
                known,
                running=True,
                url=api.url,
                version=api.version(),
                projects=len(listed),
                tasks=sum(project["task_number"] for project in listed),
                answers=sum(
                    project["total_annotations_number"] + project["skipped_annotations_number"]
                    for project in listed
                ),
            )
    except ServerError as error:
        return replace(known, problem=str(error))


def describe(workspace: Workspace) -> str:
    """Say in a line how Label Studio is.

    Raises:
        ServerError: if one is set and does not answer.
    """
    from aufruf.labelstudio.api import connect, names_team_server

    if not names_team_server() and _running(workspace) is None:
        return "not running; aufruf labelstudio start"
    with connect(workspace) as api:
        if not is_private(api.url):
            raise ServerError(
                f"{api.url}: tokens and texts travel there unencrypted; put it behind TLS and use https://"
            )
        backed_up = _last_backup(workspace)
        last = f"last backup {backed_up:%Y-%m-%d}" if backed_up else "never backed up"
        return f"version {api.version()} at {api.url}, {last}"


def _last_backup(workspace: Workspace) -> datetime | None:
    made = workspace.store.scan(EVENTS).filter(pl.col("action") == "backup").select(pl.col("at").max())
    return made.collect().item()


def log_path(workspace: Workspace) -> Path:
    """Return where the local server's log lies. It may hold invitations: readable by the owner alone."""
    return server_folder(workspace) / "server.log"


def server_folder(workspace: Workspace) -> Path:
    """Return where the local server keeps everything: `data`, its private home, its log; may not exist."""
    return workspace.cache / "labelstudio"


def admin_login(workspace: Workspace) -> dict[str, str]:
    """Return password and token of the local server's first user, made if they are not there."""
    generated = {API_KEY: random.token_hex(20), PASSWORD: random.token_urlsafe(18)}
    missing = {name: value for name, value in generated.items() if workspace.secrets.get(name) is None}
    if missing:
        workspace.secrets.update(missing)
    return {"password": _reveal(workspace, PASSWORD), "token": _reveal(workspace, API_KEY)}


@contextlib.contextmanager
def halted(workspace: Workspace) -> Generator[None]:
    """Keep the local server from being started.

    Raises:
        ServerError: if it runs.
    """
    with _starting(workspace):
        if _running(workspace) is not None:
            raise ServerError("this workspace's Label Studio runs; stop it first: aufruf labelstudio stop")
        yield


def _file(workspace: Workspace) -> Path:
    return server_folder(workspace) / "server.json"


@contextlib.contextmanager
def _starting(workspace: Workspace) -> Generator[None]:
    from filelock import FileLock, Timeout

    folder = server_folder(workspace)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(folder / "lock").acquire(timeout=_PATIENCE):
            yield
    except Timeout as error:
        raise ServerError(
            "another command is starting this workspace's Label Studio; wait until it is done"
        ) from error


def _noted(workspace: Workspace) -> Server | None:
    try:
        return msgspec.json.decode(_file(workspace).read_bytes(), type=Server)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _running(workspace: Workspace) -> Server | None:
    server = _noted(workspace)
    return server if server is not None and server.is_alive else None


def _refuse_port(port: int | None, running: Server | None) -> None:
    if running is not None and port not in (None, running.port):
        raise ServerError(
            f"this workspace's Label Studio runs at {running.url}; stop it first: aufruf labelstudio stop"
        )
    if running is None and port is not None and not is_free(port):
        raise ServerError(f"port {port} is taken: name another with --port, or leave it out for a free one")


def _prepare(workspace: Workspace, made: Environment) -> None:
    """Give the server its folders, its database and its first login, unless it has them."""
    data = server_folder(workspace) / "data"
    for folder in (data, server_folder(workspace) / "home"):
        folder.mkdir(mode=0o700, exist_ok=True)
    database = data / DATABASE
    if not database.exists():
        copied = database.with_suffix(".new")
        shutil.copyfile(made.empty_database, copied)
        copied.chmod(0o600)
        copied.replace(database)
    admin_login(workspace)


def _spawn(workspace: Workspace, made: Environment, port: int) -> Server:
    folder = server_folder(workspace)
    variables = clean_environment(folder / "home", folder / "data") | {
        "LABEL_STUDIO_USERNAME": ADMIN,
        "LABEL_STUDIO_PASSWORD": _reveal(workspace, PASSWORD),
        "LABEL_STUDIO_USER_TOKEN": _reveal(workspace, API_KEY),
    }
    command = [str(made.label_studio), "start", "--no-browser", "--internal-host", HOST, "--port", str(port)]
    pid = spawn(command, variables, folder, log_path(workspace))
    server = Server(f"http://{HOST}:{port}", port, pid, started_at(pid) or "")
    write_bytes(_file(workspace), msgspec.json.encode(server), mode=0o600)
    workspace.secrets.update({URL: server.url})
    return server


def _await(workspace: Workspace, server: Server, note: Note) -> None:
    """Wait until our server answers at its address: not merely any server."""
    import httpx

    headers = {"Authorization": f"Token {_reveal(workspace, API_KEY)}"}
    url = f"{server.url}/api/current-user/whoami"
    begun = told = time.monotonic()
    while time.monotonic() < begun + _PATIENCE:
        if not server.is_alive:
            raise ServerError(f"Label Studio ended while starting; {_last_lines(workspace)}")
        with contextlib.suppress(httpx.TransportError):
            found = httpx.get(url, headers=headers, timeout=10, trust_env=False)
            if found.is_success and found.json().get("email") == ADMIN:
                return
            raise ServerError(
                f"{server.url}: what answers there is not this workspace's Label Studio: choose another "
                "port, or put back secrets.toml if it was replaced"
            )
        if time.monotonic() > told + 10:
            told = time.monotonic()
            note(f"waiting for Label Studio: {told - begun:.0f} s")
        time.sleep(0.2)
    raise ServerError(f"Label Studio did not answer in {_PATIENCE} s; {_last_lines(workspace)}")


def _last_lines(workspace: Workspace) -> str:
    """Return where the log is, with its last lines if they hold no secret."""
    path = log_path(workspace)
    lines = path.read_text("utf-8", "replace").strip().splitlines()[-5:] if path.exists() else []
    hidden = [_reveal(workspace, name) for name in (API_KEY, PASSWORD)]
    harmless = [line for line in lines if "token=" not in line and not any(value in line for value in hidden)]
    return f"its log is {path}" + (": " + " / ".join(line.strip() for line in harmless) if harmless else "")


def _reveal(workspace: Workspace, name: str) -> str:
    secret = workspace.secrets.get(name)
    if secret is None:
        raise ServerError(f"secrets.toml has no {name}: run aufruf labelstudio start")
    return secret.reveal()


def _last_port(workspace: Workspace) -> int | None:
    last = workspace.secrets.get(URL)
    port = last.reveal().rpartition(":")[2] if last else ""
    return int(port) if port.isdigit() else None


def _free_port(workspace: Workspace) -> int:
    """Return the port of last time if it is free, so that annotators' bookmarks stay, else any free one."""
    last = _last_port(workspace)
    if last and is_free(last):
        return last
    return any_free()
