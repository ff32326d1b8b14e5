"""Measure how near splits come to the wanted shares, against scikit-learn's StratifiedGroupKFold.

    .venv/bin/python benchmarks/release_splits.py DATA

DATA holds the labelled sets that `aufruf import --list-crosswalks` names, each in a folder.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sklearn.model_selection import StratifiedGroupKFold

from aufruf.gold import decide_gold
from aufruf.importing import import_paths
from aufruf.labelled import import_labelled
from aufruf.masking import mask_column
from aufruf.release.content import gather
from aufruf.release.features import SPLITS
from aufruf.release.rows import category_columns, labelled_rows
from aufruf.release.splits import SplitPlan, split_records
from aufruf.release.ties import components, find_ties
from aufruf.sample import sample_items, sample_paths, sample_posts
from aufruf.tables import ANNOTATIONS, RECORDS
from aufruf.text import normalise
from aufruf.workspace import create_workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aufruf.sample import SampleItem
    from aufruf.workspace import Workspace

RESULTS = Path(__file__).parent / "results" / "release_splits.json"
SETS = {
    "germeval2025": "germeval2025",
    "edos": "edos",
    "collective-action": "collective_action",
    "hatecheck": "hatecheck",
}
"""The sets that answer questions of the label scheme, with their folders."""
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
SEEDS = range(5)
ENOUGH = 50


def sample_workspace(root: Path) -> Workspace:
    """Return a workspace with the bundled sample, its records answered as the sample says."""
    workspace = create_workspace(root)
    import_paths(workspace, sample_paths(), source="sample")
    posts = pl.DataFrame([(post.id, post.text) for post in sample_posts()], ["id", "text"], orient="row")
    texts = posts.select(normalise(pl.col("text"))).to_series()
    masked = mask_column(texts, workspace.pseudonym_key(), workspace.settings.privacy.mask)
    post_of = dict(zip(masked, posts.get_column("id"), strict=True))
    items = {item.item: item for item in sample_items() if item.contains is None}
    excerpts = {item.contains: item for item in sample_items() if item.contains}
    rows: list[dict[str, Any]] = []
    for record, text in workspace.store.read(RECORDS).select("record_id", "text").iter_rows():
        found = items.get(post_of.get(text, ""))
        found = found or next((item for words, item in excerpts.items() if words in text), None)
        if found is not None and not found.answer.skip:
            rows.append(answer_row(record, found, workspace))
    workspace.store.append(ANNOTATIONS, pl.DataFrame(rows, schema=ANNOTATIONS.schema))
    decide_gold(workspace)
    return workspace


def answer_row(record: str, item: SampleItem, workspace: Workspace) -> dict[str, Any]:
    """Return the sample's answer about a record as one annotation."""
    moment = datetime(2031, 1, 1, tzinfo=UTC)
    labels = item.answer.labels
    return dict.fromkeys(ANNOTATIONS.schema) | {
        "annotation_uuid": record,
        "revision": 1,
        "state": "live",
        "task_key": record,
        "record_id": record,
        "annotator": "sample",
        "round": "sample",
        "pass": "triage",
        "labels": list(labels),
        "voices": [{"label": name, "voice": voice} for name, a in labels.items() for voice in a.voice],
        "attributes": [],
        "flags": [],
        "created_at": moment,
        "updated_at": moment,
        "scheme_sha256": workspace.label_scheme.sha256,
        "guideline_version": "1",
    }


def real_workspace(root: Path, data: Path) -> Workspace:
    """Return a workspace with the labelled sets and the gold labels that follow from them."""
    workspace = create_workspace(root)
    for crosswalk, folder in SETS.items():
        files = [path for path in (data / folder).iterdir() if path.suffix in {".csv", ".txt", ".tsv"}]
        import_labelled(workspace, sorted(p for p in files if p.name != "datasheet.txt"), crosswalk)
    decide_gold(workspace)
    return workspace


def power_set(rows: pl.DataFrame, workspace: Workspace, more: list[str]) -> NDArray[np.int64]:
    """Number the combinations of labels that hold, and of further columns."""
    labels = [f"{name}_contained" for name in workspace.label_scheme.label_names]
    return rows.select(pl.struct(*labels, *more).rank("dense") - 1).to_series().to_numpy()


def by_folds(classes: NDArray[np.int64], groups: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return a split number a row: of five folds one is test, one validation."""
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(classes, classes, groups)
    split = np.zeros(len(classes), dtype=np.int64)
    for number, (_, held) in enumerate(folds):
        split[held] = {0: 2, 1: 1}.get(number, 0)
    return split


def deviations(split: NDArray[np.int64], flags: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of each category in each split less the wanted one, (n_categories, 3)."""
    got = np.array([flags[split == number].sum(axis=0) for number in range(3)])
    total = np.maximum(flags.sum(axis=0), 1)
    return (got / total).T - np.array([SHARES[name] for name in SPLITS])


def measured(rows: pl.DataFrame, workspace: Workspace) -> list[dict[str, Any]]:
    """Measure all systems on the same rows, units and categories."""
    rows = rows.with_columns(train_only=pl.lit(value=False)).sort("record_id")
    categories = category_columns(rows, workspace.label_scheme)
    rows = rows.with_columns(**categories)
    flags = rows.select(pl.col(name).fill_null(value=False) for name in categories).to_numpy()
    common = flags.sum(axis=0) >= ENOUGH
    labels = np.array([name.endswith(("_contained", "_author")) for name in categories])
    groups = components(find_ties(rows))

    def ours(seed: int) -> NDArray[np.int64]:
        placed = split_records(rows, list(categories), SplitPlan(SHARES, seed), {}).placed
        return placed.get_column("split").cast(pl.Enum(SPLITS)).to_physical().cast(pl.Int64).to_numpy()

    plain, crossed = (power_set(rows, workspace, more) for more in ([], ["language", "kind"]))
    systems = {
        "aufruf": ours,
        "StratifiedGroupKFold, labels": lambda seed: by_folds(plain, groups, seed),
        "StratifiedGroupKFold, labels x language x kind": lambda seed: by_folds(crossed, groups, seed),
    }
    found: list[dict[str, Any]] = []
    for name, system in systems.items():
        begin = time.perf_counter()
        runs = [abs(deviations(system(seed), flags)) for seed in SEEDS]
        seconds = (time.perf_counter() - begin) / len(SEEDS)
        found.append(
            {
                "system": name,
                "records": rows.height,
                "units": int(groups.max()) + 1,
                "categories": int(common.sum()),
                "labels": int((common & labels).sum()),
                "worst": round(100 * float(np.mean([run[common].max() for run in runs])), 2),
                "mean": round(100 * float(np.mean([run[common].mean() for run in runs])), 2),
                "worst_label": round(100 * max((run[common & labels].max(initial=0)) for run in runs), 2),
                "seconds": round(seconds, 2),
            }
        )
    return found


def main(data: Path) -> None:
    """Measure, print the table, write the results."""
    warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
    table: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        sample = sample_workspace(Path(folder) / "sample")
        real = real_workspace(Path(folder) / "real", data)
        corpora = {"bundled sample": (sample, labelled_rows(gather(sample), sample.label_scheme))}
        every = labelled_rows(gather(real), real.label_scheme)
        corpora |= {name: (real, every.filter(pl.col("source") == name)) for name in SETS}
        corpora["all real sets"] = (real, every)
        for name, (workspace, rows) in corpora.items():
            table += [{"corpus": name, **row} for row in measured(rows, workspace)]
    for row in table:
        cells = [row["corpus"], row["system"], row["records"], row["units"], row["categories"]]
        print("|", " | ".join(map(str, [*cells, row["worst"], row["mean"], row["worst_label"]])), "|")
    versions = {name: version(name) for name in ("polars", "scikit-learn")}
    RESULTS.write_text(json.dumps({"versions": versions, "rows": table}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
