"""A model's record, ``model.json``: what it was made from, how it decides, what it reached."""

from __future__ import annotations

from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING

import msgspec

from aufruf.baselines.recipes import Recipe  # noqa: TC001 -- msgspec reads the types at run time
from aufruf.baselines.scoring import Score  # noqa: TC001 -- msgspec reads the types at run time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aufruf.baselines.heads import Head

FORMAT = 1
_PACKAGES = ("aufruf", "numpy", "scikit-learn", "scipy", "skops")


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class ReleaseOrigin(_Entry, frozen=True, tag="release"):
    """The release that a model was trained on."""

    version: str
    content_sha256: str
    label_scheme: str
    weighted: bool


class TableOrigin(_Entry, frozen=True, tag="table"):
    """The table that a model was trained on: file name, columns, the answer that means yes.

    ``group`` is the column of what belongs together, None if there was none but identical texts.
    """

    name: str
    sha256: str
    text: str
    label: str
    positive: str | None
    group: str | None = None


Origin = ReleaseOrigin | TableOrigin


class HeadRecord(_Entry, frozen=True):
    """How a head decides, and how often each answer stood in training, as in `Head`."""

    name: str
    classes: tuple[str, ...]
    threshold: float
    threshold_from: str
    counts: dict[str, int]
    calibration: tuple[float, float] | None = None
    by_language: dict[str, float] = {}


class ModelRecord(_Entry, frozen=True):
    """The whole file.

    ``model_sha256`` is the hash of ``model.skops``, ``encoder_sha256`` of the folder ``encoder``, if there is
    one; ``scores_of`` says on what texts.
    """

    format: int
    recipe: Recipe
    origin: Origin
    heads: tuple[HeadRecord, ...]
    seed: int
    versions: dict[str, str]
    scores_of: str
    scores: tuple[Score, ...]
    notes: tuple[str, ...]
    model_sha256: str = ""
    encoder_sha256: str = ""


def versions() -> dict[str, str]:
    """Return the versions of what a model depends on."""
    return {"python": python_version()} | {name: version(name) for name in _PACKAGES}


def head_records(heads: Sequence[Head]) -> tuple[HeadRecord, ...]:
    """Return what the record says of heads."""
    return tuple(
        HeadRecord(
            head.name,
            head.classes,
            head.threshold,
            head.threshold_from,
            head.counts,
            head.calibration,
            head.by_language,
        )
        for head in heads
    )
