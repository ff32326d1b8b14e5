"""Withdraw a release: its rows go, what it was and why stays."""

from __future__ import annotations

import shutil
from datetime import datetime  # noqa: TC003 -- msgspec reads the annotation at run time
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.files import sync, write_bytes
from aufruf.release.features import FOLDERS
from aufruf.release.manifest import MANIFEST, canonical_json
from aufruf.release.versions import LOCK

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

WITHDRAWN = "WITHDRAWN.json"
_KEPT = (MANIFEST, LOCK, "CHANGELOG.md", WITHDRAWN)


class Withdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a release has no rows any more: how many records were taken down, and what to use instead."""

    format: int
    version: str
    withdrawn_at: datetime
    takedown: str
    records: int
    successor: str | None


def withdrawal_of(release: Path) -> Withdrawal | None:
    """Return why a release was withdrawn; None if it was not.

    Raises:
        InputError: if the file that says so cannot be read.
    """
    try:
        return msgspec.json.decode((release / WITHDRAWN).read_bytes(), type=Withdrawal)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise InputError(
            f"{release / WITHDRAWN}: is not as it was written; do not use this release"
        ) from error


def count_held(release: Path, records: Collection[str]) -> int:
    """Return how many of the records a release holds; 0 if its rows are gone."""
    files = sorted((release / FOLDERS["default"]).glob("*.parquet"))
    if not files:
        return 0
    held = pl.scan_parquet(files).filter(pl.col("id").is_in(list(records)))
    return held.select(pl.len()).collect().item()


def withdraw(release: Path, withdrawal: Withdrawal) -> None:
    """Say that a release is withdrawn, then delete all of it but manifest, splits and changelog.

    Cut off anywhere, doing it again ends it.
    """
    write_bytes(release / WITHDRAWN, canonical_json(withdrawal))
    for path in release.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in _KEPT:
            path.unlink()
    sync(release)
