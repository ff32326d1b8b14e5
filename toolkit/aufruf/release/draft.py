"""A release in memory: its rows, its splits, and what is to be said of them."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from aufruf.errors import InputError, WorkspaceError
from aufruf.release.content import gather
from aufruf.release.dehydrated import found_by, without_words
from aufruf.release.features import FEATURES, SPLITS, WORDS, encode
from aufruf.release.manifest import read_manifest
from aufruf.release.parquet import content_sha256
from aufruf.release.periods import borders_of
from aufruf.release.protest import kept_back, with_rough_times
from aufruf.release.rights import check_basis, left_without_text
from aufruf.release.rows import category_columns, judgement_rows, labelled_rows, with_groups
from aufruf.release.splits import SplitPlan, split_records
from aufruf.release.versions import extended_lock, frozen_splits, released

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aufruf.label_scheme import LabelScheme
    from aufruf.release.content import Content
    from aufruf.release.splits import Splits
    from aufruf.settings import Splits as Shares
    from aufruf.workspace import Workspace

SUPERSEDED = "a newer version of the text exists"


@dataclass(frozen=True)
class Draft:
    """A release in memory: the stored rows of each (config, split), and what they came from.

    ``lock`` is an `extended_lock`.
    """

    version: str
    content: Content
    splits: Splits
    plan: SplitPlan
    frames: dict[tuple[str, str], pl.DataFrame]
    lock: pl.DataFrame
    content_sha256: str
    kept_back: dict[str, int]
    warnings: list[str]

    @property
    def left_out(self) -> dict[str, int]:
        """How many records with gold are not released, by reason."""
        counts = dict(self.splits.left_out.group_by("reason").len().sort("reason").iter_rows())
        superseded = {SUPERSEDED: self.content.superseded} if self.content.superseded else {}
        return {**counts, **superseded, **self.kept_back}


def draft_release(workspace: Workspace, version: str, seed: int, *, by_time: bool = False) -> Draft:
    """Return the release in memory; nothing is written.

    Raises:
        SettingsError: if texts are to be released without rights.
        InputError: if the earlier release's list of splits was altered or it was not divided by time
            though this one is to be, or an answer names what the label scheme does not have.
        WorkspaceError: if nothing was decided yet.
    """
    scheme = workspace.label_scheme
    earlier = released(workspace, below=version)
    frozen = frozen_splits(earlier[-1] if earlier else None)
    content = gather(workspace)
    check_basis(content.records)
    plan = _plan(workspace.settings.splits, content, seed, earlier, by_time=by_time)
    release = workspace.settings.release
    rows, kept = kept_back(with_rough_times(labelled_rows(content, scheme), release), release)
    content = replace(content, gold=content.gold.clear())  # it takes as much room as the texts
    categories = category_columns(rows, scheme)
    splits = split_records(rows.with_columns(**categories), list(categories), plan, frozen)
    divided = splits.placed.get_column("row")
    splits = replace(splits, placed=splits.placed.with_columns(row=rows.get_column("row").gather(divided)))
    salt, warnings = _salt(workspace, f"release\0{version}")
    stable = release.annotators == "stable"
    people = _salt(workspace, "annotators")[0] if stable else salt
    judgements = _encoded("annotations", judgement_rows(content.annotations, splits.placed, people), scheme)
    placed_rows = with_groups(rows, splits.placed, salt)
    del rows
    default = _encoded("default", without_words(placed_rows), scheme)
    frames = default | judgements | _dehydrated(default, found_by(placed_rows, salt), scheme)
    del placed_rows
    return Draft(
        version=version,
        content=content,
        splits=splits,
        plan=plan,
        frames=frames,
        lock=extended_lock(frozen, splits.placed),
        content_sha256=content_sha256(frames),
        kept_back=kept,
        warnings=[*warnings, *_warnings(content, frames)],
    )


def _encoded(config: str, named: pl.DataFrame, scheme: LabelScheme) -> dict[tuple[str, str], pl.DataFrame]:
    """Return the stored rows of each split of a config."""
    encoded = encode(named, FEATURES[config](scheme))
    place = named.get_column("split")
    return {(config, split): encoded.filter(place == split) for split in SPLITS}


def _dehydrated(
    default: Mapping[tuple[str, str], pl.DataFrame], found_by: pl.DataFrame, scheme: LabelScheme
) -> dict[tuple[str, str], pl.DataFrame]:
    """Return config ``default`` without words, beside what finds them: most columns are the same."""
    features = cast("Mapping[str, Any]", FEATURES["dehydrated"](scheme))
    own = {name: feature for name, feature in features.items() if name in found_by.columns}
    return {
        ("dehydrated", split): pl.concat(
            [
                default["default", split].drop(WORDS),
                encode(found_by.filter(pl.col("split") == split), own),
            ],
            how="horizontal",
        ).select(list(features))
        for split in SPLITS
    }


def _plan(
    wanted: Shares, content: Content, seed: int, earlier: Sequence[Path], *, by_time: bool
) -> SplitPlan:
    """Return what is wanted of the splits: once divided by time, always so, and at the same borders."""
    shares = {"train": wanted.train, "validation": wanted.validation, "test": wanted.test}
    past = read_manifest(earlier[-1]).borders if earlier else {}
    if past:
        first, second = (datetime.fromisoformat(past[name]) for name in SPLITS[1:])
        return SplitPlan(shares, seed, wanted.together, (first, second))
    if not by_time:
        return SplitPlan(shares, seed, wanted.together)
    if earlier:
        raise InputError(
            f"release {earlier[-1].name} was divided by chance, and what it validates and tests on never "
            "moves: divide by time in a workspace that has no release yet"
        )
    borders = borders_of(content.records.get_column("created_at"), wanted.train, wanted.validation)
    if borders is None:
        raise InputError("no record has a time to divide by: leave --by-time out")
    return SplitPlan(shares, seed, wanted.together, borders)


def _salt(workspace: Workspace, purpose: str) -> tuple[bytes, list[str]]:
    """Return what makes pseudonyms, the same whenever they are made for the same purpose."""
    try:
        key = workspace.pseudonym_key().reveal()
    except WorkspaceError:
        return secrets.token_bytes(32), ["the pseudonym key is gone: this release cannot be made again"]
    return hmac.digest(key.encode(), purpose.encode(), "sha256"), []


def _warnings(content: Content, frames: Mapping[tuple[str, str], pl.DataFrame]) -> list[str]:
    rights = left_without_text(content.records)
    empty = [f"{split} is empty" for split in SPLITS if frames["default", split].is_empty()]
    return [*rights, *empty]
