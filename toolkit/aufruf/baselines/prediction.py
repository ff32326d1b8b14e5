"""Score texts of any number: a stored model's answers, a row a text or, for sampling, a row a label."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl

from aufruf.baselines.examples import unanswered
from aufruf.baselines.explaining import because, check_explainable
from aufruf.baselines.features import prepare
from aufruf.baselines.model import Answers
from aufruf.baselines.model_files import load_model, version_notes
from aufruf.baselines.prediction_parts import Counts, Parts, check_output
from aufruf.errors import InputError
from aufruf.scores import SCORES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from aufruf.baselines.examples import Reals
    from aufruf.baselines.heads import Head
    from aufruf.baselines.model import Model
    from aufruf.baselines.prediction_input import Rows, Source
    from aufruf.baselines.record import ModelRecord

    Advance = Callable[[int, float], None]
    """Told how many rows were read in all, and what share of the bytes that is."""

ALL = "all"
_CONTAINED = "_contained"
_FORMAT = 2
_AT_ONCE = min(pl.thread_pool_size(), 8)
"""Batches that are scored at the same time: memory grows with them."""


class HeadTold(msgspec.Struct, frozen=True):
    """One head in a prediction: from which score on it says yes, and of how many texts it did."""

    name: str
    classes: tuple[str, ...]
    threshold: float | None
    yes: int | None


class Prediction(msgspec.Struct, frozen=True):
    """What was predicted: ``read`` = ``scored`` + ``without_text`` + all of ``refused`` (by reason).

    ``output`` is None if nothing was written; ``resumed`` counts rows that an earlier run had scored.
    """

    model: str
    model_sha256: str
    source: str
    output: str | None
    read: int
    scored: int
    without_text: int
    refused: dict[str, int]
    resumed: int
    heads: list[HeadTold]
    notes: list[str]


@dataclass(frozen=True)
class _Run:
    """A model, what it is to score, and the head of each label whose scores alone are wanted."""

    folder: Path
    model: Model
    record: ModelRecord
    source: Source
    told: dict[str, Head]
    explained: bool


def predict(  # noqa: PLR0913 -- the command's options, in the same words
    model: Path,
    source: Source,
    output: Path,
    *,
    scores_for: Sequence[str] = (),
    explain: bool = False,
    dry_run: bool = False,
    advance: Advance = lambda _rows, _done: None,
) -> Prediction:
    """Score a source in bounded memory, and write a row for each of its rows.

    A killed run goes on where it was when it is started again, and writes the same bytes as one that was
    not. A row of the output has the row's ``id``; for a yes/no head ``HEAD`` (its decision) and
    ``HEAD_score``, for one of several answers ``HEAD`` (the answer) and ``HEAD_score`` (that answer's);
    all null where there is no text.

    Args:
        model: the model's folder.
        source: what is to be scored.
        output: a file that ends in .parquet or .jsonl; one that is there is replaced.
        scores_for: labels or yes/no heads, or ``all``: write ``record_id``, ``label`` and ``score`` from 0 to
            1 instead, as sampling reads them (see `certainty`). Rows without a text have none. A label stands
            for its head ``LABEL_contained``.
        explain: whether to add ``HEAD_because``, the features that spoke most for a yes, or for one of
            several answers, with their weights (see `aufruf.baselines.explaining`): pieces of the texts.
        dry_run: whether to stop before reading more than the first batch.
        advance: is told of progress.

    Raises:
        InputError: if the model cannot be trusted or reads no texts, the source cannot be read to its
            end, or the output cannot be written.
    """
    loaded, record = load_model(model)
    _check(loaded, source, output, model)
    if explain:
        check_explainable(loaded)
    run = _Run(model, loaded, record, source, _heads_told(scores_for, loaded.heads, model), explain)
    if dry_run:
        with closing(source.batches()) as batches:
            next(batches)
        return _report(run, None, Counts(), 0)
    output.parent.mkdir(parents=True, exist_ok=True)
    parts = Parts(output, _plan(run))
    resumed = parts.counts.read
    read = 0
    with closing(source.batches()) as batches, ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, rows, scored in _in_order(run, batches, parts, pool):
            if scored is not None:
                frame, counts = scored.result()
                parts.add(number, frame, msgspec.structs.replace(counts, refused=rows.refused))
            read += parts.counts_of(number).read
            advance(read, rows.done)
    counts = parts.counts
    parts.finish(_metadata(run, counts))
    return _report(run, output, counts, resumed)


def _in_order(
    run: _Run, batches: Iterable[Rows], parts: Parts, pool: ThreadPoolExecutor
) -> Iterator[tuple[int, Rows, Future[tuple[pl.DataFrame, Counts]] | None]]:
    """Yield each batch with its number and what becomes of it, None where it is in a part already."""
    ahead: deque[tuple[int, Rows, Future[tuple[pl.DataFrame, Counts]] | None]] = deque()
    for number, rows in enumerate(batches):
        future = None if number in parts else pool.submit(_scored, run, rows.frame)
        ahead.append((number, rows, future))
        if len(ahead) > _AT_ONCE:
            yield ahead.popleft()
    yield from ahead


def _scored(run: _Run, rows: pl.DataFrame) -> tuple[pl.DataFrame, Counts]:
    """Return a batch's part of the output and its counts."""
    prepared = rows.with_columns(prepare(rows.get_column("text"))).with_row_index("row")
    has_text = pl.col("text").is_not_null() & (pl.col("text") != "")
    full = prepared.filter(has_text)
    answers = _answers(run.model, full.get_column("text"))
    yes = {
        head.name: int((answers[head.name].predicted == 1).sum())
        for head in run.model.heads
        if head.is_yes_no
    }
    counts = Counts(full.height, rows.height - full.height, {}, yes)
    if run.told:
        return _long(full.get_column("id"), answers, run.told), counts
    reasons = because(run.model, full.get_column("text"), answers) if run.explained else {}
    columns = [column for head in run.model.heads for column in _columns(head, answers[head.name])]
    scored = full.select("row").hstack([*columns, *reasons.values()])
    joined = prepared.select("row", "id").join(scored, on="row", how="left", maintain_order="left")
    return joined.drop("row"), counts


def _answers(model: Model, texts: pl.Series) -> dict[str, Answers]:
    """Return the answers to texts, of which there may be none: estimators want one at least."""
    if len(texts):
        return model.answer(unanswered(texts))
    found = model.answer(unanswered(pl.Series(["–"])))
    return {name: Answers(answers.scores[:0], answers.predicted[:0]) for name, answers in found.items()}


def _columns(head: Head, answers: Answers) -> list[pl.Series]:
    """Return a head's columns: its decision, and the score that it rests on."""
    if head.is_yes_no:
        said, score = pl.Series(answers.predicted == 1), answers.scores[:, 1]
    else:
        said = pl.Series(np.array(head.classes, dtype=object)[answers.predicted], dtype=pl.String)
        score = answers.scores[np.arange(len(said)), answers.predicted]
    return [said.alias(head.name), pl.Series(f"{head.name}_score", score, dtype=pl.Float64)]


def _long(ids: pl.Series, answers: Mapping[str, Answers], told: Mapping[str, Head]) -> pl.DataFrame:
    """Return a row a text and label, as `aufruf.scores.read_scores` reads them."""
    parts = [
        pl.DataFrame({"record_id": ids, "score": certainty(head, answers[head.name].scores[:, 1])})
        .with_columns(label=pl.lit(label))
        .with_row_index("row")
        for label, head in told.items()
    ]
    order = pl.concat(parts).sort("row", maintain_order=True)
    return order.select(pl.col(name).cast(kind) for name, kind in SCORES.items())


def certainty(head: Head, scores: Reals) -> Reals:
    """Return scores of yes on a scale from 0 to 1.

    Probabilities of a calibrated head are left as they are. All others are moved so that .5 is the head's
    threshold: their log-odds, or the distances, less the threshold's, squeezed by the logistic function.
    """
    from scipy.special import expit

    if head.calibration:
        return scores
    with np.errstate(divide="ignore"):
        moved = (
            _log_odds(scores) - _log_odds(np.array(head.threshold))
            if _scale(head) == "probability"
            else scores - head.threshold
        )
    return np.asarray(expit(moved), dtype=np.float64)


def _log_odds(probabilities: Reals) -> Reals:
    return np.log(probabilities) - np.log1p(-probabilities)


def _heads_told(wanted: Sequence[str], heads: Sequence[Head], folder: Path) -> dict[str, Head]:
    """Return the head of each label whose scores are wanted, by the label's name."""
    known = {head.name: head for head in heads if head.is_yes_no}
    if wanted and not known:
        raise InputError(
            f"{folder}: --scores-for needs a head that answers yes or no, which this model has not"
        )
    contained = {
        name.removesuffix(_CONTAINED): head for name, head in known.items() if name.endswith(_CONTAINED)
    }
    if ALL in wanted:
        return contained or known
    unknown = [name for name in wanted if name not in known and name not in contained]
    if unknown:
        raise InputError(f"{folder}: has no head for {unknown[0]!r}; choose of {', '.join(known)}, or all")
    return {name: contained.get(name) or known[name] for name in wanted}


def _check(model: Model, source: Source, output: Path, folder: Path) -> None:
    check_output(output)
    if model.recipe.knows:
        raise InputError(
            f"{folder}: this model looks at what a release tells of a text and never at the text: there is "
            "nothing that it could say of others"
        )
    if any(output.resolve() == path.resolve() for _, path in source.files):
        raise InputError(f"{output}: is what is to be read; choose another --output")


def _plan(run: _Run) -> str:
    asked = [_FORMAT, run.record.model_sha256, run.source.fingerprint, list(run.told), run.explained]
    return msgspec.json.encode(asked).decode()


def _metadata(run: _Run, counts: Counts) -> dict[str, Any]:
    """Return what the file says of itself: neither text nor time, so that runs alike give the same bytes."""
    heads = run.model.heads
    return {
        "format": _FORMAT,
        "model": run.folder.resolve().name,
        "model_sha256": run.record.model_sha256,
        "recipe": run.record.recipe.name,
        "scores": {head.name: _scale(head) for head in heads},
        "thresholds": {head.name: head.threshold for head in heads if head.is_yes_no},
        "thresholds_by_language": {head.name: head.by_language for head in heads if head.by_language},
        "counts": msgspec.to_builtins(counts),
    }


def _scale(head: Head) -> str:
    made = head.calibration is not None or hasattr(head.estimator, "predict_proba")
    return "probability" if made else "distance"


def _report(run: _Run, output: Path | None, counts: Counts, resumed: int) -> Prediction:
    return Prediction(
        model=str(run.folder),
        model_sha256=run.record.model_sha256,
        source=run.source.name,
        output=None if output is None else str(output),
        read=counts.read,
        scored=counts.scored,
        without_text=counts.without_text,
        refused=counts.refused,
        resumed=resumed,
        heads=[_head_told(head, counts) for head in run.model.heads],
        notes=[*version_notes(run.record), *_language_notes(run.model)],
    )


def _language_notes(model: Model) -> list[str]:
    own = [head.name for head in model.heads if head.by_language]
    told = "languages were found from the texts for heads with thresholds by language"
    return [f"{told}: {', '.join(own)}"] if own else []


def _head_told(head: Head, counts: Counts) -> HeadTold:
    decides = head.is_yes_no
    return HeadTold(head.name, head.classes, head.threshold if decides else None, counts.yes.get(head.name))
