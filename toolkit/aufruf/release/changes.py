"""What changed from one release to the next, for its changelog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.release.features import FOLDERS, SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Changes:
    """Counts of records by id; ``relabelled`` by label column, as far as both releases have it."""

    added: int
    removed: int
    changed_text: int
    moved: int
    relabelled: dict[str, int]


def labelled_table(splits: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return ``id``, ``text``, ``split`` and each label's two columns of all splits."""
    frames = [frame.with_columns(split=pl.lit(split)) for split, frame in splits.items()]
    return pl.concat(frames).select("id", "text", "split", "^.+_(contained|author)$")


def released_table(release: Path) -> pl.DataFrame | None:
    """Return the labelled table of a release, or None if its data is gone."""
    folder = release / FOLDERS["default"]
    filled = [split for split in SPLITS if any(folder.glob(f"{split}-*.parquet"))]
    if not filled:
        return None
    return labelled_table({split: pl.read_parquet(folder / f"{split}-*.parquet") for split in filled})


def compare(before: pl.DataFrame, after: pl.DataFrame) -> Changes:
    """Count what differs between two labelled tables; null to yes or no is a new label, too."""
    both = after.join(before, on="id", how="inner", suffix="@before")
    columns = [name for name in before.columns if name in after.columns and name.endswith(_LABEL_COLUMNS)]

    def differing(name: str) -> int:
        return both.filter(pl.col(name).ne_missing(pl.col(f"{name}@before"))).height

    return Changes(
        added=after.height - both.height,
        removed=before.height - both.height,
        changed_text=differing("text"),
        moved=differing("split"),
        relabelled={name: differing(name) for name in columns},
    )


def changelog(version: str, changes: Changes | None, earlier: Path | None) -> str:
    """Return the changelog with this version on top of what the earlier release's says."""
    if earlier is None:
        return f"{_HEADING}## {version}\n\nThe first release.\n"
    path = earlier / "CHANGELOG.md"
    past = path.read_text("utf-8").removeprefix(_HEADING) if path.is_file() else ""
    return f"{_HEADING}## {version}\n\n{_described(changes, earlier.name)}\n\n{past}"


_HEADING = "# Changes\n\n"
_LABEL_COLUMNS = ("_contained", "_author")


def _described(changes: Changes | None, earlier: str) -> str:
    if changes is None:
        return f"The data of version {earlier} is gone: nothing to compare with."
    relabelled = [f"  - `{name}`: {n:,}" for name, n in changes.relabelled.items() if n]
    lines = [
        f"Against version {earlier}:",
        "",
        f"- records added: {changes.added:,}; removed: {changes.removed:,}",
        f"- records with changed text: {changes.changed_text:,}; moved to another split: {changes.moved:,}",
        f"- records with another label: {'none' if not relabelled else 'by column'}",
        *relabelled,
    ]
    return "\n".join(lines)
