"""Score answers: figures per head and language, each with an interval and its n."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aufruf.baselines.examples import mentions
from aufruf.baselines.metrics import Judged, class_f1, figures, label_f1, mean_of_defined, ratio, tally
from aufruf.baselines.resampling import ROUNDS, draws, interval
from aufruf.label_scheme import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aufruf.baselines.examples import Bools, Examples, Ints, Reals, Target
    from aufruf.baselines.metrics import Figures, Tally
    from aufruf.baselines.model import Answers

FEW = 50
"""Below this many positive texts, a figure's interval says more than the figure."""
MENTION_RATE = "mention_false_positive_rate"


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One figure.

    ``label`` is a head such as ``threat_author``, a side (``author``, ``contained``) for the mean over
    labels, a table's column, or ``column=answer`` for one of several answers. ``language`` is None for
    all. ``value`` is None where the figure is undefined; ``low`` and ``high`` bound its 95 % bootstrap
    interval over units. ``n`` counts texts: those asked, for the mention rate the mentions.
    """

    label: str
    language: str | None
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class _Panel:
    """Figures of one label on one slice of the texts, computed from how often each unit is drawn."""

    label: str
    language: str | None
    n: int
    compute: Callable[[Reals], Figures]
    counts: dict[str, int] = field(default_factory=dict[str, int])
    """n of the figures that count something else."""


@dataclass(frozen=True)
class _Slice:
    """The texts of one language, or all."""

    language: str | None
    rows: Bools


@dataclass(frozen=True)
class _Scene:
    """Examples with the answers to them."""

    examples: Examples
    answers: Mapping[str, Answers]

    @cached_property
    def units(self) -> Ints:
        """The unit of each text, numbered from 0 without gaps."""
        return np.unique(self.examples.units, return_inverse=True)[1].astype(np.int64)

    @property
    def n_units(self) -> int:
        return int(self.units.max()) + 1 if len(self.units) else 0

    def tally(self, target: Target, part: _Slice, code: int = 1) -> Tally:
        """Count by unit how a target's answer ``code`` was judged."""
        rows, answer = part.rows & target.asked, self.answers[target.name]
        judged = Judged(
            truth=target.codes[rows] == code,
            predicted=answer.predicted[rows] == code,
            scores=answer.scores[rows, code],
            units=self.units[rows],
        )
        return tally(judged, self.n_units)

    def contained_of(self, author: Target) -> Target | None:
        """Return the target that asks whether an author's head's label is contained at all."""
        wanted = f"{author.name.removesuffix('_author')}_contained"
        found = [target for target in self.examples.targets if target.name == wanted]
        return found[0] if found and author.name.endswith("_author") else None


def score(
    examples: Examples,
    answers: Mapping[str, Answers],
    *,
    means: Mapping[str, Sequence[str]] | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> list[Score]:
    """Score a model's answers to examples.

    Args:
        examples: the texts with what holds of them.
        answers: what each head said, by its name.
        means: heads over which a mean of F1 is formed, by the mean's name.
        rounds: draws of the bootstrap; 0 for figures without intervals.
        seed: of the bootstrap.

    Returns:
        Means first, then the heads in their order; of each all languages together before single ones.
        ``macro_f1`` of a head is the unweighted mean of the F1 of its answers; that of a mean is the
        unweighted mean of its heads' F1 of yes, those without a positive text left out.
    """
    scene = _Scene(examples, answers)
    slices = _slices(examples)
    panels: list[_Panel] = []
    for name, heads in (means or {}).items():
        panels += [_mean(name, heads, scene, part) for part in slices]
    for target in examples.targets:
        for part in slices:
            panels += _panels(target, scene, part)
    replicates: list[list[Figures]] = [[] for _ in panels]
    for draw in draws(scene.n_units, rounds, seed):
        for panel, found in zip(panels, replicates, strict=True):
            found.append(panel.compute(draw))
    return [row for panel, found in zip(panels, replicates, strict=True) for row in _rows(panel, found)]


def few_positives(examples: Examples) -> list[str]:
    """Say which yes/no heads have fewer than 50 positive texts to be scored on."""
    parts = _slices(examples)
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


def _in_languages(counts: Sequence[tuple[str | None, int]]) -> str:
    return f" ({', '.join(f'{name} {positives}' for name, positives in counts)})" if counts else ""


def _slices(examples: Examples) -> list[_Slice]:
    everything = _Slice(None, np.ones(len(examples), dtype=np.bool_))
    if examples.languages is None:
        return [everything]
    present = [name for name in LANGUAGES if (examples.languages == name).any()]
    return [everything, *(_Slice(name, examples.languages == name) for name in present)]


def _panels(target: Target, scene: _Scene, part: _Slice) -> Iterator[_Panel]:
    n = int((part.rows & target.asked).sum())
    if target.is_yes_no:
        yield _yes_no(target, scene, part, n)
        return
    tallies = [scene.tally(target, part, code) for code in range(len(target.classes))]
    yield _Panel(target.name, part.language, n, lambda draw: {"macro_f1": _mean_f1(class_f1, tallies, draw)})
    for name, counts in zip(target.classes, tallies, strict=True):
        yield _Panel(f"{target.name}={name}", part.language, n, partial(_one_answer, counts))


def _yes_no(target: Target, scene: _Scene, part: _Slice, n: int) -> _Panel:
    """Return a head's panel; an author's head has the rate of mentions called the author's own, too."""
    counts = scene.tally(target, part)
    contained = scene.contained_of(target)
    if contained is None:
        return _Panel(target.name, part.language, n, partial(figures, counts))
    where = part.rows & mentions(contained, target)
    units = scene.units[where]
    claimed = units[scene.answers[target.name].predicted[where] == 1]

    def compute(draw: Reals) -> Figures:
        return figures(counts, draw) | {MENTION_RATE: ratio(_drawn(claimed, draw), _drawn(units, draw))}

    return _Panel(target.name, part.language, n, compute, {MENTION_RATE: len(units)})


def _mean(name: str, heads: Sequence[str], scene: _Scene, part: _Slice) -> _Panel:
    targets = [target for target in scene.examples.targets if target.name in heads]
    asked = np.zeros(len(scene.examples), dtype=np.bool_)
    for target in targets:
        asked |= part.rows & target.asked
    tallies = [scene.tally(target, part) for target in targets]
    return _Panel(
        name, part.language, int(asked.sum()), lambda draw: {"macro_f1": _mean_f1(label_f1, tallies, draw)}
    )


def _mean_f1(f1: Callable[[Tally, Reals], Reals], tallies: Sequence[Tally], draw: Reals) -> Reals:
    nothing = np.full((1, draw.shape[1]), np.nan)
    return mean_of_defined(np.stack([*nothing, *(f1(counts, draw) for counts in tallies)]))


def _one_answer(counts: Tally, draw: Reals) -> Figures:
    found = figures(counts, draw)
    del found["macro_f1"]
    return found


def _drawn(units: Ints, draw: Reals) -> Reals:
    return np.bincount(units, minlength=draw.shape[0]).astype(np.float64) @ draw


def _rows(panel: _Panel, found: Sequence[Figures]) -> Iterator[Score]:
    for metric in found[0]:
        values = np.concatenate([figures[metric] for figures in found])
        value = None if np.isnan(values[0]) else float(values[0])
        low, high = (None, None) if value is None else interval(values[1:])
        yield Score(panel.label, panel.language, metric, value, low, high, panel.counts.get(metric, panel.n))
