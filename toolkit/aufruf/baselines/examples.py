"""Texts with what is to be learnt of them: what every baseline is fitted on and scored against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Reals = NDArray[np.float64]

NOT_ASKED = -1
YES_NO = ("no", "yes")


@dataclass(frozen=True)
class Target:
    """What one head is to learn.

    Attributes:
        name: the head's, such as ``threat_author``, or a table's column.
        classes: the possible answers; `YES_NO` where it is a yes/no question.
        codes: the answer of each text as a place in ``classes``, shape (n_texts,); `NOT_ASKED` for null.
    """

    name: str
    classes: tuple[str, ...]
    codes: Ints

    @property
    def is_yes_no(self) -> bool:
        """Whether the question is answered by yes or no."""
        return self.classes == YES_NO

    @property
    def asked(self) -> Bools:
        """Where there is an answer, shape (n_texts,)."""
        return self.codes != NOT_ASKED

    @property
    def counts(self) -> dict[str, int]:
        """How often each answer was given."""
        return {name: int((self.codes == code).sum()) for code, name in enumerate(self.classes)}

    def take(self, rows: Ints | Bools) -> Target:
        """Return the target of some texts."""
        return replace(self, codes=self.codes[rows])


@dataclass(frozen=True)
class Examples:
    """Texts, what is to be learnt of each, and what belongs together.

    Attributes:
        texts: prepared texts, shape (n_texts,).
        targets: one a head.
        units: which texts belong together, numbered from 0, shape (n_texts,): they stand on one side of
            a split and are drawn together by the bootstrap.
        languages: the language of each text, or None where it is not known.
        weights: how much each text counts in training, mean 1, or None for all alike.
        facts: what else is known of each text, a row each: of a release all its columns but the text;
            None where nothing is.
    """

    texts: pl.Series
    targets: tuple[Target, ...]
    units: Ints
    languages: NDArray[np.str_] | None = None
    weights: Reals | None = None
    facts: pl.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Ints | Bools) -> Examples:
        """Return some of the texts with what belongs to them."""
        return Examples(
            texts=_rows(self.texts.to_frame(), rows).to_series(),
            targets=tuple(target.take(rows) for target in self.targets),
            units=self.units[rows],
            languages=None if self.languages is None else self.languages[rows],
            weights=None if self.weights is None else self.weights[rows],
            facts=None if self.facts is None else _rows(self.facts, rows),
        )

    def asking(self, names: Collection[str]) -> Examples:
        """Return the examples with the targets of these names only, in their order."""
        return replace(self, targets=tuple(target for target in self.targets if target.name in names))

    def unweighted(self) -> Examples:
        """Return the examples with every text counting alike."""
        return replace(self, weights=None)

    def target(self, name: str) -> Target:
        """Return the target of that name; KeyError if there is none."""
        for target in self.targets:
            if target.name == name:
                return target
        raise KeyError(name)


def unanswered(texts: pl.Series, facts: pl.DataFrame | None = None) -> Examples:
    """Return prepared texts as examples of which no answer is known, each a unit of its own."""
    return Examples(texts, (), np.arange(len(texts)), facts=facts)


def joined(parts: Sequence[Examples]) -> Examples:
    """Return several examples with the same targets as one; no unit is in two of them."""
    offsets = np.cumsum([0, *(int(part.units.max(initial=-1)) + 1 for part in parts)])
    languages = [part.languages for part in parts if part.languages is not None]
    weights = [part.weights for part in parts if part.weights is not None]
    facts = [part.facts for part in parts if part.facts is not None]
    targets = (
        replace(target, codes=np.concatenate([part.targets[place].codes for part in parts]))
        for place, target in enumerate(parts[0].targets)
    )
    units = (part.units + offset for part, offset in zip(parts, offsets, strict=False))
    return Examples(
        texts=pl.concat([part.texts for part in parts]),
        targets=tuple(targets),
        units=np.concatenate(list(units)),
        languages=np.concatenate(languages) if len(languages) == len(parts) else None,
        weights=np.concatenate(weights) if len(weights) == len(parts) else None,
        facts=pl.concat(facts, how="vertical_relaxed") if len(facts) == len(parts) else None,
    )


def mentions(contained: Target, author: Target) -> Bools:
    """Return where incitement is contained and is not the author's own, shape (n_texts,)."""
    return (contained.codes == 1) & (author.codes == 0)


def _rows(frame: pl.DataFrame, rows: Ints | Bools) -> pl.DataFrame:
    return frame.filter(rows) if rows.dtype == np.bool_ else frame[rows]
