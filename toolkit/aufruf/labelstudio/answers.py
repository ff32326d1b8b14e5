"""Answers in both ways: to Label Studio's result JSON and back, checked against label scheme and text.

The server checks nothing: unknown choices, spans beyond the text and empty results are all accepted there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.gold.verdicts import AMBIGUOUS, ERROR, ERRORS
from aufruf.label_scheme import NONE
from aufruf.labelstudio.elements import TEXT
from aufruf.labelstudio.interface import (
    COMMENT,
    CONTAINED,
    DISPUTED,
    FLAGS,
    LABELS,
    NOT_CONTAINED,
    REVEAL,
    SETTLED,
    SPANS,
    VERDICT,
    attribute_control,
    error_control,
    voice_control,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from aufruf.label_scheme import LabelScheme, Pass, TaskPass

_ONE = 1
_LINE_BREAK = "\\n"
"""How the page writes a line break in the text of a marked passage: a backslash and an n."""


@dataclass(frozen=True)
class Answer:
    """One annotator's decision on one record in one pass; the names are the scheme's.

    ``labels`` are the labels that hold: empty, none of them; None, skipped, not to be judged, or not asked
    (detail). ``voices`` are (label, voice), ``attributes`` (label, attribute, value), ``spans`` (label,
    start, end) in code points of the text, None in triage. All stand in the scheme's order, spans by place.
    A verdict has the contained labels, and the attribute `error` of each that was in dispute.
    """

    labels: tuple[str, ...] | None = None
    voices: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str, str], ...] = ()
    spans: tuple[tuple[str, int, int], ...] | None = None
    flags: tuple[str, ...] = ()
    comment: str | None = None
    skipped: bool = False


@dataclass(frozen=True)
class Reading:
    """An answer that was read, and how many answers to hidden questions were left out of it."""

    answer: Answer
    pruned: int = 0


class Refusal(Exception):  # noqa: N818 -- no error of the program: pull turns it into a quarantined row
    """An answer that cannot be used: a reason code and a message without content."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class _Value(msgspec.Struct, frozen=True):
    choices: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    text: str | tuple[str, ...] | None = None
    start: int | None = None
    end: int | None = None


class _Region(msgspec.Struct, frozen=True):
    from_name: str
    value: _Value


@dataclass
class _Given:
    """What stands in a result, by control."""

    choices: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    spans: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    comments: list[str] = field(default_factory=list[str])


def to_result(answer: Answer, text: str, scheme: LabelScheme, in_pass: TaskPass) -> list[dict[str, Any]]:
    """Return an answer as Label Studio's page would send it; an empty list if it was skipped."""
    if answer.skipped:
        return []
    choices: dict[str, list[str]] = {}
    if in_pass == "triage" and answer.labels is not None:
        choices[LABELS] = list(answer.labels) or [NONE]
    for label in scheme.label_names:
        chosen = [voice for of, voice in answer.voices if of == label]
        if chosen:
            choices[voice_control(label)] = chosen
    for label, attribute, value in answer.attributes:
        choices[attribute_control(attribute, label)] = [value]
        if attribute == ERROR and value != AMBIGUOUS:
            held = label in (answer.labels or ())
            choices[attribute_control(VERDICT, label)] = [CONTAINED if held else NOT_CONTAINED]
    if answer.flags:
        choices[FLAGS] = list(answer.flags)
    result = [_region(name, "choices", {"choices": values}) for name, values in choices.items()]
    result += [
        {
            **_region(
                SPANS, "labels", {"start": start, "end": end, "text": text[start:end], "labels": [label]}
            ),
            "id": f"span{number}",
        }
        for number, (label, start, end) in enumerate(answer.spans or ())
    ]
    if answer.comment is not None:
        result.append(_region(COMMENT, "textarea", {"text": [answer.comment]}))
    return result


def read_result(
    result: object, text: str, scheme: LabelScheme, in_pass: TaskPass, settled: Collection[str] = ()
) -> Reading:
    """Read a result and check it against the label scheme and the text that it was given about.

    Answers to questions that the page had hidden when it was sent, such as the voice of a label that is no
    longer chosen, are left out and counted.

    Args:
        result: the annotation's ``result`` as it came.
        text: the text that was shown; spans count in its code points.
        scheme: the label scheme.
        in_pass: the pass.
        settled: labels that are settled for this record, or that are to be decided: detail and adjudication
            ask about them alone.

    Raises:
        Refusal: with one of the reasons malformed, unknown_control, unknown_choice, unknown_label,
            two_answers, label_without_voice, span_out_of_range, span_text_differs, nothing_answered,
            none_and_label, no_verdict.
    """
    given = _given(result, text, scheme, in_pass)
    if in_pass == "detail":
        attributes, pruned = _attributes(given, scheme, in_pass, settled)
        return Reading(Answer(attributes=attributes, spans=_in_order(given.spans, scheme)), pruned)
    flags = _chosen(given, FLAGS, scheme.flag_names)
    comment = "\n".join(given.comments).strip() or None
    if in_pass == "adjudication":
        return _verdicts(given, scheme, settled, Answer(flags=flags, comment=comment))
    missing = bool(set(flags) & set(scheme.missing_flags))
    labels = () if missing else _labels(given, scheme)
    voices, hidden = _voices(given, scheme, labels)
    attributes, pruned = _attributes(given, scheme, in_pass, labels)
    if missing:
        pruned += LABELS in given.choices
    answer = Answer(None if missing else labels, voices, attributes, None, flags, comment)
    return Reading(answer, pruned + hidden)


def _region(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": TEXT, "type": kind, "value": value}


def _given(result: object, text: str, scheme: LabelScheme, in_pass: TaskPass) -> _Given:
    try:
        regions = msgspec.convert(result, list[_Region])
    except msgspec.ValidationError as error:
        raise Refusal("malformed", "the result is not a list of Label Studio's regions") from error
    given = _Given()
    known = controls_of(scheme, in_pass)
    for region in regions:
        name, value = region.from_name, region.value
        if name not in known:
            raise Refusal("unknown_control", "the result answers a control that the interface does not have")
        if name == SPANS:
            given.spans.append(_span(value, text, scheme))
        elif name == COMMENT:
            given.comments += [value.text] if isinstance(value.text, str) else value.text or ()
        elif name not in {SETTLED, DISPUTED, REVEAL}:
            if value.choices is None:
                raise Refusal("malformed", f"control {name} comes without choices")
            given.choices[name] += value.choices
    return given


def controls_of(scheme: LabelScheme, in_pass: TaskPass) -> set[str]:
    """Return the names of the controls that a pass can answer."""
    attributes = {
        attribute_control(attribute.name, label)
        for attribute in scheme.attributes
        if (attribute.in_pass == "detail") == (in_pass == "detail")
        for label in attribute.labels
    }
    if in_pass == "detail":
        return {SPANS, SETTLED, REVEAL} | attributes
    voices = {voice_control(label) for label in scheme.label_names}
    common = {FLAGS, COMMENT, REVEAL} | attributes | voices
    if in_pass == "adjudication":
        decided = {attribute_control(of, name) for of in (VERDICT, ERROR) for name in scheme.label_names}
        return {DISPUTED} | common | decided
    return {LABELS} | common


def _verdicts(given: _Given, scheme: LabelScheme, disputed: Collection[str], rest: Answer) -> Reading:
    """Read the verdicts on the labels in dispute; what was said of others was hidden."""
    errors: list[tuple[str, str, str]] = []
    held: list[str] = []
    pruned = 0
    for label in scheme.label_names:
        error = _only(given, error_control(label), ERRORS)
        verdict = _only(given, attribute_control(VERDICT, label), (CONTAINED, NOT_CONTAINED))
        if label not in disputed:
            pruned += (error is not None) + (verdict is not None)
            continue
        if error is None or (error != AMBIGUOUS and verdict is None):
            raise Refusal(
                "no_verdict", f"label '{label}' is in dispute and was not decided, or without reason"
            )
        errors.append((label, ERROR, error))
        if error == AMBIGUOUS:
            pruned += verdict is not None
        elif verdict == CONTAINED:
            held.append(label)
    voices, hidden = _voices(given, scheme, held)
    attributes, unasked = _attributes(given, scheme, "triage", held)
    answer = replace(rest, labels=tuple(held), voices=voices, attributes=(*attributes, *errors))
    return Reading(answer, pruned + hidden + unasked)


def _only(given: _Given, control: str, known: Sequence[str]) -> str | None:
    """Return the one choice of a control, None without any."""
    chosen = _chosen(given, control, known)
    if len(chosen) > _ONE:
        raise Refusal("two_answers", f"control {control} takes one answer, {len(chosen)} came")
    return chosen[0] if chosen else None


def _span(value: _Value, text: str, scheme: LabelScheme) -> tuple[str, int, int]:
    start, end = value.start, value.end
    if start is None or end is None or len(value.labels or ()) != _ONE or not isinstance(value.text, str):
        raise Refusal("malformed", "a span needs start, end, text and one label")
    label = (value.labels or ("",))[0]
    if label not in scheme.label_names:
        raise Refusal("unknown_label", "a span has a label that the scheme does not have")
    if not 0 <= start < end <= len(text):
        raise Refusal("span_out_of_range", f"span {start}:{end} in a text of {len(text)} code points")
    marked = text[start:end]
    if value.text not in {marked, marked.replace("\n", _LINE_BREAK)}:
        raise Refusal("span_text_differs", f"span {start}:{end} is not the text at that place")
    return label, start, end


def _labels(given: _Given, scheme: LabelScheme) -> tuple[str, ...]:
    chosen = _chosen(given, LABELS, (*scheme.label_names, NONE), "unknown_label")
    if not chosen:
        raise Refusal("nothing_answered", f"neither a label nor '{NONE}' was chosen")
    if NONE in chosen and len(chosen) > _ONE:
        raise Refusal("none_and_label", f"'{NONE}' was chosen beside a label")
    return tuple(label for label in chosen if label != NONE)


def _voices(
    given: _Given, scheme: LabelScheme, labels: Collection[str]
) -> tuple[tuple[tuple[str, str], ...], int]:
    voices: list[tuple[str, str]] = []
    pruned = 0
    for label in scheme.label_names:
        chosen = _chosen(given, voice_control(label), scheme.voice_names)
        if label not in labels:
            pruned += bool(chosen)
        elif not chosen:
            raise Refusal("label_without_voice", f"label '{label}' was chosen without a voice")
        else:
            voices += [(label, voice) for voice in chosen]
    return tuple(voices), pruned


def _attributes(
    given: _Given, scheme: LabelScheme, in_pass: Pass, labels: Collection[str]
) -> tuple[tuple[tuple[str, str, str], ...], int]:
    attributes: list[tuple[str, str, str]] = []
    pruned = 0
    for label in scheme.label_names:
        for attribute in scheme.attributes_of(label, in_pass):
            name = attribute_control(attribute.name, label)
            chosen = _only(given, name, attribute.value_names)
            if chosen is not None and label in labels:
                attributes.append((label, attribute.name, chosen))
            else:
                pruned += chosen is not None
    return tuple(attributes), pruned


def _chosen(
    given: _Given, control: str, known: Sequence[str], reason: str = "unknown_choice"
) -> tuple[str, ...]:
    """Return the choices of a control once each, in the order of ``known``."""
    chosen = set(given.choices.get(control, ()))
    if not chosen <= set(known):
        raise Refusal(reason, f"control {control} has a choice that the label scheme does not have")
    return tuple(name for name in known if name in chosen)


def _in_order(
    spans: Collection[tuple[str, int, int]], scheme: LabelScheme
) -> tuple[tuple[str, int, int], ...]:
    order = {label: number for number, label in enumerate(scheme.label_names)}
    return tuple(sorted(set(spans), key=lambda span: (span[1], span[2], order[span[0]])))
