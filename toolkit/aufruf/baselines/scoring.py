"""Score answers: figures per head and part of the texts, each with an interval and its n."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aufruf.baselines.examples import mentions
from aufruf.baselines.metrics import (
    Judged,
    Ranking,
    class_f1,
    f1,
    figures,
    label_f1,
    mean_of_defined,
    mention_figures,
    named,
)
from aufruf.baselines.resampling import ROUNDS, drawn_counts, interval, reflected
from aufruf.baselines.slices import FROM_SOURCE, Slice, languages_of, slices_of, voices_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aufruf.baselines.examples import Bools, Examples, Ints, Reals, Target
    from aufruf.baselines.metrics import Figures, Totals
    from aufruf.baselines.model import Answers

FEW = 50
"""Below this many positive texts, a figure's interval says more than the figure."""
RAISED_BY_CHANCE = "ece"
_OVER_CONFUSION = ("true_positives", "false_positives", "false_negatives")


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One figure.

    ``label`` is a head such as ``threat_author``, a side (``author``, ``contained``) for the mean over
    labels, a table's column, or ``column=answer`` for one of several answers. ``language`` is None for
    all. ``value`` is None where the figure is undefined; ``low`` and ``high`` bound its 95 % bootstrap
    interval over units. ``n`` counts texts: those asked, for mention rates the mentions. ``slice`` names
    a part of the texts (``kind=post``, ``source=…``; ``voice=…`` for mentions in that voice alone), None
    for all; ``weighted`` figures count each text by its design weight.
    """

    label: str
    language: str | None
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    slice: str | None = None
    weighted: bool = False


@dataclass(frozen=True)
class Figure:
    """One figure of the texts themselves and of each draw: see `Score` for what it is named by.

    ``values`` has the figure itself first, then one a draw, NaN where it is undefined.
    """

    label: str
    language: str | None
    metric: str
    values: Reals
    n: int
    slice: str | None = None
    weighted: bool = False

    @property
    def score(self) -> Score:
        """The figure with its interval."""
        value = None if np.isnan(self.values[0]) else float(self.values[0])
        low, high = (None, None) if value is None else interval(self.values[1:])
        if self.metric == RAISED_BY_CHANCE and value is not None and low is not None and high is not None:
            low, high = reflected(value, low, high)
        return Score(
            self.label, self.language, self.metric, value, low, high, self.n, self.slice, self.weighted
        )


@dataclass(frozen=True)
class _Panel:
    """One answer of a head on some of the texts."""

    label: str
    part: Slice
    code: int
    ranking: Ranking


def score(  # noqa: PLR0913 -- options, each with a default
    examples: Examples,
    answers: Mapping[str, Answers],
    *,
    means: Mapping[str, Sequence[str]] | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    sliced: bool = False,
) -> list[Score]:
    """Score a model's answers to examples.

    Args:
        examples: the texts with what holds of them.
        answers: what each head said, by its name.
        means: heads over which means are formed, by the mean's name.
        rounds: draws of the bootstrap; 0 for figures without intervals.
        seed: of the bootstrap.
        sliced: whether to tell figures by design weight, kind, source and voice, too.

    Returns:
        Means first, then the heads in their order; of each all languages together before single ones.
        ``macro_f1`` of a head is the unweighted mean of the F1 of its answers; that of a mean is the
        unweighted mean of its heads' F1 of yes, those without a positive text left out, and ``micro_f1``
        of a mean the F1 of all their questions together.
    """
    found = resampled(examples, answers, means=means, rounds=rounds, seed=seed, sliced=sliced)
    return [figure.score for figure in found]


def resampled(  # noqa: PLR0913 -- the arguments of `score`
    examples: Examples,
    answers: Mapping[str, Answers],
    *,
    means: Mapping[str, Sequence[str]] | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    sliced: bool = False,
) -> list[Figure]:
    """Return the figures that `score` tells, with their values in each draw.

    The same examples, rounds and seed give the same draws, so that figures of two models can be compared
    draw by draw.
    """
    parts = slices_of(examples) if sliced else languages_of(examples)
    units = np.unique(examples.units, return_inverse=True)[1].astype(np.int64)
    panels = [
        panel
        for target in examples.targets
        for panel in _panels(examples, target, answers[target.name], units, parts, voices=sliced)
    ]
    n_units = int(units.max()) + 1 if len(units) else 0
    blocks = [
        [panel.ranking.counted(drawn) for panel in panels] for drawn in drawn_counts(n_units, rounds, seed)
    ]
    totals = [named(np.concatenate(found)) for found in zip(*blocks, strict=True)]
    counted = list(zip(panels, totals, strict=True))
    over = [
        row for name, heads in (means or {}).items() for row in _means(name, heads, examples, parts, counted)
    ]
    return [*over, *(row for target in examples.targets for row in _of_head(target, counted))]


def notes_on(examples: Examples) -> list[str]:
    """Say which yes/no heads have fewer than 50 positive texts, or no negative one, to be scored on."""
    return [*_few_positives(examples), *_no_negatives(examples)]


def _few_positives(examples: Examples) -> list[str]:
    parts = languages_of(examples)
    found = [
        [(part.language, int((target.codes[part.rows] == 1).sum())) for part in parts]
        for target in examples.targets
        if target.is_yes_no
    ]
    names = [target.name for target in examples.targets if target.is_yes_no]
    few = [
        f"{name} {counts[0][1]}{_in_languages(counts[1:])}"
        for name, counts in zip(names, found, strict=True)
        if min(positives for _, positives in counts) < FEW
    ]
    return [f"fewer than {FEW} positive texts, read the intervals: {', '.join(few)}"] if few else []


def _no_negatives(examples: Examples) -> list[str]:
    names = [
        target.name
        for target in examples.targets
        if target.is_yes_no and (target.codes == 1).any() and not (target.codes == 0).any()
    ]
    return (
        [f"no negative texts, so always yes scores 1, in the mean, too: {', '.join(names)}"] if names else []
    )


def _in_languages(counts: Sequence[tuple[str | None, int]]) -> str:
    return f" ({', '.join(f'{name} {positives}' for name, positives in counts)})" if counts else ""


def _panels(  # noqa: PLR0913 -- one question in one place
    examples: Examples,
    target: Target,
    answer: Answers,
    units: Ints,
    parts: Sequence[Slice],
    *,
    voices: bool,
) -> Iterator[_Panel]:
    mentioned = _mentions(examples, target)
    heard = voices_of(examples, target) if voices and mentioned is not None else ()
    for part in (*parts, *heard):
        rows = part.rows & target.asked
        by_source = part.name is not None and part.name.startswith("source=")
        if by_source and rows.sum() < FROM_SOURCE:
            continue
        told = mentioned if part.mentioned is None or mentioned is None else mentioned & part.mentioned
        for code in [1] if target.is_yes_no else range(len(target.classes)):
            judged = Judged(
                truth=target.codes[rows] == code,
                predicted=answer.predicted[rows] == code,
                scores=answer.scores[rows, code],
                units=units[rows],
                weights=examples.weights[rows] if part.weighted and examples.weights is not None else None,
                mentions=None if told is None else told[rows],
            )
            yield _Panel(target.name, part, code, Ranking(judged))


def _mentions(examples: Examples, target: Target) -> Bools | None:
    """Return where a label is merely mentioned, for the head that asks whether it is the author's own."""
    wanted = f"{target.name.removesuffix('_author')}_contained"
    found = [other for other in examples.targets if other.name == wanted]
    return mentions(found[0], target) if found and target.name.endswith("_author") else None


def _of_head(target: Target, counted: Sequence[tuple[_Panel, Totals]]) -> Iterator[Figure]:
    of_target = [(panel, totals) for panel, totals in counted if panel.label == target.name]
    if not target.is_yes_no:
        yield from _of_answers(target, of_target)
        return
    for panel, totals in of_target:
        if panel.part.mentioned is None:
            yield from _rows(target.name, panel.part, figures(totals), panel.ranking.n)
        if panel.ranking.has_mentions:
            yield from _rows(target.name, panel.part, mention_figures(totals), panel.ranking.n_mentions)


def _of_answers(target: Target, counted: Sequence[tuple[_Panel, Totals]]) -> Iterator[Figure]:
    """Return the figures of a question with several answers: means over them first."""
    n = len(target.classes)
    for start in range(0, len(counted), n):
        group = counted[start : start + n]
        part, texts = group[0][0].part, group[0][0].ranking.n
        every = [totals for _, totals in group]
        means = {
            "macro_f1": mean_of_defined(np.stack([class_f1(of) for of in every])),
            "micro_f1": _micro(every),
        }
        yield from _rows(target.name, part, means, texts)
        for name, of in zip(target.classes, every, strict=True):
            found = figures(of)
            del found["macro_f1"], found["micro_f1"]
            yield from _rows(f"{target.name}={name}", part, found, texts)


def _means(
    name: str,
    heads: Sequence[str],
    examples: Examples,
    parts: Sequence[Slice],
    counted: Sequence[tuple[_Panel, Totals]],
) -> Iterator[Figure]:
    asked = np.zeros(len(examples), dtype=np.bool_)
    for target in examples.targets:
        asked |= target.asked & (target.name in heads)
    for part in parts:
        every = [totals for panel, totals in counted if panel.part is part and panel.label in heads]
        if every:
            found = {
                "macro_f1": mean_of_defined(np.stack([label_f1(of) for of in every])),
                "micro_f1": _micro(every),
                "average_precision": mean_of_defined(
                    np.stack([figures(of)["average_precision"] for of in every])
                ),
            }
            yield from _rows(name, part, found, int((asked & part.rows).sum()))


def _micro(every: Sequence[Totals]) -> Reals:
    tp, fp, fn = (np.sum([of[name] for of in every], axis=0) for name in _OVER_CONFUSION)
    return f1(tp, fp, fn)


def _rows(label: str, part: Slice, found: Figures, n: int) -> Iterator[Figure]:
    for metric, values in found.items():
        yield Figure(label, part.language, metric, values, n, part.name, part.weighted)
