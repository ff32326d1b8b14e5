"""The pseudonym key: whether it is there, its destruction, and a new one after it.

Destroying it makes every pseudonym final: nobody can make the same one again from a name or an id, so
nobody can look up whose it is. Two events enclose the destruction; whatever kills the process between
them, running it again ends it.
"""

from __future__ import annotations

import os
import secrets as random
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import WorkspaceError
from aufruf.pseudonyms import key_id
from aufruf.sources.located import forget_spooled
from aufruf.tables import EVENTS, RECORDS
from aufruf.workspace import PSEUDONYM_KEY

if TYPE_CHECKING:
    from datetime import datetime

    from aufruf.secrets import Secret
    from aufruf.workspace import Workspace

_ACTION = "key destroy"

COSTS = (
    "nothing can be imported until `aufruf key new` has made another key",
    "the same files are still recognised, but the same posts in other files, and edits, become new records",
    "authors, conversations and mentioned people of later imports cannot be linked to those that are here",
    "`@user_…` in texts stay as they are, but nobody can make them again from a name",
    "who asks for the removal of all their posts cannot be found by name any more",
    "releases that exist stay as they are, but cannot be made again byte for byte",
)
"""What is lost with the key, in users' words."""

REMAINS = (
    "verbatim posts stay searchable: whoever has a text can look it up on its platform and see who wrote it",
    "annotators' pseudonyms do not come from this key: annotation/annotators.toml says who they are",
    "copies of secrets.toml, in backups or elsewhere, still hold the key: destroy them yourself",
    "the file is overwritten where it lies, but solid-state disks and snapshots may keep its old bytes",
)
"""What destroying the key does not do."""
_SECOND_NAME = (
    "secrets.toml has a second name on the disk (a hard link) that still holds the key: delete it, too"
)


@dataclass(frozen=True)
class KeyStatus:
    """The state of the pseudonym key; the key itself is never in it.

    ``state`` is present, destroyed, interrupted (a destruction was begun and not ended) or missing (lost
    without an event that says so). ``records`` counts stored records by the key that made their hashes.
    """

    state: str
    key_id: str | None
    records: dict[str, int]
    destroyed: dict[str, datetime]


@dataclass(frozen=True)
class Destruction:
    """What was destroyed, or would be: the key's id, the records it made, what it costs, what remains."""

    key_id: str
    records: int
    costs: tuple[str, ...]
    remains: tuple[str, ...]


def key_status(workspace: Workspace) -> KeyStatus:
    """Look at the key, at the records that it made, and at the events of earlier destructions."""
    key = workspace.secrets.get(PSEUDONYM_KEY)
    begun, destroyed = _destructions(workspace)
    counts = workspace.store.scan(RECORDS).group_by("key_id").len().sort("key_id").collect()
    if begun is not None:
        state = "interrupted"
    elif key is not None:
        state = "present"
    else:
        state = "destroyed" if destroyed else "missing"
    return KeyStatus(state, None if key is None else key_id(key), dict(counts.iter_rows()), destroyed)


def destroy_key(workspace: Workspace, *, dry_run: bool = False) -> Destruction:
    """Destroy the pseudonym key, or end a destruction that was interrupted.

    What a stopped import left goes with it: texts beside pseudonyms, which no table knows of.

    Raises:
        WorkspaceError: if there is no key, or another process is writing.
    """
    with workspace.locked():
        key = workspace.secrets.get(PSEUDONYM_KEY)
        begun, destroyed = _destructions(workspace)
        if key is None and begun is None:
            raise WorkspaceError(
                f"{workspace.root}: {_no_key(destroyed)}; `aufruf key new` makes another one"
            )
        name = begun or "" if key is None else key_id(key)
        details = {"records": _made_by(workspace, name)}
        copies = _copies(key) if key is not None else ()
        if not dry_run:
            if begun != name:
                workspace.record_event(_ACTION, name, {**details, "state": "begun"})
            shutil.rmtree(workspace.cache / "import", ignore_errors=True)
            forget_spooled(workspace.cache)
            copies += () if workspace.secrets.destroy(PSEUDONYM_KEY) else (_SECOND_NAME,)
            workspace.record_event(_ACTION, name, {**details, "state": "done"})
        return Destruction(name, details["records"], COSTS, (*REMAINS, *copies))


def new_key(workspace: Workspace, *, dry_run: bool = False) -> KeyStatus:
    """Make a new pseudonym key where there is none; records that are there keep the hashes they have.

    Raises:
        WorkspaceError: if there is a key, a destruction was interrupted, or another process is writing.
    """
    with workspace.locked():
        before = key_status(workspace)
        if before.state == "interrupted":
            raise WorkspaceError(
                f"{workspace.root}: a destruction was interrupted; end it: `aufruf key destroy`"
            )
        if before.key_id is not None:
            raise WorkspaceError(
                f"{workspace.root}: the key {before.key_id} is there; another would cut the links to what it "
                "made. If that is what you want, destroy it first: `aufruf key destroy`"
            )
        if not dry_run:
            workspace.secrets.update({PSEUDONYM_KEY: random.token_hex(32)})
            made = key_id(workspace.pseudonym_key())
            workspace.record_event("key new", made, {"records_of_other_keys": sum(before.records.values())})
        return key_status(workspace)


def _destructions(workspace: Workspace) -> tuple[str | None, dict[str, datetime]]:
    """Return the key whose destruction was begun and not ended, and when others were destroyed."""
    events = workspace.store.scan(EVENTS).filter(pl.col("action") == _ACTION).sort("n").collect()
    begun: str | None = None
    destroyed: dict[str, datetime] = {}
    for event in events.iter_rows(named=True):
        if msgspec.json.decode(event["details"])["state"] == "begun":
            begun = event["subject"]
        else:
            begun = None
            destroyed[event["subject"]] = event["at"]
    return begun, destroyed


def _no_key(destroyed: dict[str, datetime]) -> str:
    if not destroyed:
        return "there is no pseudonym key, and no event says that it was destroyed"
    name, at = list(destroyed.items())[-1]
    return f"there is no pseudonym key: {name} was destroyed on {at:%Y-%m-%d}"


def _made_by(workspace: Workspace, name: str) -> int:
    return workspace.store.scan(RECORDS).filter(pl.col("key_id") == name).select(pl.len()).collect().item()


def _copies(key: Secret) -> tuple[str, ...]:
    """Say which variables of the environment hold the key: only the shell that set them can forget it."""
    names = sorted(name for name, value in os.environ.items() if key.reveal() in value)
    return tuple(
        f"the environment variable {name} holds the key and cannot be destroyed from here: unset it in your "
        "shell and wherever it is set"
        for name in names
    )
