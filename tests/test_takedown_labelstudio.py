"""Takedown on a real Label Studio: its database, write-ahead log, files, backups; and a team's server."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.assets import asset
from aufruf.errors import ServerError
from aufruf.forgetting.selection import Wanted
from aufruf.forgetting.takedown import take_down
from aufruf.labelstudio import server
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.api import KEY_VARIABLE, URL_VARIABLE, connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.backup import backup
from aufruf.labelstudio.backup_file import open_backup
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.tables import ANSWERS, RECORDS
from labelstudio_fixtures import ROUND, add_round
from searched import places_of

if TYPE_CHECKING:
    from aufruf.labelstudio.backup_file import Counts
    from aufruf.workspace import Workspace

THREAT = Answer(("threat",), (("threat", "own"),), (("threat", "serious", "serious"),))
TEXT = 'Wer »Mut« hat, \\ "kommt" morgen zum Kran & bleibt, sagte die Möwe 😀 zu {}.'

pytestmark = pytest.mark.labelstudio


@pytest.fixture(autouse=True)
def _no_team_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def add_telling_records(workspace: Workspace) -> None:
    """A post with a text of its own, and another that answers it."""
    add_round(workspace)
    rows = workspace.store.read(RECORDS).sort("record_id").with_row_index("n")
    first = pl.col("n") == 0
    changed = rows.with_columns(
        text=pl.when(first).then(pl.lit(TEXT.format("ihr"))).otherwise("text"),
        reply_to=pl.when(pl.col("n") == 1).then(pl.lit(rows.item(0, "post_id"))).otherwise("reply_to"),
    )
    workspace.store.upsert(RECORDS, changed.drop("n"))


def annotate(workspace: Workspace) -> None:
    plan_round(workspace, ROUND, allow_unqualified=True)
    apply(workspace, ROUND)
    keys = assignments(workspace, ROUND).get_column("task_key").to_list()
    enter_answers(workspace, ROUND, "triage", dict.fromkeys(keys, THREAT))
    pull(workspace, ROUND)


def task_data(workspace: Workspace) -> list[dict[str, str]]:
    with connect(workspace) as api:
        numbers = assignments(workspace, ROUND).get_column("project_id").drop_nulls().unique().to_list()
        return [
            task["data"]
            for number in numbers
            for task in api.pages("/api/tasks/", "tasks", project=number, include="id,data")
        ]


def counts_of_backups(workspace: Workspace) -> list[Counts]:
    paths = sorted((workspace.root / "backups").glob("*.zip"))
    return [open_backup(path).manifest.counts for path in paths]


def test_nothing_is_left_in_the_embedded_server_nor_in_backups(workspace: Workspace):
    shutil.copy(asset("annotation", "sample", "annotators.toml"), workspace.root / "annotation")
    add_telling_records(workspace)
    server.start(workspace)
    try:
        annotate(workspace)
        backup(workspace)
        backup(workspace, workspace.root / "backups" / "portable.zip", portable=True)
        with pytest.raises(ServerError, match="stop it first"):
            take_down(workspace, Wanted(records=("pilot-0000",)), reason="asked for")
    finally:
        server.stop(workspace)
    text = TEXT.format("ihr")
    upload = workspace.cache / "labelstudio" / "data" / "media" / "upload" / "1" / "tasks.json"
    upload.parent.mkdir(parents=True)
    upload.write_text(json.dumps({"text": text}))
    assert {"backups", ".aufruf", "tables"} <= {
        name.split("/")[0] for name in places_of(text, workspace.root)
    }
    before = [
        open_backup(path).manifest.counts for path in sorted((workspace.root / "backups").glob("*.zip"))
    ]
    report = take_down(workspace, Wanted(records=("pilot-0000",)), reason="asked for")
    assert places_of(text, workspace.root) == []
    for piece in (text[:30], text[-30:]):
        assert places_of(piece, workspace.root) == []
    assert report.tasks > 0
    assert report.contexts > 0
    assert (report.left, len(report.backups)) == ([], 2)
    after = counts_of_backups(workspace)
    for old, new in zip(before, after, strict=True):
        assert (new.tasks, new.annotations) == (old.tasks - report.tasks, old.annotations - report.tasks)
    _goes_on(workspace, before[0].tasks - report.tasks)


def _goes_on(workspace: Workspace, tasks: int) -> None:
    """The server starts with what was left, and a pull finds nothing changed."""
    answers = workspace.store.read(ANSWERS).height
    server.start(workspace)
    try:
        assert len(task_data(workspace)) == tasks
        pull(workspace, ROUND)
        assert apply(workspace, ROUND).created == 0
    finally:
        server.stop(workspace)
    assert workspace.store.read(ANSWERS).height == answers


def test_a_server_whose_disk_is_not_ours_is_asked_to_delete_the_tasks(live: Workspace):
    workspace = live
    add_telling_records(workspace)
    plan_round(workspace, ROUND, allow_unqualified=True)
    apply(workspace, ROUND)
    before = task_data(workspace)
    report = take_down(workspace, Wanted(records=("pilot-0000",)), reason="asked for")
    after = task_data(workspace)
    text = TEXT.format("ihr")
    assert sum(data["text"] == text for data in before) == report.tasks > 0
    assert sum(data["context_before"] == text for data in before) == report.contexts > 0
    assert len(after) == len(before) - report.tasks
    assert text not in str(after)
    assert any("not cleaned from here" in line for line in report.by_hand)
