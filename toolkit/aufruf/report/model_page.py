"""The page of a model: what it reaches, where it fails, and what it looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aufruf.baselines.examples import YES_NO
from aufruf.baselines.record import ReleaseOrigin
from aufruf.report.model_figures import model_figures, table_figures
from aufruf.report.page import page, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aufruf.baselines.asked import Columns
    from aufruf.baselines.curves import Confusion, Curves
    from aufruf.baselines.functional.evaluation import SuiteReport
    from aufruf.baselines.ngram_weights import NgramWeights
    from aufruf.baselines.record import ModelRecord
    from aufruf.baselines.release_data import Split
    from aufruf.baselines.scoring import Score
    from aufruf.label_scheme import LabelScheme, Language
    from aufruf.report.model_figures import ModelFigures, Wrong

_SIDES = ("author", "contained")
_FOREST = ("f1", "average_precision")
_OF_ANSWERS = ("macro_f1", "micro_f1")
_MOST_ANSWERS = 20
"""A confusion of more answers cannot be read."""
_MENTIONS = "mention_false_positive_rate"


def model_report(
    model: Path, release: Path, language: Language, *, split: Split = "test", seed: int = 0
) -> str:
    """Return the page of a model as HTML: it shows texts of the release, blurred until pointed at.

    Raises:
        InputError: if the model cannot be trusted, the release is not as it was released, or it asks other
            questions than the model answers.
    """
    return model_html(model_figures(model, release, split=split, seed=seed), language)


def table_report(model: Path, table: Path, columns: Columns, language: Language, *, seed: int = 0) -> str:
    """Return the page of a model on a table as HTML: it shows texts of it, blurred until pointed at.

    Raises:
        InputError: if the model cannot be trusted, a column is missing or not named, or the answers do
            not fit.
    """
    return model_html(table_figures(model, table, columns, seed=seed), language)


def model_html(figures: ModelFigures, language: Language) -> str:
    """Return figures as a page; everything in them is escaped."""
    named = _Names(figures.scheme, language)
    return page(
        "model",
        language,
        figures=figures,
        recipe=figures.record.recipe,
        trained_on=_origin(figures.record),
        sides=[_forest(figures.scores, side, named) for side in (*_SIDES, None)],
        mentions=[row for row in _rows(figures.scores, named) if row["metric"] == _MENTIONS],
        curves=[_curve(curve, named) for curve in figures.curves if curve.recall],
        confusions=[_confusion(of, named) for of in figures.confusions if len(of.classes) <= _MOST_ANSWERS],
        crosslingual=_matrix(figures.crosslingual, named),
        suite=None if figures.suite is None else _suite(figures.suite, named),
        worst=[vars(wrong) | {"title": _mistake(wrong, named)} for wrong in figures.worst],
        ngrams=[_ngrams(weights, named) for weights in figures.ngrams if _side(weights.label) != "contained"],
    )


class _Names:
    """The page's words and the titles of heads, in one language."""

    def __init__(self, scheme: LabelScheme | None, language: Language) -> None:
        self.in_language: Language = language
        self.words = words_of("model", language)
        self.labels = {label.name: label.title[language] for label in scheme.labels} if scheme else {}

    def head(self, name: str) -> str:
        """Return a head's title, such as »threat, the author's own«; of a table its column."""
        side = _side(name)
        return f"{self.label(name)}, {self.words[side]}" if side else name

    def label(self, name: str) -> str:
        """Return the title of a head's label; of a table its column."""
        label = name.removesuffix(f"_{_side(name)}")
        return self.labels.get(label, label)

    def language(self, name: str | None) -> str:
        """Return a language's name; all together where there is none."""
        return self.words[name or "all"] if (name or "all") in self.words else str(name)


def _origin(record: ModelRecord) -> str:
    origin = record.origin
    return f"release {origin.version}" if isinstance(origin, ReleaseOrigin) else origin.name


def _rows(scores: Sequence[Score], named: _Names) -> Iterator[dict[str, Any]]:
    for score in scores:
        yield {
            "head": score.label,
            "label": named.label(score.label),
            "language": named.language(score.language),
            "is_part": score.language is not None,
            "metric": score.metric,
            "value": score.value,
            "low": score.low,
            "high": score.high,
            "n": score.n,
        }


def _side(name: str) -> str | None:
    """Return the side of a release's head; None for a mean, or a table's column."""
    return next((side for side in _SIDES if name.endswith(f"_{side}")), None)


def _forest(scores: Sequence[Score], side: str | None, named: _Names) -> dict[str, Any]:
    """Return one side's rows of the forest plot by label, figure and language; side None is of tables."""
    groups: dict[str, dict[str, list[dict[str, Any]]]] = {}
    several = {row.label.partition("=")[0] for row in scores if "=" in row.label}
    for row in _rows(scores, named):
        metric, name = row["metric"], row["head"]
        shown = _OF_ANSWERS if name in several else ("macro_f1", *_FOREST) if side is None else _FOREST
        if name not in _SIDES and _side(name) == side and metric in shown:
            title = named.words[f"{metric}_of_answers" if metric in _OF_ANSWERS else metric]
            groups.setdefault(row["label"], {}).setdefault(title, []).append(row)
    means = [s for s in scores if (s.label, s.metric, s.language) == (side, "macro_f1", None)]
    title = named.words[f"{side}_side" if side else "scores"]
    return {"title": title, "groups": groups, "macro": means[0] if means else None}


def _confusion(found: Confusion, named: _Names) -> dict[str, Any]:
    """Return a heat map's rows: how many texts of each right answer were said to be what."""
    cells = [
        [{"text": f"{n:,}", "share": n / (sum(row) or 1), "title": ""} for n in row] for row in found.counts
    ]
    return {"title": named.head(found.label), "classes": found.classes, "cells": cells}


def _mistake(wrong: Wrong, named: _Names) -> str:
    """Return what a head is wrong about in a text, such as »threat, the author's own: missed«."""
    words = named.words
    plain: dict[tuple[str, ...], str] = {YES_NO: words["missed"], YES_NO[::-1]: words["claimed"]}
    said = f"{words['is']} {wrong.right}, {words['says']} {wrong.said}"
    return f"{named.head(wrong.label)}: {plain.get((wrong.said, wrong.right), said)}"


def _curve(curve: Curves, named: _Names) -> dict[str, Any]:
    """Return a head's pictures: points of the curves as SVG wants them, in a square of 100 by 100."""
    return {
        "title": named.head(curve.label),
        "line": _points(curve.recall, curve.precision),
        "base": 100 * (1 - curve.positives / curve.n),
        "bins": [{"x": 100 * bin_.score, "y": 100 * (1 - bin_.positive), "n": bin_.n} for bin_ in curve.bins],
        "calibration": _points([b.score for b in curve.bins], [b.positive for b in curve.bins]),
        "counts": curve,
    }


def _matrix(scores: Sequence[Score], named: _Names) -> dict[str, Any]:
    """Return macro F1 of the author's own by what was trained on (rows) and tested on (columns)."""
    means = [row for row in scores if (row.label, row.metric) == ("author", "macro_f1")]
    trained = list(dict.fromkeys(row.slice for row in means))
    tested = list(dict.fromkeys(row.language for row in means))
    cells = {(row.slice, row.language): row for row in means}
    return {
        "tested": [named.language(language) for language in tested],
        "rows": [
            {
                "trained": named.language((name or "").removeprefix("train=")),
                "cells": [cells.get((name, language)) for language in tested],
            }
            for name in trained
        ],
    }


def _points(across: Sequence[float], up: Sequence[float]) -> str:
    return " ".join(f"{100 * x:.2f},{100 * (1 - y):.2f}" for x, y in zip(across, up, strict=True))


def _suite(suite: SuiteReport, named: _Names) -> dict[str, Any]:
    """Return accuracies by functionality and head over both languages, and what depends on who is named."""
    every = [row for row in suite.scores if row.metric == "accuracy" and row.functionality and not row.group]
    rows = [row for row in every if row.language is None and row.label.endswith("_author")] or [
        row for row in every if row.label.endswith("_author")
    ]
    titles = {name: title[named.in_language] for name, title in suite.titles.items()}
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        tested = str(row.functionality)
        shown = {name: getattr(row, name) for name in ("value", "low", "high", "n", "language")}
        groups.setdefault(titles.get(tested, tested), []).append(shown | {"title": named.label(row.label)})
    known = [row for row in suite.scores if row.value is not None and row.language is None]
    callers: dict[str, list[dict[str, Any]]] = {}
    overall: dict[str, list[dict[str, Any]]] = {}
    for row in known:
        shown = {name: getattr(row, name) for name in ("value", "low", "high", "n", "metric", "group")}
        if row.functionality is None:
            place = callers if row.group else overall
            place.setdefault(named.head(row.label), []).append(shown)
    return {"report": suite, "groups": groups, "callers": callers, "overall": overall}


def _ngrams(weights: NgramWeights, named: _Names) -> dict[str, Any]:
    top = max((abs(weight) for _, weight in [*weights.yes, *weights.no]), default=1.0)
    return {"title": named.label(weights.label), "top": top, "yes": weights.yes, "no": weights.no}
