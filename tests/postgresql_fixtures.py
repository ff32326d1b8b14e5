"""A private PostgreSQL on this machine, from the system's packages, and a Label Studio on it."""

from __future__ import annotations

import getpass
import os
import re
import secrets as random
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aufruf.assets import asset
from aufruf.labelstudio import server
from aufruf.labelstudio.accounts import ensure_accounts
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.environment import clean_environment, ensure_environment
from aufruf.labelstudio.notes import silent
from aufruf.labelstudio.process import spawn, started_at, terminate
from aufruf.labelstudio.rounds import annotators_of
from aufruf.workspace import create_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.workspace import Workspace

_PATIENCE = 300


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL of the tests' own."""

    binaries: Path
    port: int
    password: str

    @property
    def major(self) -> str:
        said = subprocess.check_output([self.binaries / "postgres", "--version"], text=True)
        return re.findall(r"\d+", said)[0]

    @property
    def django(self) -> dict[str, str]:
        """What tells Label Studio to use it."""
        return {
            "DJANGO_DB": "default",
            "POSTGRE_NAME": "postgres",
            "POSTGRE_USER": "aufruf",
            "POSTGRE_PASSWORD": self.password,
            "POSTGRE_HOST": "127.0.0.1",
            "POSTGRE_PORT": str(self.port),
        }

    def run(self, tool: str, *arguments: str) -> str:
        """Run one of its tools on its database and return what it prints."""
        where = ["--host=127.0.0.1", f"--port={self.port}", "--username=aufruf", "--dbname=postgres"]
        done = subprocess.run(
            [self.binaries / tool, *where, *arguments],
            env={**os.environ, "PGPASSWORD": self.password},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


def binaries() -> Path | None:
    """Where PostgreSQL's programs are, the newest release's if there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    named = found[-1] if found else Path(on_path) if on_path else None
    return named.resolve().parent if named else None


def owner() -> str | None:
    """Who may run it: PostgreSQL refuses root. None if there is nobody."""
    if os.geteuid():
        return getpass.getuser()
    with suppress(KeyError):
        import pwd

        return pwd.getpwnam("postgres").pw_name
    return None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """An empty PostgreSQL on this machine only, ended and removed with the test run."""
    found, user = binaries(), owner()
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    if user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    removed = tempfile.TemporaryDirectory(prefix="aufruf-postgresql-", ignore_cleanup_errors=True)
    with removed as folder, started(found, user, Path(folder)) as cluster:
        yield cluster


@contextmanager
def started(found: Path, user: str, folder: Path) -> Iterator[Cluster]:
    """A cluster in a folder, as long as the block runs."""
    as_user: dict[str, Any] = {} if os.geteuid() else {"user": user, "group": user, "extra_groups": []}
    if as_user:
        shutil.chown(folder, user, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        cluster = Cluster(found, probe.getsockname()[1], random.token_hex(16))
    data, secret = folder / "data", folder / "password"
    secret.write_text(cluster.password)
    shutil.chown(secret, user)
    initdb = [found / "initdb", "--username=aufruf", "--auth=scram-sha-256", f"--pwfile={secret}"]
    quick = {"cwd": folder, "stdin": subprocess.DEVNULL, **as_user}
    subprocess.run(
        [*initdb, "--encoding=UTF8", "--locale=C", "--no-sync", data],
        check=True,
        capture_output=True,
        **quick,
    )
    options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off"]
    command = [
        found / "postgres",
        "-D",
        data,
        "-p",
        str(cluster.port),
        *(f"-c{option}" for option in options),
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, **quick) as process,
    ):
        try:
            wait_for(lambda: cluster.run("psql", "--command=SELECT 1"), process)
            yield cluster
        finally:
            process.terminate()


def wait_for(look: Any, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            look()
        except subprocess.CalledProcessError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="session")
def label_studio_on_postgresql(
    postgresql: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """A workspace whose Label Studio keeps its data in PostgreSQL, with an account for each annotator."""
    made = ensure_environment(silent)
    # Migrations take 40 CPU seconds: the second run takes them from a dump beside the empty SQLite database.
    empty = made.folder / f"empty-postgresql-{postgresql.major}.sql"
    if empty.exists():
        postgresql.run("psql", "--quiet", f"--file={empty}")
    folder = tmp_path_factory.mktemp("postgresql")
    home = create_workspace(folder / "home")
    shutil.copy(asset("annotation", "sample", "annotators.toml"), home.root / "annotation")
    for name in ("own", "data"):
        (folder / name).mkdir()
    variables = clean_environment(folder / "own", folder / "data") | postgresql.django
    if not empty.exists():
        migrate = ["-c", _MIGRATE]
        subprocess.run([made.python, *migrate], env=variables, check=True, capture_output=True)
        dump = empty.with_suffix(f".{os.getpid()}")
        postgresql.run("pg_dump", f"--file={dump}")
        dump.replace(empty)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = random.token_hex(20)
    login = {"USERNAME": server.ADMIN, "PASSWORD": random.token_urlsafe(18), "USER_TOKEN": token}
    variables |= {f"LABEL_STUDIO_{name}": value for name, value in login.items()}
    command = [str(made.label_studio), "start", "--no-browser", "--internal-host", "127.0.0.1"]
    pid = spawn([*command, "--port", str(port)], variables, folder, folder / "log")
    begun = started_at(pid) or ""
    home.secrets.update({server.URL: f"http://127.0.0.1:{port}", server.API_KEY: token})
    try:
        deadline = time.monotonic() + _PATIENCE
        while not answers(port):
            assert started_at(pid) == begun, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        with connect(home) as api:
            ensure_accounts(home, api, annotators_of(home))
        yield home
    finally:
        terminate(pid, begun)


def answers(port: int) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
    return False


_MIGRATE = """
import os, sys, label_studio
sys.path.insert(0, os.path.dirname(label_studio.__file__))
os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings.label_studio"
from django.core.management import execute_from_command_line
execute_from_command_line(["manage", "migrate", "--no-color", "--verbosity", "0"])
"""
