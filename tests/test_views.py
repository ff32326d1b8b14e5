"""What holds now, derived from append-only tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from aufruf.assets import asset
from aufruf.label_scheme import load_label_scheme
from aufruf.tables import ANNOTATIONS, RECORDS
from aufruf.views import current_annotations, newest_records, question_answers, triage_judgements

NOW = datetime(2031, 1, 1, tzinfo=UTC)


def annotation(uuid: str, **answer: Any) -> dict[str, Any]:
    unanswered = dict.fromkeys(ANNOTATIONS.schema)
    common = {"revision": 1, "state": "live", "pass": "triage", "created_at": NOW, "updated_at": NOW}
    return {**unanswered, **common, "annotation_uuid": uuid, "record_id": uuid, "flags": [], **answer}


def frame(*rows: dict[str, Any]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema=ANNOTATIONS.schema)


def judged(annotations: pl.LazyFrame, label: str) -> list[tuple[Any, ...]]:
    scheme = load_label_scheme(asset("schemas", "label_scheme.toml"))
    rows = triage_judgements(annotations, scheme).filter(pl.col("label") == label).collect()
    return rows.select("record_id", "contained", "author", "voices").rows()


def test_only_the_newest_revision_of_an_annotation_is_current():
    both = frame(annotation("a", labels=["threat"]), annotation("a", revision=2, labels=[]))
    assert current_annotations(both).collect().get_column("revision").to_list() == [2]


def test_an_annotation_deleted_last_is_not_current_in_an_older_revision():
    assert (
        current_annotations(frame(annotation("a"), annotation("a", revision=2, state="deleted")))
        .collect()
        .is_empty()
    )


def test_a_label_is_the_authors_if_any_of_its_voices_is():
    voices = [{"label": "threat", "voice": "reported"}, {"label": "threat", "voice": "own"}]
    answers = frame(annotation("a", labels=["threat"], voices=voices))
    assert judged(answers, "threat") == [("a", True, True, ["own", "reported"])]


def test_a_label_in_another_voice_only_is_contained_but_not_the_authors():
    answers = frame(annotation("a", labels=["threat"], voices=[{"label": "threat", "voice": "condemned"}]))
    assert judged(answers, "threat") == [("a", True, False, ["condemned"])]


def test_none_of_these_judges_every_label_as_not_held():
    assert judged(frame(annotation("a", labels=[], voices=[])), "violence_approval") == [
        ("a", False, False, None)
    ]


def test_skips_and_answers_that_cannot_judge_are_missing_values():
    missing = frame(
        annotation("a", state="skipped", labels=None), annotation("b", labels=None, flags=["cannot_judge"])
    )
    assert judged(missing, "threat") == []


def test_a_superseded_record_is_not_shown():
    blank = dict.fromkeys(RECORDS.schema)
    rows = [{**blank, "record_id": "old"}, {**blank, "record_id": "new", "supersedes": "old"}]
    kept = newest_records(pl.LazyFrame(rows, schema=RECORDS.schema)).collect()
    assert kept.get_column("record_id").to_list() == ["new"]


def test_a_label_of_which_nothing_was_asked_has_no_judgement():
    answers = frame(annotation("a", labels=[], voices=[], asked=["threat_contained", "threat_author"]))
    assert judged(answers, "threat") == [("a", False, False, None)]
    assert judged(answers, "call_to_violence") == []


def test_a_label_that_holds_in_a_voice_not_asked_has_an_unknown_author():
    answers = frame(annotation("a", labels=["threat"], voices=[], asked=["threat_contained"]))
    assert judged(answers, "threat") == [("a", True, None, None)]


def test_an_answer_can_deny_the_authors_voice_and_leave_open_whether_the_label_is_contained():
    answers = frame(annotation("a", labels=[], voices=[], asked=["threat_author"]))
    assert judged(answers, "threat") == [("a", None, False, None)]


def test_a_voice_not_asked_tells_whose_it_is_and_no_more():
    voices = [{"label": "threat", "voice": "own"}]
    asked = ["threat_contained", "threat_author"]
    answers = frame(annotation("a", labels=["threat"], voices=voices, asked=asked))
    assert judged(answers, "threat") == [("a", True, True, None)]


def test_only_questions_that_were_asked_have_answers():
    scheme = load_label_scheme(asset("schemas", "label_scheme.toml"))
    answers = frame(
        annotation("a", labels=["threat"], voices=[], asked=["threat_contained", "call_to_violence_author"])
    )
    said = question_answers(answers, scheme).collect().select("label", "column", "value")
    expected = [("threat", "contained", "true"), ("call_to_violence", "author", "false")]
    assert sorted(said.rows()) == sorted(expected)
