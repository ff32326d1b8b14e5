"""Read a release as examples: its texts and, per label, what is contained and what is the author's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from aufruf.baselines.examples import NOT_ASKED, YES_NO, Examples, Target
from aufruf.baselines.features import prepare
from aufruf.errors import InputError, WorkspaceError
from aufruf.files import sha256_of
from aufruf.label_scheme import load_label_scheme
from aufruf.release.manifest import read_manifest
from aufruf.release.versions import released

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.examples import Reals
    from aufruf.label_scheme import LabelScheme
    from aufruf.release.manifest import Manifest
    from aufruf.workspace import Workspace

Split = Literal["train", "validation", "test"]
SIDES = ("author", "contained")
"""The two questions of each label; the first is the headline."""
_SCHEME = "docs/label_scheme.toml"


@dataclass(frozen=True)
class Release:
    """A release's identity and its splits as examples, with a head a label and side."""

    version: str
    content_sha256: str
    scheme: LabelScheme
    splits: dict[str, Examples]


def find_release(workspace: Workspace, version: str | None = None) -> Path:
    """Return the folder of a workspace's release, the newest if no version is given.

    Raises:
        WorkspaceError: if there is none.
    """
    known = released(workspace)
    chosen = [path for path in known if version in (None, path.name)]
    if not chosen:
        names = ", ".join(path.name for path in known) or "none"
        wanted = "no release" if version is None else f"no release {version}"
        raise WorkspaceError(
            f"{workspace.root}: {wanted} here (releases: {names}); `aufruf export` makes one"
        )
    return chosen[-1]


def read_release(folder: Path, splits: tuple[Split, ...]) -> Release:
    """Read splits of a release, each file checked against the release's manifest.

    Raises:
        InputError: if it is no release, a file is missing, or one is not as it was released.
    """
    manifest = read_manifest(folder)
    _check_file(folder, _SCHEME, manifest.files[_SCHEME].sha256 if _SCHEME in manifest.files else "")
    scheme = load_label_scheme(folder / _SCHEME)
    found = {split: examples_of(_read(folder, manifest, "data", split), scheme) for split in splits}
    return Release(manifest.version, manifest.content_sha256, scheme, found)


def read_annotations(folder: Path, split: Split) -> pl.DataFrame | None:
    """Return a split's rows of config ``annotations``, as they are stored; None if it has none.

    Raises:
        InputError: if it is no release, a file is missing, or one is not as it was released.
    """
    manifest = read_manifest(folder)
    if not any(name.startswith(f"annotations/{split}-") for name in manifest.files):
        return None
    return _read(folder, manifest, "annotations", split)


def _read(folder: Path, manifest: Manifest, config: str, split: Split) -> pl.DataFrame:
    names = sorted(name for name in manifest.files if name.startswith(f"{config}/{split}-"))
    for name in names:
        _check_file(folder, name, manifest.files[name].sha256)
    if not names:
        raise InputError(f"{folder}: lists no files of split {split!r}; run `aufruf verify {folder}`")
    return pl.concat([pl.read_parquet(folder / name) for name in names])


def examples_of(rows: pl.DataFrame, scheme: LabelScheme) -> Examples:
    """Return rows of a release's config ``default`` as examples.

    Texts without a text (dehydrated or withdrawn) are left out. A weight that is not known counts as the
    mean of those that are.
    """
    kept = rows.filter(pl.col("text").is_not_null())
    names = [f"{label}_{side}" for side in SIDES for label in scheme.label_names]
    groups = pl.coalesce("group", "id")
    return Examples(
        texts=prepare(kept.get_column("text")),
        targets=tuple(_target(kept, name) for name in names),
        units=kept.select(groups.rank("dense") - 1).to_series().cast(pl.Int64).to_numpy(),
        languages=kept.get_column("language").fill_null("und").to_numpy().astype(np.str_),
        weights=_relative(kept.get_column("weight")),
        facts=_with_voices(kept.drop("text"), scheme),
    )


def _check_file(folder: Path, name: str, sha256: str) -> None:
    path = folder / name
    if not path.is_file() or sha256_of(path) != sha256:
        raise InputError(
            f"{path}: is not as it was released; run `aufruf verify {folder}`, and fetch the release anew"
        )


def _with_voices(facts: pl.DataFrame, scheme: LabelScheme) -> pl.DataFrame:
    """Return the facts with voices by name instead of by number."""
    codes = pl.Series(range(len(scheme.voice_names)), dtype=pl.Int64)
    to_name = pl.element().cast(pl.Int64).replace_strict(codes, scheme.voice_names, return_dtype=pl.String)
    return facts.with_columns(pl.col(f"{label}_voice").list.eval(to_name) for label in scheme.label_names)


def _target(rows: pl.DataFrame, name: str) -> Target:
    codes = rows.get_column(name).cast(pl.Int64).fill_null(NOT_ASKED).to_numpy()
    return Target(name, YES_NO, codes)


def _relative(weights: pl.Series) -> Reals | None:
    mean = weights.mean()
    if not isinstance(mean, float) or mean <= 0:
        return None
    return (weights / mean).fill_null(1.0).to_numpy()
