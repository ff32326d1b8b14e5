"""Measure the export of a release against sorting and writing the same columns plain with Polars.

    .venv/bin/python benchmarks/release_export.py DATA 100_000 1_000_000

DATA holds the labelled sets that `aufruf import --list-crosswalks` names, each in a folder. Their records
are repeated, with other ids, authors and conversations, up to so many; each has one answer and gold labels
drawn by chance. Polars reads the released rows in random order, sorts them by id and writes them; it does
not join gold, divide, keep units apart, hash or describe. Each system runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from release_splits import real_workspace

from aufruf.release.build import export
from aufruf.release.features import FOLDERS
from aufruf.tables import ANNOTATIONS, CLUSTERS, GOLD, RECORDS
from aufruf.workspace import create_workspace, open_workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aufruf.tables import Table
    from aufruf.workspace import Workspace

RESULTS = Path(__file__).parent / "results" / "release_export.json"
VERSION = "0.1.0"
MOMENT = datetime(2031, 1, 1, tzinfo=UTC)
SHARES = (0.04, 0.03, 0.06, 0.08)
"""How often each label holds."""
OWN = 0.8
ANNOTATORS = 12
ROUNDS = 3


def grown(source: Workspace, root: Path, n: int) -> Workspace:
    """Return a workspace with n records made of those of another one."""
    workspace = create_workspace(root)
    rng = np.random.default_rng(0)
    records = repeated(source, n, rng)
    put(workspace, RECORDS, records)
    put(workspace, CLUSTERS, records)
    labels = source.label_scheme.label_names
    held = {label: rng.random(n) < share for label, share in zip(labels, SHARES, strict=True)}
    ids = records.select("record_id", "source")
    gold = pl.concat([gold_of(ids, label, holds, rng) for label, holds in held.items()])
    put(workspace, GOLD, gold.sort("record_id"))
    put(workspace, ANNOTATIONS, answers(ids, held, workspace, rng))
    workspace.record_event("gold", "drawn", {"records": n})
    with (root / "aufruf.toml").open("a", encoding="utf-8") as settings:
        for slug in ids.get_column("source").unique().sort():
            settings.write(f'\n[sources.{slug}]\nrights = "for this measurement"\n')
    return workspace


def repeated(source: Workspace, n: int, rng: np.random.Generator) -> pl.DataFrame:
    """Return records over and over: each copy has ids and clusters of its own."""
    base = source.store.read(RECORDS).join(source.store.read(CLUSTERS), on="record_id", how="left")
    times = pl.DataFrame({"copy": range(-(-n // base.height))})
    rows = times.join(base, how="cross").head(n)
    return rows.with_columns(
        pl.format("{}-{}", "copy", pl.col(name)).alias(name) for name in ("record_id", "post_id", "cluster")
    ).with_columns(
        text=pl.format("{} {}", "text", "copy"),
        author=some(rng, n, n // 5, 0.9),
        conversation=some(rng, n, n // 3, 0.2),
        created_at=pl.lit(MOMENT).dt.offset_by(pl.format("-{}m", pl.Series(rng.integers(0, 800_000, n)))),
    )


def some(rng: np.random.Generator, n: int, names: int, share: float) -> pl.Expr:
    """Return a name for a share of n rows, null for the others."""
    chosen = pl.Series(rng.random(n) < share)
    return pl.when(chosen).then(pl.format("name-{}", pl.Series(rng.integers(0, names, n))))


def gold_of(
    ids: pl.DataFrame, label: str, holds: NDArray[np.bool_], rng: np.random.Generator
) -> pl.DataFrame:
    """Return a label's gold rows: what is contained, whether it is the author's own, and its voice."""
    author = holds & (rng.random(len(holds)) < OWN)
    answered = [
        ids.select("record_id", column=pl.lit(column), value=pl.Series(np.where(yes, "true", "false")))
        for column, yes in (("contained", holds), ("author", author))
    ]
    voice = pl.Series(np.where(author, "own", "reported"))
    voices = ids.select("record_id", column=pl.lit("voice"), value=voice).filter(pl.Series(holds))
    return pl.concat([*answered, voices]).with_columns(
        gold_run=pl.lit("drawn"),
        label=pl.lit(label),
        share=pl.lit(1.0),
        n=pl.lit(1, pl.Int64),
        distribution=pl.concat_list(pl.struct("value", n=pl.lit(1, pl.Int64))),
        decided_by=pl.lit("unanimous"),
    )


def answers(
    ids: pl.DataFrame,
    held: dict[str, NDArray[np.bool_]],
    workspace: Workspace,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Return one answer to each record, by one of twelve annotators."""
    labels = pl.concat_list(
        pl.when(pl.Series(holds)).then(pl.lit(label)) for label, holds in held.items()
    ).list.drop_nulls()
    return ids.select(
        "record_id",
        annotation_uuid="record_id",
        task_key="record_id",
        round=pl.format("source:{}", "source"),
        labels=labels,
        attributes=pl.lit([], dtype=ANNOTATIONS.schema["attributes"]),
        flags=pl.lit([], dtype=ANNOTATIONS.schema["flags"]),
        annotator=pl.format("p{}", pl.Series(rng.integers(0, ANNOTATORS, ids.height))),
        seconds=pl.Series(rng.uniform(3, 150, ids.height)),
        revision=pl.lit(1, pl.Int64),
        state=pl.lit("live"),
        created_at=pl.lit(MOMENT),
        updated_at=pl.lit(MOMENT),
        scheme_sha256=pl.lit(workspace.label_scheme.sha256),
        guideline_version=pl.lit("1"),
    ).with_columns(pl.lit("triage").alias("pass"))


def put(workspace: Workspace, table: Table, rows: pl.DataFrame) -> None:
    """Append rows, with null for the columns that they do not have."""
    columns = [
        (pl.col(name) if name in rows.columns else pl.lit(None).alias(name)).cast(dtype)
        for name, dtype in table.schema.items()
    ]
    workspace.store.append(table, rows.select(columns))


def run_aufruf(root: Path) -> None:
    """Export the release."""
    export(open_workspace(root), VERSION)


def run_polars(root: Path) -> None:
    """Sort the released rows by id and write them."""
    for config in FOLDERS:
        rows = pl.read_parquet(root / f"{config}.parquet").sort("id")
        rows.write_parquet(root / f"{config}.sorted.parquet", compression="zstd", row_group_size=50_000)


def shuffle(root: Path) -> None:
    """Write the released rows in random order, for Polars to sort."""
    for config, folder in FOLDERS.items():
        files = sorted((root / "releases" / VERSION / folder).glob("*.parquet"))
        rows = pl.concat([pl.read_parquet(path) for path in files])
        rows.sample(fraction=1.0, shuffle=True, seed=0).write_parquet(root / f"{config}.parquet")


SYSTEMS = {"aufruf": run_aufruf, "polars": run_polars}


def measured(system: str, root: Path) -> dict[str, float]:
    """Run a system in a process of its own and return what it took."""
    if system == "aufruf":
        shutil.rmtree(root / "releases" / VERSION, ignore_errors=True)
    command = [sys.executable, __file__, "--run", system, str(root)]
    found = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 -- ourselves
    return json.loads(found.stdout.splitlines()[-1])


def peak_mb() -> int:
    """Return the most memory that this process has held, in megabytes."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)[1]) >> 10


def run_one(system: str, root: Path) -> None:
    """Run a system and print seconds, CPU seconds and peak memory."""
    start = time.perf_counter()
    SYSTEMS[system](root)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "seconds": round(time.perf_counter() - start, 1),
                "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
                "peak_mb": peak_mb(),
            }
        )
    )


def main(data: Path, sizes: list[int]) -> None:
    """Measure both systems in turn on corpora of each size and keep the fastest run of each."""
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        source = real_workspace(Path(place) / "source", data)
        for n in sizes:
            root = Path(place) / str(n)
            grown(source, root, n)
            measured("aufruf", root)
            shuffle(root)
            runs = [{system: measured(system, root) for system in SYSTEMS} for _ in range(ROUNDS)]
            for system in SYSTEMS:
                best = min((run[system] for run in runs), key=lambda run: run["seconds"])
                results.append({"records": n, "system": system, **best})
                print(results[-1], flush=True)
            shutil.rmtree(root)
    about = {"python": platform.python_version(), "cpus": os.cpu_count(), "polars": version("polars")}
    RESULTS.write_text(json.dumps({"about": about, "results": results}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        run_one(sys.argv[2], Path(sys.argv[3]))
    else:
        main(Path(sys.argv[1]), [int(size) for size in sys.argv[2:]])
