"""A process that outlives the command: found again without mistaking another for it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OURS: dict[int, subprocess.Popen[bytes]] = {}
"""Children of this process: polled, so that a dead one does not stay a zombie."""


def spawn(command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> int:
    """Start a command detached from the terminal, its output in ``log`` (mode 0600); return its pid."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603 -- the command is a list of our own making
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    _OURS[child.pid] = child
    return child.pid


def started_at(pid: int) -> str | None:
    """Return when a process was started, in the system's own words; None if there is none.

    Together with the pid it names one process for good: a pid is given again, the pair is not.
    """
    child = _OURS.get(pid)
    if child is not None and child.poll() is not None:
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _asked(pid)
    except (ProcessLookupError, PermissionError):
        return None
    if fields[0] != "Z":
        return fields[19]
    if child is not None:
        child.wait()
    return None


def terminate(pid: int, started: str, patience: float = 10) -> None:
    """End a process if it is still the one that was started then: asked first, killed after ``patience``."""
    for sent, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
        deadline = time.monotonic() + seconds
        if started_at(pid) != started:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, sent)
        while started_at(pid) == started and time.monotonic() < deadline:
            time.sleep(0.05)


def _asked(pid: int) -> str | None:
    """Ask `ps`, where the system has no /proc."""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- fixed words
    return found.stdout.strip() or None
