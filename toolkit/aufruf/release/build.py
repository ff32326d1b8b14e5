"""Export a release: gather, divide, write beside, rename once."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import GateError
from aufruf.files import sync, write_bytes, write_text
from aufruf.release.also import write_also
from aufruf.release.changes import changelog, changes_since, labelled
from aufruf.release.documents import write_documents
from aufruf.release.draft import draft_release
from aufruf.release.features import FEATURES, FOLDERS, SPLITS
from aufruf.release.manifest import (
    FORMAT,
    MANIFEST,
    Event,
    Manifest,
    Scheme,
    canonical_json,
    list_files,
    read_manifest,
    seal,
    settings_sha256,
)
from aufruf.release.parquet import write_split
from aufruf.release.versions import LOCK, check_fits, check_new, least_version, lock_bytes, released
from aufruf.statements import DATA_CARD, missing_statements, read_statements, retention_date, template
from aufruf.tables import EVENTS, TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aufruf.release.also import Also
    from aufruf.release.changes import Since
    from aufruf.release.draft import Draft
    from aufruf.workspace import Workspace

_WRITERS = 2
_BUILDING = ".building-"


@dataclass(frozen=True)
class Far:
    """A category of ``n`` records whose ``largest`` deviation is above two points; ``least`` is possible.

    ``least`` is null where time divides.
    """

    category: str
    n: int
    least: float | None
    largest: float


@dataclass(frozen=True)
class ExportReport:
    """What a release holds.

    ``left_out`` counts records by reason; ``stays_out`` names those that the splits cannot hold.
    ``largest_deviation`` is the largest difference between a split's wanted and its real share of a
    category with 50 records or more, null without such a category; ``far`` lists those of them that are
    more than two points off, with the smallest difference (``least``) that their units allow.
    ``borders`` says when validation and test begin where time divides. ``least_version`` is the lowest
    version that says what changed since the release before, null for the first.
    """

    version: str
    path: str
    splits: dict[str, int]
    content_sha256: str
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    stays_out: dict[str, str] = field(default_factory=dict[str, str])
    largest_deviation: float | None = None
    far: list[Far] = field(default_factory=list["Far"])
    borders: dict[str, str] = field(default_factory=dict[str, str])
    least_version: str | None = None
    warnings: list[str] = field(default_factory=list[str])


def export(  # noqa: PLR0913 -- the command's options, in the same words
    workspace: Workspace,
    version: str,
    *,
    seed: int = 0,
    by_time: bool = False,
    dry_run: bool = False,
    any_version: bool = False,
    also: Sequence[Also] = (),
    final: bool = False,
) -> ExportReport:
    """Make a release of all records with gold labels under ``releases/<version>``.

    The folder appears whole or not at all, and the same tables, version and seed give the same bytes.
    With ``by_time`` train, validation and test are periods, one after the other; later releases keep the
    borders. With ``any_version`` the version need not say what changed, as when a takedown must go out.

    Raises:
        InputError: if the version is no semantic version or says less than what changed, the earlier
            release's list of splits was altered or is one by chance though time is to divide, or an answer
            names what the label scheme does not have.
        WorkspaceError: if the version exists or is below the newest, or nothing was decided yet.
        GateError: if it is to be final and a statement is missing.
    """
    path = check_new(workspace, version)
    if final:
        _check_stated(workspace)
    if dry_run:
        draft = draft_release(workspace, version, seed, by_time=by_time)
        since = since_then(workspace, draft)
        return _report(path, draft, _least(since, version, any_version=any_version))
    with workspace.locked():
        _tidy(workspace)
        draft = draft_release(workspace, version, seed, by_time=by_time)
        since = since_then(workspace, draft)
        least = _least(since, version, any_version=any_version)
        building = path.parent / f"{_BUILDING}{version}-{os.getpid()}"
        try:
            write_release(building, draft, workspace, since, also, final=final)
            building.rename(path)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        sync(path.parent)
        _record(workspace, path)
    return _report(path, draft, least)


def since_then(workspace: Workspace, draft: Draft) -> Since:
    """Return what a draft changes against the releases below its version."""
    rows = {split: draft.frames["default", split] for split in SPLITS}
    return changes_since(released(workspace, below=draft.version), labelled(rows, workspace.label_scheme))


def _least(since: Since, version: str, *, any_version: bool) -> str | None:
    if since.version is None or since.changes is None:
        return None
    if not any_version:
        check_fits(version, since.version, since.changes.level)
    return least_version(since.version, since.changes.level)


def _tidy(workspace: Workspace) -> None:
    """Remove what a killed export left, and record releases that it had finished."""
    folder = workspace.root / "releases"
    folder.mkdir(exist_ok=True)
    for leftover in folder.glob(f"{_BUILDING}*"):
        shutil.rmtree(leftover)
    events = workspace.store.scan(EVENTS).filter(pl.col("action") == "export")
    recorded = set(events.select("subject").collect().get_column("subject"))
    for path in released(workspace):
        if path.name not in recorded:
            _record(workspace, path)


def _record(workspace: Workspace, path: Path) -> None:
    manifest = read_manifest(path)
    hashes = {"content_sha256": manifest.content_sha256, "manifest_sha256": manifest.manifest_sha256}
    workspace.record_event("export", path.name, {"splits": manifest.splits, **hashes})


def _report(path: Path, draft: Draft, least: str | None) -> ExportReport:
    return ExportReport(
        version=draft.version,
        path=str(path),
        splits={split: draft.frames["default", split].height for split in SPLITS},
        content_sha256=draft.content_sha256,
        left_out=draft.left_out,
        stays_out=dict(draft.splits.left_out.iter_rows()),
        largest_deviation=draft.splits.largest_deviation,
        far=[Far(*row) for row in draft.splits.far.rows()],
        borders=_borders(draft),
        least_version=least,
        warnings=draft.warnings,
    )


def _check_stated(workspace: Workspace) -> None:
    """Refuse a final release while a field of the data card is empty; put a card there if there is none."""
    path = workspace.root / DATA_CARD
    if not path.exists():
        write_text(path, template())
    stated = read_statements(path)
    missing = [f"{field.title} ({field.asks})" for field in missing_statements(stated)]
    release = workspace.settings.release
    if release.title == type(release)().title:
        missing.append("title (in aufruf.toml, [release])")
    if not release.contact:
        missing.append("contact (in aufruf.toml, [release]: whom to ask for removal)")
    if missing:
        asked = "".join(f"\n  {field}" for field in missing)
        raise GateError(f"{path}: {len(missing)} statements are missing for a final release:{asked}")
    until = retention_date(stated["retention"])
    if until is not None and until < datetime.now(UTC).date():
        raise GateError(f"{path}: the retention ended on {until}: this data must not be released")


def write_release(  # noqa: PLR0913 -- what a release is made of
    folder: Path,
    draft: Draft,
    workspace: Workspace,
    since: Since,
    also: Sequence[Also] = (),
    *,
    final: bool = False,
) -> None:
    """Write all files durably; the manifest last, for it lists the others."""
    features = {config: FEATURES[config](workspace.label_scheme) for config in FOLDERS}
    with ThreadPoolExecutor(_WRITERS) as pool:
        done = [
            pool.submit(write_split, folder, config, split, frame, features[config])
            for (config, split), frame in draft.frames.items()
        ]
    for written in done:
        written.result()
    write_also(folder, also, draft.frames, features)
    write_bytes(folder / LOCK, lock_bytes(draft.lock))
    write_text(folder / "CHANGELOG.md", changelog(draft.version, since))
    write_documents(folder, draft, workspace)
    manifest = msgspec.structs.replace(_manifest(folder, draft, workspace), also=sorted(also), final=final)
    write_bytes(folder / MANIFEST, canonical_json(seal(manifest)))
    _make_durable(folder)


def _manifest(folder: Path, draft: Draft, workspace: Workspace) -> Manifest:
    scheme = workspace.label_scheme
    last = workspace.store.scan(EVENTS).sort("n").tail(1).select("n", "sha256").collect()
    return Manifest(
        format=FORMAT,
        version=draft.version,
        code_version=installed_version("aufruf"),
        label_scheme=Scheme(scheme.version, scheme.sha256),
        gold_run=draft.content.gold_run,
        seed=draft.plan.seed,
        shares=dict(draft.plan.shares),
        relations=list(draft.plan.relations),
        borders=_borders(draft),
        annotators=workspace.settings.release.annotators,
        splits={split: draft.frames["default", split].height for split in SPLITS},
        left_out=draft.left_out,
        warnings=draft.warnings,
        tables={table.name: workspace.store.version(table) for table in TABLES if table is not EVENTS},
        events=Event(*last.row(0)) if last.height else Event(0, ""),
        content_sha256=draft.content_sha256,
        settings_sha256=settings_sha256(workspace.settings),
        files=list_files(folder),
    )


def _borders(draft: Draft) -> dict[str, str]:
    borders = draft.plan.borders
    return {} if borders is None else dict(zip(SPLITS[1:], (at.isoformat() for at in borders), strict=True))


def _make_durable(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        sync(path)
