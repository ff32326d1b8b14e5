"""In which order and on which day tasks come."""

from __future__ import annotations

from itertools import groupby
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.errors import SettingsError
from aufruf.labelstudio.annotators import Annotator
from aufruf.labelstudio.queues import (
    DAYS_A_WEEK,
    Days,
    Entry,
    Limits,
    in_turn,
    limits_of,
    queue,
    release_days,
    spread,
)

counts = st.integers(0, 40)
starts = st.floats(0, 1, exclude_max=True)


def entries(light: int, heavy: int, checks: int = 0, repeats: int = 0) -> list[Entry]:
    kinds = ["main"] * (light + heavy) + ["gold_check"] * checks + ["repeat"] * repeats
    heaviness = [False] * light + [True] * heavy + [False] * (checks + repeats)
    return [
        Entry(f"r{n}", kind, is_heavy)
        for n, (kind, is_heavy) in enumerate(zip(kinds, heaviness, strict=True))
    ]


def longest_run(values: list[bool]) -> int:
    return max((len(list(run)) for value, run in groupby(values) if value), default=0)


@given(counts, counts, starts)
def test_the_few_are_spread_among_the_many_at_distances_that_differ_by_one_at_most(
    many: int, few: int, start: float
):
    mixed = spread(["m"] * many, [str(n) for n in range(few)], start)
    assert [each for each in mixed if each != "m"] == [str(n) for n in range(few)]
    assert len(mixed) == many + few
    gaps = [len(list(run)) for value, run in groupby(mixed, key=lambda each: each == "m") if value]
    inner = gaps[(mixed[:1] == ["m"]) : len(gaps) - (mixed[-1:] == ["m"])]
    if 0 < few <= many + 1:
        assert longest_run([each != "m" for each in mixed]) == 1
        assert not inner or max(inner) - min(inner) <= 1
    elif few:
        assert longest_run([each != "m" for each in mixed]) == -(-few // (many + 1))


@given(counts, counts, st.integers())
def test_heavy_records_do_not_follow_each_other_where_that_is_possible(light: int, heavy: int, seed: int):
    order = queue(entries(light, heavy), Random(seed))
    assert sorted(order, key=lambda entry: entry.record_id) == sorted(
        entries(light, heavy), key=lambda entry: entry.record_id
    )
    assert longest_run([entry.is_heavy for entry in order]) <= max(1, -(-heavy // (light + 1)))


@given(st.integers(20, 80), st.integers(0, 20), st.integers(0, 4), st.integers(0, 4), st.integers())
def test_checks_and_repeats_stand_in_every_part_of_the_queue(
    light: int, heavy: int, checks: int, repeats: int, seed: int
):
    order = queue(entries(light, heavy, checks, repeats), Random(seed))
    places = [n for n, entry in enumerate(order) if entry.purpose != "main"]
    step = len(order) / (len(places) + 1)
    for number, place in enumerate(places):
        assert abs(place - (number + 0.5) * len(order) / len(places)) <= step + 2


@given(st.integers(1, 30), st.integers(0, 10), st.integers())
def test_the_same_seed_gives_the_same_queue_whatever_the_order(light: int, heavy: int, seed: int):
    rows = entries(light, heavy, 2, 2)
    assert queue(rows, Random(seed)) == queue(rows[::-1], Random(seed))


def test_two_queues_are_taken_in_turn_and_near_their_end_together():
    assert in_turn([["a", "b", "c", "d"], ["x", "y"]]) == ["a", "x", "b", "c", "y", "d"]
    assert in_turn([[], ["x"]]) == ["x"]


def limit(largest: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(1, largest)


@given(
    st.lists(st.booleans(), max_size=80),
    limit(9),
    limit(30),
    limit(4),
    limit(12),
    st.sampled_from([20.0, 33.3]),
)
def test_no_day_and_no_week_brings_more_than_its_budget_and_the_order_stays(  # noqa: PLR0913, PLR0917 -- the four budgets
    heavy: list[bool],
    day: int | None,
    week: int | None,
    day_heavy: int | None,
    week_heavy: int | None,
    seconds: float,
):
    limits = Limits(day and day * seconds, week and week * seconds, day_heavy, week_heavy)
    rows = [Entry(f"r{n}", "main", is_heavy) for n, is_heavy in enumerate(heavy)]
    due = release_days(rows, Days(limits), seconds)
    assert due == sorted(due)
    for unit, tasks, heavies in ((1, day, day_heavy), (DAYS_A_WEEK, week, week_heavy)):
        for period in {each // unit for each in due}:
            inside = [is_heavy for is_heavy, each in zip(heavy, due, strict=True) if each // unit == period]
            assert tasks is None or len(inside) <= tasks
            assert heavies is None or sum(inside) <= heavies


@given(st.integers(1, 60), st.integers(1, 9))
def test_a_day_is_filled_before_the_next_begins(n: int, day: int):
    rows = [Entry(f"r{number}", "main", is_heavy=False) for number in range(n)]
    assert release_days(rows, Days(Limits(day * 30.0)), 30.0) == [number // day for number in range(n)]


def test_a_used_up_week_goes_on_with_the_next_weeks_first_day():
    rows = [Entry(f"r{number}", "main", is_heavy=False) for number in range(6)]
    assert release_days(rows, Days(Limits(day=60, week=120)), 30.0) == [0, 0, 1, 1, 7, 7]


def test_new_tasks_are_never_due_before_those_that_were_planned_earlier():
    days = Days(Limits(day=60))
    days.take(0, 30.0, is_heavy=False)
    days.take(2, 30.0, is_heavy=False)
    assert release_days(entries(2, 0), days, 30.0) == [2, 3]


def test_without_a_budget_everything_is_due_on_the_first_day():
    assert release_days(entries(3, 2), Days(limits_of(Annotator("a", ("de",)), 30.0)), 30.0) == [0] * 5


def test_budgets_are_read_in_minutes_and_heavy_records():
    person = Annotator("a", ("de",), daily=10, weekly=30, daily_heavy=4, weekly_heavy=0)
    assert limits_of(person, 30.0) == Limits(600, 1800, 4, 0)
    assert (person.has_budget, person.reads_heavy) == (True, False)


def test_a_budget_below_one_task_is_refused_with_both_figures():
    with pytest.raises(SettingsError, match=r"'a': daily = 1 minutes, but a task takes about 90 seconds"):
        limits_of(Annotator("a", ("de",), daily=1), 90.0)
