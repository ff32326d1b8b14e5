"""A round with budgets in a real Label Studio: what is given out on which day."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.releasing import first_day
from aufruf.labelstudio.rounds import assignments, plan_round
from labelstudio_fixtures import add_round
from test_labelstudio_rounds import _APPLY, copies_on_server, versions

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

NOTHING = Answer(labels=())
pytestmark = pytest.mark.labelstudio


def write_annotators(root: Path, *budgets: str) -> None:
    """The sample's four annotators, each with lines of its own."""
    names = ("amsel", "drossel", "fink", "star")
    entries = [
        f'[[annotator]]\nid = "{name}"\nlanguages = ["de", "en"]\n{lines}\n'
        for name, lines in zip(names, budgets, strict=True)
    ]
    (root / "annotation" / "annotators.toml").write_text("\n".join(entries))


def given_out(workspace: Workspace, name: str) -> Counter[str]:
    """How many tasks of the round each annotator has in Label Studio, by what is written down."""
    planned = assignments(workspace, name).filter(pl.col("project_id").is_not_null())
    return Counter(planned.get_column("annotator"))


def answer(workspace: Workspace, name: str, annotator: str, how_many: int | None = None) -> None:
    """Let an annotator answer the next open tasks in their queues."""
    mine = assignments(workspace, name).filter(
        (pl.col("annotator") == annotator) & pl.col("project_id").is_not_null()
    )
    keys = mine.sort("release_day", "position").get_column("task_key").head(how_many or mine.height)
    enter_answers(workspace, name, "triage", dict.fromkeys(keys, NOTHING))


def test_two_days_of_a_round_with_budgets(live: Workspace):
    name = "days"
    write_annotators(live.root, "daily = 2", "daily = 3\nweekly = 4", "", "daily = 2")
    add_round(live, 24, name, ("de", "en"))
    report = plan_round(live, name, overlap=2, allow_unqualified=True)
    days = {load.annotator: load.days for load in report.loads}
    assert {load.tasks for load in report.loads} == {6}
    assert days == {"amsel": 3, "drossel": 8, "fink": 1, "star": 3}

    first = apply(live, name)
    assert (first.day, first.created, first.held) == (0, 4 + 6 + 12 + 4, 0)
    assert first.waiting == 8 + 6 + 8
    assert given_out(live, name) == {"amsel": 4, "drossel": 6, "fink": 12, "star": 4}
    assert first_day(live, name, "triage") == datetime.now(UTC).date()
    before = versions(live)
    again = apply(live, name)
    assert (again.created, again.existing) == (0, 26)
    assert versions(live) == before

    answer(live, name, "amsel")
    answer(live, name, "drossel")
    answer(live, name, "star", 1)
    assert apply(live, name).created == 0
    pull(live, name)
    assert apply(live, name).created == 0

    second = apply(live, name, day=1)
    assert given_out(live, name) == {"amsel": 8, "drossel": 8, "fink": 12, "star": 5}
    assert (second.created, second.held) == (4 + 2 + 1, 3)
    assert set(copies_on_server(live, name).values()) == {1}
    order = assignments(live, name).filter(annotator="star").sort("release_day", "position")
    assert order.get_column("project_id").is_not_null().to_list()[:4] == [True] * 4

    third = apply(live, name, day=7, dry_run=True)
    assert (third.created, third.waiting) == (0 + 4 + 0, 0)
    assert given_out(live, name)["drossel"] == 8


def test_answers_that_were_not_pulled_yet_count_as_done(live: Workspace):
    name = "unpulled"
    write_annotators(live.root, "daily = 1", "", "", "")
    add_round(live, 8, name)
    plan_round(live, name, overlap=4, allow_unqualified=True)
    apply(live, name)
    assert given_out(live, name)["amsel"] == 2
    answer(live, name, "amsel", 1)
    apply(live, name)
    assert given_out(live, name)["amsel"] == 2, "one done today, one open: the day is full"
    assert apply(live, name, day=1).held == 1
    assert given_out(live, name)["amsel"] == 3, "one open from yesterday leaves room for one"
    answer(live, name, "amsel")
    apply(live, name, day=1)
    assert given_out(live, name)["amsel"] == 4, "all were answered today, which is the day before"


def test_a_budget_in_heavy_records_counts_over_rounds(live: Workspace):
    write_annotators(live.root, "daily_heavy = 2", "", "", "")
    path = live.root / "schemas" / "lexicon.toml"
    path.write_text(
        'version = "1"\n[[terms]]\nlabel = "threat"\nlanguage = "de"\nwords = ["herbst", "blatt"]\n'
    )
    for name in ("one", "two"):
        add_round(live, 10, name)
        report = plan_round(live, name, overlap=4, allow_unqualified=True)
        assert [load.heavy for load in report.loads] == [4] * 4
        assert [load.days for load in report.loads] == [2, 1, 1, 1]
    apply(live, "one")
    begun = given_out(live, "one")["amsel"]
    assert 4 <= begun < 10
    second = apply(live, "two")
    assert second.held > 0
    assert given_out(live, "two")["amsel"] < begun
    heavy_open = assignments(live, "two").filter(
        (pl.col("annotator") == "amsel") & pl.col("project_id").is_not_null()
    )
    assert heavy_open.height <= 5


def test_who_has_left_the_file_gets_nothing_new_and_a_new_plan_gives_it_to_others(live: Workspace):
    name = "leaving"
    write_annotators(live.root, "daily = 1", "", "", "")
    add_round(live, 12, name)
    plan_round(live, name, overlap=3, allow_unqualified=True)
    apply(live, name)
    path = live.root / "annotation" / "annotators.toml"
    path.write_text(
        path.read_text().replace('[[annotator]]\nid = "amsel"\nlanguages = ["de", "en"]\ndaily = 1\n', "")
    )
    assert apply(live, name, day=9).held == 7
    report = plan_round(live, name, overlap=3, allow_unqualified=True)
    assert (report.withdrawn, report.new) == (7, 7)
    assert apply(live, name, day=9).created == 7
    assert set(copies_on_server(live, name).values()) == {1}
    assert given_out(live, name)["amsel"] == 2


def test_apply_killed_at_any_moment_gives_out_what_an_undisturbed_one_does(live: Workspace, repetitions: int):
    write_annotators(live.root, "daily = 4", "daily = 4", "", "")
    add_round(live, 24, "measured")
    plan_round(live, "measured", overlap=2, allow_unqualified=True)
    begun = time.monotonic()
    apply(live, "measured")
    whole = time.monotonic() - begun
    for number in range(repetitions):
        name = f"cut{number}"
        write_annotators(live.root, f"daily = {5 + 4 * number}", "", "", "")
        add_round(live, 24, name)
        plan_round(live, name, overlap=2, allow_unqualified=True)
        kill_apply(live, name, random.uniform(0, whole))
        apply(live, name)
        planned = assignments(live, name)
        there = copies_on_server(live, name)
        recorded = planned.filter(pl.col("project_id").is_not_null())
        assert set(there) == set(recorded.get_column("task_key"))
        assert set(there.values()) == {1}
        assert first_day(live, name, "triage") is not None
        assert apply(live, name).created == 0


def kill_apply(workspace: Workspace, name: str, moment: float) -> None:
    command = [sys.executable, "-c", _APPLY, str(workspace.root), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)


def test_a_rounds_first_day_is_that_of_its_first_apply(live: Workspace):
    assert first_day(live, "pilot", "triage") is None
    plan_round(live, "pilot", allow_unqualified=True)
    apply(live, "pilot")
    live.record_event("apply", "pilot", {"pass": "detail"})
    live.record_event("apply", "other", {"pass": "triage"})
    today = datetime.now(UTC).date()
    assert first_day(live, "pilot", "triage") in (today, today - timedelta(days=1))
    assert first_day(live, "third", "triage") is None
