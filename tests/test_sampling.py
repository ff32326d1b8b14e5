"""Rounds, and each record's chance to be in one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from shutil import copytree, rmtree
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aufruf.errors import InputError, WorkspaceError
from aufruf.sampling import Design, allocate, draw, sample_round
from aufruf.tables import CLUSTERS, EVENTS, RECORDS, SAMPLES

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

RANDOM = Design(n=2, strategy="random", by=(), allocation="proportional", languages=("de", "en"), seed=0)


def candidates(*clusters: str, stratum: str = "all") -> pl.DataFrame:
    """Clusters are written as their members: ``"ab"`` is one cluster of the records a and b."""
    rows = [(record, members, stratum) for members in clusters for record in members]
    return pl.DataFrame(rows, schema=["record_id", "cluster", "stratum"], orient="row")


def records(workspace: Workspace, *rows: dict[str, Any], clusters: dict[str, str] | None = None) -> None:
    """Put records into the workspace; who is in no cluster is a cluster of its own."""
    blank = dict.fromkeys(RECORDS.schema, None) | {"language": "de", "kind": "post", "quotes": []}
    text = dict.fromkeys(["post_id", "import_id", "source", "text", "match_sha256", "key_id"], "x")
    workspace.store.append(RECORDS, pl.DataFrame([blank | text | row for row in rows], schema=RECORDS.schema))
    own = {row["record_id"]: row["record_id"] for row in rows} | (clusters or {})
    workspace.store.append(CLUSTERS, pl.DataFrame(list(own.items()), schema=CLUSTERS.schema, orient="row"))


def drawn(workspace: Workspace, round_name: str) -> list[str]:
    rows = workspace.store.scan(SAMPLES).filter(round=round_name).sort("record_id").collect()
    return rows.get_column("record_id").to_list()


def test_one_record_of_a_cluster_is_drawn_at_most():
    rows = draw(candidates("abcdef", "g"), "r", RANDOM).rows
    assert rows.height == 2
    assert "g" in rows.get_column("record_id")


def test_the_sample_does_not_depend_on_the_order_of_the_candidates():
    frame = candidates("ab", "c", "d", "efg", "h")
    assert draw(frame, "r", RANDOM).rows.equals(draw(frame.reverse(), "r", RANDOM).rows)


def test_another_seed_and_another_round_draw_something_else():
    frame = candidates(*"abcdefghijklmnopqrstuvwxyz")
    design = replace(RANDOM, n=13)
    samples = [
        draw(frame, "r", design),
        draw(frame, "r", replace(design, seed=1)),
        draw(frame, "q", design),
    ]
    assert len({tuple(sample.rows.get_column("record_id")) for sample in samples}) == 3


def test_a_records_probability_is_its_clusters_divided_by_the_clusters_size():
    """2 of 4 clusters are drawn: 1/2 for a single record, 1/6 for one of three."""
    frame = candidates("abc", "d", "e", "f")
    for seed in range(5):
        rows = draw(frame, "r", replace(RANDOM, seed=seed)).rows
        for record, probability in rows.select("record_id", "inclusion_probability").iter_rows():
            assert probability == pytest.approx(1 / 6 if record in "abc" else 1 / 2)


def test_records_are_drawn_as_often_as_their_probability_says():
    """Equal shares, 300 of 400 clusters in s and 300 of 600 in t, 40 draws.

    Each of the seven kinds of records is 200 records or more: four standard errors are below 0.025.
    """
    kinds = {"s": [("pair", 2), ("single", 1)], "t": [("triple", 3), ("one", 1), ("other", 1)]}
    rows = [
        (f"{kind}-{place}-{number}", f"{kind}-{number}", stratum)
        for stratum, clusters in kinds.items()
        for kind, size in clusters
        for number in range(200)
        for place in range(size)
    ]
    frame = pl.DataFrame(rows, schema=["record_id", "cluster", "stratum"], orient="row")
    design = replace(RANDOM, n=600, allocation="equal")
    seen: Counter[str] = Counter()
    for seed in range(40):
        names = draw(frame, "r", replace(design, seed=seed)).rows.get_column("record_id")
        seen.update(name.rsplit("-", 1)[0] for name in names)
    expected = {"pair-0": 3 / 8, "pair-1": 3 / 8, "single-0": 3 / 4, "one-0": 1 / 2, "other-0": 1 / 2}
    expected |= {f"triple-{place}": 1 / 6 for place in range(3)}
    assert {name: n / 8000 for name, n in seen.items()} == pytest.approx(expected, abs=0.025)


def test_a_clusters_stratum_is_the_one_of_most_of_its_records():
    frame = pl.DataFrame(
        {"record_id": ["a", "b", "c", "d"], "cluster": ["x", "x", "x", "y"], "stratum": ["t", "t", "s", "s"]}
    )
    strata = draw(frame, "r", RANDOM).strata
    assert [(stratum.stratum, stratum.records, stratum.clusters) for stratum in strata] == [
        ("s", 1, 1),
        ("t", 3, 1),
    ]


def test_fewer_records_than_strata_are_refused():
    frame = pl.concat([candidates(name, stratum=name) for name in "abc"])
    with pytest.raises(InputError, match="3 strata need n of 3 or more, n is 2"):
        draw(frame, "r", RANDOM)


def test_proportional_shares_go_by_largest_remainder():
    """10 of 100: 5.5, 2.7, 1.8 have the whole parts 5, 2, 1; the two left go to .8 and .7."""
    assert allocate({"a": 55, "b": 27, "c": 18}, 10, "proportional") == {"a": 5, "b": 3, "c": 2}


def test_a_stratum_too_small_for_a_share_still_gets_one():
    """10 of 1,000: 9.9 and 0.1 would leave the small one without a chance."""
    assert allocate({"a": 990, "b": 10}, 10, "proportional") == {"a": 9, "b": 1}


def test_equal_shares_that_a_stratum_cannot_fill_go_to_the_others():
    """12 among three: 4 each, but b has only 2; the 10 left are 5 and 5."""
    assert allocate({"a": 50, "b": 2, "c": 50}, 12, "equal") == {"a": 5, "b": 2, "c": 5}


@given(
    sizes=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 60), min_size=1),
    part=st.floats(0, 1),
    allocation=st.sampled_from(["proportional", "equal"]),
)
def test_every_allocation_adds_up_and_fits_the_strata(sizes, part, allocation):
    n = round(len(sizes) + part * (sum(sizes.values()) - len(sizes)))
    shares = allocate(sizes, n, allocation)
    assert sum(shares.values()) == n
    assert shares.keys() == sizes.keys()
    assert all(1 <= shares[name] <= size for name, size in sizes.items())


@settings(deadline=None, max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=12), n=st.integers(1, 12), seed=st.integers(0, 99)
)
def test_the_weights_of_a_sample_estimate_the_number_of_records(sizes, n, seed):
    """Where all clusters are drawn, the sum of 1 / probability is exactly the number of records."""
    rows = [(f"{c}-{r}", str(c), "all") for c, size in enumerate(sizes) for r in range(size)]
    frame = pl.DataFrame(rows, schema=["record_id", "cluster", "stratum"], orient="row")
    sample = draw(frame, "r", replace(RANDOM, n=n, seed=seed)).rows
    assert sample.height == min(n, len(sizes))
    assert sample.get_column("inclusion_probability").is_between(0, 1, closed="right").all()
    if n >= len(sizes):
        assert (1 / sample.get_column("inclusion_probability")).sum() == pytest.approx(sum(sizes))


def test_a_second_round_draws_only_from_clusters_that_the_first_left(workspace):
    records(workspace, *({"record_id": name} for name in "abcdef"), clusters={"b": "a", "c": "a"})
    first = sample_round(workspace, "r1", 2, seed=0)
    second = sample_round(workspace, "r2", 9, seed=0)
    assert (first.available, first.drawn, second.available, second.drawn) == (4, 2, 2, 2)
    both = [*drawn(workspace, "r1"), *drawn(workspace, "r2")]
    assert len({"a" if name in "abc" else name for name in both}) == 4


def test_only_the_newest_versions_in_the_asked_languages_are_drawn(workspace):
    records(
        workspace,
        {"record_id": "old"},
        {"record_id": "new", "supersedes": "old"},
        {"record_id": "english", "language": "en"},
        {"record_id": "unknown", "language": "und"},
    )
    sample_round(workspace, "r1", 9, seed=0)
    sample_round(workspace, "r2", 9, seed=0, languages=["und"])
    assert (drawn(workspace, "r1"), drawn(workspace, "r2")) == (["english", "new"], ["unknown"])


def test_strata_are_named_by_their_columns_and_unknown_values(workspace):
    dated = {"kind": "news", "created_at": datetime(2031, 5, 1, tzinfo=UTC)}
    records(workspace, {"record_id": "a"}, {"record_id": "b", **dated})
    report = sample_round(workspace, "r1", 2, seed=0, strategy="stratified", by=["kind", "month"])
    names = [stratum.stratum for stratum in report.strata]
    assert names == ["kind=news,month=2031-05", "kind=post,month=unknown"]


def test_drawing_a_round_again_in_the_same_way_changes_nothing(workspace):
    records(workspace, *({"record_id": name} for name in "abcdef"))
    first = sample_round(workspace, "r1", 2, seed=3)
    sample_round(workspace, "r2", 2, seed=3)
    events = workspace.store.version(EVENTS)
    assert sample_round(workspace, "r1", 2, seed=3) == replace(first, existing=True)
    assert workspace.store.version(EVENTS) == events


def test_drawing_a_round_again_in_another_way_is_refused(workspace):
    records(workspace, *({"record_id": name} for name in "abc"))
    sample_round(workspace, "r1", 2, seed=0)
    with pytest.raises(WorkspaceError, match=r"round 'r1' was drawn before in another way: n 2, random"):
        sample_round(workspace, "r1", 3, seed=0)


def test_a_sample_whose_event_was_never_recorded_is_completed(workspace):
    """A process may be killed between the rows and the event."""
    records(workspace, *({"record_id": name} for name in "abc"))
    events = workspace.root / "tables" / EVENTS.name
    copytree(events, workspace.root / "before")
    sample_round(workspace, "r1", 2, seed=0)
    before = drawn(workspace, "r1")
    rmtree(events)
    (workspace.root / "before").rename(events)
    report = sample_round(workspace, "r1", 2, seed=0)
    assert (report.existing, drawn(workspace, "r1")) == (False, before)
    assert sample_round(workspace, "r1", 2, seed=0).existing


def test_a_dry_run_shows_the_sample_and_writes_nothing(workspace):
    records(workspace, *({"record_id": name} for name in "abc"))
    dry = sample_round(workspace, "r1", 2, seed=0, dry_run=True)
    assert drawn(workspace, "r1") == []
    assert sample_round(workspace, "r1", 2, seed=0) == dry


def test_an_empty_workspace_has_nothing_to_draw(workspace):
    with pytest.raises(InputError, match="nothing left to draw"):
        sample_round(workspace, "r1", 2, seed=0)


@pytest.mark.parametrize("name", ["", "source:x", "a/b", "-a", "x" * 41])
def test_a_round_needs_a_name_that_can_stand_in_file_names_and_titles(workspace, name):
    with pytest.raises(InputError, match="a name has up to 40 letters"):
        sample_round(workspace, name, 2, seed=0)


def test_an_unknown_column_to_stratify_by_is_refused_with_the_known_ones(workspace):
    with pytest.raises(InputError, match=r"cannot stratify by mood: choose among language, kind"):
        sample_round(workspace, "r1", 2, seed=0, strategy="stratified", by=["mood"])
