"""A killed export leaves no release or a whole one, and the next run tidies up."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from aufruf.release.build import export
from aufruf.release.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

_LONGEST = 60


def start_export(root: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "aufruf", "export", "0.1.0", "--workspace", str(root)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(process: subprocess.Popen[bytes], releases: Path, pattern: str) -> None:
    deadline = time.monotonic() + _LONGEST
    while not any(releases.glob(pattern)) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.0005)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.campaign
def test_kill_at_any_moment_leaves_no_release_or_a_whole_one(
    filled_workspace: Workspace, request: pytest.FixtureRequest
):
    rng = random.Random(0)
    releases = filled_workspace.root / "releases"
    kills = 100 if request.config.getoption("--campaign") else 3
    interrupted = 0
    for number in range(kills):
        process = start_export(filled_workspace.root)
        wait_for(process, releases, "0.1.0" if number % 3 == 0 else ".building-*")
        time.sleep(rng.uniform(0, 1.5) if number % 3 == 2 else 0)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = [path for path in releases.iterdir() if not path.name.startswith(".")]
        interrupted += not found
        for path in found:
            assert verify(path).ok
            shutil.rmtree(path)
    assert interrupted > 0
    report = export(filled_workspace, "0.1.0")
    assert [path.name for path in releases.iterdir()] == ["0.1.0"]
    assert verify(releases / "0.1.0").ok
    assert sum(report.splits.values()) == 481
