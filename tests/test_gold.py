"""Final labels, decided column by column."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aufruf.assets import asset
from aufruf.errors import InputError
from aufruf.gold import decide, decide_gold, newest_gold, settled_labels, ties
from aufruf.label_scheme import load_label_scheme
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, GOLD

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
NOW = datetime(2031, 1, 1, tzinfo=UTC)


def answer(record: str, annotator: str, labels: dict[str, str] | None, **other: Any) -> dict[str, Any]:
    """A triage answer; ``labels`` maps each chosen label to its voices, joined by ``+``."""
    voices = [
        {"label": label, "voice": voice}
        for label, joined in (labels or {}).items()
        for voice in joined.split("+")
    ]
    common = {"revision": 1, "state": "live", "pass": "triage", "round": "r1", "flags": []}
    return {
        **dict.fromkeys(ANNOTATIONS.schema),
        **common,
        "annotation_uuid": f"{record}-{annotator}-{other.get('pass', 'triage')}",
        "task_key": f"task-{record}-{annotator}-{other.get('pass', 'triage')}",
        "record_id": record,
        "annotator": annotator,
        "labels": None if labels is None else list(labels),
        "voices": None if labels is None else voices,
        "created_at": NOW,
        "updated_at": NOW,
        "scheme_sha256": SCHEME.sha256,
        "guideline_version": "0",
        **other,
    }


def frame(*rows: dict[str, Any]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema=ANNOTATIONS.schema)


def test_what_was_not_asked_never_becomes_a_no():
    answers = frame(
        answer("a", "source:set", {}, asked=["threat_author"]),
        answer("b", "source:set", {"threat": "own"}, voices=[], asked=["threat_contained"]),
    )
    rows = decide(answers, SCHEME, "run").select("record_id", "label", "column", "value").rows()
    assert rows == [("a", "threat", "author", "false"), ("b", "threat", "contained", "true")]


def test_an_answer_that_was_not_asked_does_not_count_against_a_majority():
    answers = frame(
        answer("a", "x", {"threat": "own"}),
        answer("a", "source:set", {}, round="source:set", asked=["call_to_violence_contained"]),
    )
    assert settled_labels(answers, SCHEME).rows() == [("a", "threat")]
    threat = decide(answers, SCHEME, "run").filter(
        pl.col("label") == "threat", pl.col("column") == "contained"
    )
    assert threat.select("value", "n").rows() == [("true", 1)]


def test_a_label_is_settled_by_more_than_half_of_those_who_answered():
    answers = frame(
        answer("a", "x", {"threat": "own"}),
        answer("a", "y", {"threat": "reported", "call_to_violence": "own"}),
        answer("a", "z", {}),
    )
    assert settled_labels(answers, SCHEME).rows() == [("a", "threat")]


def test_a_tie_settles_nothing():
    answers = frame(answer("a", "x", {"threat": "own"}), answer("a", "y", {}))
    assert settled_labels(answers, SCHEME).is_empty()


def test_who_skipped_or_could_not_judge_does_not_count_against_a_label():
    answers = frame(
        answer("a", "x", {"threat": "own"}),
        answer("a", "y", None, state="skipped"),
        answer("a", "z", None, flags=["cannot_judge"]),
    )
    assert settled_labels(answers, SCHEME).rows() == [("a", "threat")]


def test_a_repeated_answer_of_one_annotator_is_no_second_voice():
    later = {"annotation_uuid": "again", "created_at": NOW + timedelta(days=7)}
    answers = frame(
        answer("a", "x", {"threat": "own"}, **later),
        answer("a", "x", {}),
        answer("a", "y", {"threat": "own"}),
    )
    assert settled_labels(answers, SCHEME).is_empty()


def test_an_answer_that_was_changed_counts_as_it_is_now():
    answers = frame(answer("a", "x", {"threat": "own"}), answer("a", "x", {}, revision=2))
    assert settled_labels(answers, SCHEME).is_empty()


def test_a_workspace_without_gold_has_an_empty_newest_gold(workspace):
    assert newest_gold(workspace).is_empty()


def detail(record: str, annotator: str, **said: Any) -> dict[str, Any]:
    """A detail answer; ``spans`` and ``attributes`` are tuples that begin with the label."""
    spans = [{"label": label, "start": start, "end": end} for label, start, end in said.pop("spans", ())]
    attributes = [
        {"label": label, "attribute": name, "value": value}
        for label, name, value in said.pop("attributes", ())
    ]
    given = {"pass": "detail", "spans": spans, "attributes": attributes}
    return answer(record, annotator, None, **given, **said)


def cell(answers: pl.LazyFrame, label: str, column: str, record: str = "a") -> dict[str, Any] | None:
    rows = decide(answers, SCHEME, "run").filter(record_id=record, label=label, column=column)
    return rows.row(0, named=True) if rows.height else None


def test_contained_and_author_are_decided_each_over_all_who_answered():
    """Contained 3 of 3. Author 1 of 3: one says own, two say reported."""
    answers = frame(
        answer("a", "x", {"threat": "own"}),
        answer("a", "y", {"threat": "reported"}),
        answer("a", "z", {"threat": "reported"}),
    )
    contained, author = cell(answers, "threat", "contained"), cell(answers, "threat", "author")
    assert contained is not None
    assert author is not None
    assert (contained["value"], contained["share"], contained["decided_by"]) == ("true", 1.0, "unanimous")
    assert (author["value"], author["share"], author["decided_by"]) == ("false", 1 / 3, "majority")
    assert author["distribution"] == [{"value": "false", "n": 2}, {"value": "true", "n": 1}]


def test_a_label_can_be_contained_by_majority_and_its_author_tied():
    """Contained 3 of 4; author 2 of 4, a tie, although two of the three who chose the label say own."""
    answers = frame(
        answer("a", "w", {"threat": "own"}),
        answer("a", "x", {"threat": "own"}),
        answer("a", "y", {"threat": "condemned"}),
        answer("a", "z", {}),
    )
    contained, author = cell(answers, "threat", "contained"), cell(answers, "threat", "author")
    assert contained is not None
    assert author is not None
    assert contained["value"] == "true"
    assert (author["value"], author["decided_by"], author["share"], author["n"]) == (None, None, 0.5, 4)


def test_every_label_has_an_answer_where_somebody_answered_and_none_where_nobody_did():
    answers = frame(answer("a", "x", {}), answer("b", "x", None, state="skipped"))
    rows = decide(answers, SCHEME, "run")
    assert rows.get_column("record_id").unique().to_list() == ["a"]
    assert rows.height == 2 * len(SCHEME.label_names)
    assert rows.get_column("value").unique().to_list() == ["false"]


def test_the_voice_is_the_most_frequent_set_of_voices_in_the_schemes_order():
    answers = frame(
        answer("a", "x", {"threat": "condemned+reported"}),
        answer("a", "y", {"threat": "reported+condemned"}),
        answer("a", "z", {"threat": "own"}),
    )
    voice = cell(answers, "threat", "voice")
    assert voice is not None
    assert (voice["value"], voice["share"], voice["n"]) == ("reported+condemned", 2 / 3, 3)


def test_the_voice_of_a_label_that_nobody_chose_has_no_row():
    assert cell(frame(answer("a", "x", {})), "threat", "voice") is None


def test_the_voice_that_one_annotator_alone_gave_is_undecided():
    voice = cell(frame(answer("a", "x", {"threat": "own"}), answer("a", "y", {})), "threat", "voice")
    assert voice is not None
    assert (voice["value"], voice["share"], voice["n"], voice["decided_by"]) == (None, None, 1, None)


def test_an_attribute_is_decided_among_those_who_chose_the_label():
    """Annotator z answers about a label that z did not choose in triage: two of two say veiled."""
    question = ("threat", "explicitness")
    answers = frame(
        answer("a", "x", {"threat": "own"}),
        answer("a", "y", {"threat": "own"}),
        answer("a", "z", {}),
        detail("a", "x", attributes=[(*question, "veiled")]),
        detail("a", "y", attributes=[(*question, "veiled")]),
        detail("a", "z", attributes=[(*question, "explicit")]),
    )
    row = cell(answers, "threat", "explicitness")
    assert row is not None
    assert (row["value"], row["n"], row["decided_by"]) == ("veiled", 2, "unanimous")
    assert cell(answers, "threat", "target") is None


def test_whether_it_is_meant_comes_from_triage():
    def serious(value: str) -> list[dict[str, str]]:
        return [{"label": "threat", "attribute": "serious", "value": value}]

    answers = frame(
        answer("a", "x", {"threat": "own"}, attributes=serious("joking")),
        answer("a", "y", {"threat": "own"}, attributes=serious("joking")),
        answer("a", "z", {"threat": "own"}, attributes=serious("serious")),
    )
    row = cell(answers, "threat", "serious")
    assert row is not None
    assert (row["value"], row["share"], row["decided_by"]) == ("joking", 2 / 3, "majority")


def test_an_answer_to_a_question_that_the_pass_does_not_ask_is_none():
    """The form of protest is asked in the detail pass, and never of a threat."""
    threat = {"label": "threat", "attribute": "form", "value": "peaceful"}
    protest = {"label": "protest_mobilization", "attribute": "form", "value": "peaceful"}
    chosen = {"threat": "own", "protest_mobilization": "own"}
    answers = frame(
        *(answer("a", who, chosen, attributes=[protest, threat]) for who in "xy"),
        *(detail("a", who, attributes=[("threat", "form", "peaceful")]) for who in "xy"),
    )
    assert cell(answers, "threat", "form") is None
    assert cell(answers, "protest_mobilization", "form") is None


def three_who_chose() -> list[dict[str, Any]]:
    return [answer("a", annotator, {"threat": "own"}) for annotator in ("x", "y", "z")]


def test_spans_are_the_characters_that_a_majority_marked():
    """Marked: x 0-10, y 5-15, z 8-9, 20-25; by two or three: 5-10. Marks there: 5 + 5 + 1 of 15."""
    answers = frame(
        *three_who_chose(),
        detail("a", "x", spans=[("threat", 0, 10)]),
        detail("a", "y", spans=[("threat", 5, 15)]),
        detail("a", "z", spans=[("threat", 8, 9), ("threat", 20, 25)]),
    )
    row = cell(answers, "threat", "spans")
    assert row is not None
    assert (row["value"], row["share"], row["n"]) == ("5:10", 11 / 15, 3)
    assert {entry["value"] for entry in row["distribution"]} == {"0:10", "5:15", "8:9+20:25"}


def test_overlapping_spans_of_one_annotator_are_one_mark():
    """Annotator x marks 0-6 and 4-10, y marks 2-3: only 2-3 was marked by two of two."""
    answers = frame(
        *three_who_chose(),
        detail("a", "x", spans=[("threat", 0, 6), ("threat", 4, 10)]),
        detail("a", "y", spans=[("threat", 2, 3)]),
    )
    row = cell(answers, "threat", "spans")
    assert row is not None
    assert (row["value"], row["n"]) == ("2:3", 2)


def test_who_answers_in_detail_and_marks_nothing_counts():
    """One of two marked anything: no character has a strict majority."""
    answers = frame(
        *three_who_chose(),
        detail("a", "x", spans=[("threat", 0, 6)]),
        detail("a", "y", attributes=[("threat", "target", "person")]),
    )
    row = cell(answers, "threat", "spans")
    assert row is not None
    assert (row["value"], row["n"], row["decided_by"]) == (None, 2, None)


def test_ties_leave_out_what_a_label_decided_as_no_would_have_asked():
    answers = frame(
        answer("a", "x", {"threat": "own"}),
        answer("a", "y", {}),
        answer("a", "z", {}),
        answer("b", "x", {"threat": "own"}),
        answer("b", "y", {}),
    )
    left = ties(decide(answers, SCHEME, "run")).select("record_id", "label", "column").rows()
    assert left == [("b", "threat", "contained"), ("b", "threat", "author"), ("b", "threat", "voice")]


LABELS = st.sampled_from(SCHEME.label_names[:2])
VOICES = st.lists(st.sampled_from(SCHEME.voice_names), min_size=1, max_size=2, unique=True).map("+".join)
SPANS = st.lists(
    st.tuples(LABELS, st.integers(0, 12), st.integers(1, 6)).map(lambda s: (s[0], s[1], s[1] + s[2])),
    max_size=3,
)
PEOPLE = st.dictionaries(
    st.sampled_from("uvwxyz"),
    st.tuples(st.dictionaries(LABELS, VOICES, max_size=2), SPANS),
    min_size=1,
)


def characters(spans: list[tuple[str, int, int]], label: str) -> set[int]:
    return {at for name, start, end in spans if name == label for at in range(start, end)}


def check_by_hand(people: dict[str, Any], rows: dict[tuple[str, str], dict[str, Any]]) -> None:
    for label in SCHEME.label_names[:2]:
        chose = [who for who, (labels, _) in people.items() if label in labels]
        share = len(chose) / len(people)
        expected = "true" if share > 0.5 else "false" if share < 0.5 else None
        assert (rows[label, "contained"]["value"], rows[label, "contained"]["share"]) == (expected, share)
        own = [who for who in chose if {"own", "endorsed"} & set(people[who][0][label].split("+"))]
        assert rows[label, "author"]["share"] == len(own) / len(people)
        sets = Counter(frozenset(people[who][0][label].split("+")) for who in chose).most_common()
        unique = len(chose) >= 2 and (len(sets) == 1 or sets[0][1] > sets[1][1])
        voice = rows.get((label, "voice"), {"value": None})["value"]
        assert (voice and frozenset(voice.split("+"))) == (sets[0][0] if unique else None)
        marks = [characters(people[who][1], label) for who in chose]
        marked = Counter(at for mark in marks for at in mark)
        asked = sum(bool(mark) for mark in marks)
        majority = {at for at, n in marked.items() if 2 * n > asked >= 2}
        value = rows.get((label, "spans"), {"value": None})["value"]
        found = [tuple(map(int, part.split(":"))) for part in (value or "").split("+") if part]
        assert {at for start, end in found for at in range(start, end)} == majority
        assert all(left[1] < right[0] for left, right in pairwise(found))


@settings(deadline=None, max_examples=15)
@given(records=st.lists(PEOPLE, min_size=1, max_size=8))
def test_any_answers_are_decided_as_counting_by_hand_decides_them(records):
    said = [(str(n), who, *given) for n, people in enumerate(records) for who, given in people.items()]
    answers = frame(
        *(answer(record, who, labels) for record, who, labels, _ in said),
        *(detail(record, who, spans=spans) for record, who, _, spans in said),
    )
    rows = decide(answers, SCHEME, "run")
    for n, people in enumerate(records):
        cells = rows.filter(record_id=str(n)).iter_rows(named=True)
        check_by_hand(people, {(row["label"], row["column"]): row for row in cells})


def store_answers(workspace: Workspace, *rows: dict[str, Any]) -> None:
    workspace.store.append(ANNOTATIONS, frame(*rows).collect())


def test_the_same_answers_give_the_same_run_and_write_nothing_twice(workspace):
    store_answers(workspace, answer("a", "x", {"threat": "own"}))
    first = decide_gold(workspace)
    version = workspace.store.version(GOLD)
    again = decide_gold(workspace)
    assert (again.gold_run, again.written, again.changed) == (first.gold_run, False, 0)
    assert workspace.store.version(GOLD) == version


def test_a_dry_run_reports_the_same_and_writes_nothing(workspace):
    store_answers(workspace, answer("a", "x", {"threat": "own"}), answer("a", "y", {}))
    dry = decide_gold(workspace, dry_run=True)
    assert newest_gold(workspace).is_empty()
    assert decide_gold(workspace).gold_run == dry.gold_run
    assert [(tie.record_id, tie.column) for tie in dry.ties] == [
        ("a", "contained"),
        ("a", "author"),
        ("a", "voice"),
    ]


def test_a_changed_answer_makes_a_new_run_and_the_report_counts_what_changed(workspace):
    """Threat goes from no to yes in contained and author; its voice was not asked before."""
    store_answers(workspace, answer("a", "x", {}))
    decide_gold(workspace)
    store_answers(workspace, answer("a", "x", {"threat": "own"}, revision=2))
    report = decide_gold(workspace)
    assert (report.written, report.changed) == (True, 2)
    assert set(newest_gold(workspace).get_column("gold_run")) == {report.gold_run}


def test_an_answer_taken_back_makes_the_earlier_run_the_newest_again(workspace):
    store_answers(workspace, answer("a", "x", {}))
    first = decide_gold(workspace)
    store_answers(workspace, answer("a", "x", {"threat": "own"}, revision=2))
    decide_gold(workspace)
    store_answers(workspace, answer("a", "x", {}, revision=3))
    assert decide_gold(workspace).gold_run == first.gold_run
    assert newest_gold(workspace).height == 2 * len(SCHEME.label_names)


def test_deciding_a_second_round_keeps_the_first(workspace):
    store_answers(workspace, answer("a", "x", {}), answer("b", "x", {"threat": "own"}, round="r2"))
    decide_gold(workspace, "r1")
    report = decide_gold(workspace, "r2")
    assert (report.records, report.changed) == (2, 0)
    assert report.gold_run == decide_gold(workspace).gold_run


def test_answers_for_another_purpose_decide_nothing(workspace):
    again = {"task_key": "repeat", "annotation_uuid": "repeat"}
    store_answers(workspace, answer("a", "x", {}), answer("a", "y", {"threat": "own"}, **again))
    blank = dict.fromkeys(ASSIGNMENTS.schema, "") | {"position": 0, "release_day": 0, "project_id": 1}
    task = pl.DataFrame([blank | {"task_key": "repeat", "purpose": "repeat"}], schema=ASSIGNMENTS.schema)
    workspace.store.append(ASSIGNMENTS, task)
    decide_gold(workspace)
    assert newest_gold(workspace).get_column("n").unique().to_list() == [1]


def test_a_round_without_answers_is_refused_with_the_rounds_that_have_some(workspace):
    store_answers(workspace, answer("a", "x", {}))
    with pytest.raises(InputError, match=r"round 'r9' has no answer .* rounds with answers: r1"):
        decide_gold(workspace, "r9")
