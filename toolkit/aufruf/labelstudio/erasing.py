"""Erase tasks and all that hangs on them from Label Studio: from its database, or through its API."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.labelstudio import embedded
from aufruf.labelstudio.api import connect, knows_server, names_team_server
from aufruf.labelstudio.environment import DATABASE
from aufruf.labelstudio.projects import TASK_KEY
from aufruf.labelstudio.server import halted, server_folder
from aufruf.tables import ASSIGNMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from aufruf.workspace import Workspace

_CONTEXTS = ("context_before", "context_after")
_LEFTOVERS = ("backing-up", "restoring", "replaced", "erasing")
_AT_ONCE = 500


@dataclass(frozen=True)
class Marks:
    """Keys of the tasks that go, and of those that stay without the context that they show."""

    gone: frozenset[str]
    answering: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Erased:
    """How many tasks went, how many lost their context; files of the server that went as a whole."""

    tasks: int = 0
    contexts: int = 0
    files: list[str] = field(default_factory=list[str])


def erase(workspace: Workspace, marks: Marks, holds: Callable[[Path], bool]) -> Erased:
    """Erase tasks from the Label Studio that this workspace uses.

    The embedded server's database is written anew, so that no free page keeps anything; its uploads and
    exports go if they hold what is to go. A team's server is asked to delete the tasks; where none is
    known here any more, nothing can be done.

    Args:
        workspace: whose server it is.
        marks: the tasks.
        holds: whether a file holds what is to go.

    Raises:
        ServerError: if the embedded server runs, or a team's cannot be reached.
    """
    if embedded.has_data(workspace):
        with halted(workspace):
            folder = server_folder(workspace)
            for leftover in _LEFTOVERS:
                shutil.rmtree(folder / leftover, ignore_errors=True)
            tasks, contexts = erase_in_database(folder / "data" / DATABASE, marks)
            return Erased(tasks, contexts, list(_remove_files(folder, holds)))
    placed = _projects(workspace, marks)
    if not placed or not knows_server(workspace):
        return Erased()
    with connect(workspace) as api:
        found = [task for project in placed for task in _tasks(api, project)]
        gone = [number for number, data in found if data.get(TASK_KEY) in marks.gone]
        answering = [(number, data) for number, data in found if data.get(TASK_KEY) in marks.answering]
        for number, data in answering:
            api.change(f"/api/tasks/{number}/", {"data": _without_context(data)})
        for number in gone:
            api.delete(f"/api/tasks/{number}/")
    return Erased(len(gone), len(answering))


def refuse_if_running(workspace: Workspace) -> None:
    """Check beforehand that the embedded server does not run.

    Raises:
        ServerError: if it does.
    """
    if embedded.has_data(workspace):
        with halted(workspace):
            pass


def uses_foreign_server(workspace: Workspace, marks: Marks) -> bool:
    """Whether tasks lie on a server whose disk is not ours."""
    return names_team_server() or (not embedded.has_data(workspace) and bool(_projects(workspace, marks)))


def erase_in_database(database: Path, marks: Marks) -> tuple[int, int]:
    """Erase tasks from a database of Label Studio that no server uses; return counts as `Erased` has them."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        gone: list[int] = []
        answering: list[tuple[str, int]] = []
        for number, content in connection.execute("SELECT id, data FROM task"):
            data = json.loads(content)
            if data.get(TASK_KEY) in marks.gone:
                gone.append(number)
            elif data.get(TASK_KEY) in marks.answering and any(data.get(name) for name in _CONTEXTS):
                answering.append((json.dumps(_without_context(data)), number))
        with connection:
            connection.executemany("UPDATE task SET data = ? WHERE id = ?", answering)
            _delete(connection, "task", gone)
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(gone), len(answering)


def _delete(connection: sqlite3.Connection, table: str, ids: Sequence[Any]) -> None:
    """Delete rows by id with all that cannot be without them: whatever a later release adds, too.

    What may be without them, such as an answer that came from a prediction, loses the reference; nothing
    is left of a task.
    """
    if not ids:
        return
    for child, column, required in _references(connection, table):
        where = f'"{column}" IN'
        if not required and table != "task":
            _each(connection, f'UPDATE "{child}" SET "{column}" = NULL WHERE {where}', ids)  # noqa: S608 -- names from the database's own list
            continue
        if child != table:
            rows = _each(connection, f'SELECT "id" FROM "{child}" WHERE {where}', ids)  # noqa: S608 -- the same
            _delete(connection, child, [row[0] for row in rows])
        _each(connection, f'DELETE FROM "{child}" WHERE {where}', ids)  # noqa: S608 -- the same
    _each(connection, f'DELETE FROM "{table}" WHERE "id" IN', ids)  # noqa: S608 -- the same


def _references(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the tables and columns that refer to a table's ids, and whether they must."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (child,) in names:
        columns = connection.execute(f'PRAGMA table_info("{child}")').fetchall()
        required = {column[1]: bool(column[3]) for column in columns}
        for key in connection.execute(f'PRAGMA foreign_key_list("{child}")').fetchall():
            if key[2] == table:
                yield child, key[3], required[key[3]]


def _each(connection: sqlite3.Connection, statement: str, ids: Sequence[Any]) -> list[Any]:
    rows: list[Any] = []
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows += connection.execute(f"{statement} ({marks})", some).fetchall()
    return rows


def _remove_files(folder: Path, holds: Callable[[Path], bool]) -> Iterator[str]:
    for path in sorted((folder / "data").rglob("*")):
        if path.is_file() and not path.name.startswith(DATABASE) and holds(path):
            path.unlink()
            yield path.relative_to(folder).as_posix()


def without_contexts(rows: Iterable[dict[str, Any]], marks: Marks) -> Iterator[dict[str, Any]]:
    """Yield the data of tasks that stay, without the contexts that go."""
    for data in rows:
        if data.get(TASK_KEY) not in marks.gone:
            yield _without_context(data) if data.get(TASK_KEY) in marks.answering else data


def _without_context(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, **{name: "" for name in _CONTEXTS if name in data}}


def _projects(workspace: Workspace, marks: Marks) -> list[int]:
    keys = list(marks.gone | marks.answering)
    rows = workspace.store.scan(ASSIGNMENTS).filter(pl.col(TASK_KEY).is_in(keys))
    return rows.select("project_id").drop_nulls().unique().sort("project_id").collect().to_series().to_list()


def _tasks(api: Any, project: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for task in api.pages("/api/tasks/", "tasks", project=project, include="id,data"):
        yield int(task["id"]), task["data"]
