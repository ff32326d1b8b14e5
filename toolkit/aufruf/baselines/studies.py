"""Studies: the recipe of a model, trained or asked otherwise, to see what its scores rest on.

Each row is a `Score` whose ``slice`` says what was done, so that studies and evaluations can be read alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
import polars as pl

from aufruf.baselines.asked import asked_of_release
from aufruf.baselines.examples import Examples, joined
from aufruf.baselines.lexicon_features import shipped_terms
from aufruf.baselines.model import fit_model, no_step
from aufruf.baselines.model_files import read_record
from aufruf.baselines.record import ReleaseOrigin
from aufruf.baselines.release_data import read_release
from aufruf.baselines.resampling import ROUNDS
from aufruf.baselines.runs import Report
from aufruf.baselines.scoring import score
from aufruf.errors import InputError
from aufruf.label_scheme import LANGUAGES
from aufruf.lexicon import term_pattern

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aufruf.baselines.model import Step
    from aufruf.baselines.release_data import Split
    from aufruf.baselines.scoring import Score

Study = Literal["crosslingual", "time", "learning", "masked"]
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""How much of the training texts' units each model of a learning curve sees."""
FUTURE = 0.2
"""About which share of the texts, the newest ones, is the future."""
_PLACEHOLDER = " _ "
_Splits = dict["Split", Examples]
_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class _Trial:
    """What to fit, tune and score on; nothing to fit where the model is asked as it is."""

    name: str
    test: Examples
    train: Examples | None = None
    validation: Examples | None = None


def study_on_release(  # noqa: PLR0913 -- the command's options, in the same words
    model: Path,
    release: Path,
    study: Study,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
    step: Step = no_step,
) -> Report:
    """Train a model's recipe otherwise, or ask the model otherwise, and score it on ``test``.

    - ``crosslingual``: trained on one language, on the other, on both (``train=de``, ``en``, ``all``); the
      rows' ``language`` is that of the test texts.
    - ``time``: trained on what is older than a month, scored on what is not (``train<2021-03``); of all
      splits together, texts without a month left out, and of the newer ones those of an older unit.
    - ``learning``: trained on a sixteenth to all of the units of ``train`` (``train=0.0625`` and so on).
    - ``masked``: the model as it is, on the texts as they are and with the terms of the shipped lexicon taken
      out (``masked=none``, ``masked=lexicon``).

    Args:
        model: the model's folder.
        release: the release's folder.
        study: which study.
        rounds: draws of the bootstrap.
        seed: of everything random.
        step: is told of progress.

    Raises:
        InputError: if the model cannot be trusted, the release is not as it was released, it asks other
            questions than the model answers, or there is nothing to train on.
    """
    asked = asked_of_release(model, release, "test")
    found = read_release(release, _SPLITS)
    heads = [target.name for target in asked.examples.targets]
    splits: _Splits = {name: found.splits[name].asking(heads) for name in _SPLITS}
    origin = read_record(model).origin
    if not (isinstance(origin, ReleaseOrigin) and origin.weighted):
        splits = {name: examples.unweighted() for name, examples in splits.items()}
    trials, notes = _STUDIES[study](splits, seed)
    scores: list[Score] = []
    for number, trial in enumerate(trials):
        step(trial.name, number, len(trials))
        fitted = asked.model
        if trial.train is not None and trial.validation is not None:
            fitted = fit_model(asked.model.recipe, trial.train, seed=seed, step=no_step).tuned(
                trial.validation
            )
        rows = score(trial.test, fitted.answer(trial.test), means=asked.means, rounds=rounds, seed=seed)
        scores += [msgspec.structs.replace(row, slice=trial.name) for row in rows]
    step("done", len(trials), len(trials))
    return Report(str(model), scores, f"{study} study, release {found.version}", [*notes, *asked.notes])


def without_terms(texts: pl.Series) -> pl.Series:
    """Return texts with a mark in place of every term of the shipped lexicon, of either language."""
    terms = [line.partition("\t")[2] for line in shipped_terms().terms.splitlines()]
    pattern = term_pattern(terms)
    # Twice, for two terms side by side share the blank between them.
    return texts.str.replace_all(pattern, _PLACEHOLDER).str.replace_all(pattern, _PLACEHOLDER)


def _crosslingual(splits: _Splits, _seed: int) -> tuple[list[_Trial], list[str]]:
    def of(split: Split, language: str | None) -> Examples:
        examples = splits[split]
        if language is None or examples.languages is None:
            return examples
        return examples.take(examples.languages == language)

    trials = [
        _Trial(f"train={name or 'all'}", splits["test"], of("train", name), of("validation", name))
        for name in (*LANGUAGES, None)
    ]
    missing = [trial.name for trial in trials if trial.train is not None and len(trial.train) == 0]
    notes = [f"no texts to train on: {', '.join(missing)}"] if missing else []
    return [trial for trial in trials if trial.name not in missing], notes


def _learning(splits: _Splits, seed: int) -> tuple[list[_Trial], list[str]]:
    train = splits["train"]
    units, place = np.unique(train.units, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(units))[place]
    trials = [
        _Trial(
            f"train={share:g}", splits["test"], train.take(order < share * len(units)), splits["validation"]
        )
        for share in SHARES
    ]
    counts = ", ".join(f"{trial.name} {len(trial.train or ())}" for trial in trials)
    return trials, [f"texts trained on: {counts}"]


def _masked(splits: _Splits, _seed: int) -> tuple[list[_Trial], list[str]]:
    test = splits["test"]
    masked = replace(test, texts=without_terms(test.texts))
    changed = int((masked.texts != test.texts).sum())
    note = f"{changed:,} of {len(test):,} texts hold a term of the lexicon"
    return [_Trial("masked=none", test), _Trial("masked=lexicon", masked)], [note]


def _time(splits: _Splits, _seed: int) -> tuple[list[_Trial], list[str]]:
    every = joined([splits[name] for name in _SPLITS])
    to_tune_on = np.repeat(
        [name == "validation" for name in _SPLITS], [len(splits[name]) for name in _SPLITS]
    )
    months = pl.Series("month", [], pl.String) if every.facts is None else every.facts.get_column("month")
    if months.drop_nulls().n_unique() < 2:  # noqa: PLR2004 -- a past and a future
        raise InputError("the texts are of fewer than two known months: there is no future to score on")
    cut = _first_of_future(months)
    past = (months < cut).fill_null(value=False).to_numpy()
    future = (months >= cut).fill_null(value=False).to_numpy()
    test = every.take(future & ~np.isin(every.units, every.units[past]))
    train, validation = every.take(past & ~to_tune_on), every.take(past & to_tune_on)
    note = f"trained on {len(train):,} texts from before {cut}, scored on {len(test):,} from then on"
    return [_Trial(f"train<{cut}", test, train, validation)], [note]


def _first_of_future(months: pl.Series) -> str:
    """Return the month from which on about a fifth of the texts are, never the first."""
    known = months.drop_nulls().sort()
    newer = known.filter(known > known[0])
    wanted: str = known[int((1 - FUTURE) * len(known))]
    return max(wanted, newer[0])


_STUDIES: dict[Study, Callable[[_Splits, int], tuple[list[_Trial], list[str]]]] = {
    "crosslingual": _crosslingual,
    "time": _time,
    "learning": _learning,
    "masked": _masked,
}
