"""Measure the models of annotators against crowd-kit.

    .venv/bin/pip install crowd-kit
    .venv/bin/python benchmarks/gold_models.py

Forty annotators, three answers a record, yes in 5 % of the records; sensitivities of .6 to .95, specificities
of .8 to .98. Both begin at the shares of yes; aufruf runs until no posterior moves by more than 1e-6,
crowd-kit as it comes (at most 100 rounds, or until its loss stands still). "Rounds alike": the largest
difference of a posterior after the same number of rounds without priors.
"""

from __future__ import annotations

import json
import platform
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, OneCoinDawidSkene

from aufruf.gold.annotator_model import Priors, Votes, estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RESULTS = Path(__file__).parent / "results" / "gold_models.json"
PEERS: dict[Any, Any] = {"dawid-skene": DawidSkene, "one-coin": OneCoinDawidSkene}
ANNOTATORS, OVERLAP, PREVALENCE = 40, 3, 0.05
MIDDLE = 0.5


def simulated(records: int) -> tuple[Votes, NDArray[np.bool_]]:
    """Return votes on so many records, and the truth."""
    rng = np.random.default_rng(0)
    truth = rng.random(records) < PREVALENCE
    record = np.repeat(np.arange(records), OVERLAP)
    first, step = rng.integers(ANNOTATORS, size=records), rng.integers(1, ANNOTATORS // OVERLAP, size=records)
    annotator = (first[:, None] + step[:, None] * np.arange(OVERLAP)).ravel() % ANNOTATORS
    right = np.where(
        truth[record],
        rng.uniform(0.6, 0.95, ANNOTATORS)[annotator],
        rng.uniform(0.8, 0.98, ANNOTATORS)[annotator],
    )
    return Votes(record, annotator, truth[record] == (rng.random(len(record)) < right)), truth


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result and CPU seconds."""
    started = time.process_time()
    return run(), time.process_time() - started


def main() -> None:
    """Measure both models in one run, write the results, and print them as a table."""
    warnings.filterwarnings("ignore")
    rows: list[dict[str, Any]] = []
    for answers in (30_000, 1_000_000):
        votes, truth = simulated(answers // OVERLAP)
        frame = pd.DataFrame(
            {"task": votes.record, "worker": votes.annotator, "label": votes.yes.astype(int)}
        )
        majority = np.bincount(votes.record, votes.yes) > OVERLAP / 2
        for model, peer in PEERS.items():
            found, cpu = timed(lambda model=model, votes=votes: estimate(votes, model))
            theirs, peer_cpu = timed(lambda peer=peer, frame=frame: peer().fit(frame))
            rounds = len(theirs.loss_history_)
            alike = estimate(votes, model, Priors(0, 0, 0), tolerance=-1, most=rounds).posterior
            rows.append(
                {
                    "answers": answers,
                    "model": model,
                    "cpu_s": cpu,
                    "rounds": found.rounds,
                    "crowdkit_cpu_s": peer_cpu,
                    "crowdkit_rounds": rounds,
                    "times": peer_cpu / cpu,
                    "times_a_round": peer_cpu / rounds / (cpu / found.rounds),
                    "rounds_alike": float(np.abs(alike - theirs.probas_[1].sort_index().to_numpy()).max()),
                    "wrong": float(((found.posterior > MIDDLE) != truth).mean()),
                    "wrong_by_majority": float((majority != truth).mean()),
                }
            )
    about = {
        "python": platform.python_version(),
        "crowd-kit": version("crowd-kit"),
        "numpy": version("numpy"),
    }
    RESULTS.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", "utf-8")
    for row in rows:
        print(
            f"| {row['answers']:,} | {row['model']} | {row['cpu_s']:.2f} | {row['rounds']} "
            f"| {row['crowdkit_cpu_s']:.1f} | {row['crowdkit_rounds']} | {row['times']:.0f} "
            f"| {row['times_a_round']:.0f} | {row['rounds_alike']:.0e} | {row['wrong']:.4f} "
            f"| {row['wrong_by_majority']:.4f} |"
        )


if __name__ == "__main__":
    main()
