"""Score answers to a suite: per functionality and language, with intervals by template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl

from aufruf.baselines.metrics import mean_of_defined, ratio
from aufruf.baselines.resampling import ROUNDS, draws, interval
from aufruf.label_scheme import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aufruf.baselines.examples import Reals
    from aufruf.baselines.functional.suite import Suite
    from aufruf.baselines.model import Answers


class SuiteScore(msgspec.Struct, frozen=True):
    """One figure.

    ``functionality`` and ``language`` are None for all together, ``group`` is None but where the figure
    is of the cases that name one group of people. ``label`` is a column of right answers, such as
    ``threat_author``.
    ``value`` is None where the figure is undefined; ``low`` and ``high`` bound its 95 % bootstrap interval
    over templates, which has no width where all answers are alike. ``n`` counts what the figure is a share
    of: cases, for ``consistency`` templates, for ``pairs_right`` and ``pairs_ranked`` pairs of templates.
    ``units`` counts what the bootstrap draws: templates, those made from one another together.
    """

    functionality: str | None
    language: str | None
    group: str | None
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
    group: str | None
    label: str
    metric: str
    sides: tuple[Sequence[_Share], ...]


def score_suite(
    suite: Suite, answers: Mapping[str, Answers], *, rounds: int = ROUNDS, seed: int = 0
) -> list[SuiteScore]:
    """Score yes/no answers to a suite.

    Per gold column and language, all functionalities together:

    - ``recall`` and ``false_positive_rate``: means over functionalities;
    - ``balanced_accuracy``: the mean of ``recall`` and 1 - ``false_positive_rate``, .5 for whoever gives
      one answer to all;
    - of all pairs of templates that were made from one another, one of which asks for yes and one for no:
      ``pairs_right``, the share in which all cases of both are answered right, and ``pairs_ranked``, the
      share in which the mean score of the one is higher than that of the other, whatever the threshold
      (a tie is not);
    - ``consistency``: of the templates whose cases differ in nothing but the group of people that they
      name, such as who calls, the share that got one answer for all; and per group ``recall`` and
      ``false_positive_rate`` over all cases that name it.

    Then per functionality ``accuracy``, and ``consistency`` where it names groups.

    Args:
        suite: the cases.
        answers: by gold column the yes/no answers to all cases; columns without are left out.
        rounds: draws of the bootstrap; 0 for figures without intervals.
        seed: of the bootstrap.
    """
    cases = suite.cases.with_columns(unit=pl.col("unit").rank("dense").cast(pl.Int64) - 1)
    n_units = cases.get_column("unit").n_unique()
    present = cases.get_column("language").unique().to_list()
    languages = [name for name in LANGUAGES if name in present]
    found: list[_Figure] = []
    for label in (gold for gold in suite.golds if gold in answers):
        judged = _judged(cases, label, answers[label])
        for language in (None, *languages):
            rows = judged if language is None else judged.filter(pl.col("language") == language)
            found += _figures(rows, label, language, n_units)
    return _rows(found, n_units, rounds, seed)


def _judged(cases: pl.DataFrame, label: str, answers: Answers) -> pl.DataFrame:
    """Return the cases that something is asserted of, with columns truth, predicted, right and score."""
    said = cases.with_columns(
        truth=pl.col(label),
        predicted=pl.Series(answers.predicted == 1),
        score=pl.Series(answers.scores[:, 1]),
    )
    return said.drop_nulls("truth").with_columns(right=pl.col("truth") == pl.col("predicted"))


def _figures(rows: pl.DataFrame, label: str, language: str | None, n_units: int) -> Iterator[_Figure]:
    by_functionality = rows.partition_by("functionality", maintain_order=True)
    yes, no = pl.col("truth"), ~pl.col("truth")
    recall = [_share(part.filter(yes), "predicted", n_units) for part in by_functionality]
    false = [_share(part.filter(no), "predicted", n_units) for part in by_functionality]
    specificity = [_share(part.filter(no), "right", n_units) for part in by_functionality]
    pairs = _pairs(rows)
    overall = {
        "balanced_accuracy": (recall, specificity),
        "recall": (recall,),
        "false_positive_rate": (false,),
        "pairs_right": ([_share(pairs, "right", n_units)],),
        "pairs_ranked": ([_share(pairs, "ranked", n_units)],),
    }
    for metric, sides in overall.items():
        yield _Figure(None, language, None, label, metric, sides)
    yield from _by_group(rows.drop_nulls("group"), label, language, n_units)
    for part in by_functionality:
        name = str(part["functionality"][0])
        yield _Figure(name, language, None, label, "accuracy", ([_share(part, "right", n_units)],))
        yield from _consistency(part, name, label, language, n_units)


def _by_group(rows: pl.DataFrame, label: str, language: str | None, n_units: int) -> Iterator[_Figure]:
    yield from _consistency(rows, None, label, language, n_units)
    for part in rows.partition_by("group", maintain_order=True):
        for metric, asked in (("recall", pl.col("truth")), ("false_positive_rate", ~pl.col("truth"))):
            share = _share(part.filter(asked), "predicted", n_units)
            yield _Figure(None, language, str(part["group"][0]), label, metric, ([share],))


def _consistency(
    rows: pl.DataFrame, functionality: str | None, label: str, language: str | None, n_units: int
) -> Iterator[_Figure]:
    """Return the share of templates with one answer, of those that name several groups, if any do."""
    templates = _templates(rows.drop_nulls("group")).filter(pl.col("groups") > 1)
    if templates.height:
        alike = _share(templates, "alike", n_units)
        yield _Figure(functionality, language, None, label, "consistency", ([alike],))


def _templates(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the templates: whether all cases were answered right, and alike, and their mean score."""
    return rows.group_by("template", "unit", "truth", maintain_order=True).agg(
        pl.col("right").all(),
        pl.col("score").mean(),
        alike=pl.col("predicted").n_unique() == 1,
        groups=pl.col("group").n_unique(),
    )


def _pairs(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs of a template that asks for yes with one of its unit that asks for no."""
    templates = _templates(rows)
    pairs = templates.filter(pl.col("truth")).join(templates.filter(~pl.col("truth")), on="unit")
    return pairs.select(
        "unit",
        right=pl.col("right") & pl.col("right_right"),
        ranked=pl.col("score") > pl.col("score_right"),
    )


def _share(rows: pl.DataFrame, hits: str, n_units: int) -> _Share:
    """Count by unit in how many rows something holds."""
    units, hit = rows.get_column("unit").to_numpy(), rows.get_column(hits).to_numpy()
    counts = (np.bincount(found, minlength=n_units) for found in (units[hit], units))
    return _Share(*(count.astype(np.float64) for count in counts))


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
        group=figure.group,
        label=figure.label,
        metric=figure.metric,
        value=value,
        low=low,
        high=high,
        n=int(whole.sum()),
        units=int((whole > 0).sum()),
    )
