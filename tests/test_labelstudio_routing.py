"""Who judges what: what holds of any plan."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from aufruf.labelstudio.annotators import Annotator
from aufruf.labelstudio.routing import Routing, plan, plan_detail, task_key

people_and_overlap = st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))
languages = st.lists(st.sampled_from(["de", "en"]), max_size=60)


def everyone(n: int) -> list[Annotator]:
    return [Annotator(f"person{number}", ("de", "en")) for number in range(n)]


def records(spoken: list[str], source: str = "board") -> pl.DataFrame:
    rows = [(f"r{number:03}", language, source) for number, language in enumerate(spoken)]
    return pl.DataFrame(rows, schema=["record_id", "language", "source"], orient="row").cast(pl.String)


def planned(
    rows: pl.DataFrame,
    people: list[Annotator],
    overlap: int,
    seed: int = 0,
    existing: pl.DataFrame | None = None,
) -> Routing:
    return plan(
        rows,
        people,
        round_name="pilot",
        overlap=overlap,
        seed=seed,
        scheme_sha256="scheme",
        existing=existing,
    )


def loads(assignments: pl.DataFrame, names: list[str]) -> list[int]:
    counts = Counter(assignments.get_column("annotator"))
    return [counts[name] for name in names]


@given(people_and_overlap, languages, st.integers())
def test_every_record_gets_its_overlap_and_loads_differ_by_at_most_one(
    numbers: tuple[int, int], spoken: list[str], seed: int
):
    people, overlap = everyone(numbers[0]), numbers[1]
    found = planned(records(spoken), people, overlap, seed).assignments
    assert found.height == len(spoken) * overlap
    assert found.select("record_id", "annotator").is_unique().all()
    assert found.get_column("task_key").is_unique().all()
    for language in ("de", "en"):
        shares = loads(found.filter(language=language), [person.id for person in people])
        assert max(shares) - min(shares) <= 1


@given(st.integers(3, 6), st.integers(20, 60), st.integers())
def test_pairs_of_annotators_share_about_equally_many_records(n: int, size: int, seed: int):
    people = everyone(n)
    found = planned(records(["de"] * size), people, 3, seed).assignments
    groups = found.group_by("record_id").agg("annotator").get_column("annotator").to_list()
    counts = Counter(pair for group in groups for pair in combinations(sorted(group), 2))
    shares = [counts[pair] for pair in combinations(sorted(person.id for person in people), 2)]
    assert max(shares) - min(shares) <= 3


@given(people_and_overlap, languages, st.integers())
def test_the_same_seed_gives_the_same_plan_whatever_the_order_of_records(
    numbers: tuple[int, int], spoken: list[str], seed: int
):
    people, overlap = everyone(numbers[0]), numbers[1]
    rows = records(spoken)
    first = planned(rows, people, overlap, seed).assignments
    again = planned(rows.reverse(), people, overlap, seed).assignments
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
    rows = pl.concat(
        [records(["de"] * 8, "forum"), records(["de"] * 8).with_columns(record_id="x" + pl.col("record_id"))]
    )
    found = planned(rows, people, 2).assignments
    theirs = found.filter(annotator="person3").get_column("record_id")
    assert theirs.str.starts_with("x").all()
    assert loads(found, [person.id for person in people]) == [8, 8, 8, 8]


def test_records_that_too_few_may_read_are_counted():
    people = [Annotator("a", ("de",)), Annotator("b", ("de",), opt_out=("forum",))]
    found = planned(records(["de"] * 5, "forum"), people, 2)
    assert (found.assignments.height, found.short) == (5, 5)
    alone = planned(records(["de"] * 5, "forum"), people[1:], 1)
    assert alone.unassignable == {"no annotator for de": 5}


def test_detail_goes_to_everyone_who_judged_a_record_with_a_settled_label():
    judged = pl.DataFrame(
        [("r1", "de", "a"), ("r1", "de", "b"), ("r2", "de", "a"), ("r3", "de", "b")],
        schema=["record_id", "language", "annotator"],
        orient="row",
    )
    settled = pl.DataFrame(
        {"record_id": ["r1", "r3", "r3"], "label": ["threat", "threat", "call_to_violence"]}
    )
    people = [Annotator("a", ("de",)), Annotator("b", ("de",), opt_out=("call_to_violence",))]
    found = plan_detail(
        judged, settled, people, round_name="pilot", seed=0, scheme_sha256="scheme"
    ).assignments
    assert sorted(found.select("record_id", "annotator").rows()) == [("r1", "a"), ("r1", "b")]
    assert set(found.get_column("pass")) == {"detail"}


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
