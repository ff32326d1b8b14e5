"""A workspace: the directory that holds settings, tables, releases, models and reports."""

from __future__ import annotations

import hashlib
import os
import secrets as random
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.assets import asset
from aufruf.errors import WorkspaceError
from aufruf.files import write_text
from aufruf.label_scheme import Language, load_label_scheme
from aufruf.secrets import Secret, Secrets
from aufruf.settings import FORMAT, Settings, load_settings
from aufruf.statements import DATA_CARD, template
from aufruf.store import Store
from aufruf.tables import EVENTS

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from aufruf.label_scheme import LabelScheme
    from aufruf.store import Past

SETTINGS_FILE = "aufruf.toml"
PSEUDONYM_KEY = "pseudonym_key"
TOMBSTONE_KEY = "tombstone_key"
_FOLDERS = ("tables", "releases", "models", "reports")


@dataclass(frozen=True)
class Workspace:
    """An opened workspace. Reading needs no lock; whatever writes holds `locked`.

    One of the ``past`` reads its tables as they were, under the label scheme of then, and is not written.
    """

    root: Path
    past: Past | None = None
    past_scheme: LabelScheme | None = None

    @cached_property
    def settings(self) -> Settings:
        """The settings, as they were when first asked for."""
        return load_settings(self.root / SETTINGS_FILE)

    @cached_property
    def label_scheme(self) -> LabelScheme:
        """The workspace's own label scheme."""
        return self.past_scheme or load_label_scheme(self.root / "schemas" / "label_scheme.toml")

    @property
    def store(self) -> Store:
        """The tables."""
        return Store(self.root / "tables", self.past)

    @property
    def secrets(self) -> Secrets:
        """Keys and tokens."""
        return Secrets(self.root / "secrets.toml")

    @property
    def cache(self) -> Path:
        """A folder for what can be made again, such as Label Studio's data; not created."""
        return self.root / ".aufruf"

    def pseudonym_key(self) -> Secret:
        """Return the key behind all pseudonyms.

        Raises:
            WorkspaceError: if it was destroyed.
        """
        key = self.secrets.get(PSEUDONYM_KEY)
        if key is None:
            raise WorkspaceError(
                f"{self.root}: the pseudonym key is gone: imported records stay usable, but nothing can be "
                "imported; `aufruf key new` makes another one, whose pseudonyms do not link to the old ones"
            )
        return key

    def guideline_version(self, language: Language) -> str:
        """Return the version of the guidelines in force: 12 hex digits of the file's SHA-256."""
        content = (self.root / "annotation" / "guidelines" / f"{language}.md").read_bytes()
        return hashlib.sha256(content).hexdigest()[:12]

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the workspace's lock: one writer at a time. A killed process leaves no lock.

        Re-entrant within a process.

        Raises:
            WorkspaceError: if another process holds it.
        """
        from filelock import FileLock, Timeout

        self.cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.cache / "lock", is_singleton=True)
        try:
            with lock.acquire(timeout=0):
                yield
        except Timeout as error:
            raise WorkspaceError(
                f"{self.root}: another aufruf command is writing to this workspace; wait until it is done"
            ) from error

    def record_event(self, action: str, subject: str, details: Mapping[str, Any]) -> None:
        """Append an event to the chain. ``details`` holds counts and settings, never text."""
        with self.locked():
            last = self.store.scan(EVENTS).sort("n").tail(1).collect()
            number = (last.item(0, "n") if last.height else 0) + 1
            event = {
                "n": number,
                "at": datetime.now(UTC),
                "action": action,
                "subject": subject,
                "details": msgspec.json.encode(details, order="deterministic").decode(),
                "previous": last.item(0, "sha256") if last.height else "",
            }
            row = pl.DataFrame([{**event, "sha256": event_sha256(event)}], schema=EVENTS.schema)
            if not self.store.append(EVENTS, row, ("events", number)):
                raise WorkspaceError(f"{self.root}: event {number} was written by another process; run again")


def event_sha256(event: Mapping[str, Any]) -> str:
    """Return the hash of an event's other columns, the previous event's hash among them."""
    content = [event[name] for name in ("n", "at", "action", "subject", "details", "previous")]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def create_workspace(root: Path) -> Workspace:
    """Make a workspace with its own copy of label scheme, guidelines and annotators' file.

    The folder appears whole or not at all.

    Raises:
        WorkspaceError: if there is something at ``root`` already.
    """
    root = root.resolve()
    if (root / SETTINGS_FILE).exists():
        raise WorkspaceError(f"{root}: there is a workspace here already; `aufruf status` shows it")
    if root.exists() and any(root.iterdir()):
        raise WorkspaceError(f"{root}: the folder is not empty; name a new one")
    root.parent.mkdir(parents=True, exist_ok=True)
    building = root.parent / f".{root.name}.{os.getpid()}"
    try:
        shutil.copytree(asset("schemas"), building / "schemas")
        shutil.copytree(asset("annotation"), building / "annotation", ignore=shutil.ignore_patterns("sample"))
        for folder in _FOLDERS:
            (building / folder).mkdir()
        keys = {PSEUDONYM_KEY: random.token_hex(32), TOMBSTONE_KEY: random.token_hex(32)}
        Secrets(building / "secrets.toml").update(keys)
        write_text(building / SETTINGS_FILE, _SETTINGS.format(format=FORMAT))
        write_text(building / DATA_CARD, template())
        write_text(building / ".gitignore", "secrets.toml\n.aufruf/\n")
        if root.exists():
            root.rmdir()
        building.rename(root)
    except OSError as error:
        raise WorkspaceError(f"{root}: cannot make a workspace: {error.strerror}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    workspace = Workspace(root)
    workspace.record_event(
        "init", root.name, {"format": FORMAT, "label_scheme": workspace.label_scheme.sha256}
    )
    return workspace


def open_workspace(root: Path | None = None) -> Workspace:
    """Open the workspace at ``root``, or the one around the current directory.

    Raises:
        WorkspaceError: if there is none.
        SettingsError: if its settings are wrong, or were written by a newer version.
    """
    start = (root or Path.cwd()).resolve()
    candidates = [start] if root is not None else [start, *start.parents]
    for folder in candidates:
        if (folder / SETTINGS_FILE).is_file():
            workspace = Workspace(folder)
            _ = workspace.settings
            return workspace
    raise WorkspaceError(
        f"{start}: no workspace here; make one with `aufruf init DIR` or name it with --workspace DIR"
    )


_SETTINGS = """\
# Settings of this workspace. Secrets lie in secrets.toml, not here.
format = {format}  # version of the workspace's layout; not to be edited

[privacy]
# Personal data in texts that are replaced by placeholders; leave a category out to keep it as it is.
mask = ["mention", "email", "phone", "profile_link", "iban"]

[splits]
train = 0.6
validation = 0.2
test = 0.2
# What is never divided between splits; leave a relation out to allow that. Each release says which held.
together = ["duplicate", "author", "conversation", "reply", "article", "syndicated"]

[agreement]
# Fix these before a round: below `tentative` a coefficient is no ground for conclusions.
tentative = 0.667
reliable = 0.8

[gold]
# Who decides what is contained and in the author's voice: majority, dawid-skene or one-coin.
rule = "majority"

[adjudication]
# Which answers go to adjudicators: "any" difference, "no_majority", or a share (0.8: the most frequent
# answer has less than 80 %). A label's own rule stands under its name.
rule = "no_majority"
# labels = {{ threat = "any" }}

[interface]
# Texts show only while pointer or keyboard focus is on them.
blur = true

[qualification]
# What annotators must reach for each label, from 0 to 1; a label's own mark stands under its name.
pass = 0.8
# labels = {{ threat = 0.9 }}
# The share of items that must have been judged: skipped ones count neither way.
judged = 0.75

[rounds]
# What plans count with as long as there are too few answers to tell.
triage_seconds = 30
detail_seconds = 90
# Own records are shown again after this many days at the earliest, to see how steady answers are.
repeat_after_days = 14
# heavy = ["threat"]  # labels that make a record heavy to read; otherwise all but protest_mobilization

[urgent]
# Who acts when an annotator reports a credible danger: a name or role, and how to reach them.
responsible = ""

[release]
# title = "…"
# license = "cc-by-4.0"
# contact = "…"
# url = "https://…"  # where the data set is described
# protest_time = "year"  # how exactly releases say when calls to protest were written: month, year, none
# protest_before = 2031-01-01  # calls to protest from this day on, or of an unknown one, stay out of releases
# annotators = "stable"  # the same pseudonym of an annotator in all releases; otherwise another in each

# [sources.SLUG]
# rights = "CC-BY-4.0"
# release = "dehydrated"  # or "text"; without it news are released dehydrated, posts with their text
# keep_ids = true         # keep and release the platform's own ids: they tell who the author is
"""
