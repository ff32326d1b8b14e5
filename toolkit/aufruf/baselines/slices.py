"""Parts of the texts that figures are told of: languages, kinds, sources, voices, and texts by weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aufruf.label_scheme import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.baselines.examples import Bools, Examples, Target

FROM_SOURCE = 50
"""From so many texts asked on, a source has figures of its own."""
_BY_VALUE = ("kind", "source")


@dataclass(frozen=True)
class Slice:
    """Some of the texts.

    Attributes:
        rows: which ones, shape (n_texts,).
        language: of which language; None for all.
        name: of which kind or source, such as ``kind=post``, or in which voice mentions are; None for all.
        weighted: whether a text counts by its design weight.
        mentioned: the mentions in one voice, if the slice is about them alone; shape (n_texts,).
    """

    rows: Bools
    language: str | None = None
    name: str | None = None
    weighted: bool = False
    mentioned: Bools | None = None


def languages_of(examples: Examples) -> list[Slice]:
    """Return all texts, then those of each language of the project that there is."""
    everything = Slice(np.ones(len(examples), dtype=np.bool_))
    if examples.languages is None:
        return [everything]
    present = [name for name in LANGUAGES if (examples.languages == name).any()]
    return [everything, *(Slice(examples.languages == name, name) for name in present)]


def slices_of(examples: Examples) -> list[Slice]:
    """Return texts by language, the same by weight if the design is known, then by kind and source."""
    plain = languages_of(examples)
    weighted = [Slice(part.rows, part.language, weighted=True) for part in plain]
    return [*plain, *(weighted if examples.weights is not None else []), *_by_value(examples)]


def voices_of(examples: Examples, author: Target) -> Iterator[Slice]:
    """Return all texts once for each voice in which a label is marked: mentions are then those in it."""
    column = f"{author.name.removesuffix('_author')}_voice"
    if examples.facts is None or column not in examples.facts.columns:
        return
    voices = examples.facts.get_column(column)
    every = np.ones(len(examples), dtype=np.bool_)
    for voice in sorted(voices.drop_nulls().explode(empty_as_null=True).drop_nulls().unique().to_list()):
        heard = voices.list.contains(voice).fill_null(value=False).to_numpy()
        yield Slice(every, name=f"voice={voice}", mentioned=heard)


def _by_value(examples: Examples) -> Iterator[Slice]:
    for column in _BY_VALUE:
        if examples.facts is None or column not in examples.facts.columns:
            continue
        values = examples.facts.get_column(column)
        for value in sorted(values.drop_nulls().unique().to_list()):
            rows = (values == value).fill_null(value=False).to_numpy()
            if column != "source" or rows.sum() >= FROM_SOURCE:
                yield Slice(rows, name=f"{column}={value}")
