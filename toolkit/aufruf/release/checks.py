"""What must hold of a release's rows, whoever made them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from aufruf.release.features import GROUPS, SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Frames = Mapping[tuple[str, str], pl.DataFrame]
    Found = tuple[list[str], dict[str, int]]


def check_rows(frame: pl.DataFrame, features: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the rows of one split of one config; no value is named."""
    problems = [
        f"column {name} holds a class label out of range"
        for name, feature in features.items()
        if _out_of_range(frame.get_column(name), feature)
    ]
    if not frame.get_column("id").is_sorted():
        problems.append("is not sorted by id")
    if "text" in frame.columns:
        problems += _record_problems(frame)
    return problems


def check_splits(frames: Frames, lock: Mapping[str, str], relations: Sequence[str]) -> Found:
    """Return what crosses splits, or stands elsewhere than the lock says, and the certificate.

    Args:
        frames: the stored rows of each (config, split).
        lock: the split of each record_id.
        relations: what the release says that its splits do not cross.
    """
    records = _of_all_splits(frames, "default", ["id", "text", *GROUPS])
    certificate = {f"shared_{name}s": _shared(records, name) for name in ("id", "text", *GROUPS)}
    allowed = {"shared_texts"} | {
        f"shared_{name}s" for name, relation in GROUPS.items() if relation and relation not in relations
    }
    certificate |= _elsewhere(records, frames, lock)
    problems = [
        f"{n:,} {name.replace('_', ' ')}" for name, n in certificate.items() if n and name not in allowed
    ]
    if records.get_column("id").is_duplicated().any():
        problems.append("an id stands twice")
    return problems, certificate


def check_periods(frames: Frames) -> list[str]:
    """Return whether a split that must be older than another has a record of a later month.

    Records that tell no more than their year are not looked at.
    """
    months = [frames["default", split].select(pl.col("month")).to_series() for split in SPLITS]
    known = [
        (split, month.filter(month.str.len_bytes() == len("2026-01")).sort())
        for split, month in zip(SPLITS, months, strict=True)
    ]
    filled = [(split, month) for split, month in known if len(month)]
    return [
        f"{earlier} holds a record of a later month than {later}"
        for (earlier, before), (later, after) in pairwise(filled)
        if before[-1] > after[0]
    ]


def _of_all_splits(frames: Frames, config: str, columns: Sequence[str]) -> pl.DataFrame:
    return pl.concat(
        [frames[config, split].select(columns).with_columns(split=pl.lit(split)) for split in SPLITS]
    )


def _elsewhere(records: pl.DataFrame, frames: Frames, lock: Mapping[str, str]) -> dict[str, int]:
    """Count what does not stand in the split where the records, or the lock, have it."""
    locked = pl.DataFrame(
        {"id": list(lock), "split": list(lock.values())}, schema={"id": pl.String, "split": pl.String}
    )
    judged, dehydrated = (_of_all_splits(frames, config, ["id"]) for config in ("annotations", "dehydrated"))
    place = ["id", "split"]
    return {
        "unlocked": records.join(locked, on=place, how="anti").height,
        "judgements_elsewhere": judged.join(records, on=place, how="anti").height,
        "dehydrated_elsewhere": records.join(dehydrated, on=place, how="anti").height
        + dehydrated.join(records, on=place, how="anti").height,
    }


def _shared(records: pl.DataFrame, column: str) -> int:
    """Count the values of a column that stand in more than one split."""
    splits = records.filter(pl.col(column).is_not_null()).group_by(column).agg(pl.col("split").n_unique())
    return splits.filter(pl.col("split") > 1).height


def _out_of_range(column: pl.Series, feature: Any) -> bool:
    if column.is_empty():
        return False
    if isinstance(feature, dict):
        fields = cast("dict[str, Any]", feature)
        return any(_out_of_range(column.struct.field(name), inner) for name, inner in fields.items())
    if hasattr(feature, "names"):
        return not column.drop_nulls().is_between(0, len(feature.names) - 1).all()
    if hasattr(feature, "feature"):
        return _out_of_range(column.explode(empty_as_null=False, keep_nulls=False), feature.feature)
    return False


def _record_problems(frame: pl.DataFrame) -> list[str]:
    """Check shares, weights and spans; lengths count code points."""
    shares = pl.all_horizontal(pl.col("^.+_share$").is_between(0, 1).fill_null(value=True))
    ends = frame.select(pl.col("text").str.len_chars(), "spans").explode("spans").drop_nulls("spans")
    span = pl.col("spans").struct
    inside = (span.field("start") >= 0) & (span.field("start") < span.field("end"))
    within = ends.select((inside & (span.field("end") <= pl.col("text"))).all()).item()
    problems = [] if within else ["a span lies outside of its text"]
    if not frame.select(shares.all()).item():
        problems.append("a share is not between 0 and 1")
    if not frame.select((pl.col("weight").fill_null(1.0) >= 1.0).all()).item():
        problems.append("a weight is below 1")
    return problems
