"""Measure how long scores with intervals take, and that they are scikit-learn's.

    .venv/bin/python benchmarks/evaluation.py

100,000 texts, a tenth of them positive, each a unit of its own; probabilities of a middling model. All
figures of one head (confusion, ranking, calibration, mentions) with 1,000 draws; then the same in two
languages besides. One draw by scikit-learn, for comparison, is the same figures without those of mentions.
"""

from __future__ import annotations

import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sklearn import metrics as sk

from aufruf.baselines.examples import YES_NO, Examples, Target
from aufruf.baselines.model import Answers
from aufruf.baselines.resampling import ROUNDS
from aufruf.baselines.scoring import score

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results" / "evaluation.json"
TEXTS, PREVALENCE, SHIFT = 100_000, 0.1, 2.0


def simulated(languages: tuple[str, ...]) -> tuple[Examples, dict[str, Answers]]:
    """Return texts without words, and what a model says of them."""
    rng = np.random.default_rng(0)
    truth = (rng.random(TEXTS) < PREVALENCE).astype(np.int64)
    yes = 1 / (1 + np.exp(-(rng.normal(size=TEXTS) + SHIFT * truth - SHIFT)))
    examples = Examples(
        texts=pl.Series([""] * TEXTS),
        targets=(Target("a", YES_NO, truth),),
        units=np.arange(TEXTS),
        languages=rng.choice(languages, TEXTS) if languages else None,
    )
    return examples, {"a": Answers(np.stack([1 - yes, yes], axis=1), (yes >= 1 / 2).astype(np.int64))}


def by_sklearn(examples: Examples, answers: dict[str, Answers]) -> dict[str, float]:
    """Return scikit-learn's figures of the texts themselves."""
    truth, said, yes = examples.targets[0].codes, answers["a"].predicted, answers["a"].scores[:, 1]
    return {
        "macro_f1": sk.f1_score(truth, said, average="macro"),
        "precision": sk.precision_score(truth, said),
        "recall": sk.recall_score(truth, said),
        "f1": sk.f1_score(truth, said),
        "average_precision": sk.average_precision_score(truth, yes),
        "roc_auc": sk.roc_auc_score(truth, yes),
        "brier": sk.brier_score_loss(truth, yes),
    }


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result and seconds by the clock."""
    started = time.perf_counter()
    return run(), time.perf_counter() - started


def main() -> None:
    """Measure, write the results, and print them as a table."""
    rows: list[dict[str, Any]] = []
    for languages in ((), ("de", "en")):
        examples, answers = simulated(languages)
        score(examples, answers, rounds=1)
        scores, seconds = timed(lambda examples=examples, answers=answers: score(examples, answers))
        theirs, once = timed(lambda examples=examples, answers=answers: by_sklearn(examples, answers))
        ours = {row.metric: row.value for row in scores if row.language is None}
        rows.append(
            {
                "texts": TEXTS,
                "draws": ROUNDS,
                "parts": 1 + len(languages),
                "figures": len(scores),
                "seconds": seconds,
                "sklearn_one_draw_s": once,
                "largest_difference": max(abs(value - (ours[name] or 0)) for name, value in theirs.items()),
            }
        )
    about = {
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scikit-learn": version("scikit-learn"),
        "cores": os.cpu_count(),
    }
    RESULTS.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", "utf-8")
    for row in rows:
        print(
            f"| {row['texts']:,} | {row['parts']} | {row['figures']} | {row['seconds']:.1f} "
            f"| {row['sklearn_one_draw_s'] * ROUNDS:.0f} | {row['largest_difference']:.0e} |"
        )


if __name__ == "__main__":
    main()
