"""Takedown: afterwards no byte of a text is left, what is not meant stays, and it does not come back."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.errors import InputError
from aufruf.forgetting.journal import pending_journal, plan_takedown, write_journal
from aufruf.forgetting.selection import Wanted, select
from aufruf.forgetting.takedown import FEED, rows_to_go, take_down
from aufruf.importing import import_paths
from aufruf.release.manifest import MANIFEST, read_manifest
from aufruf.release.verify import verify
from aufruf.release.withdrawal import WITHDRAWN
from aufruf.tables import ANNOTATIONS, EVENTS, GOLD, RECORDS, TABLES, TOMBSTONES
from aufruf.workspace import event_sha256, open_workspace
from searched import places_of

if TYPE_CHECKING:
    from aufruf.forgetting.takedown import TakedownReport
    from aufruf.workspace import Workspace

REASON = "asked for"


def telling(workspace: Workspace) -> dict[str, str]:
    """Ids and texts of judged posts whose text nobody else has."""
    posts = workspace.store.scan(RECORDS).filter(pl.col("kind") == "post").collect()
    judged = workspace.store.read(GOLD)["record_id"].unique()
    unlike = [
        (row["record_id"], row["text"])
        for row in posts.filter(pl.col("record_id").is_in(judged.implode())).iter_rows(named=True)
        if posts["text"].str.contains(row["text"], literal=True).sum() == 1 and row["source"] == "board"
    ]
    return dict(sorted(unlike))


def chain_holds(workspace: Workspace) -> bool:
    events = workspace.store.read(EVENTS).sort("n")
    before = ""
    for event in events.iter_rows(named=True):
        if event["previous"] != before or event["sha256"] != event_sha256(event):
            return False
        before = event["sha256"]
    return events["n"].to_list() == list(range(1, events.height + 1))


@dataclass(frozen=True)
class Taken:
    """A workspace after a takedown: what was there before, and what was taken down."""

    workspace: Workspace
    record_id: str
    text: str
    places: list[str]
    records: pl.DataFrame
    copy: Path
    foreseen: TakedownReport
    report: TakedownReport


@pytest.fixture(scope="module")
def taken(_released: Path, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    root = tmp_path_factory.mktemp("taken")
    workspace = open_workspace(Path(shutil.copytree(_released, root / "workspace")))
    record_id, text = next(iter(telling(workspace).items()))
    (workspace.root / "reports" / "pilot.html").write_text(f"<p>{text}</p>", "utf-8")
    staging = workspace.cache / "import" / "abc"
    staging.mkdir(parents=True)
    (staging / "part.json.gz").write_bytes(gzip.compress(json.dumps({"text": text}).encode()))
    copy = Path(shutil.copytree(workspace.root / "releases" / "0.1.0", root / "copy"))
    records, places = workspace.store.read(RECORDS), places_of(text, workspace.root)
    wanted = Wanted(records=(record_id,))
    foreseen = take_down(workspace, wanted, reason=REASON, dry_run=True)
    assert places_of(text, workspace.root) == places
    report = take_down(workspace, wanted, reason=REASON)
    return Taken(workspace, record_id, text, places, records, copy, foreseen, report)


def test_no_byte_of_the_text_is_left(taken: Taken):
    assert {name.split("/")[0] for name in taken.places} == {"tables", "releases", "reports", ".aufruf"}
    assert places_of(taken.text, taken.workspace.root) == []
    report = taken.report
    assert (report.records, report.left, report.reports) == (1, [], ["pilot.html"])
    assert report.tables["annotations"] >= 1
    assert taken.workspace.store.scan(ANNOTATIONS).filter(record_id=taken.record_id).collect().is_empty()


def test_the_event_log_keeps_its_chain_and_says_no_text(taken: Taken):
    assert chain_holds(taken.workspace)
    events = taken.workspace.store.read(EVENTS)
    assert events.filter(action="takedown").height == 1
    assert taken.record_id not in str(events.rows())


def test_what_is_not_meant_stays(taken: Taken):
    left = taken.records.filter(pl.col("record_id") != taken.record_id).sort("record_id")
    assert taken.workspace.store.read(RECORDS).sort("record_id").equals(left)


def test_a_release_that_held_it_is_withdrawn_and_the_next_patch_lacks_it_and_verifies(taken: Taken):
    old, new = (taken.workspace.root / "releases" / version for version in ("0.1.0", "0.1.1"))
    assert (taken.report.withdrawn, taken.report.successor) == (["0.1.0"], "0.1.1")
    kept = ["CHANGELOG.md", MANIFEST, WITHDRAWN, "splits.lock.json"]
    assert sorted(path.name for path in old.iterdir()) == kept
    assert read_manifest(old).version == "0.1.0"
    assert verify(old).failures[0].endswith("use 0.1.1 instead")
    assert verify(new).ok
    ids = pl.read_parquet(new / "data" / "*.parquet")["id"]
    assert taken.record_id not in ids
    assert ids.len() == sum(read_manifest(old).splits.values()) - 1


def test_users_apply_the_feed_with_plain_polars(taken: Taken):
    releases = taken.workspace.root / "releases"
    for feed in (releases / FEED, releases / "0.1.1" / "docs" / "tombstones.csv"):
        gone = pl.read_csv(feed)
        rows = pl.read_parquet(taken.copy / "data" / "*.parquet")
        assert rows.height - rows.join(gone, on="id", how="anti").height == 1


def test_a_dry_run_foresees_what_is_done(taken: Taken):
    names = ("records", "tables", "withdrawn", "successor", "by_hand")
    assert [getattr(taken.foreseen, name) for name in names] == [
        getattr(taken.report, name) for name in names
    ]


def test_a_second_takedown_of_the_same_finds_nothing(taken: Taken):
    with pytest.raises(InputError, match="no such record"):
        take_down(taken.workspace, Wanted(records=(taken.record_id,)), reason=REASON)


@pytest.mark.slow
def test_files_that_still_hold_the_text_are_named_and_fail_the_gate(released_workspace: Workspace):
    workspace = released_workspace
    record_id, text = next(iter(telling(workspace).items()))
    (workspace.root / "notes.txt").write_text(f"Seltsam: {text}", "utf-8")
    arguments = ["takedown", "--record", record_id, "--reason", REASON, "-w", str(workspace.root), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert json.loads(result.stdout)["left"] == ["notes.txt"]
    assert getattr(result.exception, "exit_code", None) == 3


def board(tmp_path: Path, workspace: Workspace) -> Path:
    rows = [
        {
            "id": "1",
            "author": "nick1",
            "text": "Wir treffen uns am Samstag am Brunnen, kommt alle mit Trommeln.",
        },
        {"id": "2", "author": "nick2", "text": "Ich antworte nur darauf.", "reply_to": "1"},
        {"id": "3", "author": "nick1", "text": "Noch etwas ganz anderes von mir an einem andern Tag."},
        {
            "id": "4",
            "author": "nick3",
            "text": "Wir treffen uns am Samstag am Brunnen, kommt alle mit Trommeln.",
        },
    ]
    path = tmp_path / "board.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    import_paths(workspace, [path])
    return path


def test_every_table_that_tells_of_records_is_cleaned(taken: Taken):
    """A new table must say of what record it is, or be one of those that never hold a text."""
    another = taken.records.filter(pl.col("record_id") != taken.record_id).item(0, "record_id")
    journal = plan_takedown(taken.workspace, select(taken.workspace, Wanted(records=(another,))), REASON)
    cleaned = {table.name for table, _ in rows_to_go(journal)}
    assert {table.name for table in TABLES} - cleaned == {"quarantine", "tombstones", "events"}


def test_an_authors_posts_go_by_name_and_new_ones_are_refused(workspace: Workspace, tmp_path: Path):
    path = board(tmp_path, workspace)
    report = take_down(workspace, Wanted(author="@nick1", source="board"), reason=REASON)
    assert (report.records, len(report.copies)) == (2, 1)
    again = import_paths(workspace, [path])
    assert again.quarantined == {"taken_down": 3}
    path.write_text(json.dumps({"id": "9", "author": "nick1", "text": "Neu hier."}) + "\n", "utf-8")
    assert import_paths(workspace, [path]).quarantined == {"taken_down": 1}


def test_a_post_goes_by_the_id_in_its_address_and_an_edit_goes_with_it(workspace: Workspace, tmp_path: Path):
    path = board(tmp_path, workspace)
    path.write_text(json.dumps({"id": "1", "author": "nick1", "text": "Doch kein Treffen."}) + "\n", "utf-8")
    import_paths(workspace, [path])
    chosen = select(workspace, Wanted(url="https://forum.example/posts/1?page=2", source="board")).records
    assert sorted(chosen["text"].str.slice(0, 9)) == ["Doch kein", "Wir treff"]


def test_an_article_goes_by_its_address_as_a_whole(workspace: Workspace, tmp_path: Path):
    path = tmp_path / "news.jsonl"
    text = "\n\n".join(f"Absatz {n}: {'Der Rat tagte am Abend lange. ' * 4}" for n in range(3))
    row = {"text": text, "url": "https://blatt.example/a", "title": "Der Rat tagt bis in die späte Nacht"}
    path.write_text(json.dumps(row | {"kind": "news"}) + "\n", "utf-8")
    given = tmp_path / "map.toml"
    given.write_text('kind = "news"\n', "utf-8")
    import_paths(workspace, [path], field_map=given)
    assert workspace.store.read(RECORDS)["kind"].unique().to_list() == ["news"]
    report = take_down(workspace, Wanted(url="https://blatt.example/a/"), reason=REASON)
    assert report.records >= 1
    assert workspace.store.read(RECORDS).is_empty()
    assert places_of("Der Rat tagte am Abend", workspace.root) == []


@pytest.mark.slow
def test_a_takedown_that_was_planned_and_cut_off_is_ended_by_the_next(released_workspace: Workspace):
    workspace = released_workspace
    record_id, text = next(iter(telling(workspace).items()))
    journal = plan_takedown(workspace, select(workspace, Wanted(records=(record_id,))), REASON)
    write_journal(workspace, journal)
    report = take_down(workspace, Wanted(records=(record_id,)), reason=REASON)
    assert report.takedown == journal.takedown
    assert pending_journal(workspace) is None
    assert places_of(text, workspace.root) == []


@pytest.mark.slow
@pytest.mark.campaign
def test_killed_at_any_moment_and_run_again_it_completes(released_workspace: Workspace, repetitions: int):
    """Each is killed at another moment, then ended: nothing of it is left, and one event tells of it."""
    workspace = released_workspace
    chosen = list(telling(workspace).items())[:repetitions]
    for number, (record_id, text) in enumerate(chosen):
        arguments = ["takedown", "--record", record_id, "--reason", REASON, "-w", str(workspace.root)]
        process = subprocess.Popen([sys.executable, "-m", "aufruf", *arguments], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while pending_journal(workspace) is None and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(3.0 * number / max(1, len(chosen)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        try:
            take_down(workspace, Wanted(records=(record_id,)), reason=REASON)
        except InputError:
            assert pending_journal(workspace) is None  # it had been quicker
        assert places_of(text, workspace.root) == []
    events = workspace.store.read(EVENTS).filter(action="takedown")
    assert events["subject"].n_unique() == events.height == len(chosen)
    assert chain_holds(workspace)
    assert workspace.store.read(TOMBSTONES).filter(kind="record").height == len(chosen)
