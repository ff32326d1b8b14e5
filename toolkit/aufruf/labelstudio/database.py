"""The embedded server's SQLite database: copied while the server runs, without any login, and put back."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import UUID

from aufruf.errors import ServerError
from aufruf.labelstudio.backup_file import Counts
from aufruf.labelstudio.environment import DATABASE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = DATABASE
_COUNTED = {
    "projects": "project",
    "tasks": "task",
    "annotations": "task_completion",
    "drafts": "tasks_annotationdraft",
    "predictions": "prediction",
    "accounts": "htx_user",
}
_SESSIONS = (
    "authtoken_token",
    "django_admin_log",
    "django_session",
    "token_blacklist_blacklistedtoken",
    "token_blacklist_outstandingtoken",
    "webhook",
    "webhook_action",
)
"""Tables that are about logins or may hold tokens in any field: left empty."""
_SECRET = re.compile(
    r"password|token|secret|api_key|access_key|account_key|credential|contact_info", re.IGNORECASE
)
"""Columns whose values are left out, whatever table has them: a later release may add some."""


def copy(source: Path, target: Path, pseudonyms: Mapping[str, str]) -> None:
    """Copy a database as of one moment, though a server may be writing to it, and take all logins out.

    Passwords, tokens and keys are left out, the accounts' addresses are replaced by ``pseudonyms`` (by
    address), their names forgotten; the file is then written anew, so that no free page keeps them.

    Raises:
        ServerError: if it is no database of Label Studio.
    """
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            target.chmod(0o600)
            old.backup(new)
            new.execute("PRAGMA journal_mode=delete")
            with new:
                _strip(new, pseudonyms)
            new.execute("VACUUM")
    except sqlite3.DatabaseError as error:
        raise ServerError(f"{source}: Label Studio's database cannot be read: restore a backup") from error


def count(database: Path) -> Counts:
    """Count what a database holds.

    Raises:
        ServerError: if it is no database of Label Studio.
    """
    try:
        with closing(sqlite3.connect(database)) as connection:
            queries = {name: f"SELECT count(*) FROM {table}" for name, table in _COUNTED.items()}  # noqa: S608 -- names of our own
            return Counts(
                **{name: connection.execute(query).fetchone()[0] for name, query in queries.items()}
            )
    except sqlite3.DatabaseError as error:
        raise ServerError(
            f"{database}: no database of Label Studio: move it away, or restore a backup into a new workspace"
        ) from error


def emails(database: Path) -> list[str]:
    """Return the addresses of all accounts."""
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT email FROM htx_user ORDER BY id")]


def annotation_uuids(database: Path) -> set[str]:
    """Return the UUIDs of all annotations."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT unique_id FROM task_completion WHERE unique_id IS NOT NULL")
        return {str(UUID(row[0])) for row in rows}


def write_ahead(database: Path) -> None:
    """Let the server write ahead: an answer then costs one sync to disk."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=wal")


def _strip(connection: sqlite3.Connection, pseudonyms: Mapping[str, str]) -> None:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in set(_SESSIONS) & set(tables):
        connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 -- a name from the database's own list
    for table in tables:
        for _, column, kind, required, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
            if _SECRET.search(column) and kind.lower() not in {"bool", "integer", "bigint"}:
                left = "''" if required else "NULL"
                connection.execute(f'UPDATE "{table}" SET "{column}" = {left}')  # noqa: S608 -- the same
    for email, pseudonym in pseudonyms.items():
        connection.execute(
            "UPDATE htx_user SET email = ?, username = ?, first_name = '', last_name = '', phone = '', "
            "avatar = '' WHERE email = ?",
            (pseudonym, pseudonym, email),
        )
