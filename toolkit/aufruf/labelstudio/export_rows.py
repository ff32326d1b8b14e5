"""What the annotations of an export say: answers to our interface, or choices in another one's. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from aufruf.labelstudio.answers import Answer, Refusal, controls_of, read_result
from aufruf.labelstudio.interface import COMMENT, FLAGS, LABELS, SETTLED, SPANS
from aufruf.labelstudio.rows import answer_columns
from aufruf.pseudonyms import keyed_hash
from aufruf.sources.labelstudio import Annotation
from aufruf.text import normalise_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.label_scheme import LabelScheme, Pass
    from aufruf.masking import MaskedText
    from aufruf.secrets import Secret
    from aufruf.sources.labelstudio import Task

    Region = dict[str, Any]

GUIDELINES = "labelstudio"
"""Stands for the version of the guidelines: an export does not tell which were in force."""

_DIGITS = 32
_PERSON_DIGITS = 16
_LONGEST_VALUE = 200
_STRING = "string"
_SIGNS: tuple[tuple[Pass, set[str]], ...] = (("triage", {LABELS, FLAGS}), ("detail", {SPANS, SETTLED}))
_FREE_TEXT = "text"
_NUMBERS = ("rating", "number")
_ANOTHER_INTERFACE = ("unknown_control", "unknown_choice", "unknown_label", "malformed")


@dataclass(frozen=True)
class Source:
    """Whose annotations they are: the source's slug, the key for accounts, the scheme, and the time now."""

    slug: str
    key: Secret
    scheme: LabelScheme
    now: datetime

    def person(self, account: str | None) -> str:
        """Return the pseudonym of an account; the source itself where an export names none."""
        if account is None:
            return f"source:{self.slug}"
        return f"source:{self.slug}/{keyed_hash(self.key, 'annotator', self.slug, account)[:_PERSON_DIGITS]}"


@dataclass(frozen=True)
class Shown:
    """A task's text as it was shown, the record made of it, and how the record's text came about."""

    record_id: str
    text: str
    masked: MaskedText

    def carried(self, answer: Answer) -> Answer:
        """Return an answer with its spans in the record's text.

        Raises:
            Refusal: if normalising has moved them.
        """
        if not answer.spans:
            return answer
        if normalise_text(self.text) != self.text:
            raise Refusal("text_changed", "normalising the text moved its spans")
        spans = [(label, *self.masked.carry(start, end)) for label, start, end in answer.spans]
        return replace(answer, spans=tuple(spans))


class Choice(NamedTuple):
    """A value that a control of another interface got."""

    column: str
    value: str


@dataclass(frozen=True)
class Said:
    """What an annotation says: a row of ANNOTATIONS, or choices of another interface.

    ``left_out`` counts what is neither: free text, drawings, and the like.
    """

    annotator: str
    row: dict[str, Any] | None = None
    choices: tuple[Choice, ...] = ()
    left_out: int = 0

    @property
    def is_skipped(self) -> bool:
        """Whether the task was skipped: nothing tells by which interface."""
        return self.row is not None and self.row["state"] == "skipped"


def said_of(raw: Any, task: Task, shown: Shown, source: Source) -> Said:
    """Return what one annotation of a task says.

    Raises:
        Refusal: if it is no annotation, or answers our interface wrongly (see `answers.read_result`).
    """
    try:
        annotation = msgspec.convert(raw, Annotation)
    except msgspec.ValidationError as error:
        raise Refusal("malformed", "no annotation as Label Studio writes them") from error
    who = source.person(annotation.account)
    if annotation.was_cancelled:
        return Said(who, _row(Answer(skipped=True), "triage", annotation, shown, source))
    regions = _flat_regions(task.data) if task.is_flat else _objects(annotation.result)
    in_pass, regions = _pass_of(regions, source.scheme, is_flat=task.is_flat)
    if in_pass is not None:
        try:
            settled = _settled(task, regions, source.scheme)
            answer = read_result(regions, shown.text, source.scheme, in_pass, settled).answer
            return Said(who, _row(shown.carried(answer), in_pass, annotation, shown, source))
        except Refusal as refusal:
            if refusal.reason not in _ANOTHER_INTERFACE:
                raise
    found = [one for region in regions for one in _choices(region)]
    choices = tuple(dict.fromkeys(one for one in found if one is not None))
    return Said(who, None, choices, found.count(None))


def _row(
    answer: Answer, in_pass: Pass, annotation: Annotation, shown: Shown, source: Source
) -> dict[str, Any]:
    identity = ("export", source.slug, str(annotation.id), shown.record_id, in_pass)
    uuid = hashlib.sha256("\x1f".join(identity).encode()).hexdigest()[:_DIGITS]
    created = _time(annotation.created_at) or source.now
    return {
        "annotation_uuid": uuid,
        "task_key": uuid,
        "record_id": shown.record_id,
        "annotator": source.person(annotation.account),
        "round": f"source:{source.slug}",
        "pass": in_pass,
        **answer_columns(answer, in_pass),
        "seconds": annotation.lead_time,
        "created_at": created,
        "updated_at": _time(annotation.updated_at) or created,
        "scheme_sha256": source.scheme.sha256,
        "guideline_version": GUIDELINES,
    }


def _time(written: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(written or "")
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def _flat_regions(data: dict[str, Any]) -> list[Region]:
    """Return regions as the full export has them: of a flat one, a control's only choice is a string."""
    regions: list[Region] = []
    for name, value in data.items():
        for one in cast("list[Any]", value) if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                regions.append({"from_name": name, "value": one})
            elif isinstance(one, str):
                kind = "text" if name == COMMENT else "choices"
                regions.append({"from_name": name, "value": {kind: [one]}, _STRING: True})
    return regions


def _pass_of(
    regions: list[Region], scheme: LabelScheme, *, is_flat: bool
) -> tuple[Pass | None, list[Region]]:
    """Return the pass whose questions are answered, None if they are another interface's, and the answers.

    A flat export mixes data and answers: nothing tells which of them a string is, so none counts as an
    answer to another interface.
    """
    names = {str(region.get("from_name")) for region in regions}
    for in_pass, signs in _SIGNS:
        known = controls_of(scheme, in_pass)
        if names & signs and (is_flat or names <= known):
            return in_pass, [region for region in regions if region.get("from_name") in known]
    return None, [region for region in regions if _STRING not in region]


def _settled(task: Task, regions: list[Region], scheme: LabelScheme) -> list[str]:
    """Return the labels that the detail pass asked about: the task's data say so, and the page repeats it."""
    told = [one.get("value") for one in _objects(task.data.get(SETTLED))]
    answered = [region.get("value") for region in regions if region.get("from_name") == SETTLED]
    for value in _objects(answered):
        told += value.get("choices") or ()
    return [label for label in scheme.label_names if label in told]


def _objects(given: Any) -> list[Region]:
    several = cast("list[Any]", given) if isinstance(given, list) else []
    return [cast("Region", one) for one in several if isinstance(one, dict)]


def _choices(region: Region) -> Iterator[Choice | None]:
    """Yield the choices of a region, None for what is none: free text, a drawing, a value without end."""
    values = _objects([region.get("value")])
    found = [one for value in values for name, given in value.items() for one in _values(name, given)]
    for one in found:
        yield Choice(str(region.get("from_name")), one) if len(one) <= _LONGEST_VALUE else None
    if not found:
        yield None


def _values(name: str, given: Any) -> Iterator[str]:
    """Yield the values of a list of choices or labels, of a taxonomy's paths, or of a rating."""
    if name in _NUMBERS and isinstance(given, int | float):
        yield str(given)
    if isinstance(given, list) and name != _FREE_TEXT:
        for one in cast("list[Any]", given):
            if isinstance(one, str):
                yield one
            elif isinstance(one, list):
                yield " > ".join(map(str, cast("list[Any]", one)))
