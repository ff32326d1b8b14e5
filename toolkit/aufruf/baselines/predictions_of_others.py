"""Score a table of ids and scores from any model: an encoder, a language model, another team's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aufruf.baselines.asked import asked_of_release
from aufruf.baselines.comparison import TEST, Comparison, compare
from aufruf.baselines.examples import NOT_ASKED, Examples, Target
from aufruf.baselines.heads import MIN_POSITIVES_TO_TUNE, best_threshold
from aufruf.baselines.model import Answers
from aufruf.baselines.release_data import read_release
from aufruf.baselines.resampling import ROUNDS
from aufruf.baselines.runs import Report
from aufruf.baselines.scoring import notes_on, score
from aufruf.baselines.soft import soft_scores
from aufruf.baselines.training import means_over_labels
from aufruf.errors import InputError
from aufruf.sources.columns import read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aufruf.baselines.examples import Bools, Reals
    from aufruf.baselines.release_data import Split

MOST_MISSING = 0.01
"""Share of a split's texts that may be missing unasked."""
HALF = 0.5
_IDS = ("id", "record_id")
_LONG = {"label", "score"}
_DECISIONS = (("1", "0"), ("true", "false"), ("yes", "no"))
_SCORE_ENDINGS = ("_score", "_probability")


@dataclass(frozen=True)
class Told:
    """What a file says for one head.

    Attributes:
        scores: how much speaks for yes, null where nothing is said; a row an id.
        decided: whether yes is said, likewise; None where the file has scores alone.
    """

    scores: pl.Series
    decided: pl.Series | None


@dataclass(frozen=True)
class Predictions:
    """A file of predictions: ids, each once, and what it says for each head."""

    path: Path
    ids: pl.Series
    heads: Mapping[str, Told]

    def placed(self, ids: pl.Series) -> Predictions:
        """Return what is said of these ids, in their order; null where nothing is."""
        rows = pl.DataFrame({"id": self.ids}).with_row_index("row")
        wanted = ids.to_frame("id").join(rows, on="id", how="left", maintain_order="left").get_column("row")
        heads = {
            name: Told(
                told.scores.gather(wanted), None if told.decided is None else told.decided.gather(wanted)
            )
            for name, told in self.heads.items()
        }
        return Predictions(self.path, ids, heads)


def read_predictions(path: Path, heads: Sequence[str], *, id: str | None = None) -> Predictions:  # noqa: A002 -- as the command line says
    """Read a table of predictions: CSV, TSV, JSON Lines or Parquet.

    Either a row a text: its id, and a column a head, ``HEAD`` with scores from 0 to 1 or decisions (0 and 1,
    true and false, yes and no), or ``HEAD_score`` or ``HEAD_probability`` beside decisions in ``HEAD``, as
    `aufruf predict` writes. Or a row a text and head: ``record_id`` or ``id``, ``label`` (the head's name,
    or a label for its head ``LABEL_contained``) and ``score``.

    Args:
        path: the file.
        heads: what may be answered.
        id: the column of ids; by default ``id`` or ``record_id``.

    Raises:
        InputError: if the file cannot be read, has no ids or one twice, answers none of the heads, or has
            scores outside 0 to 1 without decisions.
    """
    frame = read_columns(path)
    column = id or next((name for name in _IDS if name in frame.columns), None)
    if column is None or column not in frame.columns:
        raise InputError(
            f"{path}: no column {column or 'id'}; its columns are {', '.join(frame.columns)}; name the one "
            "with the texts' ids with --id"
        )
    if set(frame.columns) >= _LONG:
        frame = _widened(frame, column, heads, path)
    missing, twice = frame.get_column(column).null_count(), frame.height - frame.get_column(column).n_unique()
    if missing or twice:
        raise InputError(f"{path}: {missing} rows without an id, {twice} with one that another row has")
    told = {name: found for name in heads if (found := _told(frame, name, path))}
    if not told:
        raise InputError(
            f"{path}: answers none of the heads; expected a column for one at least of {', '.join(heads)}"
        )
    return Predictions(path, frame.get_column(column), told)


def evaluate_predictions(  # noqa: PLR0913 -- the command's options, in the same words
    path: Path,
    release: Path,
    *,
    split: Split = "test",
    id: str | None = None,  # noqa: A002 -- as the command line says
    allow_missing: bool = False,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Report:
    """Score anyone's predictions on a split of a release by the figures that our models get.

    Scores without decisions mean yes from .5 on or, where the file holds predictions of validation with 10
    positive texts of a head or more, from the threshold of the highest F1 there.

    Args:
        path: the file, see `read_predictions`.
        release: the release's folder.
        split: which split.
        id: the column of ids.
        allow_missing: whether any number of the split's texts may have no prediction, not 1 % at most.
        rounds: draws of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: if the file is not what it must be, too many texts are missing, or the release is not
            as it was released.
    """
    said = _said(path, release, split, id, allow_missing=allow_missing)
    scores = score(said.examples, said.answers, means=said.means, rounds=rounds, seed=seed, sliced=True)
    scores += soft_scores(said.examples, said.answers, rounds=rounds, seed=seed)
    return Report(str(path), scores, said.name, [*said.notes, *notes_on(said.examples)])


def compare_predictions(  # noqa: PLR0913 -- the command's options, in the same words
    path: Path,
    model: Path,
    release: Path,
    *,
    split: Split = "test",
    id: str | None = None,  # noqa: A002 -- as the command line says
    allow_missing: bool = False,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Comparison:
    """Compare anyone's predictions with a model of ours, by the heads that both have, on the same texts.

    The arguments are those of `evaluate_predictions`, with the model's folder.

    Raises:
        InputError: as there, or if the model cannot be trusted or has none of the heads.
    """
    said = _said(path, release, split, id, allow_missing=allow_missing)
    ours = asked_of_release(model, release, split)
    names = {head.name for head in ours.model.heads}
    shared = tuple(target for target in said.examples.targets if target.name in names)
    if not shared:
        raise InputError(f"{path} and {model} have no head in common: there is nothing to compare")
    examples = replace(said.examples, targets=shared)
    found = compare(
        examples,
        said.answers,
        ours.model.answer(examples),
        means=said.means,
        rounds=rounds,
        seed=seed,
        sliced=True,
    )
    notes = [*said.notes, *ours.notes, *notes_on(examples)]
    return Comparison(str(path), str(model), said.name, TEST, found, notes)


@dataclass(frozen=True)
class _Said:
    """Predictions of a split, and the texts that they say something of."""

    examples: Examples
    answers: dict[str, Answers]
    means: dict[str, list[str]]
    name: str
    notes: list[str]


def _said(path: Path, release: Path, split: Split, column: str | None, *, allow_missing: bool) -> _Said:
    found = read_release(release, (split,) if split == "validation" else (split, "validation"))
    examples = found.splits[split]
    predictions = read_predictions(path, [target.name for target in examples.targets], id=column)
    chosen, placed, notes = answered(examples, predictions, allow_missing=allow_missing)
    tuned = {} if split == "validation" else thresholds_of(found.splits["validation"], predictions)
    if tuned:
        notes.append(f"thresholds tuned on the predictions of validation: {', '.join(tuned)}")
    name = f"{split} of release {found.version}"
    return _Said(chosen, answers_of(chosen, placed, tuned), means_over_labels(found.scheme), name, notes)


def answered(
    examples: Examples, predictions: Predictions, *, allow_missing: bool = False
) -> tuple[Examples, Predictions, list[str]]:
    """Return the heads that predictions answer, each asked of the texts that they say something of.

    Args:
        examples: texts with ``facts`` that hold their ``id``.
        predictions: of these and perhaps of other texts.
        allow_missing: whether any number of texts may be missing.

    Raises:
        InputError: if more than 1 % of the texts asked are missing for a head.
    """
    facts = examples.facts
    assert facts is not None, "a release tells its ids"
    placed = predictions.placed(facts.get_column("id"))
    targets: list[Target] = []
    notes: list[str] = []
    for target in examples.targets:
        if target.name not in placed.heads:
            continue
        known = placed.heads[target.name].scores.is_not_null().to_numpy()
        asked, missing = int(target.asked.sum()), int((target.asked & ~known).sum())
        if missing > MOST_MISSING * asked and not allow_missing:
            raise InputError(
                f"{predictions.path}: says nothing for {target.name} of {missing:,} of {asked:,} texts; "
                "predict them, too, or score the rest alone with --allow-missing"
            )
        if missing:
            notes.append(f"{target.name}: {missing:,} of {asked:,} texts have no prediction and are left out")
        targets.append(replace(target, codes=np.where(known, target.codes, NOT_ASKED)))
        facts = facts.with_columns(_known_shares(facts, target.name, known))
    return replace(examples, targets=tuple(targets), facts=facts), placed, notes


def _known_shares(facts: pl.DataFrame, name: str, known: Bools) -> list[pl.Expr]:
    """Return the annotators' shares of a head's label where something is predicted, null elsewhere."""
    share = f"{name.removesuffix('_contained')}_share"
    return [pl.when(pl.Series(known)).then(share).alias(share)] if share in facts.columns else []


def answers_of(
    examples: Examples, placed: Predictions, thresholds: Mapping[str, float]
) -> dict[str, Answers]:
    """Return what predictions answer to examples; where nothing is said, the score is 0.

    Args:
        examples: the texts.
        placed: predictions in their order.
        thresholds: of heads without decisions; .5 where a head has none.
    """
    found: dict[str, Answers] = {}
    for target in examples.targets:
        told = placed.heads[target.name]
        scores = _reals(told.scores)
        said = (
            scores >= thresholds.get(target.name, HALF)
            if told.decided is None
            else told.decided.fill_null(value=False).to_numpy()
        )
        found[target.name] = Answers(np.column_stack([1 - scores, scores]), said.astype(np.int64))
    return found


def thresholds_of(validation: Examples, predictions: Predictions) -> dict[str, float]:
    """Return the threshold of the highest F1 on validation of each head that has scores alone.

    None for heads with fewer than 10 positive texts among those of validation that are predicted.
    """
    asked, placed, _ = answered(validation, predictions, allow_missing=True)
    found: dict[str, float] = {}
    for target in asked.targets:
        told = placed.heads[target.name]
        truth: Bools = (target.codes == 1)[target.asked]
        if told.decided is None and truth.sum() >= MIN_POSITIVES_TO_TUNE:
            found[target.name] = best_threshold(truth, _reals(told.scores)[target.asked])
    return found


def _widened(frame: pl.DataFrame, column: str, heads: Sequence[str], path: Path) -> pl.DataFrame:
    contained = [name.removesuffix("_contained") for name in heads if name.endswith("_contained")]
    named = pl.col("label").replace({name: f"{name}_contained" for name in contained if name not in heads})
    rows = frame.select(column, "score", label=named + "_score")
    twice = rows.height - rows.select(column, "label").n_unique()
    if twice:
        raise InputError(f"{path}: {twice} rows for an id and label that another row has")
    return rows.pivot("label", index=column, values="score", sort_columns=True)


def _told(frame: pl.DataFrame, name: str, path: Path) -> Told | None:
    """Return what a file says for a head, None if nothing."""
    beside = [f"{name}{ending}" for ending in _SCORE_ENDINGS if f"{name}{ending}" in frame.columns]
    decided = _decisions(frame.get_column(name)) if name in frame.columns else None
    if not beside and name not in frame.columns:
        return None
    if not beside and decided is not None:
        return Told(decided.cast(pl.Float64), decided)
    column = beside[0] if beside else name
    given = frame.get_column(column)
    scores = given.cast(pl.Float64, strict=False)
    if scores.null_count() > given.null_count() or scores.is_nan().any():
        raise InputError(f"{path}: column {column!r} holds something else than numbers or decisions")
    if decided is None and not scores.drop_nulls().is_between(0, 1).all():
        raise InputError(
            f"{path}: column {column!r} has scores outside 0 to 1; give probabilities, or decisions beside "
            f"them in a column {name!r}"
        )
    return Told(scores, decided)


def _decisions(values: pl.Series) -> pl.Series | None:
    """Return decisions as true and false; None of a column that is none."""
    folded = values.str.to_lowercase()
    found = set(folded.drop_nulls().unique())
    return next((folded == yes for yes, no in _DECISIONS if found <= {yes, no}), None)


def _reals(scores: pl.Series) -> Reals:
    return scores.fill_null(0.0).to_numpy().astype(np.float64)
