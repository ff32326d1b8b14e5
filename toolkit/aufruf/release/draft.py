"""A release in memory: its rows, its splits, and what is to be said of them."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import WorkspaceError
from aufruf.release.content import gather
from aufruf.release.features import FEATURES, FOLDERS, SPLITS, encode
from aufruf.release.parquet import content_sha256
from aufruf.release.rows import category_columns, judgement_rows, labelled_rows, with_groups
from aufruf.release.splits import SplitPlan, split_records
from aufruf.release.versions import frozen_splits, released

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aufruf.release.content import Content
    from aufruf.release.splits import Splits
    from aufruf.workspace import Workspace

SUPERSEDED = "a newer version of the text exists"


@dataclass(frozen=True)
class Draft:
    """A release in memory: the stored rows of each (config, split), and what they came from."""

    content: Content
    splits: Splits
    plan: SplitPlan
    frames: dict[tuple[str, str], pl.DataFrame]
    lock: dict[str, str]
    content_sha256: str
    warnings: list[str]

    @property
    def left_out(self) -> dict[str, int]:
        """How many records with gold are not released, by reason."""
        counts = dict(self.splits.left_out.group_by("reason").len().sort("reason").iter_rows())
        superseded = {SUPERSEDED: self.content.superseded} if self.content.superseded else {}
        return {**counts, **superseded}


def draft_release(workspace: Workspace, version: str, seed: int) -> Draft:
    """Return the release in memory; nothing is written.

    Raises:
        InputError: if the earlier release's list of splits was altered, or an answer names what the label
            scheme does not have.
        WorkspaceError: if nothing was decided yet.
    """
    scheme = workspace.label_scheme
    earlier = released(workspace)
    frozen = frozen_splits(earlier[-1] if earlier else None)
    shares = workspace.settings.splits
    wanted = {"train": shares.train, "validation": shares.validation, "test": shares.test}
    plan = SplitPlan(wanted, seed)
    content = gather(workspace)
    rows = labelled_rows(content, scheme)
    categories = category_columns(rows, scheme)
    splits = split_records(rows.with_columns(**categories), list(categories), plan, frozen)
    salt, warnings = _salt(workspace, version)
    named = {
        "default": with_groups(rows, splits.placed, salt).sort("id"),
        "annotations": judgement_rows(content.annotations, splits.placed, salt),
    }
    frames = {
        (config, split): encode(named[config].filter(pl.col("split") == split), FEATURES[config](scheme))
        for config in FOLDERS
        for split in SPLITS
    }
    placed = dict(splits.placed.select("record_id", "split").iter_rows())
    return Draft(
        content=content,
        splits=splits,
        plan=plan,
        frames=frames,
        lock=frozen | placed,
        content_sha256=content_sha256(frames),
        warnings=[*warnings, *_warnings(content, frames)],
    )


def _salt(workspace: Workspace, version: str) -> tuple[bytes, list[str]]:
    """Return what makes this release's pseudonyms, the same whenever this version is made."""
    try:
        key = workspace.pseudonym_key().reveal()
    except WorkspaceError:
        return secrets.token_bytes(32), ["the pseudonym key is gone: this release cannot be made again"]
    return hmac.digest(key.encode(), f"release\0{version}".encode(), "sha256"), []


def _warnings(content: Content, frames: Mapping[tuple[str, str], pl.DataFrame]) -> list[str]:
    without = content.records.filter(~pl.col("has_rights")).group_by("source").len().sort("source")
    rights = [
        f"source {source}: {n:,} records without rights; name them in aufruf.toml under [sources.{source}]"
        for source, n in without.iter_rows()
    ]
    empty = [f"{split} is empty" for split in SPLITS if frames["default", split].is_empty()]
    return [*rights, *empty]
