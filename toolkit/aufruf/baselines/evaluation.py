"""Evaluate a stored model on a release's split or on a table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from aufruf.baselines.asked import Columns, asked_of_release, asked_of_table
from aufruf.baselines.comparison import TEST, Comparison, compare
from aufruf.baselines.human import human_scores, judgements_of
from aufruf.baselines.model import no_step
from aufruf.baselines.model_files import read_record
from aufruf.baselines.probing import probed, without_reading
from aufruf.baselines.record import ReleaseOrigin
from aufruf.baselines.release_data import read_annotations, read_release
from aufruf.baselines.resampling import ROUNDS
from aufruf.baselines.runs import Report
from aufruf.baselines.scoring import notes_on, resampled, score
from aufruf.baselines.soft import soft_scores
from aufruf.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.asked import Asked
    from aufruf.baselines.comparison import Difference
    from aufruf.baselines.examples import Examples
    from aufruf.baselines.model import Step
    from aufruf.baselines.release_data import Split
    from aufruf.baselines.scoring import Score


def evaluate_on_release(  # noqa: PLR0913 -- the command's options, in the same words
    model: Path,
    release: Path,
    *,
    split: Split = "test",
    probes: bool = True,
    rounds: int = ROUNDS,
    seed: int = 0,
    step: Step = no_step,
) -> Report:
    """Score a model on a split of a release.

    Args:
        model: the model's folder.
        release: the release's folder.
        split: which split.
        probes: whether to fit models that do not read on the release, and say how near they come.
        rounds: draws of the bootstrap.
        seed: of the bootstrap, and of the probes.
        step: is told of progress with the probes.

    Raises:
        InputError: if the model cannot be trusted, the release is not as it was released, or it asks
            other questions than the model answers.
    """
    asked = asked_of_release(model, release, split)
    answers = asked.answers()
    figures = resampled(asked.examples, answers, means=asked.means, rounds=rounds, seed=seed, sliced=True)
    scores = [figure.score for figure in figures]
    scores += soft_scores(asked.examples, answers, rounds=rounds, seed=seed)
    scores += _human(asked, release, split, rounds, seed)
    unread: dict[str, list[Difference]] = {}
    if probes:
        fitted_on = read_release(release, ("train", "validation"))
        unread = probed(asked, figures, fitted_on, rounds=rounds, seed=seed, step=step)
    notes = [*without_reading(unread), *asked.notes, *notes_on(asked.examples)]
    return Report(str(model), scores, asked.name, notes, unread)


def compare_on_release(  # noqa: PLR0913 -- the command's options, in the same words
    first: Path,
    second: Path,
    release: Path,
    *,
    split: Split = "test",
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Comparison:
    """Compare two models on a split of a release, by the heads that both have.

    Args:
        first: a model's folder.
        second: another's.
        release: the release's folder.
        split: which split.
        rounds: draws of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: if a model cannot be trusted, the release is not as it was released, it asks other
            questions than a model answers, or the models have no head in common.
    """
    one, other = (asked_of_release(model, release, split) for model in (first, second))
    names = {target.name for target in other.examples.targets}
    shared = tuple(target for target in one.examples.targets if target.name in names)
    if not shared:
        raise InputError(f"{first} and {second} have no head in common: there is nothing to compare")
    examples = replace(one.examples, targets=shared)
    answers = (asked.model.answer(examples) for asked in (one, other))
    found = compare(examples, *answers, means=one.means, rounds=rounds, seed=seed, sliced=True)
    return Comparison(str(first), str(second), one.name, TEST, found, _notes(one, other, examples))


def evaluate_on_table(  # noqa: PLR0913 -- the command's options, in the same words
    model: Path,
    path: Path,
    *,
    text: str | None = None,
    label: str | None = None,
    positive: str | None = None,
    group: str | None = None,
    head: str | None = None,
    split: str | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Report:
    """Score one head of a model on a table.

    Args:
        model: the model's folder.
        path: the table.
        text: column of texts; by default the one that the model was trained on.
        label: column of answers; likewise.
        positive: the answer that counts as yes; likewise.
        group: column of what belongs together for the bootstrap, beside identical texts.
        head: which head answers; needed where the model has several.
        split: of a dataset's folder, which split.
        rounds: draws of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: if the model cannot be trusted, a column is missing or not named, or the answers do
            not fit.
    """
    columns = Columns(text, label, positive, group, head, split)
    asked = asked_of_table(model, path, columns)
    answers = asked.answers()
    notes = [*asked.notes, *notes_on(asked.examples)]
    return Report(str(model), score(asked.examples, answers, rounds=rounds, seed=seed), asked.name, notes)


def compare_on_table(  # noqa: PLR0913 -- the command's options, in the same words
    first: Path,
    second: Path,
    path: Path,
    *,
    text: str | None = None,
    label: str | None = None,
    positive: str | None = None,
    group: str | None = None,
    head: str | None = None,
    split: str | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Comparison:
    """Compare one head each of two models on a table; the arguments are those of `evaluate_on_table`.

    Raises:
        InputError: if a model cannot be trusted, a column is missing or not named, the answers do not
            fit, or the models take different answers for right.
    """
    columns = Columns(text, label, positive, group, head, split)
    one, other = (asked_of_table(model, path, columns) for model in (first, second))
    examples, theirs = one.examples, other.examples.targets[0]
    ours = examples.targets[0]
    same = len(examples) == len(other.examples) and np.array_equal(ours.codes, theirs.codes)
    if ours.classes != theirs.classes or not same:
        raise InputError(
            f"{path}: {first} and {second} do not mean the same answers; name columns and answer with "
            "--text, --label and --positive"
        )
    answers = {ours.name: other.answers()[theirs.name]}
    found = compare(examples, one.answers(), answers, rounds=rounds, seed=seed)
    return Comparison(str(first), str(second), one.name, TEST, found, _notes(one, other, examples))


def _human(asked: Asked, release: Path, split: Split, rounds: int, seed: int) -> list[Score]:
    annotations = read_annotations(release, split)
    if annotations is None or asked.scheme is None:
        return []
    judgements = judgements_of(annotations, asked.scheme)
    return human_scores(judgements, asked.examples, rounds=rounds, seed=seed)


def _notes(one: Asked, other: Asked, examples: Examples) -> list[str]:
    return list(dict.fromkeys([*one.notes, *other.notes, *notes_on(examples)]))


def trained_on(model: Path) -> str | None:
    """Return the version of the release that a model was trained on, None if it was a table."""
    origin = read_record(model).origin
    return origin.version if isinstance(origin, ReleaseOrigin) else None
