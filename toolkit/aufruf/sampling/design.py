"""What a round is drawn by, and what was drawn: values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from aufruf.errors import InputError
from aufruf.views import QUALIFICATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

Strategy = Literal["random", "stratified", "lexicon", "uncertain", "diverse", "mixed"]
Allocation = Literal["proportional", "equal"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
TARGETED = ("lexicon", "uncertain", "diverse")
"""Strategies that give records unequal chances; what a mixture is made of, beside random."""
STRATIFIERS = ("language", "kind", "source", "month", "outlet", "has_media")
RANDOM_SHARE = 0.2
"""The random share of a targeted strategy that no mixture was named for."""
LEAST_RANDOM_SHARE = 0.1
_ROUND_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Design:
    """How a round is drawn.

    ``by`` is empty but for the stratified strategy. ``mix`` holds the share of each strategy, summing to 1,
    and is empty for random and stratified. ``scores`` is the SHA-256 of the file of scores.
    """

    n: int
    strategy: Strategy
    by: tuple[str, ...]
    allocation: Allocation
    languages: tuple[str, ...]
    seed: int
    mix: dict[str, float] = field(default_factory=dict[str, float])
    scores: str | None = None


@dataclass(frozen=True)
class Stratum:
    """One stratum: what could be drawn from it, and what was. A cluster gives one record at most."""

    stratum: str
    records: int
    clusters: int
    drawn: int


@dataclass(frozen=True)
class Draw:
    """The rows for the samples table, sorted by record, and the strata that they come from.

    ``least_probability`` is the smallest of any record that could be drawn. ``effective`` is the number of
    records that a simple random sample would need for the same precision on something that has nothing to
    do with the probabilities: records² / Σ clusters' records² / probability (Kish 1965, 11.7, taken over
    the corpus instead of the sample, so that no label has a part in it).
    """

    rows: pl.DataFrame
    strata: list[Stratum]
    least_probability: float
    effective: float


@dataclass(frozen=True)
class Yield:
    """Expected records of the round in which a label is the author's own.

    ``expected`` is null, with a ``reason``, where the judged records of earlier rounds do not tell.
    """

    language: str
    label: str
    expected: float | None
    judged: int
    reason: str | None


@dataclass(frozen=True)
class SampleReport:
    """What was drawn. ``existing`` says that the round had been drawn before in the same way.

    ``available`` counts duplicate clusters; where it is below ``design.n``, all were drawn. ``strategies``
    counts the records that each part of a mixture brought. For ``least_probability`` and ``effective`` see
    `Draw`; both are null of rounds that older versions drew.
    """

    round: str
    design: Design
    existing: bool
    drawn: int
    available: int
    strata: list[Stratum]
    strategies: dict[str, int] = field(default_factory=dict[str, int])
    least_probability: float | None = None
    effective: float | None = None
    yields: list[Yield] = field(default_factory=list[Yield])


def parse_mix(text: str) -> dict[str, float]:
    """Read a mixture such as ``uncertain=.5,lexicon=.3,random=.2``.

    Raises:
        InputError: if it is written otherwise.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        try:
            found[name.strip()] = float(share)
        except ValueError:
            raise InputError(
                f"mixture '{text}': expected strategy=share, such as uncertain=.5,lexicon=.3,random=.2"
            ) from None
    return found


def mixture(strategy: Strategy, mix: Mapping[str, float]) -> dict[str, float]:
    """Return the shares to draw by, random's among them; none for random and stratified.

    Raises:
        InputError: if a strategy is unknown, shares do not add up to 1, or random's is too small.
    """
    if strategy in TARGETED:
        return {strategy: 1 - RANDOM_SHARE, "random": RANDOM_SHARE}
    if strategy != "mixed":
        return {}
    unknown = sorted(set(mix) - {*TARGETED, "random"})
    if unknown or not mix:
        raise InputError(
            f"mixture of {', '.join(unknown) or 'nothing'}: choose among random, {', '.join(TARGETED)}"
        )
    if min(mix.values()) < 0 or abs(sum(mix.values()) - 1) > _ROUNDING:
        raise InputError(f"shares of a mixture add up to 1, none below 0; found {sum(mix.values()):g}")
    if mix.get("random", 0) < LEAST_RANDOM_SHARE:
        raise InputError(
            f"a mixture needs random={LEAST_RANDOM_SHARE:g} or more, found {mix.get('random', 0):g}: "
            "without it most records have next to no chance, and nothing can be said of the corpus"
        )
    return {name: share for name, share in sorted(mix.items()) if share > 0}


def check_design(round_name: str, design: Design) -> None:
    """Refuse a name or a design that is not possible.

    Raises:
        InputError: names what is wrong and what is possible.
    """
    if not _ROUND_NAME.fullmatch(round_name):
        raise InputError(
            f"round '{round_name}': a name has up to 40 letters, digits, '.', '_' and '-', and begins with "
            "a letter or digit, such as 'pilot-1'"
        )
    if round_name == QUALIFICATION:
        raise InputError(f"round '{round_name}' belongs to `aufruf annotate qualify`: choose another name")
    if design.n < 1 or design.seed < 0:
        raise InputError(f"n is {design.n} and seed {design.seed}: n must be 1 or more, seed 0 or more")
    unknown = [name for name in design.by if name not in STRATIFIERS]
    if unknown or len(set(design.by)) < len(design.by):
        raise InputError(f"cannot stratify by {', '.join(design.by)}: choose among {', '.join(STRATIFIERS)}")
    if design.strategy == "stratified" and not design.by:
        raise InputError(f"name the columns to stratify by, among {', '.join(STRATIFIERS)}")
    if "uncertain" in design.mix and design.scores is None:
        raise InputError(
            "the uncertain strategy needs --scores FILE: a table of record_id, label, score from any model"
        )


def named(design: Design) -> str:
    """Return a design in words, for messages."""
    by = f" by {','.join(design.by)}, {design.allocation}" if design.by else ""
    mix = " of " + ",".join(f"{name}={share:g}" for name, share in design.mix.items()) if design.mix else ""
    scores = f", scores {design.scores[:12]}" if design.scores else ""
    return (
        f"n {design.n}, {design.strategy}{by}{mix}, languages {','.join(design.languages)}{scores}, "
        f"seed {design.seed}"
    )
