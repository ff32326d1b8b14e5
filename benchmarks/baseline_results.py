"""Score the recipes on labelled sets of others and on a demonstration's release, for baselines/README.md.

    .venv/bin/python benchmarks/baseline_results.py DATA DEMO
    .venv/bin/python benchmarks/baseline_results.py --table

DATA holds the labelled sets that `aufruf import --list-crosswalks` names, each in a folder; DEMO is what
`aufruf demo DEMO` made. One file a set goes to baselines/results; the table in baselines/README.md is made
from these files, with `--table` from those that are there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from training import Folds, sets

from aufruf.baselines.examples import Examples
from aufruf.baselines.model import fit_model, joined, no_step
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.release_data import SIDES, read_release
from aufruf.baselines.scoring import score
from aufruf.baselines.training import fit_on_release, means_over_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.baselines.scoring import Score

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "baselines" / "results"
README = ROOT / "baselines" / "README.md"
BEGIN, END = "<!-- results: made from results/*.json -->", "<!-- end of results -->"
READING = ("hashed-svm", "hashed-logreg", "tfidf-svm", "tfidf-logreg")
NOT_READING = ("lexicon", "voice-cues", "probe-length", "majority")
FACTS_ALONE = ("probe-source", "probe-author", "probe-metadata")
METRICS = ("macro_f1", "average_precision", "mention_false_positive_rate")


def of_set(task: str, folds: Folds) -> dict[str, Any]:
    """Return what each recipe reaches on a set: every text scored once, by a model that did not see it."""
    scored = together([test for _, test in folds])
    rows: list[dict[str, Any]] = []
    for name in (*READING, *NOT_READING):
        models = [fit_model(load_recipe(name), train, seed=0, step=no_step) for train, _ in folds]
        answers = joined([model.answer(test) for model, (_, test) in zip(models, folds, strict=True)])
        rows += kept(name, score(scored, answers, seed=0))
    how = f"{len(folds)}-fold" if len(folds) > 1 else "the set's own split"
    positives = int((scored.targets[0].codes == 1).sum())
    return {"set": task, "how": how, "n": len(scored), "positives": positives, "rows": rows}


def of_release(folder: Path) -> dict[str, Any]:
    """Return what each recipe reaches on a release's test split, of the mean over labels of each side."""
    found = read_release(folder, ("train", "validation", "test"))
    test, means = found.splits["test"], means_over_labels(found.scheme)
    rows: list[dict[str, Any]] = []
    for name in (*READING, *NOT_READING, *FACTS_ALONE):
        model = fit_on_release(load_recipe(name), found, seed=0).model
        scores = score(test, model.answer(test), means=means, seed=0)
        rows += kept(name, [row for row in scores if row.label in SIDES])
    return {"set": "bundled sample", "how": "its test split", "n": len(test), "positives": None, "rows": rows}


def kept(recipe: str, scores: list[Score]) -> Iterator[dict[str, Any]]:
    """Yield the figures over all texts, as sampled."""
    for row in scores:
        if row.metric in METRICS and row.language is None and row.low is not None and is_plain(row):
            yield {
                "recipe": recipe,
                **{name: getattr(row, name) for name in ("label", "metric", "value", "low", "high", "n")},
            }


def is_plain(row: Score) -> bool:
    """Return whether a figure is of all texts, each counting once."""
    return not any(getattr(row, name, None) for name in ("kind", "source", "voice", "weighted"))


def together(parts: list[Examples]) -> Examples:
    """Return the texts of several folds one after the other."""
    first = parts[0].targets[0]
    codes = np.concatenate([part.targets[0].codes for part in parts])
    units = np.concatenate([part.units for part in parts])
    target = type(first)(first.name, first.classes, codes)
    return Examples(pl.concat([part.texts for part in parts]), (target,), units)


def table() -> str:
    """Return the Markdown table of all results, published figures beside ours."""
    published = json.loads((RESULTS / "published.json").read_text("utf-8"))
    lines = ["| set | model | macro F1 [95 %] | average precision [95 %] |", "| --- | --- | --- | --- |"]
    for path in sorted(RESULTS.glob("*.json")):
        if path.name != "published.json":
            lines += of_file(json.loads(path.read_text("utf-8")), published)
    return "\n".join(lines)


def of_file(found: dict[str, Any], published: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a set's lines."""
    positives = f", {found['positives']:,} positive" if found["positives"] else ""
    said = f"{found['set']}: {found['n']:,} texts{positives}; {found['how']}"
    rows = found["rows"]
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        for label in dict.fromkeys(row["label"] for row in rows):
            figures = {row["metric"]: row for row in rows if (row["recipe"], row["label"]) == (recipe, label)}
            if "macro_f1" in figures:
                name = f"`{recipe}`" + (f", {label}" if label in SIDES else "")
                cells = said, name, shown(figures["macro_f1"]), shown(figures.get("average_precision"))
                yield f"| {' | '.join(cells)} |"
                said = ""
    for row in published:
        if row["set"] == found["set"]:
            yield f"| | {row['model']} ({row['source']}) | {row['macro_f1']} | |"


def shown(row: dict[str, Any] | None) -> str:
    """Return a figure with its interval."""
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" if row else ""


def put_table() -> None:
    """Write the table into the README, between its marks."""
    text = README.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}", "utf-8")


def main() -> None:
    """Score everything, or make the table alone."""
    if sys.argv[1:] != ["--table"]:
        if len(sys.argv) != 3:  # noqa: PLR2004 -- the program and two folders
            sys.exit(__doc__)
        releases = sorted((Path(sys.argv[2]) / "releases").glob("[0-9]*"))
        put("sample", of_release(releases[-1]))
        for task, folds in sets(Path(sys.argv[1])):
            put(task.lower().replace(",", "").replace(" ", "_"), of_set(task, folds))
    put_table()


def put(name: str, found: dict[str, Any]) -> None:
    """Write a set's results."""
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(name, flush=True)


if __name__ == "__main__":
    main()
