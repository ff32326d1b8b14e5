"""What the page of a model shows: its scores on a release, its curves, its worst errors, its suites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aufruf.baselines.card import of_all_texts
from aufruf.baselines.curves import Curves, curves
from aufruf.baselines.evaluation import evaluate_on_release
from aufruf.baselines.functional.evaluation import evaluate_on_suite
from aufruf.baselines.model_files import load_model
from aufruf.baselines.ngram_weights import NgramWeights, ngram_weights
from aufruf.baselines.release_data import read_release
from aufruf.baselines.studies import study_on_release
from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aufruf.baselines.examples import Examples
    from aufruf.baselines.functional.evaluation import SuiteReport
    from aufruf.baselines.heads import Head
    from aufruf.baselines.model import Answers, Model
    from aufruf.baselines.record import ModelRecord
    from aufruf.baselines.release_data import Split
    from aufruf.baselines.scoring import Score
    from aufruf.label_scheme import LabelScheme

WORST = 30


@dataclass(frozen=True)
class Wrong:
    """A text that a head is wrong about: ``margin`` is how far its score is beyond the threshold.

    Margins are counted in standard deviations of the head's scores, so that heads can be compared.
    ``positive`` says what is right.
    """

    label: str
    text: str
    positive: bool
    score: float
    margin: float


@dataclass(frozen=True)
class ModelFigures:
    """What is known of a model on one split of a release; ``suite`` is None where no suite fits it."""

    record: ModelRecord
    scheme: LabelScheme
    scores_of: str
    notes: list[str]
    scores: list[Score]
    curves: list[Curves]
    suite: SuiteReport | None
    worst: list[Wrong]
    ngrams: list[NgramWeights]
    crosslingual: list[Score]


def model_figures(model: Path, release: Path, *, split: Split = "test", seed: int = 0) -> ModelFigures:
    """Score a model on a split and gather what its page shows.

    Raises:
        InputError: if the model cannot be trusted, the release is not as it was released, or it asks other
            questions than the model answers.
    """
    report = evaluate_on_release(model, release, split=split, seed=seed)
    loaded, record = load_model(model)
    found = read_release(release, (split,))
    examples = found.splits[split].asking({head.name for head in loaded.heads})
    answers = loaded.answer(examples)
    return ModelFigures(
        record=record,
        scheme=found.scheme,
        scores_of=report.scores_of,
        notes=report.notes,
        scores=of_all_texts(report.scores),
        curves=curves(examples, answers),
        suite=_suite(model, seed),
        worst=_worst(examples, loaded, answers),
        ngrams=ngram_weights(loaded, examples.texts),
        crosslingual=_crosslingual(model, release, seed) if split == "test" else [],
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


def _worst(examples: Examples, model: Model, answers: dict[str, Answers]) -> list[Wrong]:
    """Return the texts that the model is most wrong about, each with the head that is most wrong."""
    heads = [head for head in model.heads if head.name.endswith("_author")] or list(model.heads)
    found = [wrong for head in heads for wrong in _wrong(examples, head, answers[head.name])]
    by_margin = sorted(found, key=lambda wrong: (-wrong.margin, wrong.label, wrong.text))
    once = {wrong.text: wrong for wrong in reversed(by_margin)}
    return sorted(once.values(), key=lambda wrong: (-wrong.margin, wrong.label, wrong.text))[:WORST]


def _wrong(examples: Examples, head: Head, said: Answers) -> Iterator[Wrong]:
    target = examples.target(head.name)
    if head.is_constant or not target.is_yes_no:
        return
    scores = said.scores[:, 1]
    spread = float(scores[np.isfinite(scores)].std()) or 1.0
    margins = (scores - head.threshold) / spread * np.where(said.predicted == 1, 1, -1)
    rows = np.flatnonzero(target.asked & (said.predicted != target.codes))
    for row in rows[np.argsort(-margins[rows], kind="stable")][:WORST].tolist():
        positive = bool(target.codes[row] == 1)
        yield Wrong(head.name, examples.texts[row], positive, float(scores[row]), float(margins[row]))
