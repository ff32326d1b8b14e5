"""What the page of a model shows: its scores, its curves, its worst errors, its suites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aufruf.baselines.asked import asked_of_release, asked_of_table
from aufruf.baselines.card import of_all_texts
from aufruf.baselines.curves import Confusion, Curves, confusions, curves
from aufruf.baselines.evaluation import evaluate_on_release
from aufruf.baselines.functional.evaluation import evaluate_on_suite
from aufruf.baselines.model_files import read_record
from aufruf.baselines.ngram_weights import NgramWeights, ngram_weights
from aufruf.baselines.out_of_sample import out_of_sample
from aufruf.baselines.probing import probed_on_table, without_reading
from aufruf.baselines.scoring import notes_on, resampled, score
from aufruf.baselines.studies import study_on_release
from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aufruf.baselines.asked import Asked, Columns
    from aufruf.baselines.examples import Bools, Examples, Ints, Reals
    from aufruf.baselines.functional.evaluation import SuiteReport
    from aufruf.baselines.heads import Head
    from aufruf.baselines.model import Answers
    from aufruf.baselines.record import ModelRecord
    from aufruf.baselines.release_data import Split
    from aufruf.baselines.scoring import Score
    from aufruf.label_scheme import LabelScheme

WORST = 30
FOLDS = 5


@dataclass(frozen=True)
class Wrong:
    """A text that a head is wrong about: ``margin`` is how far its score is on the wrong side.

    Margins are counted in standard deviations of the head's scores, so that heads can be compared: of a
    yes/no head from the threshold, of several answers from the score of the right one.
    """

    label: str
    text: str
    said: str
    right: str
    score: float
    margin: float


@dataclass(frozen=True)
class ModelFigures:
    """What is known of a model on some texts.

    ``scheme`` is None for tables, ``suite`` where no suite fits the model; ``crosslingual`` is empty for
    tables.
    """

    record: ModelRecord
    scheme: LabelScheme | None
    scores_of: str
    notes: list[str]
    scores: list[Score]
    curves: list[Curves]
    confusions: list[Confusion]
    suite: SuiteReport | None
    worst: list[Wrong]
    ngrams: list[NgramWeights]
    crosslingual: list[Score]


def model_figures(model: Path, release: Path, *, split: Split = "test", seed: int = 0) -> ModelFigures:
    """Score a model on a split of a release and gather what its page shows.

    Raises:
        InputError: if the model cannot be trusted, the release is not as it was released, or it asks other
            questions than the model answers.
    """
    report = evaluate_on_release(model, release, split=split, seed=seed)
    asked = asked_of_release(model, release, split)
    crosslingual = _crosslingual(model, release, seed) if split == "test" else []
    found = _figures(model, asked, asked.answers(), report.scores, seed)
    return replace(found, notes=report.notes, crosslingual=crosslingual)


def table_figures(model: Path, table: Path, columns: Columns, *, seed: int = 0) -> ModelFigures:
    """Score a head of a model on a table and gather what its page shows.

    On the very table that it was trained on, what is scored are models of the same recipe, each on a fifth
    that it was not fitted on.

    Raises:
        InputError: if the model cannot be trusted, a column is missing or not named, or the answers do
            not fit.
    """
    asked = asked_of_table(model, table, columns)
    if asked.is_known:
        return _figures(model, *_anew(model, asked, seed), seed)
    answers = asked.answers()
    return _figures(model, asked, answers, score(asked.examples, answers, seed=seed), seed)


def _anew(model: Path, asked: Asked, seed: int) -> tuple[Asked, dict[str, Answers], list[Score]]:
    """Return what is asked, answered and scored when a model's recipe is fitted anew in folds."""
    record = read_record(model)
    held = out_of_sample(record.recipe, asked.examples, folds=FOLDS, seed=record.seed)
    figures = resampled(held.scored, held.answers, seed=seed)
    probes = probed_on_table(record.recipe, held.parts, held.scored, figures, seed=seed)
    again = "the model was trained on this very table: its recipe was fitted anew and scored out of sample"
    notes = [*without_reading(probes), again, *asked.notes[1:]]
    name = f"{asked.name}, {FOLDS}-fold cross-validation"
    scored = replace(asked, examples=held.scored, name=name, notes=notes)
    return scored, held.answers, [figure.score for figure in figures]


def _figures(
    model: Path, asked: Asked, answers: dict[str, Answers], scores: list[Score], seed: int
) -> ModelFigures:
    return ModelFigures(
        record=read_record(model),
        scheme=asked.scheme,
        scores_of=asked.name,
        notes=[*asked.notes, *notes_on(asked.examples)],
        scores=of_all_texts(scores),
        curves=curves(asked.examples, answers),
        confusions=confusions(asked.examples, answers),
        suite=_suite(model, seed),
        worst=_worst(asked, answers),
        ngrams=ngram_weights(asked.model, asked.examples.texts),
        crosslingual=[],
    )


def _crosslingual(model: Path, release: Path, seed: int) -> list[Score]:
    """Return the study's rows; none where the recipe cannot be trained anew, as without its encoder."""
    try:
        return study_on_release(model, release, "crosslingual", seed=seed).scores
    except InputError:
        return []


def _suite(model: Path, seed: int) -> SuiteReport | None:
    try:
        return evaluate_on_suite(model, seed=seed)
    except InputError:
        return None


def _worst(asked: Asked, answers: dict[str, Answers]) -> list[Wrong]:
    """Return the texts that the model is most wrong about, each with the head that is most wrong."""
    every = asked.model.heads
    heads = [head for head in every if head.name.endswith("_author")] or every
    examples = replace(asked.examples, languages=asked.model.languages(asked.examples))
    found = [wrong for head in heads for wrong in _wrong(examples, head, answers[head.name])]
    by_margin = sorted(found, key=lambda wrong: (-wrong.margin, wrong.label, wrong.text))
    once = {wrong.text: wrong for wrong in reversed(by_margin)}
    return sorted(once.values(), key=lambda wrong: (-wrong.margin, wrong.label, wrong.text))[:WORST]


def _wrong(examples: Examples, head: Head, answers: Answers) -> Iterator[Wrong]:
    target = examples.target(head.name)
    if head.is_constant:
        return
    said, right = answers.predicted, target.codes
    rows = np.flatnonzero(target.asked & (said != right))
    margins = _margins(examples, head, answers)
    for row in rows[np.argsort(-margins[rows], kind="stable")][:WORST].tolist():
        score = float(answers.scores[row, 1 if head.is_yes_no else said[row]])
        names = head.classes[said[row]], head.classes[right[row]]
        yield Wrong(head.name, examples.texts[row], *names, score, float(margins[row]))


def _margins(examples: Examples, head: Head, answers: Answers) -> Reals:
    """Return how far scores are on the side of what was said, in standard deviations, shape (n_texts,)."""
    scores, said, right = answers.scores, answers.predicted, examples.target(head.name).codes
    if head.is_yes_no:
        scores = scores[:, 1]
        beyond = np.empty(len(scores))
        for rows in _with_one_threshold(examples, head):
            beyond[rows] = (scores[rows] - _border(scores[rows], said[rows])) * np.where(said[rows], 1, -1)
    else:
        every = np.arange(len(scores))
        beyond = scores[every, said] - scores[every, right]
    return beyond / (float(scores[np.isfinite(scores)].std()) or 1.0)


def _with_one_threshold(examples: Examples, head: Head) -> Iterator[Bools]:
    """Return the texts with each threshold: a language's own, or that of all others."""
    languages = np.full(len(examples), "") if examples.languages is None else examples.languages
    owned = np.isin(languages, list(head.by_language))
    parts = [languages == language for language in head.by_language] + [~owned]
    yield from (rows for rows in parts if rows.any())


def _border(scores: Reals, said: Ints) -> float:
    """Return what parts yes from no, halfway between them; where all were said to be the same, their end.

    It is found from what was said, for texts scored out of sample have no one threshold on record.
    """
    ends = np.array([scores[said == 1].min(initial=np.inf), scores[said == 0].max(initial=-np.inf)])
    return float(ends[np.isfinite(ends)].mean())
