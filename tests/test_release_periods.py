"""Splits by time: train is the past of validation, and validation that of test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aufruf.errors import InputError
from aufruf.release.build import export
from aufruf.release.manifest import read_manifest
from aufruf.release.periods import LATE_FOR_TRAIN, NO_TIME, OTHER_PERIOD, borders_of
from aufruf.release.splits import BRIDGE, SplitPlan, split_records
from aufruf.release.ties import RELATIONS
from aufruf.release.verify import verify
from aufruf.tables import GOLD, RECORDS

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.release.splits import Splits
    from aufruf.workspace import Workspace

START = datetime(2031, 1, 1, tzinfo=UTC)
BORDERS = (START + timedelta(days=60), START + timedelta(days=80))
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
KEYS = [column for columns in RELATIONS.values() for column in columns]
SCHEMA = {
    "record_id": pl.String,
    **dict.fromkeys(KEYS, pl.String),
    "train_only": pl.Boolean,
    "created_at": pl.Datetime("us", "UTC"),
}


def day(number: int | None) -> datetime | None:
    return None if number is None else START + timedelta(days=number)


def divided(rows: list[dict[str, Any]], lock: dict[str, str] | None = None) -> Splits:
    filled = [{**dict.fromkeys(KEYS), "train_only": False, **row} for row in rows]
    plan = SplitPlan(SHARES, 0, borders=BORDERS)
    return split_records(pl.DataFrame(filled, schema=SCHEMA), [], plan, lock or {})


def placed(splits: Splits) -> dict[str, str]:
    return dict(splits.placed.select("record_id", "split").rows())


few = st.one_of(st.none(), st.integers(0, 15).map(str))
rows = st.fixed_dictionaries(
    {
        "train_only": st.sampled_from([False, False, True]),
        "created_at": st.one_of(st.none(), st.integers(0, 99)).map(day),
        "author": few,
        "cluster": few,
    }
)


@given(st.lists(rows, max_size=40), st.integers(0, 40))
@settings(deadline=None, max_examples=60)
def test_all_of_train_is_older_than_all_of_validation_and_that_than_all_of_test(drawn: Any, known: int):
    records = [{"record_id": f"r{n:02d}", **row} for n, row in enumerate(drawn)]
    first = placed(divided(records[:known]))
    for lock, some in (({}, records[:known]), (first, records)):
        result = divided(some, lock)
        split = placed(result)
        times = {row["record_id"]: row["created_at"] for row in some}
        for name, where in split.items():
            period = sum(times[name] >= border for border in BORDERS)
            assert where == ["train", "validation", "test"][period]
        for key in ("author", "cluster"):
            seen = {
                (row[key], split[row["record_id"]]) for row in some if row["record_id"] in split and row[key]
            }
            assert len(seen) == len({value for value, _ in seen})
        assert sorted([*split, *result.left_out["record_id"]]) == sorted(times)
        assert {name: split[name] for name in lock if name in split}.items() <= lock.items()


def test_a_unit_stands_in_the_period_of_most_of_its_records_and_the_others_stay_out():
    result = divided(
        [
            {"record_id": "a", "author": "x", "created_at": day(10)},
            {"record_id": "b", "author": "x", "created_at": day(90)},
            {"record_id": "c", "author": "x", "created_at": day(95)},
            {"record_id": "d", "author": "y", "created_at": day(10)},
            {"record_id": "e", "author": "y", "created_at": day(70)},
        ]
    )
    assert placed(result) == {"b": "test", "c": "test", "e": "validation"}
    assert dict(result.left_out.rows()) == {"a": OTHER_PERIOD, "d": OTHER_PERIOD}


def test_what_has_no_time_or_comes_too_late_for_train_stays_out_with_its_reason():
    result = divided(
        [
            {"record_id": "a", "created_at": None},
            {"record_id": "b", "created_at": day(70), "train_only": True},
            {"record_id": "c", "created_at": day(10), "train_only": True},
            {"record_id": "d", "created_at": day(60)},
        ]
    )
    assert placed(result) == {"c": "train", "d": "validation"}
    assert dict(result.left_out.rows()) == {"a": NO_TIME, "b": LATE_FOR_TRAIN}
    assert result.largest_deviation is None


def test_a_new_record_never_joins_a_split_of_another_period():
    rows = [
        {"record_id": "a", "author": "x", "created_at": day(90)},
        {"record_id": "b", "author": "x", "created_at": day(10)},
        {"record_id": "c", "author": "x", "cluster": "k", "created_at": day(91)},
        {"record_id": "d", "cluster": "k", "author": "y", "created_at": day(92)},
        {"record_id": "e", "author": "y", "created_at": day(2)},
    ]
    result = divided(rows, {"a": "test", "e": "train"})
    assert placed(result) == {"a": "test", "c": "test", "e": "train"}
    assert dict(result.left_out.rows()) == {"b": OTHER_PERIOD, "d": BRIDGE}


def test_borders_are_quantiles_of_the_known_times():
    times = pl.Series([day(n) for n in range(10)] + [None], dtype=pl.Datetime("us", "UTC"))
    assert borders_of(times, 0.6, 0.2) == (day(6), day(8))
    assert borders_of(times.filter(times.is_null()), 0.6, 0.2) is None


def months(release: Path, split: str) -> list[str]:
    return pl.read_parquet(release / "data" / f"{split}-*.parquet").get_column("month").sort().to_list()


def test_a_release_by_time_says_its_borders_and_later_ones_keep_them(filled_workspace: Workspace):
    first = export(filled_workspace, "0.1.0", by_time=True)
    path = filled_workspace.root / "releases" / "0.1.0"
    assert read_manifest(path).borders == first.borders
    assert months(path, "train")[-1] <= months(path, "validation")[0]
    assert months(path, "validation")[-1] <= months(path, "test")[0]
    assert verify(path).ok
    assert first.left_out[OTHER_PERIOD] > 0
    later = export(filled_workspace, "0.1.1")
    assert (later.borders, later.splits) == (first.borders, first.splits)


def test_a_series_of_releases_by_chance_cannot_turn_to_time(released_workspace: Workspace):
    with pytest.raises(InputError, match=r"release 0\.1\.0 was divided by chance"):
        export(released_workspace, "0.2.0", by_time=True)


def test_without_any_time_there_is_nothing_to_divide_by(filled_workspace: Workspace):
    records = filled_workspace.store.read(RECORDS).with_columns(
        created_at=pl.lit(None, pl.Datetime("us", "UTC"))
    )
    filled_workspace.store.upsert(RECORDS, records)
    assert not filled_workspace.store.read(GOLD).is_empty()
    with pytest.raises(InputError, match="no record has a time"):
        export(filled_workspace, "0.1.0", by_time=True)
