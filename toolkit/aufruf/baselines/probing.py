"""Whether a model's scores can be had without reading: probes, fitted and scored as the model was.

A score can be had without reading if the model leads the best probe by less than .05. It may be had so if the
lead can be chance: the 95 % interval of the difference, on the same draws, holds 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aufruf.baselines.comparison import compared
from aufruf.baselines.model import fit_model, joined, no_step
from aufruf.baselines.probes import probe_recipes
from aufruf.baselines.scoring import resampled
from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.baselines.asked import Asked
    from aufruf.baselines.comparison import Difference
    from aufruf.baselines.examples import Examples
    from aufruf.baselines.model import Model, Step
    from aufruf.baselines.recipes import Recipe
    from aufruf.baselines.release_data import Release
    from aufruf.baselines.scoring import Figure

LEAD = 0.05
"""By less, a model is no better than a probe in any way that matters."""
_METRICS = {"f1": "F1", "macro_f1": "F1", "average_precision": "average precision"}
SIDE = "author"


def probed(  # noqa: PLR0913 -- what a model was scored with
    asked: Asked,
    figures: Sequence[Figure],
    release: Release,
    *,
    rounds: int,
    seed: int,
    step: Step = no_step,
) -> dict[str, list[Difference]]:
    """Return how a model's figures on a release differ from those of each probe, by the probe's name.

    Args:
        asked: the model with the examples that it was scored on.
        figures: its figures on them, from `resampled` with the same rounds and seed.
        release: on its ``train`` the probes are fitted, all texts counting alike; on its ``validation``
            thresholds are tuned.
        rounds: draws of the bootstrap.
        seed: of the bootstrap and the probes.
        step: is told of progress.

    Returns:
        F1 (means: ``macro_f1``) and average precision of the author's heads and their mean, on all texts
        together; of all heads where none is the author's. Probes that cannot be fitted are left out.
    """
    heads = [target.name for target in asked.examples.targets]
    asking = [name for name in heads if name.endswith(f"_{SIDE}")] or heads
    plain = [figure for figure in figures if _is_compared(figure, asking, asked)]
    examples = replace(asked.examples.asking(asking), languages=None)
    means = {name: of for name, of in asked.means.items() if name == SIDE}
    recipes = probe_recipes()
    differences: dict[str, list[Difference]] = {}
    for number, recipe in enumerate(recipes):
        step(recipe.name, number, len(recipes))
        model = _fitted(recipe, release, asking, seed)
        if model is not None:
            answers = model.answer(asked.examples)
            probe = resampled(examples, answers, means=means, rounds=rounds, seed=seed)
            same = [figure for figure in probe if _is_compared(figure, asking, asked)]
            differences[recipe.name] = compared(plain, same, means)
    step("probed", len(recipes), len(recipes))
    return differences


def probed_on_table(  # noqa: PLR0913 -- what a recipe was fitted and scored with
    recipe: Recipe,
    parts: Sequence[tuple[Examples, Examples]],
    scored: Examples,
    figures: Sequence[Figure],
    *,
    seed: int,
    validation: Examples | None = None,
) -> dict[str, list[Difference]]:
    """Return how a recipe's figures on a table differ from those of each probe that a table can feed.

    Args:
        recipe: what was fitted; probes and the majority are not compared.
        parts: what it was fitted on and what was scored, each time.
        scored: all that was scored, one part after the other.
        figures: its figures on them, from `resampled` with the same seed.
        seed: of the bootstrap and the probes.
        validation: what thresholds were tuned on; None if they were not.
    """
    if recipe.probe or recipe.estimator == "majority":
        return {}
    target = scored.targets[0]
    wanted = ("f1", "average_precision") if target.is_yes_no else ("macro_f1",)
    differences: dict[str, list[Difference]] = {}
    for probe in probe_recipes():
        if probe.knows:
            continue
        models = (fit_model(probe, train, seed=seed, step=no_step) for train, _ in parts)
        if validation is not None:
            models = (model.tuned(validation) for model in models)
        answers = joined([model.answer(held_out) for model, (_, held_out) in zip(models, parts, strict=True)])
        ours, theirs = (
            [figure for figure in of if figure.label == target.name and figure.metric in wanted]
            for of in (figures, resampled(scored, answers, seed=seed))
        )
        differences[probe.name] = compared(ours, theirs, ())
    return differences


def without_reading(found: Mapping[str, Sequence[Difference]]) -> list[str]:
    """Say which scores can be had without reading, then which may be.

    Of several probes the best is named. Scores may be had so where the lead can be chance.
    """
    best: dict[tuple[str, str], tuple[str, Difference]] = {}
    for probe, rows in found.items():
        for row in rows:
            known = best.get((row.label, row.metric))
            if known is None or (row.second or 0) > (known[1].second or 0):
                best[row.label, row.metric] = probe, row
    said = {
        "this score can be had without reading": is_near,
        "too few texts to tell this score from one without reading": is_perhaps_near,
    }
    return [
        f"{what}: {'; '.join(near)}"
        for what, holds in said.items()
        if (near := [_line(probe, row) for probe, row in best.values() if holds(row)])
    ]


def is_near(row: Difference) -> bool:
    """Return whether the first of two models leads the second, a probe, by less than .05."""
    return row.difference is not None and row.difference < LEAD


def is_perhaps_near(row: Difference) -> bool:
    """Return whether a lead of .05 or more can be chance."""
    return row.difference is not None and not is_near(row) and row.low is not None and row.low <= 0


def _line(probe: str, row: Difference) -> str:
    return f"{row.label} {_METRICS[row.metric]} {row.first:.2f} ({probe} {row.second:.2f})"


def _is_compared(figure: Figure, heads: Sequence[str], asked: Asked) -> bool:
    if (figure.language, figure.slice, figure.weighted) != (None, None, False):
        return False
    f1 = "macro_f1" if figure.label in asked.means else "f1"
    return figure.label in (*heads, SIDE) and figure.metric in (f1, "average_precision")


def _fitted(recipe: Recipe, release: Release, heads: Sequence[str], seed: int) -> Model | None:
    train, validation = release.splits["train"].asking(heads), release.splits["validation"].asking(heads)
    try:
        return fit_model(recipe, train.unweighted(), seed=seed, step=no_step).tuned(validation)
    except InputError:
        return None
