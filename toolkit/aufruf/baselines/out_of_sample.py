"""What models say of a table's texts that they were fitted without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aufruf.baselines.folds import folds_of
from aufruf.baselines.model import Answers, fit_model, joined, no_step, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.baselines.examples import Examples, Ints, Reals
    from aufruf.baselines.heads import Head
    from aufruf.baselines.model import Step
    from aufruf.baselines.recipes import Recipe

HELD_OUT_FOLDS = 5
"""Without cross-validation, a fifth of a table is held out for the scores."""


@dataclass(frozen=True)
class OutOfSample:
    """Texts, and what models say of them that were fitted without them and without their copies.

    Attributes:
        parts: what was fitted on and what was scored, each time.
        scored: all that was scored, one part after the other.
        answers: to ``scored``, by head, with probabilities fitted to the distances of other parts.
        distances: of ``scored`` from the borders, by yes/no head.
    """

    parts: list[tuple[Examples, Examples]]
    scored: Examples
    answers: dict[str, Answers]
    distances: dict[str, Reals]


def out_of_sample(
    recipe: Recipe, examples: Examples, *, folds: int | None, seed: int, step: Step = no_step
) -> OutOfSample:
    """Score every text once by cross-validation or, without folds, a fifth of them.

    Args:
        recipe: what to fit; features are fitted inside each fold.
        examples: the texts; those of one unit (the same text, the same group) never stand on both sides.
        folds: how many; None to hold out a fifth.
        seed: of everything random.
        step: is told of progress; one round is left for a model that is fitted on all texts.

    Raises:
        InputError: if there are too few texts of an answer for the folds.
    """
    rows = folds_of(examples, folds or HELD_OUT_FOLDS, seed)[: folds or 1]
    parts = [(examples.take(train), examples.take(held_out)) for train, held_out in rows]
    scored = examples.take(np.concatenate([held_out for _, held_out in rows]))
    heads: Sequence[Head] = ()
    answers: list[Mapping[str, Answers]] = []
    distances: list[Mapping[str, Reals]] = []
    for number, (train, held_out) in enumerate(parts):
        fitted = fit_model(recipe, train, seed=seed, step=part_of(step, number, len(parts) + 1))
        heads = fitted.heads
        distances.append(fitted.distances(held_out))
        answers.append(fitted.answer_at(distances[-1], held_out))
    yes_no = [target.name for target in scored.targets if target.is_yes_no]
    far = {name: np.concatenate([part[name] for part in distances]) for name in yes_no}
    fold = np.repeat(np.arange(len(parts)), [len(held_out) for _, held_out in parts])
    likely = _likely(heads, joined(answers), far, scored, fold if folds else scored.units % 2)
    return OutOfSample(parts, scored, likely, far)


def _likely(
    heads: Sequence[Head],
    answers: Mapping[str, Answers],
    distances: Mapping[str, Reals],
    scored: Examples,
    part: Ints,
) -> dict[str, Answers]:
    """Return answers with probabilities: of each part's texts by what the other parts' distances mean.

    A head keeps its scores where a part has too few texts beside it to tell. Decisions stay as they are.
    """
    found = dict(answers)
    for head in heads:
        if not head.is_yes_no:
            continue
        target, far = scored.target(head.name), distances[head.name]
        scores = np.empty((len(far), 2))
        for number in np.unique(part):
            beside = (part != number) & target.asked
            likely = head.calibrated(far[beside], target.codes[beside] == 1)
            if likely.calibration is None:
                break
            scores[part == number] = likely.scores(far[part == number])
        else:
            found[head.name] = Answers(scores, answers[head.name].predicted)
    return found
