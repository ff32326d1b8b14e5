"""A release's manifest: what belongs to it, by hash, and what it was made from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from aufruf.errors import InputError
from aufruf.files import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.settings import Settings

MANIFEST = "MANIFEST.json"


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Size and SHA-256 of a file."""

    bytes: int
    sha256: str


class Scheme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which label scheme the labels are of."""

    version: str
    sha256: str


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest event of the workspace when the release was made; n is 0 if there was none."""

    n: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything that a release says of itself.

    ``files`` lists all files but the manifest, ``tables`` the versions of the tables it was made from,
    ``left_out`` counts records by reason. ``borders`` says when validation and test begin, if the splits
    are periods of time; ``final`` that nothing is missing which people must state. ``manifest_sha256`` is
    the hash of the canonical JSON without that field. Fields that were added after the first release have a
    default, and are left out where they have it: the hashes of older manifests hold.
    ``settings_sha256`` is the hash of those settings that decide what is released. ``also`` names the
    formats beside Parquet.
    """

    format: int
    version: str
    code_version: str
    label_scheme: Scheme
    gold_run: str
    seed: int
    shares: dict[str, float]
    relations: list[str]
    splits: dict[str, int]
    left_out: dict[str, int]
    warnings: list[str]
    tables: dict[str, int | None]
    events: Event
    content_sha256: str
    files: dict[str, File]
    borders: dict[str, str] = {}
    annotators: str = "per_release"
    final: bool = False
    settings_sha256: str = ""
    also: list[str] = []
    manifest_sha256: str = ""


FORMAT = 1


def canonical_json(value: object) -> bytes:
    """Return a value as JSON with sorted keys and without spaces, ended by a line feed."""
    return msgspec.json.encode(value, order="deterministic") + b"\n"


def settings_sha256(settings: Settings) -> str:
    """Return the hash of the settings that decide what a release holds."""
    deciding = {
        "splits": settings.splits,
        "sources": settings.sources,
        "mask": sorted(settings.privacy.mask),
        "annotators": settings.release.annotators,
        "protest": (settings.release.protest_time, settings.release.protest_before),
    }
    return hashlib.sha256(canonical_json(deciding)).hexdigest()


def seal(manifest: Manifest) -> Manifest:
    """Return the manifest with its own hash."""
    return msgspec.structs.replace(manifest, manifest_sha256=_own_sha256(manifest))


def list_files(folder: Path) -> dict[str, File]:
    """Return the files of a release by their relative paths, the manifest left out.

    Raises:
        InputError: if there is something else than plain files and folders, such as a link.
    """
    found: dict[str, File] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InputError(f"{name}: neither a plain file nor a folder; a release holds nothing else")
        if path.is_file() and name != MANIFEST:
            found[name] = File(path.stat().st_size, sha256_of(path))
    return found


def read_manifest(folder: Path) -> Manifest:
    """Read a release's manifest and check it against itself.

    Raises:
        InputError: if it is missing, is no manifest, or is not as it was written.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = msgspec.json.decode(content, type=Manifest)
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: there is no {MANIFEST}: not a release of aufruf, or not whole"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{MANIFEST}: is not as it was written: no valid manifest") from error
    if manifest.manifest_sha256 != _own_sha256(manifest) or content != canonical_json(manifest):
        raise InputError(f"{MANIFEST}: is not as it was written: its own hash does not hold")
    return manifest


def _own_sha256(manifest: Manifest) -> str:
    fields = msgspec.to_builtins(manifest)
    fields.pop("manifest_sha256", None)
    return hashlib.sha256(canonical_json(fields)).hexdigest()
