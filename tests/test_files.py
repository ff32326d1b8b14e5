"""A killed process leaves the old file or the new one."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from aufruf.files import sha256_of, write_bytes, write_text

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_with_its_mode_and_nothing_else_is_left(tmp_path: Path):
    write_text(tmp_path / "a.txt", "old")
    write_text(tmp_path / "a.txt", "zwei\n", mode=0o600)
    assert (tmp_path / "a.txt").read_bytes() == b"zwei\n"
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(TypeError):
        write_bytes(tmp_path / "a.txt", "no bytes")  # pyright: ignore[reportArgumentType] -- the fault
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path):
    content = os.urandom(3_000_000)
    write_bytes(tmp_path / "a", content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()


_WRITER = """
import sys
from pathlib import Path
from aufruf.files import write_bytes
path, number = Path(sys.argv[1]), 0
while True:
    write_bytes(path, bytes([number % 256]) * 2_000_000)
    if number == 0: print("begun", flush=True)
    number += 1
"""


@pytest.mark.slow
@pytest.mark.campaign
def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path, repetitions: int):
    """Each file is 2,000,000 equal bytes: half of one and half of the next would show."""
    path = tmp_path / "file"
    for attempt in range(repetitions):
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.0173 * (attempt % 10))
            os.kill(writer.pid, signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == 2_000_000
        assert len(set(content)) == 1
