"""Make a release again from the tables as they were, and see whether the same comes out."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import GateError, InputError, WorkspaceError
from aufruf.files import sync
from aufruf.label_scheme import load_label_scheme
from aufruf.release.also import known_formats
from aufruf.release.build import since_then, write_release
from aufruf.release.draft import draft_release
from aufruf.release.manifest import read_manifest, settings_sha256
from aufruf.release.withdrawal import withdrawal_of
from aufruf.store import Past
from aufruf.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.release.draft import Draft
    from aufruf.release.manifest import Manifest


@dataclass(frozen=True)
class RebuildReport:
    """A release made again: ``differing`` files are not the same byte for byte, though the content is.

    Parquet of another pyarrow is, and guidelines that were edited since.
    """

    version: str
    path: str
    content_sha256: str
    differing: list[str]


def rebuild(workspace: Workspace, version: str, output: Path) -> RebuildReport:
    """Make a release again in ``output`` from the versions of the tables that its manifest names.

    Raises:
        InputError: if there is no such release, ``output`` exists, or settings were changed since.
        WorkspaceError: if the key or the tables' history is gone, as after a takedown.
        GateError: if something else comes out; nothing is left in ``output``.
    """
    path = workspace.root / "releases" / version
    manifest = _manifest(workspace, path)
    if output.exists():
        raise InputError(f"{output}: exists already; name a folder that does not")
    scheme = load_label_scheme(path / "docs" / "label_scheme.toml")
    then = Workspace(workspace.root, Past(manifest.tables, manifest.events.n), scheme)
    draft = _draft(then, manifest)
    if draft.content_sha256 != manifest.content_sha256:
        raise GateError(
            f"{path}: something else comes out: content {draft.content_sha256[:12]}…, released as "
            f"{manifest.content_sha256[:12]}… by aufruf {manifest.code_version}; run it with that version"
        )
    building = output.with_name(f".{output.name}.building-{os.getpid()}")
    try:
        since, also = since_then(then, draft), known_formats(manifest.also)
        write_release(building, draft, then, since, also, final=manifest.final)
        building.rename(output)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    sync(output.parent)
    made, listed = read_manifest(output).files, manifest.files
    differing = sorted(name for name in made.keys() | listed.keys() if made.get(name) != listed.get(name))
    return RebuildReport(version, str(output), draft.content_sha256, differing)


def _manifest(workspace: Workspace, path: Path) -> Manifest:
    if not path.is_dir():
        raise InputError(f"{path}: there is no such release; `aufruf status` lists them")
    if withdrawal_of(path) is not None:
        raise WorkspaceError(f"{path}: was withdrawn: what it held was taken down, and is not made again")
    workspace.pseudonym_key()
    manifest = read_manifest(path)
    if manifest.settings_sha256 != settings_sha256(workspace.settings):
        raise InputError(
            f"{workspace.root / 'aufruf.toml'}: [splits], [sources], [privacy] or [release] annotators are "
            f"not as they were for release {manifest.version}; set them back for as long as it takes"
        )
    return manifest


def _draft(then: Workspace, manifest: Manifest) -> Draft:
    from deltalake.exceptions import DeltaError

    try:
        return draft_release(then, manifest.version, manifest.seed, by_time=bool(manifest.borders))
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise WorkspaceError(
            f"{then.root}: the tables are no longer there as they were for release {manifest.version}: a "
            "takedown removes their history, and with it what releases were made from"
        ) from error
