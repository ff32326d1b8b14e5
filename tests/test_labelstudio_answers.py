"""Answers in both ways, and every reason why one is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.assets import asset
from aufruf.label_scheme import load_label_scheme
from aufruf.labelstudio.answers import Answer, Refusal, read_result, to_result
from aufruf.labelstudio.interface import settled_choices
from aufruf.labelstudio.rows import Asked, RawAnnotation, from_annotation

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from aufruf.label_scheme import Pass

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
TEXT = "Hallo 😀 e\u0301 Welt"
NOW = datetime(2031, 3, 1, tzinfo=UTC)
texts = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1)


@st.composite
def triage_answers(draw: DrawFn) -> Answer:
    chosen = draw(st.sets(st.sampled_from(SCHEME.label_names)))
    labels = tuple(label for label in SCHEME.label_names if label in chosen)
    voices: list[tuple[str, str]] = []
    attributes: list[tuple[str, str, str]] = []
    for label in labels:
        heard = draw(st.sets(st.sampled_from(SCHEME.voice_names), min_size=1))
        voices += [(label, voice) for voice in SCHEME.voice_names if voice in heard]
        for attribute in SCHEME.attributes_of(label, "triage"):
            value = draw(st.none() | st.sampled_from(attribute.value_names))
            attributes += [] if value is None else [(label, attribute.name, value)]
    marked = draw(
        st.sets(st.sampled_from([name for name in SCHEME.flag_names if name not in SCHEME.missing_flags]))
    )
    flags = tuple(flag for flag in SCHEME.flag_names if flag in marked)
    comment = draw(st.none() | texts.map(str.strip).filter(bool))
    return Answer(labels, tuple(voices), tuple(attributes), None, flags, comment)


@st.composite
def detail_answers(draw: DrawFn) -> tuple[str, Answer]:
    text = draw(texts)
    spans: set[tuple[str, int, int]] = set()
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text) - 1))
        spans.add((draw(st.sampled_from(SCHEME.label_names)), start, draw(st.integers(start + 1, len(text)))))
    order = SCHEME.label_names.index
    attributes = [
        (label, attribute.name, draw(st.sampled_from(attribute.value_names)))
        for label in SCHEME.label_names
        for attribute in SCHEME.attributes_of(label, "detail")
        if draw(st.booleans())
    ]
    in_order = tuple(sorted(spans, key=lambda span: (span[1], span[2], order(span[0]))))
    return text, Answer(attributes=tuple(attributes), spans=in_order)


@given(triage_answers(), texts)
def test_an_answer_in_triage_comes_back_as_it_was_sent(answer: Answer, text: str):
    reading = read_result(to_result(answer, text, SCHEME, "triage"), text, SCHEME, "triage")
    assert (reading.answer, reading.pruned) == (answer, 0)


@given(detail_answers())
def test_an_answer_in_detail_comes_back_with_its_spans_in_any_text(sent: tuple[str, Answer]):
    text, answer = sent
    result = to_result(answer, text, SCHEME, "detail")
    reading = read_result(result, text, SCHEME, "detail", SCHEME.label_names)
    assert (reading.answer, reading.pruned) == (answer, 0)


def test_an_answer_that_cannot_judge_has_no_labels_and_keeps_its_flags():
    answer = Answer(flags=("cannot_judge",), comment="ohne das Bild nicht")
    reading = read_result(to_result(answer, TEXT, SCHEME, "triage"), TEXT, SCHEME, "triage")
    assert reading.answer == answer


def choices(name: str, *values: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": list(values)}}


def span(start: int, end: int, text: str | None = None, *labels: str) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": text, "labels": list(labels or ("threat",))}
    return {"from_name": "spans", "to_name": "text", "type": "labels", "value": value}


THREAT = [choices("labels", "threat"), choices("voice_threat", "own")]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("nothing of the kind", "malformed"),
        ([{"value": {}}], "malformed"),
        ([{**choices("labels"), "value": {"text": ["x"]}}], "malformed"),
        ([], "nothing_answered"),
        ([choices("flags", "unsure")], "nothing_answered"),
        ([choices("labels", "none", "threat"), choices("voice_threat", "own")], "none_and_label"),
        ([choices("labels", "threat")], "label_without_voice"),
        ([choices("labels", "insult")], "unknown_label"),
        ([choices("labels", "threat"), choices("voice_threat", "whispered")], "unknown_choice"),
        ([choices("labels", "none"), choices("flags", "boring")], "unknown_choice"),
        ([choices("labels", "none"), choices("mood", "good")], "unknown_control"),
        ([*THREAT, choices("serious_threat", "serious", "joking")], "two_answers"),
        ([*THREAT, span(0, 5, "Hallo")], "unknown_control"),
    ],
)
def test_an_answer_in_triage_that_cannot_be_used_is_refused_by_reason(result: Any, reason: str):
    with pytest.raises(Refusal) as raised:
        read_result(result, TEXT, SCHEME, "triage")
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        (span(0, 99999, "Hallo"), "span_out_of_range"),
        (span(-1, 5, "Hallo"), "span_out_of_range"),
        (span(5, 5, ""), "span_out_of_range"),
        (span(0, 5, "hallo"), "span_text_differs"),
        (span(8, 9, "e\u0301"), "span_text_differs"),
        (span(0, 5, "Hallo", "insult"), "unknown_label"),
        (span(0, 5, "Hallo", "threat", "call_to_violence"), "malformed"),
        (span(0, 5), "malformed"),
        (choices("labels", "threat"), "unknown_control"),
    ],
)
def test_a_span_that_is_not_in_the_text_is_refused_by_reason(region: dict[str, Any], reason: str):
    with pytest.raises(Refusal) as raised:
        read_result([region], TEXT, SCHEME, "detail", ["threat"])
    assert raised.value.reason == reason


def test_no_refusal_repeats_a_word_of_the_text():
    for result in ([span(0, 5, "hallo")], [choices("Hallo", "Welt")], [choices("settled", "Hallo"), "Hallo"]):
        with pytest.raises(Refusal) as raised:
            read_result(result, TEXT, SCHEME, "detail", ["threat"])
        assert "allo" not in raised.value.message


def test_answers_to_hidden_questions_are_left_out_and_counted():
    result = [choices("labels", "none"), choices("voice_threat", "own"), choices("serious_threat", "joking")]
    reading = read_result(result, TEXT, SCHEME, "triage")
    assert (reading.answer, reading.pruned) == (Answer(labels=()), 2)


def test_cannot_judge_hides_what_was_answered_before():
    reading = read_result([*THREAT, choices("flags", "cannot_judge")], TEXT, SCHEME, "triage")
    assert (reading.answer, reading.pruned) == (Answer(flags=("cannot_judge",)), 2)


def test_detail_asks_only_about_settled_labels():
    result = [
        choices("target_threat", "person"),
        choices("form_protest_mobilization", "peaceful"),
        choices("settled", "threat"),
    ]
    reading = read_result(result, TEXT, SCHEME, "detail", ["threat"])
    assert (reading.answer.attributes, reading.pruned) == ((("threat", "target", "person"),), 1)


ASSIGNMENT = {
    "task_key": "k",
    "record_id": "r",
    "annotator": "amsel",
    "round": "pilot",
    "pass": "triage",
    "scheme_sha256": "s",
}
ASKED = Asked(ASSIGNMENT, TEXT, TEXT, (), user_id=7, guideline_version="g")
RAW = RawAnnotation(
    id=1,
    unique_id="u",
    task=5,
    completed_by=7,
    updated_by=7,
    was_cancelled=False,
    result=THREAT,
    created_at=NOW,
    updated_at=NOW,
    lead_time=4.5,
)


def changed(**values: Any) -> RawAnnotation:
    fields = {name: getattr(RAW, name) for name in RAW.__struct_fields__}
    return RawAnnotation(**{**fields, **values})


def test_an_annotation_becomes_a_row_that_says_who_answered_what_when():
    row, pruned = from_annotation(RAW, ASKED, SCHEME)
    assert pruned == 0
    assert row["state"] == "live"
    assert (row["annotation_uuid"], row["annotator"], row["seconds"]) == ("u", "amsel", 4.5)
    assert row["labels"] == ["threat"]
    assert row["voices"] == [{"label": "threat", "voice": "own"}]
    assert row["spans"] is None


def test_a_skipped_task_has_a_state_and_no_answer():
    row, _ = from_annotation(changed(was_cancelled=True, result=[]), ASKED, SCHEME)
    assert (row["state"], row["labels"], row["voices"], row["flags"]) == ("skipped", None, None, [])


@pytest.mark.parametrize(
    ("raw", "asked", "is_first", "reason"),
    [
        (RAW, None, True, "unknown_task"),
        (changed(completed_by=8), ASKED, True, "not_assigned"),
        (changed(completed_by=None), ASKED, True, "not_assigned"),
        (RAW, replace(ASKED, user_id=None), True, "not_assigned"),
        (changed(updated_by=8), ASKED, True, "edited_by_other"),
        (RAW, ASKED, False, "second_answer"),
        (RAW, replace(ASKED, shown_text="Anderes"), True, "text_changed"),
    ],
)
def test_an_annotation_that_does_not_count_is_refused_by_reason(
    raw: RawAnnotation,
    asked: Asked | None,
    is_first: bool,  # noqa: FBT001 -- a column of the cases above
    reason: str,
):
    with pytest.raises(Refusal) as raised:
        from_annotation(raw, asked, SCHEME, is_first=is_first)
    assert raised.value.reason == reason


def test_a_span_over_a_line_break_is_the_text_at_its_place_as_the_page_writes_it():
    given = {"start": 0, "end": 4, "labels": ["threat"]}
    for written in ("a\n\nb", "a\\n\\nb"):
        region = {**span(0, 4, written), "value": {**given, "text": written}}
        assert read_result([region], "a\n\nb", SCHEME, "detail").answer.spans == (("threat", 0, 4),)


@pytest.mark.parametrize("in_pass", ["triage", "detail"])
def test_that_the_text_was_shown_by_key_is_no_answer(in_pass: Pass):
    given = [choices("labels", "none")] if in_pass == "triage" else []
    shown = choices("reveal", "shown")
    assert read_result([shown, *given], TEXT, SCHEME, in_pass) == read_result(given, TEXT, SCHEME, in_pass)


def test_what_the_page_sends_for_settled_labels_is_no_answer():
    values = [choice["value"] for choice in settled_choices(SCHEME, ["threat"], "de")]
    reading = read_result([choices("settled", *values)], TEXT, SCHEME, "detail", values)
    assert reading.answer == Answer(spans=())
