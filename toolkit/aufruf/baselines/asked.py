"""What a stored model is asked: a split of a release, or a table, by the heads that it has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aufruf.baselines.model_files import load_model, version_notes
from aufruf.baselines.record import ReleaseOrigin, TableOrigin
from aufruf.baselines.release_data import read_release
from aufruf.baselines.table_data import read_table
from aufruf.baselines.training import means_over_labels
from aufruf.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.examples import Examples
    from aufruf.baselines.heads import Head
    from aufruf.baselines.model import Answers, Model
    from aufruf.baselines.record import ModelRecord
    from aufruf.baselines.release_data import Release, Split
    from aufruf.baselines.table_data import Table
    from aufruf.label_scheme import LabelScheme


@dataclass(frozen=True)
class Asked:
    """A model and the examples that it is scored on.

    Attributes:
        model: with the heads that are asked.
        examples: with a target for each of them.
        name: what the texts are, in a few words.
        notes: what whoever reads the scores must know.
        means: heads over which means are formed, by the mean's name.
        scheme: the release's label scheme; None for tables.
        is_known: whether the model was fitted on these very examples, to answer this very question.
    """

    model: Model
    examples: Examples
    name: str
    notes: list[str]
    means: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    scheme: LabelScheme | None = None
    is_known: bool = False

    def answers(self) -> dict[str, Answers]:
        """Return what the model says."""
        return self.model.answer(self.examples)


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are meant, as `evaluate_on_table` takes them; None: as in training.

    A group is as in training on the table of the training alone.
    """

    text: str | None = None
    label: str | None = None
    positive: str | None = None
    group: str | None = None
    head: str | None = None
    split: str | None = None


def asked_of_release(folder: Path, release: Path, split: Split) -> Asked:
    """Return a model with a split of a release.

    Raises:
        InputError: if the model cannot be trusted, the release is not as it was released, or it asks
            other questions than the model answers.
    """
    model, record = load_model(folder)
    found = read_release(release, (split,))
    examples = found.splits[split]
    names = {head.name for head in model.heads}
    missing = sorted(names - {target.name for target in examples.targets})
    if missing:
        raise InputError(
            f"{folder}: answers {', '.join(missing)}, which release {found.version} does not ask; "
            "evaluate it with --table, or on a release with the same labels"
        )
    notes = [*version_notes(record), *_release_notes(record, found, split)]
    name, scheme = f"{split} of release {found.version}", found.scheme
    return Asked(model, examples.asking(names), name, notes, means_over_labels(scheme), scheme)


def asked_of_table(folder: Path, path: Path, columns: Columns) -> Asked:
    """Return one head of a model with a table.

    Raises:
        InputError: if the model cannot be trusted, a column is missing or not named, or the answers do
            not fit.
    """
    model, record = load_model(folder)
    chosen = _head(model, columns.head, folder)
    origin = record.origin if isinstance(record.origin, TableOrigin) else None
    text, label = columns.text or (origin and origin.text), columns.label or (origin and origin.label)
    if text is None or label is None:
        raise InputError(f"{path}: say which columns hold texts and answers with --text and --label")
    positive = columns.positive
    if positive is None and origin is not None and label == origin.label:
        positive = origin.positive
    named: dict[str, Any] = {"text": text, "label": label, "positive": positive, "split": columns.split}
    table = read_table(path, **named, classes=chosen.classes, group=columns.group)
    of_training = origin if origin is not None and origin.sha256 == table.sha256 else None
    if of_training and of_training.group and columns.group is None:
        table = read_table(path, **named, classes=chosen.classes, group=of_training.group)
    target = replace(table.examples.targets[0], name=chosen.name)
    flatters = ["the model was trained on this very table: these scores flatter"] if of_training else []
    return Asked(
        replace(model, heads=(chosen,)),
        replace(table.examples, targets=(target,)),
        table.name,
        [*flatters, *version_notes(record)],
        is_known=of_training is not None and _is_of(table, of_training),
    )


def _is_of(table: Table, origin: TableOrigin) -> bool:
    return (table.text, table.label, table.positive) == (origin.text, origin.label, origin.positive)


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
