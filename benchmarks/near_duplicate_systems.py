"""Search texts for near-duplicates with one system, as its users write it, and say what it took.

    PYTHON benchmarks/near_duplicate_systems.py SYSTEM < texts.json > answer.json

Started by near_duplicates.py, each time as a process of its own, so that memory can be told apart. Needs
nothing but the system itself. The texts are in lower case already, with white space as one space.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

THRESHOLD = 0.8
PERMUTATIONS = 128


def grams(text: str) -> list[str]:
    """Return the runs of five characters of a text, each once."""
    return list({text[place : place + 5] for place in range(max(1, len(text) - 4))})


def aufruf(texts: list[str]) -> dict[str, Any]:
    """Search with aufruf: pairs that connect each cluster, and clusters."""
    from aufruf import find_duplicates

    found = find_duplicates(texts, THRESHOLD)
    return {"pairs": found.pairs.rows(), "clusters": found.clusters.to_list()}


def datasketch(texts: list[str]) -> dict[str, Any]:
    """Search with datasketch's index: for each text, the earlier ones that it finds."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    pairs: list[tuple[int, int]] = []
    for place, text in enumerate(texts):
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([gram.encode() for gram in grams(text)])
        pairs += [(int(other), place) for other in index.query(sketch)]
        index.insert(str(place), sketch)
    return {"pairs": pairs}


def rensa_deduplicator(texts: list[str]) -> dict[str, Any]:
    """Search with rensa as its documentation begins: which texts to keep."""
    from rensa import RMinHashDeduplicator

    search = RMinHashDeduplicator(threshold=THRESHOLD, num_perm=PERMUTATIONS, use_lsh=True)
    return {"kept": search.add_pairs((str(place), grams(text)) for place, text in enumerate(texts))}


def rensa_index(texts: list[str]) -> dict[str, Any]:
    """Search with rensa's index: for each text, the earlier ones that it finds and that look alike."""
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
    sketches: list[RMinHash] = []
    pairs: list[tuple[int, int]] = []
    for place, text in enumerate(texts):
        sketch = RMinHash(num_perm=PERMUTATIONS, seed=42)
        sketch.update(grams(text))
        near = index.query(sketch)
        pairs += [(other, place) for other in near if sketches[other].jaccard(sketch) >= THRESHOLD]
        index.insert(place, sketch)
        sketches.append(sketch)
    return {"pairs": pairs}


def rensa_rho(texts: list[str]) -> dict[str, Any]:
    """Search with rensa's fastest way, which looks at some places of a text only: which texts to keep."""
    from rensa import RMinHash, RMinHashLSH

    sketches = RMinHash.digest_matrix_from_token_sets_rho(
        [grams(text) for text in texts], num_perm=PERMUTATIONS, seed=42
    )
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=8)
    return {"kept": [not flag for flag in index.query_duplicate_flags_matrix_one_shot(sketches)]}


SYSTEMS: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "aufruf": aufruf,
    "datasketch": datasketch,
    "rensa deduplicator": rensa_deduplicator,
    "rensa index": rensa_index,
    "rensa rho": rensa_rho,
}


def megabytes() -> float:
    """Return the memory that this process has taken so far, at most."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def main() -> None:
    """Run a system on a tenth of the texts, uncounted, so that all is loaded and compiled; then on all."""
    search = SYSTEMS[sys.argv[1]]
    texts = json.load(sys.stdin)
    search(texts[: len(texts) // 10])
    before, begun, since = megabytes(), time.process_time(), time.monotonic()
    found = search(texts)
    took = {"cpu": time.process_time() - begun, "wall": time.monotonic() - since}
    json.dump({**took, "before_mb": before, "peak_mb": megabytes(), **found}, sys.stdout)


if __name__ == "__main__":
    main()
