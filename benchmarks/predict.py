"""Measure how fast texts are scored from file to file, and that memory does not grow with them.

    .venv/bin/python benchmarks/predict.py

Texts of 6 to 22 invented words, two in five with a mention, in Parquet and, the smaller number, in JSON
Lines. A model of the recipe hashed-svm with three yes/no heads. Each run is a process of its own; its peak
memory is the highest resident size that the system tells, compiled loops and libraries included.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from aufruf.baselines.examples import YES_NO, Examples, Target
from aufruf.baselines.model import fit_model, no_step
from aufruf.baselines.model_files import save_model
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.record import FORMAT, ModelRecord, TableOrigin, head_records, versions

RESULTS = Path(__file__).parent / "results" / "predict.json"
SIZES = (1_000_000, 5_000_000)
TRAINED_ON, HEADS = 8_000, 3
PIECE = 250_000
SYLLABLES = ["ba", "de", "ki", "lo", "mu", "nach", "ver", "auf", "un", "zer", "ra", "tel"]
ENDINGS = ["ren", "sten", "mal", "gen", "tor", "heit", "ung", "e", "en"]
RUN = """
import json, re, resource, sys, time
from pathlib import Path
from aufruf.baselines.prediction import predict
from aufruf.baselines.prediction_input import table_source
before = time.perf_counter()
report = predict(Path(sys.argv[1]), table_source(Path(sys.argv[2])), Path(sys.argv[3]))
seconds = time.perf_counter() - before
used = resource.getrusage(resource.RUSAGE_SELF)
assert report.read == report.scored
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(json.dumps({"rows": report.read, "wall_s": seconds, "cpu_s": used.ru_utime + used.ru_stime,
                  "peak_mb": int(peak[1]) / 1024}))
"""


def texts(n: int, seed: int) -> pl.Series:
    """Return invented texts."""
    rng = np.random.default_rng(seed)
    words = np.array([first + second for first in SYLLABLES for second in ENDINGS])
    drawn, lengths = words[rng.integers(len(words), size=(n, 22))], rng.integers(6, 23, size=n)
    mentioned, people = rng.random(n) < 2 / 5, rng.integers(50_000, size=n)
    rows = zip(drawn.tolist(), lengths.tolist(), mentioned.tolist(), people.tolist(), strict=True)
    made = [
        f"{f'@person{person} ' if at else ''}{' '.join(row[:length])}" for row, length, at, person in rows
    ]
    return pl.Series("text", made)


def write_texts(path: Path, n: int) -> None:
    """Write texts with ids, piece by piece."""
    import pyarrow.parquet as pq

    writer = None
    for start in range(0, n, PIECE):
        ids = pl.int_range(start, start + PIECE, eager=True).alias("id")
        piece = pl.DataFrame([ids, texts(PIECE, start)]).to_arrow()
        writer = writer or pq.ParquetWriter(path, piece.schema)
        writer.write_table(piece)
    assert writer is not None
    writer.close()


def write_model(folder: Path) -> None:
    """Train heads on answers drawn by lot: what they say is of no matter here."""
    rng, recipe = np.random.default_rng(0), load_recipe("hashed-svm")
    targets = tuple(
        Target(f"head_{n}", YES_NO, (rng.random(TRAINED_ON) < 1 / 10).astype(np.int64)) for n in range(HEADS)
    )
    examples = Examples(texts(TRAINED_ON, 1), targets, np.arange(TRAINED_ON))
    model = fit_model(recipe, examples, seed=0, step=no_step)
    record = ModelRecord(
        format=FORMAT,
        recipe=recipe,
        origin=TableOrigin("invented", "", "text", "head", None),
        heads=head_records(model.heads),
        seed=0,
        versions=versions(),
        scores_of="",
        scores=(),
        notes=(),
    )
    save_model(model, record, "", folder)


def measured(model: Path, source: Path, output: Path) -> dict[str, float]:
    """Score a file in a process of its own."""
    command = [sys.executable, "-c", RUN, str(model), str(source), str(output)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 -- this interpreter


def told(kind: str, model: Path, source: Path, output: Path) -> dict[str, float | str]:
    """Measure one run, print it, and return it."""
    found = measured(model, source, output)
    rows, wall, cpu = found["rows"], found["wall_s"], found["cpu_s"]
    speed = f"{rows / wall:,.0f} rows/s, {1e6 * cpu / rows:.1f} CPU µs a row"
    print(f"{kind}, {rows:,} rows: {speed}, {found['peak_mb']:,.0f} MB")
    return {"input": kind, **found, "rows_per_s": rows / wall, "cpu_us_per_row": 1e6 * cpu / rows}


def main() -> None:
    """Measure, print and keep the results."""
    with tempfile.TemporaryDirectory() as name:
        model, folder = Path(name) / "model", Path(name)
        write_model(model)
        runs: list[dict[str, float | str]] = []
        for size in SIZES:
            source = folder / f"{size}.parquet"
            write_texts(source, size)
            runs.append(told("Parquet", model, source, folder / "out.parquet"))
        pl.read_parquet(folder / f"{SIZES[0]}.parquet").write_ndjson(folder / "posts.jsonl")
        runs.append(told("JSON Lines", model, folder / "posts.jsonl", folder / "out.jsonl"))
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "polars": version("polars"),
        "cores": os.cpu_count(),
    }
    RESULTS.write_text(json.dumps({**about, "runs": runs}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
