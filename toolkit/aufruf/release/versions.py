"""Releases that a workspace holds, their versions, and the splits that they froze."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import InputError, WorkspaceError
from aufruf.files import sha256_of
from aufruf.release.features import SPLITS
from aufruf.release.manifest import canonical_json, read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aufruf.release.changes import Level
    from aufruf.workspace import Workspace

LOCK = "splits.lock.json"
_CHANGED = {
    "major": "labels have come to mean something else",
    "minor": "records or labels were added",
    "patch": "nothing was added",
}
_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})", re.ASCII)


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The split of each record that was ever released: ids by split, sorted."""

    format: int
    splits: dict[str, list[str]]


def parse_version(text: str) -> tuple[int, int, int]:
    """Return the numbers of a semantic version such as 1.0.0.

    Raises:
        InputError: if it is none: three numbers without leading zeros, parted by dots.
    """
    match = _VERSION.fullmatch(text)
    if match is None:
        raise InputError(f"version {text!r} is no semantic version: write three numbers such as 1.0.0")
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch)


def released(workspace: Workspace, below: str | None = None) -> list[Path]:
    """Return the folders of the workspace's releases (below a version), the oldest version first."""
    folder = workspace.root / "releases"
    found = [path for path in folder.glob("*") if path.is_dir() and _VERSION.fullmatch(path.name)]
    if below is not None:
        found = [path for path in found if parse_version(path.name) < parse_version(below)]
    return sorted(found, key=lambda path: parse_version(path.name))


def check_new(workspace: Workspace, version: str) -> Path:
    """Return the folder that a new version will have.

    Raises:
        InputError: if it is no semantic version.
        WorkspaceError: if it exists, or is not above the newest.
    """
    wanted = parse_version(version)
    path = workspace.root / "releases" / version
    if path.exists():
        raise WorkspaceError(f"{path}: exists already; a release never changes: choose a higher version")
    earlier = released(workspace)
    if earlier and parse_version(earlier[-1].name) > wanted:
        newest = earlier[-1].name
        raise WorkspaceError(
            f"version {version} is below the newest release {newest}: choose one above {newest}"
        )
    return path


def read_lock(path: Path) -> dict[str, str]:
    """Return the split of each record_id in a lock file.

    Raises:
        InputError: if it is none, or names a record twice.
    """
    try:
        lock = msgspec.json.decode(path.read_bytes(), type=Lock)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no list of splits; restore it from a copy of the release") from error
    found = {record_id: split for split, ids in lock.splits.items() for record_id in ids}
    if set(lock.splits) != set(SPLITS) or len(found) != sum(map(len, lock.splits.values())):
        raise InputError(f"{path}: names other splits than {', '.join(SPLITS)}, or a record twice")
    return found


def extended_lock(frozen: Mapping[str, str], placed: pl.DataFrame) -> pl.DataFrame:
    """Return ``record_id`` and ``split`` of all that was ever released, sorted by id.

    Args:
        frozen: the split of each record_id in earlier releases.
        placed: ``record_id`` and ``split`` of this one, which keeps to the earlier ones.
    """
    now = placed.select("record_id", "split")
    before = pl.DataFrame({"record_id": list(frozen), "split": list(frozen.values())}, schema=now.schema)
    return pl.concat([before.join(now, on="record_id", how="anti"), now]).sort("record_id")


def lock_bytes(lock: pl.DataFrame) -> bytes:
    """Return the file of an `extended_lock`."""
    ids = {name: lock.filter(pl.col("split") == name).get_column("record_id").to_list() for name in SPLITS}
    return canonical_json(Lock(1, ids))


def frozen_splits(earlier: Path | None) -> dict[str, str]:
    """Return the splits that an earlier release froze, or none for the first release.

    Raises:
        InputError: if its lock file is not the one that its manifest lists.
    """
    if earlier is None:
        return {}
    path = earlier / LOCK
    listed = read_manifest(earlier).files.get(LOCK)
    if listed is None or not path.is_file() or sha256_of(path) != listed.sha256:
        raise InputError(f"{path}: is not as it was released; restore it: the splits follow from it")
    return read_lock(path)


def least_version(earlier: str, level: Level) -> str:
    """Return the lowest version that says what changed.

    Before 1.0.0 nothing is promised yet, so what would be major is minor there.
    """
    major, minor, patch = parse_version(earlier)
    if level == "patch":
        return f"{major}.{minor}.{patch + 1}"
    return f"{major}.{minor + 1}.0" if level == "minor" or major == 0 else f"{major + 1}.0.0"


def check_fits(version: str, earlier: str, level: Level) -> None:
    """Refuse a version that says less than what changed since an earlier one; one that says more may be.

    Raises:
        InputError: names the least version that fits.
    """
    least = least_version(earlier, level)
    if parse_version(version) < parse_version(least):
        raise InputError(f"version {version} does not fit: since {earlier} {_CHANGED[level]}: {least} would")
