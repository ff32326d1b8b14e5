"""Who judges what: what holds of any plan."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from aufruf.labelstudio.annotators import Annotator
from aufruf.labelstudio.routing import (
    Checks,
    Circumstances,
    Plan,
    Routing,
    plan_detail,
    plan_triage,
    task_key,
)
from aufruf.tables import ASSIGNMENTS

people_and_overlap = st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))
languages = st.lists(st.sampled_from(["de", "en"]), max_size=60)
SKILLS = (("de",), ("en",), ("de", "en"))


def everyone(n: int) -> list[Annotator]:
    return [Annotator(f"person{number}", ("de", "en")) for number in range(n)]


def records(spoken: list[str], prefix: str = "r") -> pl.DataFrame:
    rows = [(f"{prefix}{number:03}", language) for number, language in enumerate(spoken)]
    return pl.DataFrame(rows, schema=["record_id", "language"], orient="row").cast(pl.String)


def planned(  # noqa: PLR0913, PLR0917 -- what a plan depends on
    rows: pl.DataFrame,
    people: list[Annotator],
    overlap: int,
    seed: int = 0,
    existing: pl.DataFrame | None = None,
    known: Circumstances | None = None,
) -> Routing:
    plan = Plan("pilot", "triage", seed, "scheme")
    return plan_triage(rows, people, plan, overlap=overlap, existing=existing, circumstances=known)


def loads(assignments: pl.DataFrame, names: list[str]) -> list[int]:
    counts = Counter(assignments.get_column("annotator"))
    return [counts[name] for name in names]


@given(people_and_overlap, languages, st.integers())
def test_every_record_gets_its_overlap_and_loads_differ_by_at_most_one(
    numbers: tuple[int, int], spoken: list[str], seed: int
):
    people, overlap = everyone(numbers[0]), numbers[1]
    names = [person.id for person in people]
    found = planned(records(spoken), people, overlap, seed).assignments
    assert found.height == len(spoken) * overlap
    assert found.select("record_id", "annotator").is_unique().all()
    assert found.get_column("task_key").is_unique().all()
    for part in (found, found.filter(language="de"), found.filter(language="en")):
        shares = loads(part, names)
        assert max(shares) - min(shares) <= 1


@given(st.integers(2, 9), st.data(), st.integers(1, 60), st.integers())
def test_pairs_of_annotators_share_about_equally_many_records(
    n: int, data: st.DataObject, size: int, seed: int
):
    people, overlap = everyone(n), data.draw(st.integers(2, n))
    found = planned(records(["de"] * size), people, overlap, seed).assignments
    groups = found.group_by("record_id").agg("annotator").get_column("annotator").to_list()
    counts = Counter(pair for group in groups for pair in combinations(sorted(group), 2))
    shares = [counts[pair] for pair in combinations(sorted(person.id for person in people), 2)]
    assert max(shares) - min(shares) <= 3


@pytest.mark.parametrize(("n", "overlap", "size"), [(4, 2, 600), (8, 3, 600), (12, 5, 600), (20, 3, 1000)])
def test_in_a_round_of_usual_size_pairs_differ_by_two_at_most(n: int, overlap: int, size: int):
    found = planned(records(["de"] * size), everyone(n), overlap).assignments
    groups = found.group_by("record_id").agg("annotator").get_column("annotator").to_list()
    counts = Counter(pair for group in groups for pair in combinations(sorted(group), 2))
    assert len(counts) == n * (n - 1) / 2
    assert max(counts.values()) - min(counts.values()) <= 2


@st.composite
def rounds_with_opt_outs(draw: st.DrawFn) -> tuple[pl.DataFrame, list[Annotator], Circumstances, int]:
    """A small round whose annotators read one language or both and opt out of some of three sources."""
    sources = ("board", "forum", "paper")
    people = [
        Annotator(
            f"person{number}",
            draw(st.sampled_from(SKILLS)),
            opt_out=tuple(draw(st.sets(st.sampled_from(sources), max_size=2))),
        )
        for number in range(draw(st.integers(1, 5)))
    ]
    rows = records(draw(st.lists(st.sampled_from(["de", "en"]), max_size=9)))
    names = {record: frozenset({draw(st.sampled_from(sources))}) for record in rows.get_column("record_id")}
    return rows, people, Circumstances(names), draw(st.integers(1, 3))


@given(rounds_with_opt_outs(), st.integers())
def test_skills_and_opt_outs_are_kept_and_as_many_as_may_read_a_record_get_it(case, seed: int):
    rows, people, known, overlap = case
    found = planned(rows, people, overlap, seed, known=known)
    by_id = {person.id: person for person in people}
    readers = {
        record: [p for p in people if language in p.languages and known.may_read(p, record)]
        for record, language in rows.iter_rows()
    }
    for record, language, name in found.assignments.select("record_id", "language", "annotator").iter_rows():
        assert language in by_id[name].languages
        assert not known.names[record] & set(by_id[name].opt_out)
    counts = Counter(found.assignments.get_column("record_id"))
    assert all(counts[record] == min(overlap, len(those)) for record, those in readers.items())
    assert found.short == sum(0 < len(those) < overlap for those in readers.values())
    assert sum(found.unassignable.values()) == sum(not those for those in readers.values())


@given(rounds_with_opt_outs(), st.integers())
def test_no_other_plan_would_make_the_loads_more_even(case, seed: int):
    """The sum of squared loads is the least there is, as an integer programme over all plans finds it."""
    rows, people, known, overlap = case
    found = planned(rows, people, overlap, seed, known=known).assignments
    squares = sum(n * n for n in loads(found, [person.id for person in people]))
    assert squares == least_squares(rows, people, known, overlap)


def least_squares(rows: pl.DataFrame, people: list[Annotator], known: Circumstances, overlap: int) -> int:
    """Variables: who gets what, and steps 1, 3, 5 … of each load, which add up to its square."""
    slots = [
        (record, number)
        for record, language in rows.iter_rows()
        for number, person in enumerate(people)
        if language in person.languages and known.may_read(person, record)
    ]
    if not slots:
        return 0
    steps = [(number, step) for number in range(len(people)) for step in range(rows.height)]
    cost = np.array([0] * len(slots) + [2 * step + 1 for _, step in steps])
    constraints = []
    for record in rows.get_column("record_id"):
        row = np.array([slot[0] == record for slot in slots] + [False] * len(steps), float)
        wanted = min(overlap, row.sum())
        constraints.append(LinearConstraint(row, wanted, wanted))
    for number in range(len(people)):
        row = np.array([slot[1] == number for slot in slots] + [0] * len(steps), float)
        row[len(slots) :] = [-(step[0] == number) for step in steps]
        constraints.append(LinearConstraint(row, 0, 0))
    best = milp(cost, constraints=constraints, bounds=Bounds(0, 1), integrality=np.ones(len(cost)))
    return round(best.fun)


@given(people_and_overlap, languages, st.integers())
def test_the_same_seed_gives_the_same_plan_whatever_the_order_of_records(
    numbers: tuple[int, int], spoken: list[str], seed: int
):
    people, overlap = everyone(numbers[0]), numbers[1]
    rows = records(spoken)
    first = planned(rows, people, overlap, seed).assignments
    again = planned(rows.reverse(), people[::-1], overlap, seed).assignments
    assert first.equals(again)


@given(people_and_overlap, languages, st.integers(0, 60))
def test_a_plan_that_grew_keeps_what_was_planned_and_numbers_on(
    numbers: tuple[int, int], spoken: list[str], cut: int
):
    people, overlap = everyone(numbers[0]), numbers[1]
    before = planned(records(spoken).head(cut), people, overlap).assignments
    added = planned(records(spoken), people, overlap, existing=before).assignments
    every = pl.concat([before, added])
    assert every.height == len(spoken) * overlap
    assert every.select("annotator", "language", "position").is_unique().all()
    shares = loads(every, [person.id for person in people])
    assert max(shares) - min(shares) <= 1
    assert planned(records(spoken), people, overlap, existing=every).assignments.is_empty()


def test_each_annotator_sees_the_records_in_an_order_of_their_own():
    found = planned(records(["de"] * 30), everyone(3), 3).assignments
    orders = found.sort("position").group_by("annotator").agg("record_id").get_column("record_id").to_list()
    assert len({tuple(order) for order in orders}) == 3
    assert len({tuple(sorted(order)) for order in orders}) == 1


def test_a_language_is_only_given_to_those_who_read_it():
    people = [Annotator("a", ("de",)), Annotator("b", ("de", "en")), Annotator("c", ("en",))]
    found = planned(records(["de", "en"] * 10), people, 2).assignments
    pairs = found.select("annotator", "language").unique()
    assert sorted(pairs.rows()) == [("a", "de"), ("b", "de"), ("b", "en"), ("c", "en")]


def test_those_who_read_both_languages_get_no_double_load():
    people = [Annotator(f"p{n}", SKILLS[n % 3]) for n in range(6)]
    found = planned(records(["de", "en"] * 60), people, 2).assignments
    assert loads(found, [person.id for person in people]) == [40] * 6


def test_a_record_in_another_language_is_reported_as_not_assignable():
    found = planned(records(["de", "other", "und", "und"]), everyone(2), 2)
    assert found.assignments.height == 2
    assert found.unassignable == {"language other": 1, "language und": 2}


def test_an_adjudicator_gets_no_main_tasks():
    people = [*everyone(2), Annotator("lead", ("de", "en"), "adjudicator")]
    found = planned(records(["de"] * 4), people, 2).assignments
    assert "lead" not in found.get_column("annotator")


def test_a_source_is_not_given_to_those_who_opted_out_and_the_others_even_it_out():
    people = [*everyone(3), Annotator("person3", ("de",), opt_out=("forum",))]
    rows = pl.concat([records(["de"] * 8), records(["de"] * 8, "x")])
    known = Circumstances({f"r{n:03}": frozenset({"forum", "threat"}) for n in range(8)})
    found = planned(rows, people, 2, known=known).assignments
    theirs = found.filter(annotator="person3").get_column("record_id")
    assert theirs.str.starts_with("x").all()
    assert loads(found, [person.id for person in people]) == [8, 8, 8, 8]


def test_who_reads_nothing_heavy_gets_nothing_heavy():
    people = [*everyone(2), Annotator("person2", ("de",), daily_heavy=0)]
    heavy = frozenset(f"r{n:03}" for n in range(6))
    found = planned(records(["de"] * 12), people, 2, known=Circumstances(heavy=heavy)).assignments
    assert not set(found.filter(annotator="person2").get_column("record_id")) & heavy
    assert loads(found, ["person0", "person1", "person2"]) == [9, 9, 6]


def test_records_that_too_few_may_read_are_counted():
    people = [Annotator("a", ("de",)), Annotator("b", ("de",), opt_out=("forum",))]
    known = Circumstances({f"r{n:03}": frozenset({"forum"}) for n in range(5)})
    found = planned(records(["de"] * 5), people, 2, known=known)
    assert (found.assignments.height, found.short) == (5, 5)
    alone = planned(records(["de"] * 5), people[1:], 1, known=known)
    assert alone.unassignable == {"no annotator for de": 5}


def test_checks_and_repeats_are_added_at_their_rates_under_keys_of_their_own():
    again = {("person0", "de"): [f"x{n}" for n in range(9)], ("person1", "de"): ["x0"]}
    known = Circumstances(
        gold_checks=Checks(0.1, again), repeats=Checks(0.05, {("person0", "de"): ["y0", "y1"]})
    )
    found = planned(records(["de"] * 40), everyone(3), 2, known=known).assignments
    counts = Counter(found.select("annotator", "purpose").iter_rows())
    assert [counts[f"person{n}", "gold_check"] for n in range(3)] == [3, 1, 0]
    assert [counts[f"person{n}", "repeat"] for n in range(3)] == [1, 0, 0]
    assert sum(n for (_, purpose), n in counts.items() if purpose == "main") == 80
    assert set(found.filter(purpose="gold_check").get_column("record_id")) == {"x0", "x1", "x2"}
    assert found.get_column("task_key").is_unique().all()


def test_a_repeat_of_a_record_keeps_nobody_from_getting_its_main_task():
    repeat = planned(records(["de"]), everyone(1), 1).assignments.with_columns(purpose=pl.lit("repeat"))
    assert planned(records(["de"]), everyone(1), 1, existing=repeat).assignments.height == 1


def test_days_follow_the_budget_over_both_languages_and_later_plans_go_on_from_there():
    person = Annotator("a", ("de", "en"), daily=5, weekly=20)
    known = Circumstances(seconds={"a": 60.0})
    first = planned(records(["de", "en"] * 8), [person], 1, known=known).assignments
    per_day = Counter(first.get_column("release_day"))
    assert per_day == {0: 5, 1: 5, 2: 5, 3: 1}
    for _, queue in first.group_by("language"):
        assert queue.sort("position").get_column("release_day").is_sorted()
    both = first.filter(release_day=0).get_column("language").n_unique()
    assert both == 2
    more = pl.concat([records(["de", "en"] * 8), records(["de"] * 6, "x")])
    added = planned(more, [person], 1, existing=first, known=known).assignments
    assert Counter(added.get_column("release_day")) == {3: 4, 7: 2}


def test_detail_goes_to_everyone_who_judged_a_record_with_a_settled_label_and_did_not_opt_out():
    judged = pl.DataFrame(
        [("r1", "de", "a"), ("r1", "de", "b"), ("r2", "de", "a"), ("r3", "de", "b"), ("r1", "de", "gone")],
        schema=["record_id", "language", "annotator"],
        orient="row",
    )
    settled = pl.DataFrame(
        {"record_id": ["r1", "r3", "r3"], "label": ["threat", "threat", "call_to_violence"]}
    )
    names = {"r1": frozenset({"threat"}), "r3": frozenset({"threat", "call_to_violence"})}
    people = [Annotator("a", ("de",)), Annotator("b", ("de",), opt_out=("call_to_violence",))]
    plan = Plan("pilot", "detail", 0, "scheme")
    found = plan_detail(judged, settled, people, plan, circumstances=Circumstances(names)).assignments
    assert sorted(found.select("record_id", "annotator").rows()) == [("r1", "a"), ("r1", "b")]
    assert set(found.get_column("pass")) == {"detail"}
    assert plan_detail(judged, settled, people[:1], plan, existing=found).assignments.is_empty()


def test_a_task_key_tells_round_pass_record_annotator_and_purpose_apart():
    keys = {
        task_key("pilot", "triage", "r", "a"),
        task_key("pilot", "detail", "r", "a"),
        task_key("pilot2", "triage", "r", "a"),
        task_key("pilot", "triage", "r2", "a"),
        task_key("pilot", "triage", "r", "b"),
        task_key("pilot", "triage", "r", "a", "repeat"),
    }
    assert len(keys) == 6
    assert {len(key) for key in keys} == {32}


def test_a_plan_without_records_is_empty():
    assert planned(records([]), everyone(2), 2).assignments.schema == ASSIGNMENTS.schema
