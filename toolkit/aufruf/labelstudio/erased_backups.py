"""Erase tasks from backups of Label Studio: each is written anew without them, and verifies as before."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.errors import InputError
from aufruf.labelstudio import database
from aufruf.labelstudio.backup_file import Counts, open_backup, writing
from aufruf.labelstudio.erasing import Marks, erase_in_database, without_contexts
from aufruf.labelstudio.portable import ACCOUNTS, PROJECTS, TASKS, SavedProject, SavedTask
from aufruf.labelstudio.server import server_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aufruf.labelstudio.backup_file import Backup
    from aufruf.workspace import Workspace

_LISTS = ("annotations", "drafts", "predictions")
_OWN = (database.NAME, TASKS, PROJECTS, ACCOUNTS)


def erase_in_backups(
    workspace: Workspace, marks: Marks, holds: Callable[[Path], bool]
) -> tuple[list[str], list[str]]:
    """Erase tasks from the workspace's own backups.

    Returns:
        The names of those that were written anew, and of files there that are no sound backup.
    """
    changed: list[str] = []
    unreadable: list[str] = []
    for path in sorted((workspace.root / "backups").glob("*")):
        if path.name.endswith(".partial"):
            path.unlink()
        elif path.suffix == ".zip":
            try:
                found = open_backup(path)
            except InputError:
                unreadable.append(path.name)
                continue
            if _erase(found, server_folder(workspace) / "erasing", marks, holds):
                changed.append(path.name)
    return changed, unreadable


def _erase(found: Backup, scratch: Path, marks: Marks, holds: Callable[[Path], bool]) -> bool:
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700, parents=True)
    try:
        found.extract(scratch)
        changed, counts = _erased_members(found, scratch, marks)
        kept = [name for name in found.manifest.files if name in _OWN or not holds(scratch / name)]
        if not changed and len(kept) == len(found.manifest.files):
            return False
        with writing(found.path) as archive:
            for name in kept:
                archive.copy(scratch / name, name)
            manifest = found.manifest
            archive.finish(manifest.kind, manifest.label_studio, manifest.made_at, counts)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


def _erased_members(found: Backup, scratch: Path, marks: Marks) -> tuple[bool, Counts]:
    """Erase in the extracted members; return whether anything changed, and what they hold now."""
    if found.manifest.kind == "database":
        copy = scratch / database.NAME
        changed = any(erase_in_database(copy, marks))
        return changed, database.count(copy)
    before = [msgspec.json.decode(line, type=SavedTask) for line in found.lines(TASKS)]
    after = [
        msgspec.structs.replace(task, data=data)
        for task in before
        for data in without_contexts([task.data], marks)
    ]
    (scratch / TASKS).write_bytes(msgspec.json.Encoder().encode_lines(after))
    projects = [msgspec.json.decode(line, type=SavedProject) for line in found.lines(PROJECTS)]
    tasks = Counter(task.project for task in after)
    answers = Counter({task.project: 0 for task in after})
    for task in after:
        answers[task.project] += len(task.annotations)
    recounted = [
        msgspec.structs.replace(project, tasks=tasks[project.id], annotations=answers[project.id])
        for project in projects
    ]
    (scratch / PROJECTS).write_bytes(msgspec.json.Encoder().encode_lines(recounted))
    held: dict[str, Any] = {name: sum(len(getattr(task, name)) for task in after) for name in _LISTS}
    counts = msgspec.structs.replace(found.manifest.counts, tasks=len(after), **held)
    return before != after, counts
