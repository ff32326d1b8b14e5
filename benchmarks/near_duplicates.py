"""Measure the search for near-duplicates against datasketch, rensa and an exact join.

    .venv/bin/python benchmarks/near_duplicates.py DATA PEERS/bin/python

DATA holds the labelled sets that near_duplicate_corpus.py names, PEERS is an environment with the peers.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from near_duplicate_corpus import corpus, real_posts
from near_duplicate_systems import SYSTEMS, THRESHOLD
from scipy.sparse import csr_array

from aufruf.duplicates import Buffers, band_keys, rows_in_band
from aufruf.tables import BANDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESULTS = Path(__file__).parent / "results" / "near_duplicates.json"
SEED = 1
SMALL, LARGE = 100_000, 1_000_000
ROUNDS = 3
AT_ONCE = 500


def folded(texts: pl.Series) -> pl.Series:
    """Return texts in lower case, with white space as one space: all systems compare the same."""
    return texts.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def exact_join(texts: pl.Series) -> pl.DataFrame:
    """Return all pairs (``left`` < ``right``) of at least the threshold, with their similarity.

    Nothing here is aufruf's: of two sets that are alike enough, each has one of its rarest members, a fifth
    of them and one, among the other's rarest (Chaudhuri, Ganti and Kaushik 2006). Pairs that share one are
    counted out as products of a sparse matrix.
    """
    encoded = [text.encode() for text in texts]
    sets = [{text[place : place + 5] for place in range(max(1, len(text) - 4))} for text in encoded]
    members = pl.DataFrame({"text": range(len(sets)), "gram": [list(grams) for grams in sets]}).explode(
        "gram"
    )
    members = members.with_columns(often=pl.len().over("gram"), size=pl.len().over("text"))
    members = members.sort("text", "often", "gram").with_columns(
        gram=pl.col("gram").rank("dense") - 1, place=pl.int_range(pl.len()).over("text")
    )
    rows, columns = members["text"].to_numpy(), members["gram"].to_numpy()
    whole = csr_array((np.ones(members.height, np.int32), (rows, columns)))
    sizes = np.asarray(whole.sum(axis=1)).ravel()
    is_rare = (members["place"] <= members["size"] - (THRESHOLD * members["size"] - 1e-9).ceil()).to_numpy()
    ends = rows[is_rare], columns[is_rare]
    rare = csr_array((np.ones(is_rare.sum(), np.int32), ends), shape=whole.shape)
    parts = [_alike(at, whole, rare, sizes) for at in range(0, whole.shape[0], AT_ONCE)]
    return pl.concat(parts).sort("left", "right")


def _alike(at: int, whole: csr_array, rare: csr_array, sizes: NDArray[np.int32]) -> pl.DataFrame:
    """Return the pairs of a few texts with all later ones."""
    shared = (rare[at : at + AT_ONCE] @ rare.T).tocoo()
    left, right = shared.row.astype(np.int64) + at, shared.col.astype(np.int64)
    smaller, larger = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
    fits = (left < right) & (smaller >= THRESHOLD * larger - 1e-9)
    left, right = left[fits], right[fits]
    common = np.asarray(whole[left].multiply(whole[right]).sum(axis=1)).ravel()
    similarity = common / (sizes[left] + sizes[right] - common)
    found = pl.DataFrame({"left": left, "right": right, "similarity": similarity})
    return found.filter(pl.col("similarity") >= THRESHOLD)


def run(system: str, python: str, texts: pl.Series) -> dict[str, Any]:
    """Let a system search in a process of its own."""
    script = Path(__file__).with_name("near_duplicate_systems.py")
    given = json.dumps(texts.to_list())
    done = subprocess.run(  # noqa: S603 -- this folder's own script
        [python, str(script), system], input=given, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def of_pairs(answer: dict[str, Any], truth: pl.DataFrame) -> dict[str, float]:
    """Return which share of found pairs is true, and of true pairs is found, or in one cluster."""
    found = pl.DataFrame(answer["pairs"], orient="row")
    found = found.select(left=pl.col("column_0"), right=pl.col("column_1")).unique()
    hits = found.join(truth, on=["left", "right"], how="semi").height
    clusters = np.array(answer.get("clusters") or components(found, truth))
    joined = clusters[truth["left"].to_numpy()] == clusters[truth["right"].to_numpy()]
    return {
        "precision": hits / found.height,
        "recall_pairs": hits / truth.height,
        "recall_clusters": float(joined.mean()),
    }


def components(pairs: pl.DataFrame, truth: pl.DataFrame) -> NDArray[np.int32]:
    """Return the cluster of each text that pairs make."""
    from scipy.sparse.csgraph import connected_components

    n = int(max(frame[side].max() for frame in (pairs, truth) for side in ("left", "right"))) + 1
    ends = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    return connected_components(csr_array((np.ones(pairs.height), ends), shape=(n, n)), directed=False)[1]


def of_flags(answer: dict[str, Any], truth: pl.DataFrame) -> dict[str, float]:
    """Return which share of removed texts has an earlier one like it, and of those is removed."""
    removed = set(np.flatnonzero(~np.array(answer["kept"])).tolist())
    later = set(truth["right"].to_list())
    both = len(removed & later)
    return {"precision_removed": both / len(removed), "recall_removed": both / len(later)}


def candidates(texts: pl.Series, truth: pl.DataFrame) -> float:
    """Return the share of true pairs whose keys are equal in some band, clusters left aside."""
    keys = band_keys(Buffers.of(texts), BANDS, rows_in_band(THRESHOLD))
    left, right = truth["left"].to_numpy(), truth["right"].to_numpy()
    return float((keys[:, left] == keys[:, right]).any(axis=0).mean())


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians over the rounds."""
    names = ("cpu", "wall", "before_mb", "peak_mb")
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in names}


def main() -> None:
    """Measure all systems in turns, write the results and print them as a table."""
    if len(sys.argv) != 3:  # noqa: PLR2004 -- the program, the folder and the peers
        sys.exit(__doc__)
    posts = real_posts(Path(sys.argv[1]))
    small, large = (folded(corpus(posts, n, SEED)) for n in (SMALL, LARGE))
    truth = exact_join(small)
    print(f"exact join: {truth.height} pairs", file=sys.stderr)
    pythons = {name: sys.executable if name == "aufruf" else sys.argv[2] for name in SYSTEMS}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (*SYSTEMS, "aufruf, 1M")}
    for number in range(ROUNDS):
        for name, python in pythons.items():
            runs[name].append(run(name, python, small))
            print(number, name, runs[name][-1]["cpu"], file=sys.stderr)
        runs["aufruf, 1M"].append(run("aufruf", sys.executable, large))
        print(number, "1M", runs["aufruf, 1M"][-1]["cpu"], file=sys.stderr)
    report = {name: summary(done) for name, done in runs.items()}
    for name in SYSTEMS:
        answer = runs[name][0]
        report[name] |= of_pairs(answer, truth) if "pairs" in answer else of_flags(answer, truth)
    report["aufruf"]["recall_candidates"] = candidates(small, truth)
    wrong = pl.DataFrame(runs["aufruf"][0]["pairs"], orient="row", schema=["left", "right", "found"])
    wrong = wrong.join(truth, on=["left", "right"], how="left")
    assert ((wrong["found"] - wrong["similarity"]).abs() < 1e-12).all()  # noqa: PLR2004 -- rounding
    about = {
        "python": platform.python_version(),
        "polars": version("polars"),
        "posts": len(posts),
        "true_pairs": truth.height,
        "texts_mb": {
            str(len(texts)): round(texts.str.len_bytes().sum() / 1e6, 1) for texts in (small, large)
        },
        "times_datasketch": round(report["datasketch"]["cpu"] / report["aufruf"]["cpu"], 1),
        "times_rensa_index": round(report["rensa index"]["cpu"] / report["aufruf"]["cpu"], 1),
        "times_rensa_deduplicator": round(report["rensa deduplicator"]["cpu"] / report["aufruf"]["cpu"], 1),
        "ten_times_the_texts": round(report["aufruf, 1M"]["cpu"] / report["aufruf"]["cpu"], 1),
    }
    RESULTS.write_text(json.dumps(about | {"systems": report}, indent=1) + "\n", "utf-8")
    print(json.dumps(about | {"systems": report}, indent=1))


if __name__ == "__main__":
    main()
