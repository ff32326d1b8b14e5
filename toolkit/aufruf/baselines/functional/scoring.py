"""Score answers to a suite: per functionality and language, with intervals by template."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl

from aufruf.baselines.metrics import mean_of_defined, ratio
from aufruf.baselines.resampling import ROUNDS, draws, interval
from aufruf.label_scheme import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aufruf.baselines.examples import Bools, Ints, Reals
    from aufruf.baselines.functional.suite import Suite


class SuiteScore(msgspec.Struct, frozen=True):
    """One figure.

    ``functionality`` and ``language`` are None for all together, ``caller`` is None but where the figure
    is of one group of callers. ``label`` is a column of right answers, such as ``threat_author``.
    ``value`` is None where the figure is undefined; ``low`` and ``high`` bound its 95 % bootstrap interval
    over templates. ``n`` counts what the figure is a share of: cases, for ``consistency`` templates, for
    ``pairs_right`` pairs. ``units`` counts what the bootstrap draws: templates, those that are made
    from one another together.
    """

    functionality: str | None
    language: str | None
    caller: str | None
    label: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    units: int


@dataclass(frozen=True)
class _Share:
    """How many of how many, by unit: shape (n_units,) each."""

    part: Reals
    whole: Reals


@dataclass(frozen=True)
class _Figure:
    """The mean over sides of the mean over a side's shares: most figures have one side of one share.

    A share is left out where it is undefined, a side must not be.
    """

    functionality: str | None
    language: str | None
    caller: str | None
    label: str
    metric: str
    sides: tuple[tuple[_Share, ...], ...]


@dataclass(frozen=True)
class _Judged:
    """The cases of a slice that a gold column asserts something of, with what was answered."""

    label: str
    truth: Bools
    predicted: Bools
    units: Ints
    templates: Ints
    n_units: int

    @cached_property
    def right(self) -> Bools:
        return self.truth == self.predicted

    def share(self, hits: Bools, among: Bools | None = None) -> _Share:
        """Count by unit in how many cases something holds, of all or of some."""
        among = np.ones(len(hits), dtype=np.bool_) if among is None else among
        return _Share(self._by_unit(self.units[hits & among]), self._by_unit(self.units[among]))

    def consistency(self) -> _Share:
        """Count by unit the templates of which all cases got one answer."""
        yes = self._by_template(self.predicted)
        return self._templates((yes == 0) | (yes == self._by_template()))

    def pairs_right(self) -> _Share:
        """Count by unit the pairs of a template that asks for yes and one that asks for no.

        A pair is right if all cases of both are.
        """
        right = self._by_template(self.right) == self._by_template()
        asks_yes = self._by_template(self.truth) > 0
        yes, no = self._templates(right, asks_yes), self._templates(right, ~asks_yes)
        return _Share(yes.part * no.part, yes.whole * no.whole)

    def _templates(self, hits: Bools, among: Bools | None = None) -> _Share:
        """Count by unit of how many templates something holds, of all or of some."""
        unit_of = np.zeros(len(hits), dtype=np.int64)
        unit_of[self.templates] = self.units
        chosen = self._by_template() > 0
        chosen = chosen if among is None else chosen & among
        return _Share(self._by_unit(unit_of[chosen & hits]), self._by_unit(unit_of[chosen]))

    def _by_template(self, hits: Bools | None = None) -> Ints:
        templates = self.templates if hits is None else self.templates[hits]
        return np.bincount(templates, minlength=self.templates.max(initial=-1) + 1)

    def _by_unit(self, units: Ints) -> Reals:
        return np.bincount(units, minlength=self.n_units).astype(np.float64)


def score_suite(
    suite: Suite, predicted: Mapping[str, Bools], *, rounds: int = ROUNDS, seed: int = 0
) -> list[SuiteScore]:
    """Score yes/no answers to a suite.

    Per gold column and language, all functionalities together:

    - ``recall`` and ``false_positive_rate``: means over functionalities;
    - ``balanced_accuracy``: the mean of ``recall`` and 1 - ``false_positive_rate``, .5 for whoever gives
      one answer to all;
    - ``pairs_right``: of all pairs of templates that were made from one another, one of which asks for
      yes and one for no, the share in which all cases of both are answered right;
    - of the functionalities that differ in nothing but who calls: ``consistency``, the share of templates
      that got one answer whoever calls, and per caller ``recall`` and ``false_positive_rate``.

    Then per functionality ``accuracy``, and ``consistency`` where it names callers.

    Args:
        suite: the cases.
        predicted: by gold column what was answered to each case, shape (n_cases,); columns that were
            not answered are left out.
        rounds: draws of the bootstrap; 0 for figures without intervals.
        seed: of the bootstrap.
    """
    cases = suite.cases.with_columns(
        unit_number=pl.col("unit").rank("dense").cast(pl.Int64) - 1,
        template_number=pl.col("template").rank("dense").cast(pl.Int64) - 1,
    )
    present = cases.get_column("language").unique().to_list()
    languages = [name for name in LANGUAGES if name in present]
    n_units = cases.get_column("unit_number").n_unique()
    found: list[_Figure] = []
    for label in (gold for gold in suite.golds if gold in predicted):
        rows = cases.with_columns(predicted=pl.Series(predicted[label])).drop_nulls(label)
        for language in (None, *languages):
            part = rows if language is None else rows.filter(pl.col("language") == language)
            found += _figures(part, label, language, n_units)
    return _rows(found, n_units, rounds, seed)


def _figures(rows: pl.DataFrame, label: str, language: str | None, n_units: int) -> Iterator[_Figure]:
    parts = [
        _judged(part, label, n_units) for part in rows.partition_by("functionality", maintain_order=True)
    ]
    recall = tuple(part.share(part.predicted, part.truth) for part in parts if part.truth.any())
    false = tuple(part.share(part.predicted, ~part.truth) for part in parts if not part.truth.all())
    specificity = tuple(part.share(part.right, ~part.truth) for part in parts if not part.truth.all())
    overall = {
        "balanced_accuracy": (recall, specificity),
        "recall": (recall,),
        "false_positive_rate": (false,),
        "pairs_right": ((_judged(rows, label, n_units).pairs_right(),),),
    }
    for metric, sides in overall.items():
        yield _Figure(None, language, None, label, metric, sides)
    yield from _by_caller(rows.drop_nulls("caller"), label, language, n_units)
    for part in rows.partition_by("functionality", maintain_order=True):
        name, judged = str(part["functionality"][0]), _judged(part, label, n_units)
        yield _Figure(name, language, None, label, "accuracy", ((judged.share(judged.right),),))
        if part["caller"].null_count() == 0:
            yield _Figure(name, language, None, label, "consistency", ((judged.consistency(),),))


def _by_caller(rows: pl.DataFrame, label: str, language: str | None, n_units: int) -> Iterator[_Figure]:
    if rows.height == 0:
        return
    consistency = _judged(rows, label, n_units).consistency()
    yield _Figure(None, language, None, label, "consistency", ((consistency,),))
    for part in rows.partition_by("caller", maintain_order=True):
        judged = _judged(part, label, n_units)
        recall = judged.share(judged.predicted, judged.truth)
        false = judged.share(judged.predicted, ~judged.truth)
        caller = str(part["caller"][0])
        yield _Figure(None, language, caller, label, "recall", ((recall,),))
        yield _Figure(None, language, caller, label, "false_positive_rate", ((false,),))


def _judged(rows: pl.DataFrame, label: str, n_units: int) -> _Judged:
    return _Judged(
        label=label,
        truth=rows.get_column(label).to_numpy(),
        predicted=rows.get_column("predicted").to_numpy(),
        units=rows.get_column("unit_number").to_numpy(),
        templates=rows.get_column("template_number").to_numpy(),
        n_units=n_units,
    )


def _rows(found: Sequence[_Figure], n_units: int, rounds: int, seed: int) -> list[SuiteScore]:
    if not found:
        return []
    values = np.concatenate([_values(found, draw) for draw in draws(n_units, rounds, seed)], axis=1)
    return [_row(figure, row) for figure, row in zip(found, values, strict=True)]


def _values(found: Sequence[_Figure], draw: Reals) -> Reals:
    """Return each figure's value in each draw, shape (n_figures, n_draws)."""
    return np.stack([np.mean([_mean(side, draw) for side in figure.sides], axis=0) for figure in found])


def _mean(side: Sequence[_Share], draw: Reals) -> Reals:
    nothing = np.full((1, draw.shape[1]), np.nan)
    return mean_of_defined(np.stack([*nothing, *(ratio(s.part @ draw, s.whole @ draw) for s in side)]))


def _row(figure: _Figure, values: Reals) -> SuiteScore:
    shares = [share.whole for side in figure.sides for share in side]
    whole = np.sum(shares, axis=0) if shares else np.zeros(1)
    value = None if np.isnan(values[0]) else float(values[0])
    low, high = (None, None) if value is None else interval(values[1:])
    return SuiteScore(
        functionality=figure.functionality,
        language=figure.language,
        caller=figure.caller,
        label=figure.label,
        metric=figure.metric,
        value=value,
        low=low,
        high=high,
        n=int(whole.sum()),
        units=int((whole > 0).sum()),
    )
