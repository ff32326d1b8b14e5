"""All coefficients of one question in one group, with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aufruf.agreement import formulas
from aufruf.agreement.bootstrap import ONE_CLUSTER, Interval, crossed_draws, draws, interval
from aufruf.agreement.sums import sums_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aufruf.agreement.coding import Coded, Floats
    from aufruf.agreement.formulas import Formula
    from aufruf.agreement.sums import Sums

NOMINAL, ORDINAL, MASI = "nominal", "ordinal", "masi"
NO_PAIRS = "no record has two answers"
ONE_VALUE = "all answers are the same value: agreement by chance cannot be told apart"
NEVER_SAID = "nobody said it of a record that two judged"
NO_CROSSED = "no interval: annotators cannot be resampled where two roles are compared"
NO_YES = "which of the two values counts as yes is not known"
_POSITIVE, _NEGATIVE = "positive_agreement", "negative_agreement"
_TWO = 2
_DIGITS = 12  # beyond them stands the order in which numbers were added up


@dataclass(frozen=True)
class AgreementRow:
    """A coefficient of one question in one group, with its 95 % interval.

    ``label`` is ``<label>_contained``, ``<label>_author``, ``<label>_voice``, ``<label>_<attribute>``,
    ``<label>_spans`` or ``labels`` (all labels chosen, as a set); of a foreign table, the name of its column.
    ``group`` is ``all`` or such as ``language=de``. ``value`` is null where the coefficient is undefined,
    ``low`` and ``high`` where the interval is; ``reason`` says why. ``records`` counts those with two answers
    or more, ``annotators`` who gave these.
    """

    label: str
    group: str
    coefficient: str
    level: str
    value: float | None
    low: float | None
    high: float | None
    records: int
    annotators: int
    reason: str | None


@dataclass(frozen=True)
class Question:
    """What is asked, and how two answers to it compare.

    Attributes:
        label: the question's name, as in `AgreementRow`.
        levels: of measurement at which alpha is given.
        distances: between the values at level masi, shape (values, values).
        is_yes_no: whether two values are a yes and a no.
        yes: the place of the value that counts as yes; None where it is not known.
    """

    label: str
    levels: tuple[str, ...] = (NOMINAL,)
    distances: Floats | None = None
    is_yes_no: bool = False
    yes: int | None = None


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made. ``crossed``: annotators are resampled too, not taken as they are."""

    seed: int = 0
    resamples: int = 1000
    crossed: bool = False


class _Wanted(NamedTuple):
    coefficient: str
    level: str
    formula: Formula


def coefficients(
    coded: Coded, question: Question, bootstrap: Bootstrap, *, group: str = "all"
) -> list[AgreementRow]:
    """Return the coefficients of answers to one question, Krippendorff's alpha first.

    A unit with one answer has nothing to agree with, and a missing answer is missing, not a value. Cohen's
    kappa is given where exactly two are compared, positive and negative agreement where there are two values.
    Whatever corrects for chance is undefined where only one value was given.

    The intervals are percentiles over resamples of whole duplicate clusters; the annotators are taken as they
    are, so the interval does not say how other annotators would agree, unless the bootstrap is crossed.

    Args:
        coded: the answers.
        question: what was asked.
        bootstrap: how intervals are made.
        group: the name of the group.
    """
    wanted = _wanted(coded, question)
    found = _estimates(coded, question, wanted, bootstrap)
    records, annotators = coded.records, coded.annotators
    return [
        AgreementRow(
            label=question.label,
            group=group,
            coefficient=entry.coefficient,
            level=entry.level,
            value=value,
            low=spread.low,
            high=spread.high,
            records=records,
            annotators=annotators,
            reason=spread.reason,
        )
        for entry, (value, spread) in zip(wanted, found, strict=True)
    ]


def alpha_of(coded: Coded) -> float | None:
    """Return nominal alpha alone; None where it is undefined."""
    if not coded.is_paired.any():
        return None
    value = float(formulas.alpha(None)(_total(sums_of(coded, None, ordered=False)))[0])
    return None if np.isnan(value) else value


def _wanted(coded: Coded, question: Question) -> list[_Wanted]:
    alphas = {
        NOMINAL: formulas.alpha(None),
        ORDINAL: formulas.ordinal_alpha,
        MASI: formulas.alpha(question.distances),
    }
    wanted = [_Wanted("krippendorff_alpha", level, alphas[level]) for level in question.levels]
    if coded.is_of_two:
        wanted.append(_Wanted("cohen_kappa", NOMINAL, formulas.cohen_kappa))
    wanted += [
        _Wanted("fleiss_kappa", NOMINAL, formulas.fleiss_kappa),
        _Wanted("gwet_ac1", NOMINAL, formulas.gwet_ac1),
        _Wanted("pabak", NOMINAL, formulas.pabak),
    ]
    if question.is_yes_no and len(coded.values) == _TWO:
        yes = question.yes or 0
        wanted += [
            _Wanted(_POSITIVE, NOMINAL, formulas.specific_agreement(yes)),
            _Wanted(_NEGATIVE, NOMINAL, formulas.specific_agreement(1 - yes)),
        ]
    return [*wanted, _Wanted("raw", NOMINAL, formulas.raw)]


def _estimates(
    coded: Coded, question: Question, wanted: list[_Wanted], bootstrap: Bootstrap
) -> list[tuple[float | None, Interval]]:
    if not coded.is_paired.any():
        return [(None, Interval(reason=NO_PAIRS))] * len(wanted)
    options = {"ordered": ORDINAL in question.levels, "sides": coded.is_of_two}
    every = sums_of(coded, None, **options)
    by_level = {NOMINAL: every, ORDINAL: every}
    if MASI in question.levels:
        by_level[MASI] = sums_of(coded, question.distances, ordered=False)
    totals = {level: _total(sums) for level, sums in by_level.items()}
    values = [round(float(entry.formula(totals[entry.level])[0]), _DIGITS) for entry in wanted]
    spreads = [Interval()] * len(wanted)
    if bootstrap.resamples:
        spreads = _spreads(coded, question, wanted, by_level, bootstrap)
    return [
        _stated(entry, value, spread, question)
        for entry, value, spread in zip(wanted, values, spreads, strict=True)
    ]


def _stated(
    entry: _Wanted, value: float, spread: Interval, question: Question
) -> tuple[float | None, Interval]:
    """Return the value and its interval, or null and the reason."""
    specific = entry.coefficient in (_POSITIVE, _NEGATIVE)
    if specific and question.yes is None:
        return None, Interval(reason=NO_YES)
    if np.isnan(value):
        return None, Interval(reason=NEVER_SAID if specific else ONE_VALUE)
    return value, spread


def _spreads(
    coded: Coded,
    question: Question,
    wanted: list[_Wanted],
    by_level: dict[str, Sums],
    bootstrap: Bootstrap,
) -> list[Interval]:
    if by_level[NOMINAL].clusters.sum() == 1:
        return [Interval(reason=ONE_CLUSTER)] * len(wanted)
    if bootstrap.crossed and coded.has_two_sides:
        return [Interval(reason=NO_CROSSED)] * len(wanted)
    resampled: dict[int, Floats] = {}
    for level, sums in by_level.items():
        entries = [place for place, entry in enumerate(wanted) if entry.level == level]
        if entries:
            parts = _drawn(coded, question, level, sums, bootstrap)
            found = [[wanted[place].formula(part) for place in entries] for part in parts]
            resampled |= {
                place: np.concatenate([figures[n] for figures in found]) for n, place in enumerate(entries)
            }
    return [interval(resampled[place]) for place in range(len(wanted))]


def _drawn(coded: Coded, question: Question, level: str, sums: Sums, bootstrap: Bootstrap) -> Iterable[Sums]:
    if not bootstrap.crossed:
        return draws(sums, seed=bootstrap.seed, resamples=bootstrap.resamples)
    return crossed_draws(
        coded,
        question.distances if level == MASI else None,
        ordered=level == ORDINAL,
        seed=bootstrap.seed,
        resamples=bootstrap.resamples,
    )


def _total(sums: Sums) -> Sums:
    return sums.weighted(sums.clusters[np.newaxis].astype(np.float64))
