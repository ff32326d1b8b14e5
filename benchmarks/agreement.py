"""Measure agreement with bootstrap intervals against the krippendorff package called in a loop.

    .venv/bin/python benchmarks/agreement.py

Three annotators, yes in a tenth of the units, one answer in twenty wrong; every two units are one duplicate
cluster. Answers begin as a frame of strings; aufruf gives seven coefficients, the package alpha alone. Its
loop is timed over a few rounds and multiplied, which the table says.
"""

from __future__ import annotations

import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from aufruf.agreement import Bootstrap, Question, code, coefficients

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results" / "agreement.json"
ROUNDS = 1000
YES, WRONG = 0.1, 0.05
SIZES = {10_000: 100, 100_000: 20, 1_000_000: 3}
"""Answers, and the rounds of the loop that are timed."""


def answers(n: int) -> pl.DataFrame:
    """Return about ``n`` answers, a row each."""
    rng = np.random.default_rng(0)
    units = n // 3
    values = np.repeat(rng.random(units) < YES, 3) ^ (rng.random(units * 3) < WRONG)
    unit = np.repeat(np.arange(units), 3)
    who = np.tile(np.arange(3), units)
    frame = pl.DataFrame({"unit": unit, "cluster": unit // 2, "annotator": who, "value": values})
    return frame.cast(pl.String)


def ours(frame: pl.DataFrame) -> tuple[float, float, float]:
    """Return alpha and its interval, among the other coefficients."""
    found = coefficients(code(frame), Question("x", is_yes_no=True, yes=1), Bootstrap(0, ROUNDS))[0]
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    return found.value, found.low, found.high


def loop(frame: pl.DataFrame, rounds: int) -> list[float]:
    """Return alpha of clusters drawn with replacement, as one writes it with the package."""
    import krippendorff

    wide = frame.with_columns((pl.col("value") == "true").cast(pl.Float64).alias("value")).pivot(
        "annotator", index=["unit", "cluster"], values="value"
    )
    matrix = wide.drop("unit", "cluster").to_numpy().T
    places = np.argsort(wide.get_column("cluster").cast(pl.Int64).to_numpy(), kind="stable").reshape(-1, 2)
    rng = np.random.default_rng(1)
    found: list[float] = []
    for _ in range(rounds):
        drawn = places[rng.integers(len(places), size=len(places))].ravel()
        found.append(krippendorff.alpha(matrix[:, drawn], level_of_measurement="nominal"))
    return found


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return the result, CPU seconds and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = run()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    """Measure each size in one run, write the results, and print them as a table."""
    rows: list[dict[str, Any]] = []
    for size, rounds in SIZES.items():
        frame = answers(size - size % 6)
        ours(frame)
        runs = [timed(lambda frame=frame: ours(frame)) for _ in range(3)]
        value, cpu, wall = sorted(runs, key=lambda run: run[1])[1]
        _, loop_cpu, loop_wall = timed(lambda frame=frame, rounds=rounds: loop(frame, rounds))
        rows.append({"answers": size, "system": "aufruf", "cpu_s": cpu, "wall_s": wall, "alpha": value})
        rows.append(
            {
                "answers": size,
                "system": f"krippendorff in a loop (from {rounds} rounds)",
                "cpu_s": loop_cpu / rounds * ROUNDS,
                "wall_s": loop_wall / rounds * ROUNDS,
                "times": loop_cpu / rounds * ROUNDS / cpu,
            }
        )
    versions = {name: version(name) for name in ("krippendorff", "numpy", "polars")}
    about = {"python": platform.python_version(), "rounds": ROUNDS, **versions}
    RESULTS.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", "utf-8")
    for row in rows:
        times = f"{row['times']:,.0f}" if "times" in row else "1"
        print(
            f"| {row['answers']:,} | {row['system']} | {row['cpu_s']:,.2f} | {row['wall_s']:,.2f} | {times} |"
        )


if __name__ == "__main__":
    main()
