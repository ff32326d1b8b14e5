"""Read any table as examples: one column of texts, one of answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from aufruf.baselines.dataset_splits import read_splits, sha256_of_split
from aufruf.baselines.examples import YES_NO, Examples, Target
from aufruf.baselines.features import prepare
from aufruf.errors import InputError
from aufruf.files import sha256_of
from aufruf.sources.columns import read_columns, yes_of

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.examples import Ints

MAX_CLASSES = 100
_TWO = 2


@dataclass(frozen=True)
class Table:
    """A table as examples.

    Attributes:
        name: the file's.
        text: the column of texts.
        label: the column of answers, and the head's name.
        positive: the answer that counts as yes; None where there are more than two answers.
        sha256: of the file.
        examples: rows with a text and an answer.
        read: rows of the file.
        left_out: rows without a text or an answer, by reason.
        group: the column of what belongs together, None if there is none but identical texts.
        validation: of a dataset's folder, its split of that name, if ``examples`` are its split train.
        test: likewise.
    """

    name: str
    text: str
    label: str
    positive: str | None
    sha256: str
    examples: Examples
    read: int
    left_out: dict[str, int]
    group: str | None = None
    validation: Examples | None = None
    test: Examples | None = None

    @property
    def has_splits(self) -> bool:
        """Whether there are texts of its own to score a model on."""
        return self.test is not None or self.validation is not None


def read_table(  # noqa: PLR0913 -- the command's options, in the same words
    path: Path,
    *,
    text: str,
    label: str,
    positive: str | None = None,
    classes: tuple[str, ...] | None = None,
    group: str | None = None,
    split: str | None = None,
) -> Table:
    """Read a table: CSV with any delimiter, TSV, JSON Lines or Parquet, found out from its content.

    Or a dataset's folder, as `datasets.load_dataset` reads it: its split ``train``, with ``validation`` and
    ``test`` beside it if there are any, or one split alone.

    Rows with the same text after preparation belong to one unit, and so do rows of one ``group``.

    Args:
        path: the file or folder.
        text: name of the column of texts.
        label: name of the column of answers.
        positive: the answer that counts as yes, all others as no. Not needed where the answers are
            true and false, yes and no, or 1 and 0.
        classes: the answers of a model that is to be scored; others are an error.
        group: name of a column of what must stay together, such as the author.
        split: of a folder, the split that is wanted alone; a folder with one split is that one.

    Raises:
        InputError: if the file is not what it says, a column or split is missing, or the answers cannot
            be learnt.
    """
    reading = _Reading(path, text, label, positive, classes, group)
    if not path.is_dir():
        return reading.table(read_columns(path), sha256_of(path))
    splits = read_splits(path)
    chosen = next(iter(splits)) if len(splits) == 1 else split or "train"
    if chosen not in splits:
        raise InputError(f"{path}: has no split {chosen!r}; name one of {', '.join(splits)} with --split")
    table = reading.table(splits[chosen], sha256_of_split(path, chosen))
    others = [name for name in ("validation", "test") if name in splits and split is None and name != chosen]
    target = table.examples.targets[0]
    same = replace(reading, positive=table.positive, classes=target.classes)
    return replace(table, **{name: same.table(splits[name], "").examples for name in others})


@dataclass(frozen=True)
class _Reading:
    """What `read_table` is given."""

    path: Path
    text: str
    label: str
    positive: str | None
    classes: tuple[str, ...] | None
    group: str | None

    def table(self, frame: pl.DataFrame, sha256: str) -> Table:
        """Return a frame of strings as a table."""
        wanted = [self.text, self.label, *([self.group] if self.group else [])]
        missing = [name for name in wanted if name not in frame.columns]
        if missing:
            raise InputError(
                f"{self.path}: has no column {missing[0]!r}; its columns are {', '.join(frame.columns)}"
            )
        rows = frame.select(
            text=prepare(frame.get_column(self.text)),
            label=pl.col(self.label),
            group=pl.col(self.group) if self.group else pl.lit(None, dtype=pl.String),
        )
        no_text = pl.col("text").is_null() | (pl.col("text") == "")
        kept = rows.filter(~no_text, pl.col("label").is_not_null())
        left_out = {
            "no_text": rows.filter(no_text).height,
            "no_answer": rows.filter(~no_text, pl.col("label").is_null()).height,
        }
        answers = kept.get_column("label")
        chosen, target = _target(answers, self.label, self.path, self.positive, self.classes)
        examples = Examples(kept.get_column("text"), (target,), _units(kept))
        name, read = self.path.name, frame.height
        return Table(name, self.text, self.label, chosen, sha256, examples, read, left_out, self.group)


def _target(
    answers: pl.Series, name: str, path: Path, positive: str | None, classes: tuple[str, ...] | None
) -> tuple[str | None, Target]:
    found = sorted(answers.unique().to_list())
    if classes is not None and classes != YES_NO:
        unknown = len(set(found) - set(classes))
        if unknown:
            raise InputError(f"{path}: column {name!r} has {unknown} answers that the model does not know")
        return None, _coded(answers, name, classes)
    if len(found) < _TWO:
        raise InputError(f"{path}: column {name!r} has {len(found)} different answers; two are needed")
    yes = _spelling(positive, found, name, path) if positive is not None else yes_of(found)
    if yes is not None:
        codes = (answers == yes).cast(pl.Int64).to_numpy()
        return yes, Target(name, YES_NO, codes)
    if len(found) == _TWO or classes is not None:
        raise InputError(
            f"{path}: column {name!r} has {len(found)} different answers, none of them a plain yes: say "
            "which one counts as yes with --positive"
        )
    if len(found) > MAX_CLASSES:
        raise InputError(
            f"{path}: column {name!r} has {len(found):,} different answers, at most {MAX_CLASSES} can be "
            "learnt; name the answer that counts as yes with --positive"
        )
    return None, _coded(answers, name, tuple(found))


def _coded(answers: pl.Series, name: str, classes: tuple[str, ...]) -> Target:
    codes = answers.cast(pl.Enum(classes)).to_physical().cast(pl.Int64).to_numpy()
    return Target(name, classes, codes)


def _spelling(positive: str, found: list[str], name: str, path: Path) -> str:
    alike = [value for value in found if value == positive] or [
        value for value in found if value.casefold() == positive.casefold()
    ]
    if len(alike) == 1:
        return alike[0]
    raise InputError(f"{path}: no answer in column {name!r} is {positive!r}")


def _units(rows: pl.DataFrame) -> Ints:
    """Number the components of rows that are tied by the same text or the same group."""
    sparse, csgraph = _scipy()
    text = rows.select(pl.col("text").rank("dense") - 1).to_series().cast(pl.Int64).to_numpy()
    if rows.get_column("group").null_count() == rows.height:
        return text
    ties = rows.select(text=pl.Series(text), group=pl.col("group").rank("dense") - 1).drop_nulls()
    texts = int(text.max()) + 1
    size = texts + rows.get_column("group").n_unique() + 1
    ends = (ties["text"].to_numpy(), ties["group"].cast(pl.Int64).to_numpy() + texts)
    graph = sparse.coo_array((np.ones(ties.height, dtype=np.int8), ends), shape=(size, size))
    component: Ints = csgraph.connected_components(graph, directed=False)[1]
    return np.unique(component[text], return_inverse=True)[1].astype(np.int64)


def _scipy() -> tuple[Any, Any]:
    """Return scipy's sparse arrays and graphs, which have no types."""
    from scipy import sparse
    from scipy.sparse import csgraph

    return sparse, csgraph
