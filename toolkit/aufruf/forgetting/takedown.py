"""Take records down: from tables, Label Studio, backups, reports and releases, so that nothing is left."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import AufrufError, InputError
from aufruf.files import write_bytes
from aufruf.forgetting.journal import destroy_journal, pending_journal, plan_takedown, write_journal
from aufruf.forgetting.selection import select
from aufruf.forgetting.traces import Traces
from aufruf.labelstudio.erased_backups import erase_in_backups
from aufruf.labelstudio.erasing import erase, refuse_if_running
from aufruf.release.also import known_formats
from aufruf.release.build import export
from aufruf.release.manifest import read_manifest
from aufruf.release.withdrawal import Withdrawal, withdraw
from aufruf.sources.located import forget_spooled
from aufruf.tables import ANSWERS, EVENTS, QUARANTINE, RECORDS, TABLES, TOMBSTONES
from aufruf.tombstones import feed, feed_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.forgetting.journal import Journal
    from aufruf.forgetting.selection import Wanted
    from aufruf.labelstudio.erasing import Erased
    from aufruf.tables import Table
    from aufruf.workspace import Workspace

ACTION = "takedown"
FEED = "tombstones.csv"
_KEPT_TABLES = (QUARANTINE, TOMBSTONES, EVENTS)
_STAGINGS = ("import", "dry-run")
_PROTOCOLS = "urgent"


@dataclass(frozen=True)
class TakedownReport:
    """What was taken down, or would be.

    ``tables`` counts removed rows; ``contexts`` tasks that showed one of the texts as what they answer and
    no longer do; ``copies`` are other records with the same words, which stay; ``left`` names files below
    the workspace that still hold one of the texts. ``by_hand`` says what nobody but you can do.
    """

    takedown: str
    records: int
    tables: dict[str, int] = field(default_factory=dict[str, int])
    tasks: int = 0
    contexts: int = 0
    backups: list[str] = field(default_factory=list[str])
    reports: list[str] = field(default_factory=list[str])
    withdrawn: list[str] = field(default_factory=list[str])
    successor: str | None = None
    models: list[str] = field(default_factory=list[str])
    copies: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])
    by_hand: list[str] = field(default_factory=list[str])


def take_down(workspace: Workspace, wanted: Wanted, *, reason: str, dry_run: bool = False) -> TakedownReport:
    """Remove records with all versions, excerpts of their article, reposts, answers and labels, for good.

    Tables lose their earlier versions with it. Releases that held one of the records are withdrawn, and the
    next patch version is made. A takedown that was cut off is ended first, whatever is wanted now.

    Args:
        workspace: the workspace.
        wanted: which records.
        reason: for the event log; no names and no text.
        dry_run: say what would go, and write nothing.

    Raises:
        InputError: if no such record is here.
        ServerError: if the embedded Label Studio runs, or a team's cannot be reached.
        WorkspaceError: if a key is gone, or another process is writing.
    """
    with workspace.locked():
        refuse_if_running(workspace)
        pending = pending_journal(workspace)
        ended = _finish(workspace, pending) if pending is not None and not dry_run else None
        try:
            selection = select(workspace, wanted)
        except InputError:
            if ended is None:
                raise
            return ended
        journal = plan_takedown(workspace, selection, reason)
        if dry_run:
            return _foreseen(workspace, journal, selection.copies)
        write_journal(workspace, journal)
        return _finish(workspace, journal, selection.copies)


def _foreseen(workspace: Workspace, journal: Journal, copies: tuple[str, ...]) -> TakedownReport:
    rows = {
        table.name: workspace.store.scan(table).filter(gone).select(pl.len()).collect().item()
        for table, gone in rows_to_go(journal)
    }
    return TakedownReport(
        takedown="",
        records=len(journal.records),
        tables={name: n for name, n in rows.items() if n},
        tasks=len(journal.tasks),
        contexts=len(journal.answering),
        withdrawn=sorted(journal.held),
        successor=journal.successor,
        models=_models(workspace, journal),
        copies=list(copies),
        by_hand=list(_by_hand(workspace, journal)),
    )


def _finish(workspace: Workspace, journal: Journal, copies: tuple[str, ...] = ()) -> TakedownReport:
    """Do everything; what an earlier run has done is done again without harm."""
    store = workspace.store
    rows = pl.DataFrame(journal.tombstones, schema=["kind", "tombstone"], orient="row")
    buried = rows.with_columns(takedown=pl.lit(journal.takedown), at=journal.at)
    store.append(TOMBSTONES, TOMBSTONES.conform(buried), (f"{ACTION}:{journal.takedown}", 1))
    staying = store.scan(RECORDS).filter(~pl.col("record_id").is_in(journal.records)).select("text")
    traces = Traces.of(journal.texts, staying)
    erased = erase(workspace, journal.marks, traces.in_file)
    backups, unreadable = erase_in_backups(workspace, journal.marks, traces.in_file)
    _clear_stagings(workspace)
    raw = store.scan(ANSWERS).filter(traces.in_text("raw")).select("annotation_uuid").collect().to_series()
    journal = msgspec.structs.replace(journal, answers=sorted({*journal.answers, *raw}))
    tables = {table.name: store.forget(table, gone) for table, gone in rows_to_go(journal)}
    successor, problem = _replace_releases(workspace, journal)
    reports = list(_remove_reports(workspace, journal, traces))
    write_bytes(workspace.root / "releases" / FEED, feed_bytes(feed(workspace)))
    by_hand = [*_by_hand(workspace, journal), *problem]
    by_hand += [f"backups/{name} cannot be read: delete it" for name in unreadable]
    report = TakedownReport(
        takedown=journal.takedown,
        records=len(journal.records),
        tables={name: n for name, n in tables.items() if n},
        tasks=erased.tasks,
        contexts=erased.contexts,
        backups=backups,
        reports=reports,
        withdrawn=sorted(journal.held),
        successor=successor,
        models=_models(workspace, journal),
        copies=list(copies),
        left=_left(workspace, traces),
        by_hand=by_hand,
    )
    _record(workspace, journal, report, erased)
    destroy_journal(workspace)
    return report


def rows_to_go(journal: Journal) -> Iterator[tuple[Table, pl.Expr]]:
    """Yield the tables that tell of records, with what is to go of each."""
    for table in TABLES:
        if table in _KEPT_TABLES:
            continue
        if "record_id" in table.schema:
            yield table, pl.col("record_id").is_in(journal.records)
        elif "annotation_uuid" in table.schema:
            yield table, pl.col("annotation_uuid").is_in(journal.answers)
        elif {"left", "right"} <= set(table.schema):
            yield table, pl.col("left").is_in(journal.records) | pl.col("right").is_in(journal.records)


def _clear_stagings(workspace: Workspace) -> None:
    """Remove what stopped imports left: it may hold the texts, and can be read again."""
    for name in _STAGINGS:
        shutil.rmtree(workspace.cache / name, ignore_errors=True)
    forget_spooled(workspace.cache)


def _replace_releases(workspace: Workspace, journal: Journal) -> tuple[str | None, list[str]]:
    """Make the successor, then withdraw what held the records: there is always one to load."""
    if not journal.held or journal.successor is None:
        return None, []
    folder, successor, problem = workspace.root / "releases", journal.successor, list[str]()
    if not (folder / successor).exists():
        newest = max(journal.held, key=lambda version: tuple(map(int, version.split("."))))
        try:
            held = read_manifest(folder / newest)
            also = known_formats(held.also)
            export(workspace, successor, seed=held.seed, any_version=True, also=also, final=held.final)
        except AufrufError as error:
            problem = [f"release {successor} could not be made, make the next one yourself: {error}"]
            successor = None
    for version, n in journal.held.items():
        withdraw(folder / version, Withdrawal(1, version, journal.at, journal.takedown, n, successor))
    return successor, problem


def _remove_reports(workspace: Workspace, journal: Journal, traces: Traces) -> Iterator[str]:
    """Remove reports that hold a text or name a record; protocols of dangers are for people to decide on."""
    folder = workspace.root / "reports"
    ids = Traces(tuple(journal.records))
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or _PROTOCOLS in path.relative_to(folder).parts:
            continue
        if traces.in_file(path) or ids.in_file(path):
            path.unlink()
            yield path.relative_to(folder).as_posix()


def _left(workspace: Workspace, traces: Traces) -> list[str]:
    own = workspace.cache / "takedown"
    found = (path for path in traces.search(workspace.root) if not path.is_relative_to(own))
    return [path.relative_to(workspace.root).as_posix() for path in found]


class _Origin(msgspec.Struct):
    type: str
    version: str = ""


class _Model(msgspec.Struct):
    origin: _Origin


def _models(workspace: Workspace, journal: Journal) -> list[str]:
    """Return the models that were trained on a release which held one of the records."""
    found: list[str] = []
    for path in sorted((workspace.root / "models").glob("*/model.json")):
        try:
            origin = msgspec.json.decode(path.read_bytes(), type=_Model).origin
        except msgspec.DecodeError:
            continue
        if origin.version in journal.held:
            found.append(path.parent.name)
    return found


def _by_hand(workspace: Workspace, journal: Journal) -> Iterator[str]:
    events = workspace.store.scan(EVENTS).select("action", "subject", "details").collect()
    for version, details in events.filter(action="publish").select("subject", "details").rows():
        if version in journal.held:
            told = msgspec.json.decode(details, type=dict[str, str | int | None])
            where = f"{told.get('repo')} (commit {told.get('commit')})"
            yield (
                f"release {version} lies on the Hub in {where}: delete its files and tag there, squash the "
                "history (HfApi.super_squash_history), and publish the next release"
            )
    if _models(workspace, journal):
        yield "models that learned from it may have kept some of it: train them again on the successor"
    if journal.held:
        yield f"send releases/{FEED} to everyone who has one of the withdrawn releases"
    if journal.foreign:
        yield "Label Studio's database, backups, logs and uploads lie on a server not cleaned from here"
    yield "backups and copies outside of this folder, and the files that were imported, hold the texts still"


def _record(workspace: Workspace, journal: Journal, report: TakedownReport, erased: Erased) -> None:
    done = workspace.store.scan(EVENTS).filter(
        (pl.col("action") == ACTION) & (pl.col("subject") == journal.takedown)
    )
    if done.collect().is_empty():
        counts = {"records": report.records, "tasks": erased.tasks, "backups": len(report.backups)}
        follows = {"withdrawn": report.withdrawn, "successor": report.successor, "left": len(report.left)}
        workspace.record_event(ACTION, journal.takedown, {"reason": journal.reason, **counts, **follows})
