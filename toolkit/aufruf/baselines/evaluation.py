"""Evaluate a stored model on a release's split or on a table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aufruf.baselines.model_files import load_model, read_record, version_notes
from aufruf.baselines.record import ReleaseOrigin, TableOrigin
from aufruf.baselines.release_data import read_release
from aufruf.baselines.resampling import ROUNDS
from aufruf.baselines.runs import Report
from aufruf.baselines.scoring import few_positives, score
from aufruf.baselines.table_data import read_table
from aufruf.baselines.training import means_over_labels
from aufruf.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.heads import Head
    from aufruf.baselines.model import Model
    from aufruf.baselines.record import ModelRecord
    from aufruf.baselines.release_data import Release, Split


def evaluate_on_release(
    model: Path, release: Path, *, split: Split = "test", rounds: int = ROUNDS, seed: int = 0
) -> Report:
    """Score a model on a split of a release.

    Args:
        model: the model's folder.
        release: the release's folder.
        split: which split.
        rounds: draws of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: if the model cannot be trusted, the release is not as it was released, or it asks
            other questions than the model answers.
    """
    loaded, record = load_model(model)
    found = read_release(release, (split,))
    examples = found.splits[split]
    names = {head.name for head in loaded.heads}
    missing = sorted(names - {target.name for target in examples.targets})
    if missing:
        raise InputError(
            f"{model}: answers {', '.join(missing)}, which release {found.version} does not ask; evaluate it "
            "with --table, or on a release with the same labels"
        )
    chosen = replace(examples, targets=tuple(t for t in examples.targets if t.name in names))
    means = means_over_labels(found.scheme)
    scores = score(chosen, loaded.answer(chosen), means=means, rounds=rounds, seed=seed, sliced=True)
    notes = [*version_notes(record), *_release_notes(record, found, split), *few_positives(chosen)]
    return Report(str(model), scores, f"{split} of release {found.version}", notes)


def evaluate_on_table(  # noqa: PLR0913 -- the command's options, in the same words
    model: Path,
    path: Path,
    *,
    text: str | None = None,
    label: str | None = None,
    positive: str | None = None,
    group: str | None = None,
    head: str | None = None,
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
        rounds: draws of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: if the model cannot be trusted, a column is missing or not named, or the answers do
            not fit.
    """
    loaded, record = load_model(model)
    chosen = _head(loaded, head, model)
    origin = record.origin if isinstance(record.origin, TableOrigin) else None
    text, label = text or (origin and origin.text), label or (origin and origin.label)
    if text is None or label is None:
        raise InputError(f"{path}: say which columns hold texts and answers with --text and --label")
    if positive is None and origin is not None and label == origin.label:
        positive = origin.positive
    table = read_table(path, text=text, label=label, positive=positive, classes=chosen.classes, group=group)
    target = replace(table.examples.targets[0], name=chosen.name)
    examples = replace(table.examples, targets=(target,))
    answers = replace(loaded, heads=(chosen,)).answer(examples)
    notes = [*version_notes(record), *few_positives(examples)]
    if origin is not None and origin.sha256 == table.sha256:
        notes.insert(0, "the model was trained on this very table: these scores flatter")
    return Report(str(model), score(examples, answers, rounds=rounds, seed=seed), table.name, notes)


def trained_on(model: Path) -> str | None:
    """Return the version of the release that a model was trained on, None if it was a table."""
    origin = read_record(model).origin
    return origin.version if isinstance(origin, ReleaseOrigin) else None


def _head(model: Model, name: str | None, folder: Path) -> Head:
    names = [head.name for head in model.heads]
    if name is None and len(names) == 1:
        return model.heads[0]
    if name not in names:
        raise InputError(f"{folder}: say which head is to answer with --head: {', '.join(names)}")
    return model.heads[names.index(name)]


def _release_notes(record: ModelRecord, release: Release, split: Split) -> list[str]:
    notes: list[str] = []
    if split == "train":
        notes.append("the model was fitted on split train: these scores flatter")
    if split == "validation":
        notes.append("thresholds were tuned on validation: these scores flatter")
    origin = record.origin
    if isinstance(origin, ReleaseOrigin) and origin.content_sha256 != release.content_sha256:
        notes.append(f"trained on release {origin.version}, scored on release {release.version}")
    if isinstance(origin, ReleaseOrigin) and origin.label_scheme != release.scheme.sha256:
        notes.append("the release has another label scheme than the one that the model was trained by")
    return notes
