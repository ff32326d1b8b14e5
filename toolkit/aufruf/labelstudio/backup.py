"""Back up Label Studio before and after a round, and restore it into an empty server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError, ServerError
from aufruf.files import write_text
from aufruf.labelstudio.api import names_team_server
from aufruf.labelstudio.backup_file import Counts, open_backup
from aufruf.labelstudio.environment import locked_version
from aufruf.labelstudio.notes import silent
from aufruf.tables import ANSWERS

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.labelstudio.backup_file import Backup, Kind
    from aufruf.labelstudio.notes import Note
    from aufruf.workspace import Workspace

_FOLDER = "backups"
_GONE = "null"


@dataclass(frozen=True)
class BackupReport:
    """What was backed up, and how: ``database`` is exact, ``portable`` is what the API gives."""

    path: str
    kind: Kind
    label_studio: str
    sha256: str | None
    counts: Counts


@dataclass(frozen=True)
class RestoreReport:
    """What was restored.

    ``newer`` counts answers that the workspace has and the backup has not: the next pull will note them as
    deleted. ``existing`` counts projects that an interrupted restore had finished. ``foreign`` counts answers
    that could not be entered under the account of who gave them: pull will quarantine them.
    """

    path: str
    kind: Kind
    counts: Counts
    newer: int
    existing: int = 0
    foreign: int = 0


def backup(
    workspace: Workspace,
    path: Path | None = None,
    *,
    portable: bool = False,
    dry_run: bool = False,
    note: Note = silent,
) -> BackupReport:
    """Write a backup to ``path``, else into the workspace's `backups` folder.

    The embedded server is copied exactly, running or not. A team's server, and with ``portable`` the embedded
    one too, is read through its API: that is slower, no copy of one moment, and lacks what the API does not
    give.

    Raises:
        InputError: if there is a file at ``path`` already.
        ServerError: if there is no server, or it cannot be reached.
    """
    from aufruf.labelstudio import embedded
    from aufruf.labelstudio import portable as through_api

    now = datetime.now(UTC)
    path = path or workspace.root / _FOLDER / f"labelstudio-{now:%Y%m%dT%H%M%SZ}.zip"
    _refuse_existing(path)
    by_api = portable or names_team_server()
    if not by_api and not embedded.has_data(workspace):
        raise ServerError("there is no Label Studio to back up here: start one, aufruf labelstudio start")
    kind: Kind = "portable" if by_api else "database"
    with workspace.locked():
        if dry_run:
            held = through_api.held(workspace) if by_api else embedded.held(workspace)
            return BackupReport(str(path), kind, locked_version(), None, held)
        _prepare_folder(workspace, path)
        write = through_api.back_up if by_api else embedded.back_up
        made = write(workspace, path, now.isoformat(timespec="seconds"), note)
        counts = {name: getattr(made.counts, name) for name in made.counts.__struct_fields__}
        workspace.record_event("backup", kind, {"sha256": made.sha256, **counts})
    return BackupReport(str(path), kind, made.label_studio, made.sha256, made.counts)


def restore(workspace: Workspace, path: Path, *, dry_run: bool = False, note: Note = silent) -> RestoreReport:
    """Restore a backup into an empty server, once it is verified; the workspace's tables follow.

    A `database` backup goes into the embedded server, which must not run. A `portable` one goes into whatever
    server the workspace uses; cut off anywhere, running it again ends in the same state.

    Raises:
        InputError: if the backup is damaged, or the server holds something else already.
        ServerError: if the server is older than the backup, runs (`database`), or cannot be reached.
    """
    from aufruf.labelstudio import embedded, restoring

    note(f"verifying {path.name}")
    found = open_backup(path)
    kind = found.manifest.kind
    _refuse_elsewhere(found)
    with workspace.locked():
        if kind == "database":
            embedded.refuse_unless_empty(workspace)
            if dry_run:
                return RestoreReport(str(path), kind, found.manifest.counts, 0)
            uuids = embedded.put_back(workspace, found, note)
            report = RestoreReport(str(path), kind, found.manifest.counts, _newer(workspace, uuids))
        else:
            done = restoring.put_back(workspace, found, dry_run=dry_run, note=note)
            newer = 0 if dry_run else _newer(workspace, done.uuids)
            report = RestoreReport(str(path), kind, found.manifest.counts, newer, done.existing, done.foreign)
            if dry_run:
                return report
        counts = {"newer": report.newer, "existing": report.existing, "foreign": report.foreign}
        workspace.record_event("restore", kind, {"sha256": found.manifest.sha256, **counts})
    return report


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path}: there is a file already; name another")
    if path.is_symlink() or not (path.parent.exists() or path.parent.name == _FOLDER):
        raise InputError(f"{path}: its folder does not exist")


def _prepare_folder(workspace: Workspace, path: Path) -> None:
    folder = workspace.root / _FOLDER
    if path.parent == folder and not folder.exists():
        folder.mkdir(mode=0o700)
        write_text(folder / ".gitignore", "*\n")


def _refuse_elsewhere(found: Backup) -> None:
    """Refuse what cannot fit: an exact copy into a team's server, or one of a newer Label Studio."""
    manifest = found.manifest
    if manifest.kind == "database" and names_team_server():
        raise InputError(
            f"{found.path}: an exact copy of an embedded server, and LABEL_STUDIO_URL names a team's server: "
            "unset it, restore, and take the way over with `aufruf labelstudio backup --portable`"
        )
    if manifest.kind == "database" and _numbers(manifest.label_studio) > _numbers(locked_version()):
        raise ServerError(
            f"{found.path}: made by Label Studio {manifest.label_studio}, this aufruf has "
            f"{locked_version()}: install a newer aufruf"
        )


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", release)[:3]))


def _newer(workspace: Workspace, uuids: set[str]) -> int:
    """Count answers that were on the server at the last pull and are not in the backup."""
    newest = workspace.store.scan(ANSWERS).sort("revision").group_by("annotation_uuid").last()
    live = newest.filter(pl.col("raw") != _GONE).select("annotation_uuid").collect()
    return live.filter(~pl.col("annotation_uuid").is_in(list(uuids))).height
