"""Label Studio's own environment: locked, made once in the user's cache, shared by all workspaces.

Label Studio pins versions that ours do not, so it never lives in our environment. Beside it lies an empty
database with all migrations applied: they take 40 CPU seconds, a copy takes none.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from aufruf.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.labelstudio.notes import Note

_NEEDED_BYTES = 3 * 1024**3 // 2
_COMPLETE = "complete"
_TEMPLATE = "empty.sqlite3"
DATABASE = "label_studio.sqlite3"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Environment:
    """An environment that holds Label Studio."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def label_studio(self) -> Path:
        """The server's command. Without a subcommand it starts a server on all addresses: always give one."""
        return self.folder / "bin" / "label-studio"

    @property
    def empty_database(self) -> Path:
        """A database with all migrations and no user, to be copied."""
        return self.folder / _TEMPLATE

    @property
    def is_complete(self) -> bool:
        """Whether it was made to the end, and its interpreter is still there."""
        return (self.folder / _COMPLETE).exists() and self.python.exists()


def environment() -> Environment:
    """Return where the environment for this Python and this lock lies, made or not."""
    content = (files("aufruf.labelstudio") / "server.lock").read_bytes()
    identity = content + f"{sys.version}{sys.base_prefix}{platform.machine()}".encode()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Environment(cache / "aufruf" / f"labelstudio-{hashlib.sha256(identity).hexdigest()[:16]}")


def locked_version() -> str:
    """Return the release of Label Studio that its environment holds."""
    content = (files("aufruf.labelstudio") / "server.lock").read_text("utf-8")
    found = re.search(r"^label-studio==(\S+)", content, re.MULTILINE)
    assert found
    return found.group(1)


def ensure_environment(note: Note) -> Environment:
    """Make the environment if it is not there; one process makes it, others wait.

    A killed process leaves an incomplete one, which the next makes anew.

    Raises:
        ServerError: if the disk is too full, or packages cannot be had.
    """
    from filelock import FileLock

    found = environment()
    found.folder.parent.mkdir(parents=True, exist_ok=True)
    if found.is_complete:
        return found
    with FileLock(found.folder.with_suffix(".lock")):
        if not found.is_complete:
            _make(found, note)
    return found


def clean_environment(home: Path, data: Path) -> dict[str, str]:
    """Return the server's environment variables: nothing of the user's that could change what it does."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed | {
        "HOME": str(home),
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "FEATURE_FLAGS_OFFLINE": "true",
        # a snapshot that is deleted takes its file, and the texts in it, along
        "ff_back_dev_4664_remove_storage_file_on_export_delete_29032023_short": "true",
    }


def _make(made: Environment, note: Note) -> None:
    free = shutil.disk_usage(made.folder.parent).free
    if free < _NEEDED_BYTES:
        raise ServerError(
            f"{made.folder.parent}: {free / 1024**3:.1f} GB free, Label Studio's environment needs "
            f"{_NEEDED_BYTES / 1024**3:.1f} GB: make room, or set XDG_CACHE_HOME to a larger disk"
        )
    shutil.rmtree(made.folder, ignore_errors=True)
    note("making Label Studio's environment: once, about 300 MB of downloads")
    uv = _uv()
    _run([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(made.folder)])
    with as_file(files("aufruf.labelstudio") / "server.lock") as lock:
        sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(made.python), str(lock)]
        _run(sync)
    note("making its empty database: once, about a minute")
    _make_database(made)
    (made.folder / _COMPLETE).touch()


def _make_database(made: Environment) -> None:
    """Apply all migrations to a new database, in write-ahead mode: an answer then costs one sync to disk."""
    with tempfile.TemporaryDirectory(dir=made.folder) as folder:
        data = Path(folder, "data")
        data.mkdir(mode=0o700)
        code = (
            "import os, sys, label_studio\n"
            "sys.path.insert(0, os.path.dirname(label_studio.__file__))\n"
            "os.environ['DJANGO_SETTINGS_MODULE'] = 'core.settings.label_studio'\n"
            "from django.core.management import execute_from_command_line\n"
            "execute_from_command_line(['manage', 'migrate', '--no-color', '--verbosity', '0'])\n"
        )
        _run([str(made.python), "-c", code], clean_environment(Path(folder), data))
        with closing(sqlite3.connect(data / DATABASE)) as database:
            (users,) = database.execute("SELECT count(*) FROM htx_user").fetchone()
            database.execute("PRAGMA journal_mode=wal")
        if users:
            raise ServerError("Label Studio's empty database holds a user: report this; nothing was kept")
        (data / DATABASE).replace(made.empty_database)


def _uv() -> str:
    from uv import find_uv_bin

    try:
        return find_uv_bin()
    except FileNotFoundError as error:
        raise ServerError(
            "uv is missing, it makes Label Studio's environment: reinstall the package"
        ) from error


def _run(command: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
    """Run a command; its standard error is shown only if it fails, without credentials."""
    environment_ = dict(os.environ if variables is None else variables)
    environment_.pop("VIRTUAL_ENV", None)
    done = subprocess.run(  # noqa: S603 -- the command is a list of our own making
        list(command), env=environment_, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = re.sub(r"://[^/\s@]*@", "://***@", done.stderr).strip().splitlines()[-8:]
        raise ServerError(
            f"Label Studio's environment could not be made: {Path(command[0]).name} ended with "
            f"{done.returncode}: " + " / ".join(line.strip() for line in said)
        )
