"""What is wrong with the set-up, and the remedy."""

from __future__ import annotations

import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import AufrufError
from aufruf.keys import key_status
from aufruf.tables import EVENTS
from aufruf.workspace import event_sha256, open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from aufruf.workspace import Workspace

_NEEDED_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ``remedy`` says what to do when it is not ok."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine(root: Path | None = None) -> list[Check]:
    """Look at the machine, the workspace around ``root`` and its Label Studio; change nothing."""
    checks = [_python(), _disk(root or Path.cwd()), _assets(), _uv()]
    try:
        workspace = open_workspace(root)
    except AufrufError as error:
        return [*checks, Check("workspace", ok=False, found=str(error), remedy="aufruf init DIR makes one")]
    looks: dict[str, Callable[[Workspace], str]] = {
        "label scheme": _label_scheme,
        "annotators": _annotators,
        "secrets": _secrets,
        "pseudonym key": _pseudonym_key,
        "tables": _tables,
        "event chain": _events,
        "Label Studio": _label_studio,
    }
    return [
        *checks,
        Check("workspace", ok=True, found=str(workspace.root)),
        *(_looked(name, look, workspace) for name, look in looks.items()),
    ]


def _looked(name: str, look: Callable[[Workspace], str], workspace: Workspace) -> Check:
    try:
        return Check(name, ok=True, found=look(workspace))
    except AufrufError as error:
        problem, _, remedy = str(error).partition("; ")
        return Check(name, ok=False, found=problem, remedy=remedy or "mend the file named above")
    except (OSError, pl.exceptions.PolarsError):
        return Check(name, ok=False, found="its files cannot be read", remedy="restore a backup")


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check("Python", ok, version, "install Python 3.11, 3.12 or 3.13 and run `make install` with it")


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder if folder.is_dir() else Path.cwd()).free
    ok = free >= _NEEDED_BYTES
    return Check(
        "disk", ok, f"{free / 1024**3:.1f} GB free", "make room: Label Studio's environment alone is 0.8 GB"
    )


def _assets() -> Check:
    from aufruf.assets import asset

    try:
        asset("schemas", "label_scheme.toml")
        asset("annotation", "sample")
    except FileNotFoundError as error:
        return Check("shipped files", ok=False, found=str(error), remedy="reinstall the package")
    return Check("shipped files", ok=True, found="label scheme, guidelines and sample are there")


def _uv() -> Check:
    from uv import find_uv_bin

    try:
        return Check("uv", ok=True, found=Path(find_uv_bin()).name)
    except FileNotFoundError:
        return Check("uv", ok=False, found="not found", remedy="reinstall the package: uv comes with it")


def _label_scheme(workspace: Workspace) -> str:
    scheme = workspace.label_scheme
    return f"version {scheme.version}, {len(scheme.labels)} labels"


def _annotators(workspace: Workspace) -> str:
    from aufruf.labelstudio.annotators import load_annotators

    annotators = load_annotators(workspace.root / "annotation" / "annotators.toml")
    return f"{len(annotators)} in annotation/annotators.toml"


def _secrets(workspace: Workspace) -> str:
    path = workspace.secrets.path
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise AufrufError(f"{path.name} can be read by others; run: chmod 600 {path}")
    return f"{len(workspace.secrets.names())} set, readable by you alone"


def _pseudonym_key(workspace: Workspace) -> str:
    found = key_status(workspace)
    if found.state == "interrupted":
        raise AufrufError("its destruction was interrupted; end it: `aufruf key destroy`")
    if found.state == "missing":
        raise AufrufError(
            "it is gone, and no event says that it was destroyed; restore secrets.toml from your own copy, "
            "or go on with another key: `aufruf key new`"
        )
    if found.state == "destroyed":
        return "destroyed, as it was wanted; `aufruf key new` before anything can be imported"
    return f"{found.key_id}, {found.records.get(found.key_id or '', 0):,} records"


def _tables(workspace: Workspace) -> str:
    from aufruf.tables import TABLES

    for table in TABLES:
        files = [Path(file) for file in workspace.store.files(table)]
        missing = sum(not file.exists() for file in files)
        if missing:
            raise AufrufError(
                f"table {table.name}: {missing} of {len(files)} files are missing; restore a backup"
            )
    return f"{sum(workspace.store.version(table) is not None for table in TABLES)} of {len(TABLES)} begun"


def _events(workspace: Workspace) -> str:
    previous = ""
    events = workspace.store.read(EVENTS).sort("n")
    for number, event in enumerate(events.iter_rows(named=True), start=1):
        if event["n"] != number or event["previous"] != previous or event["sha256"] != event_sha256(event):
            raise AufrufError(
                f"event {number} does not follow from the one before; the table was edited by hand"
            )
        previous = event["sha256"]
    return f"{events.height} events, unbroken"


def _label_studio(workspace: Workspace) -> str:
    from aufruf.labelstudio import server

    return server.describe(workspace)
