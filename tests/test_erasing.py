"""Erasing tasks from Label Studio's database, on tables that refer to each other as Label Studio's do."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from aufruf.labelstudio.erasing import Marks, erase_in_database

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE task (id INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE prediction (id INTEGER PRIMARY KEY, task_id INTEGER NULL REFERENCES task (id), result TEXT);
CREATE TABLE task_completion (
  id INTEGER PRIMARY KEY, task_id INTEGER REFERENCES task (id), result TEXT,
  parent_prediction_id INTEGER NULL REFERENCES prediction (id),
  parent_annotation_id INTEGER NULL REFERENCES task_completion (id));
CREATE TABLE state (id INTEGER PRIMARY KEY, annotation_id INTEGER NOT NULL REFERENCES task_completion (id));
"""
WORDS = "Der Kran steht still, sagte sie; {} morgen nicht mehr."


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Three tasks, answers to them, and what a server had deleted before without overwriting it."""
    path = tmp_path / "label_studio.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.executescript(SCHEMA)
        for number in range(1, 4):
            data = {
                "task_key": f"key{number}",
                "text": WORDS.format(number),
                "context_before": WORDS.format(1),
            }
            connection.execute("INSERT INTO task VALUES (?, ?)", (number, json.dumps(data)))
            connection.execute("INSERT INTO prediction VALUES (?, ?, ?)", (number, number, f"guess {number}"))
            row = (number, number, WORDS.format(number), 1, 1)
            connection.execute("INSERT INTO task_completion VALUES (?, ?, ?, ?, ?)", row)
            connection.execute("INSERT INTO state VALUES (?, ?)", (number, number))
        connection.execute("INSERT INTO prediction VALUES (9, 1, ?)", (WORDS.format(1) * 200,))
        connection.execute("DELETE FROM prediction WHERE id = 9")
    assert WORDS.format(1).encode() in path.read_bytes()
    return path


def test_tasks_go_with_all_that_hangs_on_them_and_what_was_deleted_before(database: Path):
    assert erase_in_database(database, Marks(frozenset({"key1"}), frozenset({"key2", "key3"}))) == (1, 2)
    assert WORDS.format(1).encode() not in database.read_bytes()
    with closing(sqlite3.connect(database)) as connection:
        counts = {
            name: [row[0] for row in connection.execute(f"SELECT id FROM {name} ORDER BY id")]
            for name in ("task", "prediction", "task_completion", "state")
        }
        columns = "parent_prediction_id, parent_annotation_id"
        parents = connection.execute(f"SELECT DISTINCT {columns} FROM task_completion").fetchall()
    assert parents == [(None, None)]
    assert all(ids == [2, 3] for ids in counts.values())


def test_other_tasks_stay_as_they_are(database: Path):
    with closing(sqlite3.connect(database)) as connection:
        before = "\n".join(connection.iterdump())
    assert erase_in_database(database, Marks(frozenset({"key9"}))) == (0, 0)
    with closing(sqlite3.connect(database)) as connection:
        assert "\n".join(connection.iterdump()) == before
