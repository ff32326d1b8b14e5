"""Records are the same whoever makes them, and no worker outlives its caller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from aufruf.errors import AufrufError
from aufruf.making import makers
from aufruf.masking import CATEGORIES
from aufruf.records import Origin, records_from_items
from aufruf.secrets import Secret
from aufruf.sources.items import ITEMS

ORIGIN = Origin("forum", "import", Secret("ab" * 32), CATEGORIES, "CC0", "Bote", "de", {"s": {"Mehr lesen"}})
LARGE = 1 << 30


def items(n: int) -> pl.DataFrame:
    rows = [
        {
            "file": "f",
            "item": str(i),
            "kind": "post",
            "id": str(i),
            "text": "" if i % 7 == 0 else f"Am {i}. Mai, @n{i}",
        }
        for i in range(n)
    ]
    rows.append({"file": "f", "item": "a", "kind": "news", "text": "Der Rat tagt.\n\nTeilen\n\nAlle gingen."})
    return pl.DataFrame(rows, schema=ITEMS)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core: nothing is spread")
def test_workers_make_the_same_records_in_the_order_in_which_they_were_asked():
    batches = [items(n) for n in (3, 40, 0, 11)]
    with makers(LARGE) as make:
        found = [future.result() for future in [make(batch, ORIGIN) for batch in batches]]
    for made, batch in zip(found, batches, strict=True):
        expected = records_from_items(batch, ORIGIN)
        assert_frame_equal(made.records, expected.records)
        assert_frame_equal(made.refused, expected.refused)
        assert made.units.to_list() == expected.units.to_list()
        assert made.residue == expected.residue


def test_little_is_made_in_this_process():
    with makers(100) as make:
        assert make(items(3), ORIGIN).done()


_CALLER = """
import sys, time
from aufruf.making import makers
with makers(1 << 30) as make:
    print("ready", flush=True)
    time.sleep(60)
"""


def workers() -> set[int]:
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"aufruf.making" in (entry / "cmdline").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(
    not Path("/proc").exists() or (os.cpu_count() or 1) < 2, reason="needs /proc and two cores"
)
def test_a_killed_caller_leaves_no_worker():
    before = workers()
    with subprocess.Popen([sys.executable, "-c", _CALLER], stdout=subprocess.PIPE) as caller:
        assert caller.stdout
        caller.stdout.readline()
        assert workers() - before
        os.kill(caller.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while workers() - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers() - before


@pytest.mark.skipif(
    not Path("/proc").exists() or (os.cpu_count() or 1) < 2, reason="needs /proc and two cores"
)
def test_a_worker_that_ends_is_an_error_that_says_what_to_do():
    before = workers()
    with makers(LARGE) as make:
        for worker in workers() - before:
            os.kill(worker, signal.SIGKILL)
        with pytest.raises(AufrufError, match="ended too early"):
            make(items(3), ORIGIN).result()
