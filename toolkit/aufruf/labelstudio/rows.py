"""The server's annotations as rows of ANNOTATIONS: who answered what, and whether it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 -- msgspec reads the annotation at run time
from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.gold.verdicts import AMBIGUOUS, ERROR
from aufruf.labelstudio.answers import Answer, Reading, Refusal, read_result
from aufruf.labelstudio.suggestions import SUGGESTED_BY
from aufruf.views import ADJUDICATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aufruf.label_scheme import LabelScheme, TaskPass

LIVE, SKIPPED, DELETED = "live", "skipped", "deleted"


class RawAnnotation(msgspec.Struct, frozen=True):
    """An annotation as the server's export gives it, of which only what lasts is kept."""

    id: int
    unique_id: str
    task: int
    completed_by: int | None
    was_cancelled: bool
    result: Any
    created_at: datetime
    updated_at: datetime
    updated_by: int | None = None
    lead_time: float | None = None
    ground_truth: bool = False


@dataclass(frozen=True)
class Asked:
    """What an annotation must answer to: its assignment, the text that was shown, who was asked.

    ``settled`` are the labels that a task in detail or adjudication asks about.
    """

    assignment: Mapping[str, Any]
    text: str
    shown_text: str
    settled: tuple[str, ...]
    user_id: int | None
    guideline_version: str
    suggested_by: str | None = None


def from_annotation(
    raw: RawAnnotation, asked: Asked | None, scheme: LabelScheme, *, is_first: bool = True
) -> tuple[dict[str, Any], int]:
    """Return the row of ANNOTATIONS, without its revision, and how many hidden answers were left out.

    Args:
        raw: the annotation.
        asked: what it answers to; None if its task is none of ours.
        scheme: the label scheme.
        is_first: whether it is its author's first to this task.

    Raises:
        Refusal: with a reason of `answers.read_result`, or unknown_task, not_assigned, edited_by_other,
            second_answer, text_changed.
    """
    if asked is None:
        raise Refusal("unknown_task", "its task has no key that was planned for this project")
    if raw.completed_by is None or raw.completed_by != asked.user_id:
        raise Refusal("not_assigned", f"user {raw.completed_by} answered, user {asked.user_id} was asked")
    if raw.updated_by not in (None, raw.completed_by):
        raise Refusal(
            "edited_by_other", f"user {raw.updated_by} changed the answer of user {raw.completed_by}"
        )
    if not is_first:
        raise Refusal("second_answer", "the same person has answered this task before")
    if asked.shown_text != asked.text:
        raise Refusal("text_changed", "the task's text on the server is not the record's text")
    assignment = asked.assignment
    reading = Reading(Answer(skipped=True))
    if not raw.was_cancelled:
        reading = read_result(raw.result, asked.text, scheme, assignment["pass"], asked.settled)
    row = {name: assignment[name] for name in ("task_key", "record_id", "annotator", "round", "pass")}
    said = answer_columns(reading.answer, assignment["pass"])
    if assignment["pass"] == ADJUDICATION:
        said["asked"] = list(verdict_columns(reading.answer, asked.settled))
    return {**row, **said, **_circumstances(raw, asked)}, reading.pruned


def verdict_columns(answer: Answer, disputed: Iterable[str]) -> Iterator[str]:
    """Yield the columns that a verdict decides: none of a label that is truly ambiguous."""
    ambiguous = {label for label, name, value in answer.attributes if (name, value) == (ERROR, AMBIGUOUS)}
    for label in disputed:
        if not answer.skipped and label not in ambiguous:
            yield from (f"{label}_contained", f"{label}_author", f"{label}_voice")


def answer_columns(answer: Answer, in_pass: TaskPass) -> dict[str, Any]:
    """Return the columns of ANNOTATIONS that hold an answer, and its state."""
    empty = answer.skipped or (in_pass == "triage" and answer.labels is None)
    return {
        "state": SKIPPED if answer.skipped else LIVE,
        "labels": None if answer.labels is None else list(answer.labels),
        "voices": None
        if answer.labels is None
        else [{"label": label, "voice": voice} for label, voice in answer.voices],
        "attributes": None
        if empty
        else [
            {"label": label, "attribute": name, "value": value} for label, name, value in answer.attributes
        ],
        "spans": None
        if answer.spans is None
        else [{"label": label, "start": start, "end": end} for label, start, end in answer.spans],
        "flags": list(answer.flags),
        "comment": answer.comment,
    }


def _circumstances(raw: RawAnnotation, asked: Asked) -> dict[str, Any]:
    return {
        "annotation_uuid": raw.unique_id,
        "seconds": raw.lead_time,
        "created_at": raw.created_at,
        "updated_at": raw.updated_at,
        "scheme_sha256": asked.assignment["scheme_sha256"],
        "guideline_version": asked.guideline_version,
        SUGGESTED_BY: asked.suggested_by,
    }
