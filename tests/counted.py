"""Gold counted by plain loops, one record at a time: what a filled workspace holds as decided."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme


def counted_gold(
    triage: list[dict[str, Any]], detail: list[dict[str, Any]], scheme: LabelScheme
) -> list[dict[str, Any]]:
    details = {key: list(group) for key, group in groupby(detail, key=lambda answer: answer["record_id"])}
    rows: list[dict[str, Any]] = []
    for record_id, group in groupby(triage, key=lambda answer: answer["record_id"]):
        answers = [answer for answer in group if answer["labels"] is not None]
        for label in scheme.label_names if answers else ():
            cells = _cells(label, answers, details.get(record_id, []), scheme)
            rows += [{"record_id": record_id, "label": label, **cell} for cell in cells]
    return rows


def _cells(
    label: str, triage: list[dict[str, Any]], detail: list[dict[str, Any]], scheme: LabelScheme
) -> list[dict[str, Any]]:
    voices = [{v["voice"] for v in answer["voices"] if v["label"] == label} for answer in triage]
    contained = ["true" if label in answer["labels"] else "false" for answer in triage]
    author = ["true" if chosen & set(scheme.author_voices) else "false" for chosen in voices]
    cells = [counted_cell("contained", contained), counted_cell("author", author)]
    if "true" not in contained:
        return cells
    cells.append(counted_cell("voice", ["+".join(sorted(chosen)) for chosen in voices if chosen]))
    for attribute in scheme.attributes_of(label):
        values = [
            answer["value"]
            for judged in triage + detail
            for answer in judged["attributes"]
            if answer["label"] == label and answer["attribute"] == attribute.name
        ]
        if values:
            cells.append(counted_cell(attribute.name, values))
    spans = [
        f"{span['start']}:{span['end']}"
        for judged in detail
        for span in judged["spans"]
        if span["label"] == label
    ]
    return [*cells, counted_cell("spans", spans)] if spans else cells


def counted_cell(column: str, answers: list[str]) -> dict[str, Any]:
    counts = Counter(answers)
    (value, most), *others = counts.most_common()
    binary = column in ("contained", "author")
    decided = 2 * most > len(answers) if binary else most > max([n for _, n in others], default=1)
    unanimous = "unanimous" if most == len(answers) else "majority"
    return {
        "column": column,
        "value": value if decided else None,
        "share": (counts["true"] if binary else most) / len(answers),
        "n": len(answers),
        "distribution": [{"value": v, "n": n} for v, n in sorted(counts.items())],
        "decided_by": unanimous if decided else None,
    }
