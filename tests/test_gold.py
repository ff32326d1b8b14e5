"""Final labels, decided column by column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from aufruf.assets import asset
from aufruf.gold import newest_gold, settled_labels
from aufruf.label_scheme import load_label_scheme
from aufruf.tables import ANNOTATIONS

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
