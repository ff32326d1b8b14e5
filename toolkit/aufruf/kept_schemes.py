"""Label schemes that were in force, kept by their hash, so that answers by an older one can be told apart.

Each lies in ``schemas/versions`` as the JSON whose SHA-256 is its name.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.files import write_bytes
from aufruf.label_scheme import LabelScheme
from aufruf.tables import ANNOTATIONS
from aufruf.views import current_annotations

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


def versions_folder(workspace: Workspace) -> Path:
    """Return where versions, and the maps between them, lie."""
    return workspace.root / "schemas" / "versions"


def keep_version(workspace: Workspace, scheme: LabelScheme | None = None) -> None:
    """Keep a label scheme by its hash: the one in force, unless another is given."""
    kept = scheme or workspace.label_scheme
    path = versions_folder(workspace) / f"{kept.sha256}.json"
    if not path.exists():
        write_bytes(path, msgspec.json.encode(kept, order="deterministic"))


def kept_version(path: Path) -> LabelScheme:
    """Read a version.

    Raises:
        InputError: if the file was changed.
    """
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != path.stem:
        raise InputError(f"{path}: the file was changed: its name is its hash; restore it from a backup")
    return msgspec.json.decode(content, type=LabelScheme)


def refuse_outdated(workspace: Workspace) -> None:
    """See to it that no answer counts as "no" to a label that its annotator was never asked about.

    Raises:
        InputError: if answers for all labels of an older scheme are there that lacked a label of this one.
    """
    is_for_all = (pl.col("pass") == "triage") & (pl.col("state") == "live") & pl.col("asked").is_null()
    answers = current_annotations(workspace.store.scan(ANNOTATIONS)).filter(is_for_all)
    current = workspace.label_scheme
    for sha256, n in answers.group_by("scheme_sha256").len().sort("scheme_sha256").collect().iter_rows():
        path = versions_folder(workspace) / f"{sha256}.json"
        if sha256 == current.sha256 or not path.exists():
            continue
        older = kept_version(path).label_names
        added = [name for name in current.label_names if name not in older]
        if added:
            raise InputError(
                f"{n:,} answers were given before the label scheme had {', '.join(added)}: they would count "
                'as "no". Run `aufruf annotate migrate`, which marks them as not asked'
            )
