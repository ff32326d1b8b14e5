"""What a takedown is about, on disk until it is done: cut off at any moment, it is taken up again.

It holds the texts that are to go, for they must be searched for in the end. Its bytes are overwritten then.
"""

from __future__ import annotations

import os
import secrets as random
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.files import write_bytes
from aufruf.forgetting.selection import texts_of
from aufruf.labelstudio.erasing import Marks, uses_foreign_server
from aufruf.release.versions import parse_version, released
from aufruf.release.withdrawal import count_held, withdrawal_of
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, RECORDS
from aufruf.tombstones import tombstone_key, tombstones_of

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.forgetting.selection import Selection
    from aufruf.workspace import Workspace

_FILE = "takedown.json"


class Journal(msgspec.Struct, frozen=True):
    """One takedown: what goes (``records``, ``texts``, keys of ``tasks``, ``answers``), what follows.

    ``answering`` are tasks that show one of the texts as what is answered; ``held`` counts the records that
    each release holds; ``successor`` is the version that takes its place, if there is a release to replace;
    ``foreign`` says whether tasks lie on a server whose disk is not ours.
    """

    takedown: str
    at: datetime
    reason: str
    records: list[str]
    texts: list[str]
    tombstones: list[tuple[str, str]]
    tasks: list[str]
    answering: list[str]
    answers: list[str]
    held: dict[str, int]
    successor: str | None
    foreign: bool

    @property
    def marks(self) -> Marks:
        """The tasks in Label Studio."""
        return Marks(frozenset(self.tasks), frozenset(self.answering))


def plan_takedown(workspace: Workspace, selection: Selection, reason: str) -> Journal:
    """Return what a takedown of the selected records is about; nothing is written."""
    store, records = workspace.store, selection.records
    ids = records["record_id"].to_list()
    takedown = random.token_hex(6)
    rows = tombstones_of(records, tombstone_key(workspace), selection.authors, takedown)
    replies = store.scan(RECORDS).filter(pl.col("reply_to").is_in(records["post_id"].unique().implode()))
    tasks = store.scan(ASSIGNMENTS).select("task_key", "record_id")
    answers = (
        store.scan(ANNOTATIONS).filter(pl.col("record_id").is_in(ids)).select("annotation_uuid").unique()
    )
    of_replies = tasks.join(replies.select("record_id"), on="record_id", how="semi")
    held = {path.name: count_held(path, ids) for path in released(workspace) if withdrawal_of(path) is None}
    held = {version: n for version, n in held.items() if n}
    mine = _listed(tasks.filter(pl.col("record_id").is_in(ids)), "task_key")
    shown = _listed(of_replies.filter(~pl.col("record_id").is_in(ids)), "task_key")
    return Journal(
        takedown=takedown,
        at=datetime.now(UTC),
        reason=reason,
        records=ids,
        texts=sorted(texts_of(records)),
        tombstones=rows.select("kind", "tombstone").rows(),
        tasks=mine,
        answering=shown,
        answers=_listed(answers, "annotation_uuid"),
        held=held,
        successor=_successor(workspace) if held else None,
        foreign=uses_foreign_server(workspace, Marks(frozenset(mine), frozenset(shown))),
    )


def write_journal(workspace: Workspace, journal: Journal) -> None:
    """Write it, readable by its owner alone, durable when this returns."""
    folder = _folder(workspace)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_bytes(folder / _FILE, msgspec.json.encode(journal), mode=0o600)


def pending_journal(workspace: Workspace) -> Journal | None:
    """Return what a takedown that was cut off is about; None if all are done."""
    try:
        return msgspec.json.decode((_folder(workspace) / _FILE).read_bytes(), type=Journal)
    except FileNotFoundError:
        return None


def destroy_journal(workspace: Workspace) -> None:
    """Overwrite it, with what a crash while writing it left, and remove it."""
    folder = _folder(workspace)
    for path in sorted(folder.glob("*"), key=lambda path: path.name == _FILE) if folder.exists() else []:
        with path.open("r+b") as handle:
            handle.write(bytes(path.stat().st_size))
            handle.flush()
            os.fsync(handle.fileno())
        path.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _folder(workspace: Workspace) -> Path:
    return workspace.cache / "takedown"


def _listed(rows: pl.LazyFrame, column: str) -> list[str]:
    return rows.select(column).unique().sort(column).collect().to_series().to_list()


def _successor(workspace: Workspace) -> str:
    major, minor, patch = parse_version(released(workspace)[-1].name)
    return f"{major}.{minor}.{patch + 1}"
