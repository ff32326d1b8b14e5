"""Up to when each project was read: a note that may be lost, for then everything is read again."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- msgspec reads the annotation at run time
from typing import TYPE_CHECKING

import msgspec

from aufruf.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aufruf.workspace import Workspace


class _Notes(msgspec.Struct, frozen=True):
    url: str
    read: dict[int, datetime]


def watermarks(workspace: Workspace, url: str) -> dict[int, datetime]:
    """Return the server's time at which each of its projects was last read; none of another server."""
    try:
        found = msgspec.json.decode(_file(workspace).read_bytes(), type=_Notes)
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
    return found.read if found.url == url else {}


def note_read(workspace: Workspace, url: str, read: Mapping[int, datetime]) -> None:
    """Note that projects were read, beside what was noted of others."""
    if read:
        path = _file(workspace)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, msgspec.json.encode(_Notes(url, {**watermarks(workspace, url), **read})))


def forget_read(workspace: Workspace) -> None:
    """Let the next pull read everything: the server was put back to an earlier state."""
    _file(workspace).unlink(missing_ok=True)


def _file(workspace: Workspace) -> Path:
    return workspace.cache / "labelstudio" / "read.json"
