"""What is in dispute, and what verdicts make of gold: worked by hand, no server."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.assets import asset
from aufruf.errors import SettingsError
from aufruf.gold.disputes import disputes
from aufruf.gold.verdicts import settled_by_verdict, with_verdicts
from aufruf.label_scheme import load_label_scheme
from aufruf.labelstudio.adjudication_tasks import in_fields
from aufruf.labelstudio.answers import Answer, Refusal, read_result, to_result
from aufruf.labelstudio.interface import ANSWER_FIELDS
from aufruf.settings import Adjudication
from aufruf.tables import GOLD

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))


def row(column: str, counts: dict[str, int], decided_by: str | None = "majority") -> dict[str, object]:
    ordered = Counter(counts).most_common()
    value, top = ordered[0]
    n = sum(counts.values())
    return dict.fromkeys(GOLD.schema) | {
        "gold_run": "run",
        "record_id": "r",
        "label": "threat",
        "column": column,
        "value": value if decided_by else None,
        "share": counts.get("true", 0) / n if column in {"contained", "author"} else top / n,
        "n": n,
        "distribution": [{"value": name, "n": count} for name, count in ordered],
        "decided_by": decided_by,
    }


def gold(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=GOLD.schema)


def verdict(
    error: str, *, contained: bool | None, voices: list[str] | None, columns: list[str]
) -> pl.DataFrame:
    schema = {"record_id": pl.String, "label": pl.String, "round": pl.String, "columns": pl.List(pl.String)}
    schema |= {"error": pl.String, "contained": pl.Boolean, "voices": pl.List(pl.String)}
    schema["attributes"] = pl.List(pl.Struct({"attribute": pl.String, "value": pl.String}))
    cells = ["r", "threat", "pilot", columns, error, contained, voices, None]
    return pl.DataFrame([cells], schema=schema, orient="row")


def in_dispute(found: pl.DataFrame, rule: str | float, labels: dict[str, str | float] | None = None):
    return disputes(found, SCHEME, Adjudication(rule, labels or {})).rows()  # type: ignore[arg-type]


def test_each_rule_draws_the_line_elsewhere():
    two_of_three = gold(row("contained", {"true": 2, "false": 1}))
    tie = gold(row("contained", {"true": 1, "false": 1}, None))
    assert in_dispute(two_of_three, "no_majority") == []
    assert in_dispute(two_of_three, "any") == [("r", "threat", ["contained"])]
    assert in_dispute(two_of_three, 0.66) == [], "2 of 3 are not below 0.66"
    assert in_dispute(two_of_three, 0.67) == [("r", "threat", ["contained"])]
    assert all(in_dispute(tie, rule) for rule in ("no_majority", "any", 0.1))
    assert in_dispute(two_of_three, "any", {"threat": "no_majority"}) == []
    assert in_dispute(two_of_three, "no_majority", {"threat": "any"}) == [("r", "threat", ["contained"])]


def test_a_rule_for_an_unknown_label_is_told():
    with pytest.raises(SettingsError, match="'thread', expected one of threat"):
        in_dispute(gold(), "any", {"thread": "any"})


def test_one_opinion_is_no_dispute_nor_is_the_voice_of_a_label_that_most_deny():
    assert in_dispute(gold(row("voice", {"own": 1}, None)), "any") == []
    denied = gold(row("contained", {"false": 3, "true": 2}), row("voice", {"own": 1, "reported": 1}, None))
    assert in_dispute(denied, "any") == [("r", "threat", ["contained"])]
    assert in_dispute(denied, "no_majority") == []


@given(
    yes=st.integers(0, 5),
    no=st.integers(0, 5),
    error=st.sampled_from(["slip", "guideline_gap", "ambiguous"]),
    holds=st.booleans(),
)
def test_a_verdict_moves_no_count_and_ends_the_dispute(yes: int, no: int, error: str, *, holds: bool):
    if yes + no == 0:
        return
    counts = {name: n for name, n in (("true", yes), ("false", no)) if n}
    before = gold(
        row("contained", counts, None if yes == no else "majority"), row("author", counts, "majority")
    )
    said = None if error == "ambiguous" else holds
    given_verdict = verdict(
        error,
        contained=said,
        voices=["reported"] if said else None,
        columns=["contained", "author", "voice"],
    )
    after = with_verdicts(before, given_verdict, SCHEME)
    kept = ["record_id", "label", "column", "n", "distribution"]
    assert after.filter(pl.col("column") != "voice").select(kept).equals(before.select(kept))
    cells = dict(after.select("column", "value").iter_rows())
    words = {None: None, True: "true", False: "false"}
    assert cells["contained"] == words[said]
    assert cells["author"] == (None if said is None else "false")
    assert cells.get("voice") == ("reported" if said else None)
    assert set(after.get_column("decided_by")) == {"adjudicated"}
    assert set(after.filter(pl.col("column") == "contained").get_column("share")) == {yes / (yes + no)}
    assert in_dispute(after, "any") == []


def test_what_is_ambiguous_opens_only_what_was_in_dispute():
    before = gold(row("contained", {"true": 3}, "unanimous"), row("voice", {"own": 1, "reported": 1}, None))
    after = with_verdicts(
        before, verdict("ambiguous", contained=None, voices=None, columns=["voice"]), SCHEME
    )
    cells = {column: rest for column, *rest in after.select("column", "value", "decided_by").iter_rows()}
    assert cells == {"contained": ["true", "unanimous"], "voice": [None, "adjudicated"]}
    settled = pl.DataFrame({"record_id": ["r"], "label": ["threat"]})
    assert (
        settled_by_verdict(
            settled, verdict("ambiguous", contained=None, voices=None, columns=["voice"])
        ).rows()
        == settled.rows()
    )
    assert settled_by_verdict(
        settled, verdict("slip", contained=False, voices=None, columns=["voice"])
    ).is_empty()


_labels = st.lists(st.sampled_from(SCHEME.label_names), min_size=1, unique=True)


@given(_labels, st.data())
def test_a_verdict_goes_to_label_studio_and_back_unchanged(disputed: list[str], data: st.DataObject):
    asked = [label for label in SCHEME.label_names if label in disputed]
    errors = {label: data.draw(st.sampled_from(["slip", "guideline_gap", "ambiguous"])) for label in asked}
    held = tuple(label for label in asked if errors[label] != "ambiguous" and data.draw(st.booleans()))
    voices = tuple((label, data.draw(st.sampled_from(SCHEME.voice_names))) for label in held)
    answer = Answer(held, voices, tuple((label, "error", errors[label]) for label in asked), comment="so")
    result = to_result(answer, "text", SCHEME, "adjudication")
    assert read_result(result, "text", SCHEME, "adjudication", disputed).answer == answer
    for control in ("verdict", "error"):
        short = [region for region in result if region["from_name"] != f"{control}_{asked[0]}"]
        if len(short) < len(result):
            with pytest.raises(Refusal, match="not decided, or without reason"):
                read_result(short, "text", SCHEME, "adjudication", disputed)


@given(st.lists(st.text("abc", min_size=1), max_size=12))
def test_every_answer_stands_in_a_field_however_many_there_are(answers: list[str]):
    fields = in_fields(answers)
    assert len(fields) == len(ANSWER_FIELDS)
    assert sum(field.count("\n\n") + 1 for field in fields if field) == len(answers)


def test_a_verdict_that_true_ambiguity_has_hidden_is_left_out_and_counted():
    held = Answer(("threat",), (("threat", "own"),), (("threat", "error", "slip"),))
    result = to_result(held, "text", SCHEME, "adjudication")
    for region in result:
        if region["from_name"] == "error_threat":
            region["value"]["choices"] = ["ambiguous"]
    reading = read_result(result, "text", SCHEME, "adjudication", ["threat"])
    assert reading.answer == Answer((), (), (("threat", "error", "ambiguous"),))
    assert reading.pruned == 2, "the verdict and its voice"
