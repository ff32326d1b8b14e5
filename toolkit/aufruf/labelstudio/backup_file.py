"""A backup of Label Studio as a file: a zip archive with a manifest that names the hash of all else.

It holds the texts of posts: readable by its owner alone. It holds no password, no token and no address of a
person: accounts stand in it under their pseudonyms.
"""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Literal

import msgspec

from aufruf.errors import InputError
from aufruf.files import sync

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

FORMAT = 1
MANIFEST = "manifest.json"
Kind = Literal["database", "portable"]
_BLOCK = 1 << 20
_MEMBER = re.compile(r"[\w][\w .@+-]*(/[\w][\w .@+-]*)*")


class Counts(msgspec.Struct, frozen=True):
    """What a backup holds, or a server."""

    projects: int = 0
    tasks: int = 0
    annotations: int = 0
    drafts: int = 0
    predictions: int = 0
    accounts: int = 0


class Manifest(msgspec.Struct, frozen=True):
    """What a backup is. ``files`` holds the SHA-256 of each member; ``sha256`` is over all other fields."""

    format: int
    kind: Kind
    label_studio: str
    made_at: str
    counts: Counts
    files: dict[str, str]
    sha256: str = ""

    def own_sha256(self) -> str:
        """Return the hash of this manifest without its own hash."""
        return hashlib.sha256(_encoded(msgspec.structs.replace(self, sha256=""))).hexdigest()


@dataclass
class BackupWriter:
    """An archive that is being written."""

    _archive: zipfile.ZipFile
    _hashes: dict[str, str] = field(default_factory=dict[str, str])

    @contextmanager
    def member(self, name: str) -> Generator[_Hashed]:
        """Open a new member for writing, one at a time."""
        with self._archive.open(name, "w", force_zip64=True) as handle:
            hashed = _Hashed(handle)
            yield hashed
        self._hashes[name] = hashed.digest.hexdigest()

    def copy(self, path: Path, name: str) -> None:
        """Copy a file into the archive."""
        with self.member(name) as target, path.open("rb") as source:
            while block := source.read(_BLOCK):
                target.write(block)

    def finish(self, kind: Kind, label_studio: str, made_at: str, counts: Counts) -> Manifest:
        """Write the manifest, last."""
        files = dict(sorted(self._hashes.items()))
        manifest = Manifest(FORMAT, kind, label_studio, made_at, counts, files)
        manifest = msgspec.structs.replace(manifest, sha256=manifest.own_sha256())
        self._archive.writestr(MANIFEST, _encoded(manifest))
        return manifest


class _Hashed:
    """A file that hashes what is written to it."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle
        self.digest = hashlib.sha256()

    def write(self, content: bytes) -> None:
        self.digest.update(content)
        self._handle.write(content)


@contextmanager
def writing(path: Path) -> Generator[BackupWriter]:
    """Write a backup that appears whole, readable by its owner alone, or not at all.

    A killed process leaves a hidden `.NAME.partial` beside it, which the next one replaces.
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w+b") as handle:
            with zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED) as archive:
                yield BackupWriter(archive)
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync(path.parent)


@dataclass(frozen=True)
class Backup:
    """A backup that was verified."""

    path: Path
    manifest: Manifest

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a member."""
        with zipfile.ZipFile(self.path) as archive, archive.open(name) as handle:
            yield from handle

    def extract(self, folder: Path) -> None:
        """Write all members but the manifest below ``folder``, readable by its owner alone."""
        with zipfile.ZipFile(self.path) as archive:
            for name in self.manifest.files:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as written, archive.open(name) as handle:
                    while block := handle.read(_BLOCK):
                        written.write(block)


def open_backup(path: Path) -> Backup:
    """Open a backup and verify it: its manifest, every member's hash, no member too many.

    Raises:
        InputError: if it is not there, no backup, damaged, or made by a newer aufruf.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if MANIFEST not in names:
                raise InputError(f"{path}: no backup of Label Studio: it holds no {MANIFEST}")
            manifest = _manifest(path, archive.read(MANIFEST))
            if sorted(names) != sorted([*manifest.files, MANIFEST]):
                raise InputError(f"{path}: damaged: other files are in it than its manifest names")
            for name, expected in manifest.files.items():
                if not _MEMBER.fullmatch(name) or _sha256(archive, name) != expected:
                    raise InputError(f"{path}: damaged: {name} is not what was backed up; use another backup")
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise InputError(f"{path}: no backup of Label Studio, or cut off; use another backup") from error
    return Backup(path, manifest)


def _manifest(path: Path, content: bytes) -> Manifest:
    try:
        found = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        version = msgspec.json.decode(found.get("format", msgspec.Raw(b"0")), type=int)
        if version > FORMAT:
            raise InputError(
                f"{path}: a backup of format {version}, this version of aufruf reads up to {FORMAT}: "
                "install a newer aufruf"
            )
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: damaged: its manifest cannot be read") from error
    if manifest.sha256 != manifest.own_sha256():
        raise InputError(f"{path}: damaged: its manifest was changed; use another backup")
    return manifest


def _sha256(archive: zipfile.ZipFile, name: str) -> str:
    import zlib

    digest = hashlib.sha256()
    try:
        with archive.open(name) as handle:
            while block := handle.read(_BLOCK):
                digest.update(block)
    except (zlib.error, zipfile.BadZipFile):
        return ""
    return digest.hexdigest()


def _encoded(manifest: Manifest) -> bytes:
    return msgspec.json.encode(manifest, order="deterministic")
