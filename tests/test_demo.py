"""The whole way on the bundled sample, against a real Label Studio."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import polars as pl
import pytest

from aufruf.demo import run_demo
from aufruf.errors import InputError
from aufruf.labelstudio import server
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, QUARANTINE
from aufruf.views import current_annotations
from aufruf.workspace import open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.demo import DemoReport

pytestmark = [pytest.mark.labelstudio, pytest.mark.slow]
RECORDS = 60


def quiet(*_: object) -> None:
    """Show nothing."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> DemoReport:
    """A small demonstration, gone twice into the same folder: the second replaces the first."""
    folder = tmp_path_factory.mktemp("demo") / "place"
    folder.mkdir()
    (folder / ".aufruf-demo").write_text("")
    (folder / "aufruf.toml").write_text("format = 1\n")
    return run_demo(folder, keep=False, say=quiet, tick=quiet, records=RECORDS)


def test_every_planned_task_was_answered_and_no_answer_refused(report: DemoReport):
    store = open_workspace(report.workspace).store
    planned = store.read(ASSIGNMENTS).group_by("pass").len().sort("pass")
    answered = current_annotations(store.scan(ANNOTATIONS)).collect().group_by("pass").len().sort("pass")
    assert planned.equals(answered)
    assert planned.filter(pl.col("pass") == "triage").item(0, "len") == 3 * RECORDS
    assert store.read(QUARANTINE).is_empty()


def test_the_release_is_verified_and_loaded_with_all_its_records(report: DemoReport):
    assert report.release.is_absolute()
    assert (report.release / "MANIFEST.json").is_file()
    assert sum(report.loaded.values()) == RECORDS
    assert set(report.loaded) == {"train", "validation", "test"}


def test_scores_and_agreement_stand_with_their_intervals(report: DemoReport):
    assert any(row.value is not None and row.low is not None for row in report.agreement)
    assert {score.language for score in report.scores} >= {None, "de", "en"}
    assert all(score.low <= score.high for score in report.scores if score.low is not None)


def test_nothing_is_left_running(report: DemoReport):
    workspace = open_workspace(report.workspace)
    assert not server.status(workspace).running
    url = workspace.secrets.get(server.URL)
    if url is not None:
        address = urlsplit(url.reveal())
        with socket.socket() as attempt:
            assert attempt.connect_ex((address.hostname or "", address.port or 0)) != 0


def test_a_folder_that_is_no_demonstration_is_not_touched(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="no demonstration"):
        run_demo(tmp_path, keep=False, say=quiet, tick=quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_demonstration_that_is_ended_leaves_nothing_running(tmp_path: Path):
    """SIGTERM while Label Studio runs: it is stopped before the command ends."""
    command = [sys.executable, "-m", "aufruf", "demo", str(tmp_path / "demo")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        noted = tmp_path / "demo" / ".aufruf" / "labelstudio" / "server.json"
        deadline = time.monotonic() + 300
        while not noted.exists() and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert noted.exists()
        time.sleep(1)
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait(timeout=60) == 128 + signal.SIGTERM
    assert not server.status(open_workspace(tmp_path / "demo")).running
