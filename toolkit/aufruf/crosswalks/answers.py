"""Translate what a labelled set says into answers to the label scheme's questions. Frames to frames."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import polars as pl

from aufruf.tables import LABEL_VOICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.crosswalks.definition import Answer, Crosswalk
    from aufruf.label_scheme import LabelScheme

_QUESTIONS = ("contained", "author", "voice")
_WHO = ("record_id", "annotator")
_UUID_DIGITS = 32

ANSWERED = pl.Schema(
    {
        **dict.fromkeys((*_WHO, "label"), pl.String),
        "contained": pl.Boolean,
        "author": pl.Boolean,
        "voice": pl.String,
        "contradictory": pl.Boolean,
    }
)
"""What a set says of a label, one row a record, annotator and label; null: it says nothing."""


def candidates_of(crosswalk: Crosswalk) -> pl.DataFrame:
    """Return the values that make candidates: ``column``, ``value`` (lower case), ``candidate_for``."""
    rows = [
        (column, value.lower(), list(labels))
        for column, by_value in crosswalk.candidates.items()
        for value, labels in by_value.items()
    ]
    schema = {"column": pl.String, "value": pl.String, "candidate_for": pl.List(pl.String)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def unknown_values(said: pl.DataFrame, crosswalk: Crosswalk) -> dict[str, int]:
    """Count the values that a closed list of the crosswalk does not have, by category."""
    known = {column: [value.lower() for value in values] for column, values in crosswalk.values.items()}
    counts = {
        column: said.filter(
            pl.col("column") == column, ~pl.col("value").str.to_lowercase().is_in(values)
        ).height
        for column, values in known.items()
    }
    return {column: n for column, n in counts.items() if n}


def answered(source_labels: pl.DataFrame, crosswalk: Crosswalk, scheme: LabelScheme) -> pl.DataFrame:
    """Return what the set says of our labels, from all that it says of its records (see `ANSWERED`).

    A label that is not contained is not the author's either; one in a voice is the author's if the voice
    is. Where rows about one record contradict each other, the label is ``contradictory`` and nothing is said
    of it.
    """
    mapping = pl.DataFrame(list(_mapping(crosswalk, scheme)), schema=_MAPPING, orient="row")
    said = source_labels.select(*_WHO, "column", value=pl.col("value").str.to_lowercase())
    found = said.join(mapping, on=["column", "value"]).group_by(*_WHO, "label", maintain_order=True)
    several = pl.any_horizontal(pl.col(name).drop_nulls().n_unique() > 1 for name in _QUESTIONS)
    agreed = found.agg(
        several.alias("contradictory"), *(pl.col(name).drop_nulls().first() for name in _QUESTIONS)
    )
    kept = [pl.when(~pl.col("contradictory")).then(name) for name in _QUESTIONS]
    return agreed.with_columns(kept).select(pl.col(name).cast(dtype) for name, dtype in ANSWERED.items())


def annotations_of(answers: pl.DataFrame, source: str, scheme: LabelScheme) -> pl.DataFrame:
    """Return one triage answer for each record and annotator of whom something is known.

    ``asked`` names exactly what the set answered. An author's own voice that the set does not name is
    written as the scheme's first such voice, and not asked.

    Returns:
        ``annotation_uuid``, ``record_id``, ``annotator``, ``round``, ``labels``, ``asked``, ``voices``.
    """
    known = answers.filter(~pl.col("contradictory")).sort(
        *_WHO, pl.col("label").cast(pl.Enum(scheme.label_names))
    )
    own = pl.when(pl.col("author")).then(pl.lit(scheme.author_voices[0]))
    voice = pl.coalesce("voice", own)
    asked = [pl.when(pl.col(name).is_not_null()).then(pl.col("label") + f"_{name}") for name in _QUESTIONS]
    grouped = known.group_by(*_WHO, maintain_order=True).agg(
        labels=pl.col("label").filter("contained"),
        asked=pl.concat_list(asked).list.drop_nulls().explode(),
        voices=pl.struct("label", voice=voice).filter(voice.is_not_null()).cast(LABEL_VOICE),
    )
    uuids = [_uuid(source, *row) for row in grouped.select(_WHO).iter_rows()]
    return grouped.select(
        pl.Series("annotation_uuid", uuids, dtype=pl.String),
        *_WHO,
        pl.lit(f"source:{source}").alias("round"),
        "labels",
        "asked",
        "voices",
    )


_MAPPING = pl.Schema(
    {**dict.fromkeys(("column", "value", "label"), pl.String), "contained": pl.Boolean, "author": pl.Boolean}
    | {"voice": pl.String}
)


def _mapping(crosswalk: Crosswalk, scheme: LabelScheme) -> Iterator[tuple[str | bool | None, ...]]:
    for column, by_value in crosswalk.answers.items():
        for value, by_label in by_value.items():
            for label, answer in by_label.items():
                author = _author(answer, scheme)
                yield column, value.lower(), label, answer.contained, author, answer.voice


def _author(answer: Answer, scheme: LabelScheme) -> bool | None:
    if answer.contained is False:
        return False
    return answer.author if answer.voice is None else answer.voice in scheme.author_voices


def _uuid(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:_UUID_DIGITS]
