"""Evaluate a stored model on a suite of functional tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aufruf.baselines.examples import Examples
from aufruf.baselines.features import prepare
from aufruf.baselines.functional.others import read_others_suite
from aufruf.baselines.functional.scoring import SuiteScore, score_suite
from aufruf.baselines.functional.suite import SHIPPED, Suite, read_suite
from aufruf.baselines.model_files import load_model, version_notes
from aufruf.baselines.resampling import ROUNDS
from aufruf.errors import InputError
from aufruf.label_scheme import Bilingual  # noqa: TC001 -- msgspec reads the types at run time

if TYPE_CHECKING:
    from aufruf.baselines.model import Model


class SuiteReport(msgspec.Struct, frozen=True):
    """What a model answered to a suite.

    ``heads`` says which head answered to which gold column, ``titles`` what functionalities test.
    """

    model: str
    suite: str
    cases: int
    templates: int
    heads: dict[str, str]
    titles: dict[str, Bilingual]
    scores: list[SuiteScore]
    notes: list[str]


def find_suite(name: str, **columns: str | None) -> Suite:
    """Return a suite: ``functional`` is the one that ships, a folder is of its format, a file someone's.

    Args:
        name: the suite's name or path.
        columns: of someone else's suite, as `read_others_suite` takes them; nothing to ours.

    Raises:
        InputError: if there is none, or it is not what it must be.
    """
    path = Path(name)
    if path.is_file():
        return read_others_suite(path, **columns)
    named = [option for option, column in columns.items() if column is not None and option != "gold"]
    if named:
        raise InputError(f"{name}: {', '.join(named)} can be chosen in a table, which this is not")
    if path.is_dir():
        return read_suite(path)
    if path.name == SHIPPED:
        return read_suite()
    raise InputError(f"{name}: there is no suite here; {SHIPPED!r} is the one that ships with aufruf")


def evaluate_on_suite(  # noqa: PLR0913 -- the command's options, in the same words
    model: Path,
    suite: Suite | None = None,
    *,
    gold: str | None = None,
    head: str | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> SuiteReport:
    """Score a model on a suite of functional tests.

    Args:
        model: the model's folder.
        suite: the cases; by default those that ship with aufruf.
        gold: the column of right answers to score, such as ``threat_author``; by default all that the
            model has a head for.
        head: which head answers to ``gold``, where it is called otherwise.
        rounds: draws of the bootstrap over templates.
        seed: of the bootstrap.

    Raises:
        InputError: if the model cannot be trusted, or no head of it answers to the suite.
    """
    suite = suite or read_suite()
    loaded, record = load_model(model)
    heads = _heads(loaded, suite, gold, head, model)
    answers = loaded.answer(_examples(suite))
    said = {column: answers[name] for column, name in heads.items()}
    scores = score_suite(suite, said, rounds=rounds, seed=seed)
    templates = suite.cases.get_column("template").n_unique()
    return SuiteReport(
        model=str(model),
        suite=suite.name,
        cases=suite.cases.height,
        templates=templates,
        heads=heads,
        titles=suite.titles,
        scores=scores,
        notes=version_notes(record),
    )


def _heads(model: Model, suite: Suite, gold: str | None, head: str | None, folder: Path) -> dict[str, str]:
    """Return by gold column the name of the head that answers to it."""
    yes_no = [found.name for found in model.heads if found.is_yes_no]
    if gold is not None and gold not in suite.golds:
        raise InputError(
            f"suite {suite.name}: has no right answers {gold!r}; it has {', '.join(suite.golds)}"
        )
    if head is not None and head not in yes_no:
        raise InputError(f"{folder}: has no head {head!r} that answers yes or no; it has {', '.join(yes_no)}")
    wanted = (gold,) if gold is not None else suite.golds
    if head is None:
        found = {column: column for column in wanted if column in yes_no}
    else:
        found = {wanted[0] if len(wanted) == 1 else head: head}
    if not found and len(wanted) == 1 == len(yes_no):
        found = {wanted[0]: yes_no[0]}
    if not found or not set(found) <= set(suite.golds):
        raise InputError(
            f"{folder}: no head is called as the suite's right answers are; say with --label which of "
            f"{', '.join(suite.golds)} to score, and with --head which of {', '.join(yes_no)} answers"
        )
    return found


def _examples(suite: Suite) -> Examples:
    languages = suite.cases.get_column("language")
    return Examples(
        texts=prepare(suite.cases.get_column("text")),
        targets=(),
        units=np.arange(suite.cases.height),
        languages=None if languages.null_count() else languages.to_numpy().astype(np.str_),
    )
