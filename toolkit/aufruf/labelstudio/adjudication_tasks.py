"""What an adjudicator sees beside the text: the labels in dispute and the answers so far, without names."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.label_scheme import Bilingual
from aufruf.labelstudio.interface import (
    ANSWER_FIELDS,
    CONTAINED,
    DISPUTED,
    NOT_CONTAINED,
    VERDICTS,
    settled_choices,
)
from aufruf.labelstudio.projects import TASK_KEY
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, DISPUTES
from aufruf.views import first_answers, main_answers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from aufruf.label_scheme import LabelScheme, Language
    from aufruf.workspace import Workspace

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SHOWN = ("labels", "asked", "voices", "attributes", "flags", "comment")


def with_disputes(workspace: Workspace, data: pl.DataFrame) -> pl.DataFrame:
    """Return task data with the labels in dispute and the answers so far, in an order of chance.

    The order follows from the task's key: who comes first tells nothing, and it stays.

    Args:
        workspace: the workspace.
        data: ``task_key``, ``record_id``, ``language`` and what else belongs to the tasks.
    """
    scheme, store = workspace.label_scheme, workspace.store
    asked = store.scan(DISPUTES).join(data.lazy(), on=TASK_KEY, how="semi")
    labels: dict[str, list[str]] = dict(asked.group_by(TASK_KEY).agg("label").collect().iter_rows())
    given = _answers(workspace, data)
    rows: list[dict[str, Any]] = []
    for key, record, language in data.select(TASK_KEY, "record_id", "language").iter_rows():
        disputed = labels.get(key, [])
        answers = list(given[record])
        Random(key).shuffle(answers)
        shown = [answer_text(answer, scheme, disputed, language) for answer in answers]
        choices = settled_choices(scheme, disputed, language)
        rows.append({DISPUTED: choices, **dict(zip(ANSWER_FIELDS, in_fields(shown), strict=True))})
    return data.hstack(pl.DataFrame(rows))


def in_fields(answers: Sequence[str]) -> list[str]:
    """Return what the page's fields hold: an answer each under its letter, the last one all that are left."""
    lettered = [f"{_letter(number)}\n{answer}" for number, answer in enumerate(answers)]
    last = len(ANSWER_FIELDS) - 1
    fields = [*lettered[:last], "\n\n".join(lettered[last:])]
    return fields + [""] * (len(ANSWER_FIELDS) - len(fields))


def answer_text(
    answer: Mapping[str, Any], scheme: LabelScheme, disputed: Collection[str], language: Language
) -> str:
    """Return an answer in words, without who gave it and when: the labels in dispute, remarks, comment.

    Args:
        answer: columns of ANNOTATIONS.
        scheme: the label scheme, for the titles.
        disputed: the labels that are shown.
        language: the interface's language.
    """
    lines: list[str] = []
    for label in scheme.labels:
        if label.name in disputed and answer["labels"] is not None:
            lines += _label_lines(answer, scheme, label.name, language)
    flags = [flag.title[language] for flag in scheme.flags if flag.name in answer["flags"]]
    if flags:
        lines.append(f"{_FLAGS[language]}: {', '.join(flags)}")
    if answer["comment"]:
        lines.append(_COMMENT[language].format(answer["comment"]))
    return "\n".join(lines)


def _label_lines(
    answer: Mapping[str, Any], scheme: LabelScheme, label: str, language: Language
) -> Iterator[str]:
    title = scheme.label(label).title[language]
    if answer["asked"] is not None and f"{label}_contained" not in answer["asked"]:
        yield f"{title}: {_NOT_ASKED[language]}"
        return
    held = label in answer["labels"]
    yield f"{title}: {VERDICTS[CONTAINED if held else NOT_CONTAINED][language]}"
    chosen = {entry["voice"] for entry in answer["voices"] or () if held and entry["label"] == label}
    voices = [voice.title[language] for voice in scheme.voices if voice.name in chosen]
    if voices:
        yield f"– {_VOICE[language]}: {', '.join(voices)}"
    said = {e["attribute"]: e["value"] for e in answer["attributes"] or () if held and e["label"] == label}
    for attribute in scheme.attributes_of(label, "triage"):
        for value in attribute.values:
            if said.get(attribute.name) == value.name:
                yield f"– {attribute.title[language]} {value.title[language]}"


def _answers(workspace: Workspace, data: pl.DataFrame) -> defaultdict[str, list[dict[str, Any]]]:
    """Return the answers in triage that gold counts, and those that could not judge, by record."""
    store = workspace.store
    counted = first_answers(main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS)))
    mine = counted.filter(pl.col("pass") == "triage").join(
        data.lazy().select("record_id").unique(), on="record_id", how="semi"
    )
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in mine.sort("annotation_uuid").select("record_id", *_SHOWN).collect().iter_rows(named=True):
        found[row["record_id"]].append(row)
    return found


def _letter(number: int) -> str:
    return _LETTERS[number] if number < len(_LETTERS) else str(number + 1)


_VOICE = Bilingual(de="Stimme", en="voice")
_FLAGS = Bilingual(de="Anmerkungen", en="remarks")
_COMMENT = Bilingual(de="„{}“", en="“{}”")
_NOT_ASKED = Bilingual(de="nicht gefragt", en="not asked")
