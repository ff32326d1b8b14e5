"""The page of a round: how far it is, how well people agree, where they part, how common labels are."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from aufruf.agreement.answers import LABELS
from aufruf.label_scheme import NONE
from aufruf.report.page import page, words_of
from aufruf.report.round_figures import round_figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aufruf.agreement import AgreementRow
    from aufruf.label_scheme import LabelScheme, Language
    from aufruf.prevalence import PrevalenceRow
    from aufruf.report.disagreement import ConfusionMap, Disputed
    from aufruf.report.round_figures import RoundFigures
    from aufruf.settings import Agreement
    from aufruf.workspace import Workspace

_ID_SHOWN = 12
_LOWEST = -0.2


def round_report(workspace: Workspace, round_name: str, language: Language, *, seed: int = 0) -> str:
    """Return the page of a round as HTML, for its lead: it names annotators by their pseudonyms.

    Raises:
        InputError: if nothing was planned for the round, or nothing answered yet.
    """
    figures = round_figures(workspace, round_name, seed=seed)
    return round_html(figures, workspace.label_scheme, workspace.settings.agreement, language)


def round_html(figures: RoundFigures, scheme: LabelScheme, thresholds: Agreement, language: Language) -> str:
    """Return figures as a page; everything in them is escaped."""
    named = _Names(scheme, language)
    return page(
        "round",
        language,
        figures=figures,
        agreement=_agreement(figures.agreement, named),
        alpha_low=_lowest(figures.agreement),
        marks=(thresholds.tentative, thresholds.reliable),
        pairs=_pairs(figures.agreement, named),
        labels=_heat(figures.labels, named.labels | {NONE: named.words["no_other"]}),
        voices=_heat(figures.voices, named.voices),
        prevalence=_prevalence(figures.prevalence, named),
        disputed=list(_disputed(figures, named)),
    )


class _Names:
    """The page's words, and the titles of labels, voices and columns, in one language."""

    def __init__(self, scheme: LabelScheme, language: Language) -> None:
        self.words = words_of("round", language)
        self.labels = {label.name: label.title[language] for label in scheme.labels}
        self.voices = {voice.name: voice.title[language] for voice in scheme.voices}
        self.columns = {name: self.words[name] for name in ("contained", "author", "voice", "spans")}
        self.columns[LABELS] = self.words["labels_as_set"]
        self.columns |= {attribute.name: attribute.title[language] for attribute in scheme.attributes}

    def split(self, variable: str) -> tuple[str, str]:
        """Return the label and the column of a variable such as ``threat_author``, by name."""
        label = max((name for name in self.labels if variable.startswith(f"{name}_")), key=len, default="")
        return label, variable.removeprefix(f"{label}_")


def _alphas(rows: Sequence[AgreementRow]) -> Iterator[AgreementRow]:
    return (row for row in rows if row.coefficient == "krippendorff_alpha" and row.level == "nominal")


def _agreement(rows: Sequence[AgreementRow], named: _Names) -> list[dict[str, Any]]:
    """Return the rows of the forest plot: by label its questions, the primary ones also by groups."""
    is_enriched = any(row.group == "design=enriched" for row in rows)
    groups = ("language=", "design=") if is_enriched else ("language=",)
    shown = [
        row
        for row in _alphas(rows)
        if row.group == "all"
        or (row.group.startswith(groups) and named.split(row.label)[1] in ("contained", "author"))
    ]
    by_label = groupby(shown, lambda row: named.split(row.label)[0])
    merged: dict[str, list[dict[str, Any]]] = {}
    for label, of_label in by_label:
        merged.setdefault(label, []).extend(_agreement_row(row, named) for row in of_label)
    return [
        {"title": named.labels.get(label) or named.words["labels"], "rows": found}
        for label, found in merged.items()
    ]


def _agreement_row(row: AgreementRow, named: _Names) -> dict[str, Any]:
    _, column = named.split(row.label)
    is_part = row.group != "all"
    return {
        **vars(row),
        "title": _group(row.group, named) if is_part else named.columns.get(column, column),
        "is_part": is_part,
        "reason": named.words.get(row.reason or "", row.reason),
    }


def _group(name: str, named: _Names) -> str:
    value = name.partition("=")[2]
    return named.words.get(value, value)


def _lowest(rows: Sequence[AgreementRow]) -> float:
    """Return where the scale of the forest plot begins: at the lowest interval, but at -1 at the lowest."""
    lows = [row.low for row in _alphas(rows) if row.low is not None]
    return max(-1.0, min([_LOWEST, *lows]))


def _prevalence(rows: Sequence[PrevalenceRow], named: _Names) -> dict[str, Any]:
    """Return the rows of the plot of shares, a group for each label, and where its scale ends."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        is_part = row.group != "all"
        title = _group(row.group, named) if is_part else named.columns[row.column]
        groups.setdefault(named.labels[row.label], []).append(
            vars(row) | {"title": title, "is_part": is_part}
        )
    highest = max((row.high for row in rows if row.high is not None), default=1.0)
    return {"groups": groups, "high": highest}


def _pairs(rows: Sequence[AgreementRow], named: _Names) -> list[dict[str, Any]]:
    """Return a heat map of Cohen's kappa for each label's ``contained``, where pairs were compared."""
    found: dict[str, dict[tuple[str, str], AgreementRow]] = {}
    for row in rows:
        if row.coefficient == "cohen_kappa" and row.group.startswith("pair="):
            one, _, other = row.group.removeprefix("pair=").partition("|")
            found.setdefault(row.label, {})[one, other] = row
    return [
        {"title": named.labels[named.split(label)[0]], **_pair_map(cells)}
        for label, cells in found.items()
        if named.split(label)[1] == "contained"
    ]


def _pair_map(cells: Mapping[tuple[str, str], AgreementRow]) -> dict[str, Any]:
    names = sorted({name for pair in cells for name in pair})
    both = {**cells, **{(other, one): row for (one, other), row in cells.items()}}
    shown = [[_pair_cell(both.get((one, other))) for other in names] for one in names]
    return {"names": names, "cells": shown}


def _pair_cell(row: AgreementRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    text = "–" if row.value is None else f"{row.value:.2f}"
    return {"text": text, "share": row.value, "title": f"n = {row.records}"}


def _heat(confusion: ConfusionMap, titles: Mapping[str, str]) -> dict[str, Any]:
    names = [titles[name] for name in confusion.names]
    cells = [
        [
            None if row == column else {"text": str(count), "share": count / (of or 1), "title": f"n = {of}"}
            for column, (count, of) in enumerate(zip(counts, totals, strict=True))
        ]
        for row, (counts, totals) in enumerate(zip(confusion.counts, confusion.of, strict=True))
    ]
    return {"names": names, "cells": cells}


def _disputed(figures: RoundFigures, named: _Names) -> Iterator[dict[str, Any]]:
    for record in figures.disputed:
        yield {
            "id": record.record_id[:_ID_SHOWN],
            "text": figures.texts.get(record.record_id, ""),
            "lines": list(_answer_lines(record, named)),
        }


def _answer_lines(record: Disputed, named: _Names) -> Iterator[str]:
    said = named.words["said"]
    for label, contained, author, asked in record.answers:
        if contained:
            yield said.format(named.labels.get(label, label), contained, asked, author)
