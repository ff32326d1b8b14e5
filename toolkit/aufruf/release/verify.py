"""Check a release against itself: files, content, columns, splits, card. No workspace is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.errors import AufrufError, InputError
from aufruf.label_scheme import load_label_scheme
from aufruf.release.checks import check_periods, check_rows, check_splits
from aufruf.release.croissant import CROISSANT, per_record, structure
from aufruf.release.features import FEATURES, FOLDERS, SPLITS
from aufruf.release.figures import BEGIN, END, figures
from aufruf.release.front_matter import dataset_info, read_front_matter
from aufruf.release.likeness import Likeness, likeness
from aufruf.release.manifest import MANIFEST, list_files, read_manifest
from aufruf.release.parquet import content_sha256, read_split, split_files, stored_features
from aufruf.release.versions import LOCK, read_lock
from aufruf.release.withdrawal import WITHDRAWN, withdrawal_of

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.label_scheme import LabelScheme
    from aufruf.release.manifest import Manifest

    Frames = dict[tuple[str, str], pl.DataFrame]


@dataclass(frozen=True)
class VerifyReport:
    """What was found. ``failures`` each begin with the file that they are about.

    ``certificate`` counts what more than one split holds: ``shared_groups`` and so on are 0 in a sound
    release; ``shared_texts`` counts texts that are equal letter by letter. Groups of a relation that the
    release was told not to keep together may be shared. ``likeness`` says how alike texts of different
    splits are. Empty and null where files are damaged.
    """

    path: str
    ok: bool
    failures: list[str]
    certificate: dict[str, int] = field(default_factory=dict[str, int])
    relations: list[str] = field(default_factory=list[str])
    likeness: Likeness | None = None


def verify(path: Path) -> VerifyReport:
    """Check everything that a release says of itself.

    First every file against the manifest and the manifest against itself. Only if they hold are the rows
    read: their columns against the label scheme, legal values, the content hash, splits and their lock,
    and the figures of the card, counted anew.

    Raises:
        InputError: if there is no such folder.
    """
    if not path.is_dir():
        raise InputError(f"{path}: there is no such folder; name a release, such as releases/0.1.0")
    withdrawal = withdrawal_of(path)
    if withdrawal is not None:
        instead = f"use {withdrawal.successor} instead" if withdrawal.successor else "there is none instead"
        told = f"{WITHDRAWN}: withdrawn on {withdrawal.withdrawn_at:%Y-%m-%d}: {instead}"
        return VerifyReport(str(path), ok=False, failures=[told])
    try:
        manifest = read_manifest(path)
        failures = _altered_files(path, manifest)
    except InputError as error:
        return VerifyReport(str(path), ok=False, failures=[str(error)])
    if failures:
        return VerifyReport(str(path), ok=False, failures=failures)
    try:
        return _read(path, manifest)
    except (AufrufError, pl.exceptions.PolarsError, OSError) as error:
        return VerifyReport(str(path), ok=False, failures=[f"{path.name}: cannot be read: {error}"])


def _altered_files(path: Path, manifest: Manifest) -> list[str]:
    found = list_files(path)
    listed = manifest.files
    missing = [f"{name}: is missing" for name in sorted(listed.keys() - found.keys())]
    stray = [f"{name}: does not belong to the release" for name in sorted(found.keys() - listed.keys())]
    altered = [
        f"{name}: is not as it was released: SHA-256 {found[name].sha256[:12]}…, released as "
        f"{listed[name].sha256[:12]}…"
        for name in sorted(found.keys() & listed.keys())
        if found[name] != listed[name]
    ]
    return [*missing, *stray, *altered]


def _read(path: Path, manifest: Manifest) -> VerifyReport:
    """Check the rows of a release whose files are as its manifest says."""
    scheme = load_label_scheme(path / "docs" / "label_scheme.toml")
    features = {config: FEATURES[config](scheme) for config in FOLDERS}
    failures = _column_failures(path, features)
    if scheme.sha256 != manifest.label_scheme.sha256:
        failures = [f"docs/label_scheme.toml: is another label scheme than {MANIFEST} names"]
    if failures:
        return VerifyReport(str(path), ok=False, failures=failures)
    frames = {
        (config, split): read_split(path, config, split, features[config])
        for config in FOLDERS
        for split in SPLITS
    }
    problems, certificate = check_splits(frames, read_lock(path / LOCK), manifest.relations)
    failures = [
        *_row_failures(frames, features, manifest),
        *(f"{LOCK}: {problem}" for problem in problems),
        *_card_failures(path, manifest, scheme, frames),
        *_croissant_failures(path, manifest, scheme, frames),
    ]
    if manifest.borders:
        failures += [f"{MANIFEST}: {problem}" for problem in check_periods(frames)]
    alike = likeness({split: frames["default", split] for split in SPLITS})
    return VerifyReport(str(path), not failures, failures, certificate, manifest.relations, alike)


def _row_failures(frames: Frames, features: dict[str, Any], manifest: Manifest) -> list[str]:
    failures = [
        f"{name}: {problem}"
        for (config, split), frame in frames.items()
        for name in split_files(config, split, frame.height)[:1]
        for problem in check_rows(frame, features[config])
    ]
    if content_sha256(frames) != manifest.content_sha256:
        failures.append(f"{MANIFEST}: the content of data and annotations has another hash")
    return failures


def _column_failures(path: Path, features: dict[str, Any]) -> list[str]:
    files = [
        (config, file) for config, folder in FOLDERS.items() for file in sorted((path / folder).glob("*"))
    ]
    return [
        f"{file.relative_to(path).as_posix()}: has other columns than the label scheme makes"
        for config, file in files
        if stored_features(file) != features[config]
    ]


def _card_failures(path: Path, manifest: Manifest, scheme: LabelScheme, frames: Frames) -> list[str]:
    card = (path / "README.md").read_text("utf-8")
    rows = {key: frame.height for key, frame in frames.items()}
    failures: list[str] = []
    if read_front_matter(card).get("dataset_info") != dataset_info(scheme, rows, manifest.files):
        failures.append("README.md: its dataset_info does not say what the files hold")
    begin, end = card.find(BEGIN), card.find(END)
    if card[max(begin, 0) : end + len(END)] != figures(frames, scheme.label_names):
        failures.append("README.md: its figures are not those of the files")
    if {split: rows["default", split] for split in SPLITS} != manifest.splits:
        failures.append(f"{MANIFEST}: its counts are not those of the files")
    return failures


def _croissant_failures(path: Path, manifest: Manifest, scheme: LabelScheme, frames: Frames) -> list[str]:
    try:
        described = msgspec.json.decode((path / CROISSANT).read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, msgspec.DecodeError):
        return [f"{CROISSANT}: is missing, or no JSON"]
    counted = structure(scheme, {key: frame.height for key, frame in frames.items()}, manifest.files)
    counted |= {"version": manifest.version, "rai:annotationsPerItem": per_record(frames)}
    wrong = sorted(name for name, value in counted.items() if described.get(name) != value)
    return [f"{CROISSANT}: its {name} is not that of the files" for name in wrong]
