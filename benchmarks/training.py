"""Measure fitting and scoring of baselines against scikit-learn's own vectorisers, and fastText.

    .venv/bin/python benchmarks/training.py DATA [PYTHON]

DATA holds the labelled sets that `aufruf import --list-crosswalks` names, each in a folder. Where a set
comes divided, it is divided so; elsewhere five folds over the whole training file are scored out of sample,
copies on one side. All systems see the same prepared texts and the same folds, one after the other.
PYTHON is an interpreter that can import fasttext (it gets no class weights: it knows none).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score, f1_score

from aufruf.baselines.examples import YES_NO, Examples, Target
from aufruf.baselines.features import prepare
from aufruf.baselines.folds import folds_of
from aufruf.baselines.model import fit_model, no_step
from aufruf.baselines.recipes import load_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

RESULTS = Path(__file__).parent / "results" / "training.json"
RECIPES = ("hashed-svm", "hashed-marks", "hashed-logreg", "tfidf-svm", "tfidf-logreg")
TIMED = ("fit_wall_s", "fit_cpu_s", "score_wall_us", "score_cpu_us")
HALF = 0.5
FASTTEXT = """
import json, sys, time
import fasttext
work = sys.argv[1]
started, cpu = time.perf_counter(), time.process_time()
model = fasttext.train_supervised(work + "/train.txt", wordNgrams=2, minn=2, maxn=5, epoch=25, lr=0.5,
    bucket=2_000_000, thread=2, verbose=0)
fitted, fitted_cpu = time.perf_counter(), time.process_time()
texts = open(work + "/test.txt", encoding="utf-8").read().split("\\n")
labels, likely = model.predict(texts, k=2)
scores = [float(p[list(l).index("__label__1")]) if "__label__1" in l else 0.0 for l, p in zip(labels, likely)]
ended, ended_cpu = time.perf_counter(), time.process_time()
json.dump({"fit": [fitted - started, fitted_cpu - cpu], "score": [ended - fitted, ended_cpu - fitted_cpu],
    "scores": scores}, open(work + "/out.json", "w"))
"""


@dataclass
class Part:
    """What a system did in one fold: seconds (wall, CPU), scores, answers."""

    fit: tuple[float, float]
    score: tuple[float, float]
    scores: NDArray[np.float64]
    predicted: NDArray[np.int64]


Folds = list[tuple[Examples, Examples]]
"""What to train on and what to score, each time."""


def timed(work: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Return wall and CPU seconds, and what came out."""
    started, cpu = time.perf_counter(), time.process_time()
    found = work()
    return (time.perf_counter() - started, time.process_time() - cpu), found


def by_recipe(name: str, train: Examples, test: Examples) -> Part:
    """Fit a recipe and score."""
    recipe = load_recipe(name)
    fit, model = timed(lambda: fit_model(recipe, train, seed=0, step=no_step))
    score, answers = timed(lambda: model.answer(test))
    found = answers[train.targets[0].name]
    return Part(fit, score, found.scores[:, 1], found.predicted)


def by_fasttext(python: str, train: Examples, test: Examples) -> Part:
    """Fit fastText on the same texts in lower case, a line each."""

    def lines(examples: Examples) -> list[str]:
        return examples.texts.str.to_lowercase().str.replace_all(r"\s+", " ").to_list()

    with tempfile.TemporaryDirectory() as work:
        labelled = zip(train.targets[0].codes, lines(train), strict=True)
        Path(work, "train.txt").write_text(
            "".join(f"__label__{code} {text}\n" for code, text in labelled), "utf-8"
        )
        Path(work, "test.txt").write_text("\n".join(lines(test)), "utf-8")
        command = [python, "-c", FASTTEXT, work]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 -- the interpreter one names
        found = json.loads(Path(work, "out.json").read_text("utf-8"))
    scores = np.array(found["scores"])
    return Part(tuple(found["fit"]), tuple(found["score"]), scores, (scores >= HALF).astype(np.int64))


def examples_of(texts: pl.Series, yes: pl.Series) -> Examples:
    """Return prepared examples; copies of a text are one unit."""
    prepared = prepare(texts)
    units = prepared.rank("dense").to_numpy().astype(np.int64) - 1
    return Examples(prepared, (Target("yes", YES_NO, yes.cast(pl.Int64).to_numpy()),), units)


def sets(data: Path) -> Iterator[tuple[str, Folds]]:
    """Yield each task's name with what to train and what to score on."""
    for task, column in (("c2a", "C2A"), ("vio", "VIO")):
        rows = pl.read_csv(data / "germeval2025" / f"{task}_train.csv", separator=";")
        yield (
            column,
            folded(
                examples_of(rows["description"], rows[column].cast(pl.String).str.to_lowercase() == "true")
            ),
        )
    official = [
        pl.read_csv(
            data / "germeval2018" / f"germeval2018.{part}.txt",
            separator="\t",
            has_header=False,
            new_columns=["text", "coarse", "fine"],
            quote_char=None,
        )
        for part in ("training", "test")
    ]
    yield (
        "GermEval 2018, coarse",
        [tuple(examples_of(rows["text"], rows["coarse"] == "OFFENSE") for rows in official)],
    )
    rows = pl.read_csv(data / "davidson" / "labeled_data.csv")
    yield "Davidson, hate", folded(examples_of(rows["tweet"], rows["class"] == 0))
    rows = pl.read_csv(data / "edos" / "edos_labelled_aggregated.csv")
    parts = [rows.filter(pl.col("split") == part) for part in ("train", "test")]
    yield "EDOS A", [tuple(examples_of(part["text"], part["label_sexist"] == "sexist") for part in parts)]


def folded(examples: Examples) -> Folds:
    """Return five folds."""
    return [(examples.take(train), examples.take(held_out)) for train, held_out in folds_of(examples, 5, 0)]


def measured(folds: Folds, system: Callable[[Examples, Examples], Part]) -> dict[str, float]:
    """Return the figures of a system over all folds."""
    parts = [system(train, test) for train, test in folds]
    truth = np.concatenate([test.targets[0].codes for _, test in folds])
    scores, predicted = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "predicted")
    )
    n_scored, n = len(truth), len(parts)
    return {
        "fit_cpu_s": sum(part.fit[1] for part in parts) / n,
        "fit_wall_s": sum(part.fit[0] for part in parts) / n,
        "score_cpu_us": 1e6 * sum(part.score[1] for part in parts) / n_scored,
        "score_wall_us": 1e6 * sum(part.score[0] for part in parts) / n_scored,
        "macro_f1": float(f1_score(truth, predicted, average="macro")),
        "average_precision": float(average_precision_score(truth, scores)),
        "trained_on": sum(len(train) for train, _ in folds) / n,
        "scored": n_scored,
    }


def several_heads(data: Path) -> float:
    """Return how much longer three questions take to fit than the first of them, median of 21 turns.

    The questions are the three commonest kinds of violence in GermEval's VIO.
    """
    rows = pl.read_csv(data / "germeval2025" / "vio_train.csv", separator=";", infer_schema_length=0)
    kinds = pl.read_csv(data / "germeval2025" / "vio_fine_labels.csv", infer_schema_length=0)
    rows = rows.join(kinds, on="id", maintain_order="left")
    counted = rows.filter(pl.col("vio") != "nothing")["vio"].value_counts(sort=True)
    first = examples_of(rows["description"], rows["vio"] == counted["vio"][0])
    targets = [
        Target(kind, YES_NO, (rows["vio"] == kind).cast(pl.Int64).to_numpy()) for kind in counted["vio"][:3]
    ]
    three = Examples(first.texts, tuple(targets), first.units)
    recipe, ratios = load_recipe("hashed-svm"), []
    for _ in range(21):
        one, _ = timed(lambda: fit_model(recipe, first, seed=0, step=no_step))
        every, _ = timed(lambda: fit_model(recipe, three, seed=0, step=no_step))
        ratios.append(every[0] / one[0])
    return float(np.median(ratios))


def main() -> None:
    """Measure all systems on all tasks, write the results and print them as a table."""
    if len(sys.argv) not in {2, 3}:
        sys.exit(__doc__)
    systems: dict[str, Any] = {name: (lambda a, b, name=name: by_recipe(name, a, b)) for name in RECIPES}
    if len(sys.argv) == 3:  # noqa: PLR2004 -- with an interpreter
        systems["fastText"] = lambda a, b: by_fasttext(sys.argv[2], a, b)
    warm = examples_of(
        pl.Series(["all of us", "none of us", "come along"] * 9), pl.Series([True, False, True] * 9)
    )
    by_recipe("hashed-svm", warm, warm)
    rows: list[dict[str, Any]] = []
    print("| task | system | fit s | times | CPU | score us | times | CPU | posts/s | macro F1 | AP |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for task, folds in sets(Path(sys.argv[1])):
        found = {name: measured(folds, system) for name, system in systems.items()}
        ours = found["hashed-svm"]
        for name, row in found.items():
            times = {f"{figure}_times": row[figure] / ours[figure] for figure in TIMED}
            rows.append({"task": task, "system": name, **row, **times})
            fit_wall, fit_cpu, score_wall, score_cpu = (f"{value:.1f}" for value in times.values())
            cells = [
                *(task, name, f"{row['fit_wall_s']:.2f}", fit_wall, fit_cpu),
                *(f"{row['score_wall_us']:.1f}", score_wall, score_cpu, f"{1e6 / row['score_wall_us']:,.0f}"),
                *(f"{row['macro_f1']:.3f}", f"{row['average_precision']:.3f}"),
            ]
            print(f"| {' | '.join(cells)} |", flush=True)
    heads = several_heads(Path(sys.argv[1]))
    print(f"three questions take {heads:.2f} times as long to fit as one")
    machine = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "scikit-learn": version("scikit-learn"),
    }
    RESULTS.write_text(
        json.dumps({"machine": machine, "three_questions": heads, "rows": rows}, indent=2) + "\n", "utf-8"
    )


if __name__ == "__main__":
    main()
