"""A network that loses, delays, repeats and cuts, processes killed anywhere: each task and answer once."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import pytest
import stamina

from aufruf.errors import ServerError
from aufruf.labelstudio import server
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.tables import ANNOTATIONS, ANSWERS
from aufruf.workspace import open_workspace
from faulty_proxy import FAULTS, faulty_proxy
from labelstudio_fixtures import add_round

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aufruf.workspace import Workspace

T = TypeVar("T")
NOTHING = Answer(labels=())
_MOST = 60

pytestmark = pytest.mark.labelstudio


@pytest.fixture(autouse=True)
def _without_waiting() -> Iterator[None]:
    """Repeat lost requests at once."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def again_until_done(work: Callable[[], T]) -> T:
    for _ in range(_MOST):
        try:
            return work()
        except ServerError:
            continue
    raise AssertionError(f"not done after {_MOST} attempts")


def tasks_on_server(workspace: Workspace, name: str) -> Counter[str]:
    """How often each planned task is on the server, in whichever project."""
    planned = set(assignments(workspace, name).get_column("task_key"))
    counts: Counter[str] = Counter()
    with connect(workspace) as api:
        for project in api.pages("/api/projects/", "results", include="id"):
            tasks = api.pages("/api/tasks/", "tasks", project=project["id"], include="id,data")
            counts.update(key for task in tasks if (key := task["data"].get("task_key")) in planned)
    return counts


def rows_by_answer(workspace: Workspace, name: str) -> tuple[Counter[str], Counter[str]]:
    """How many rows there are for each task's answer, and for each answer as it came."""
    rows = workspace.store.read(ANNOTATIONS).filter(round=name)
    answers = workspace.store.read(ANSWERS)
    mine = answers.join(rows.select("annotation_uuid").unique(), on="annotation_uuid")
    return Counter(rows.get_column("task_key")), Counter(mine.get_column("annotation_uuid"))


def test_apply_and_pull_through_a_bad_network_bring_each_task_and_each_answer_once(
    live: Workspace, repetitions: int
):
    upstream = live.secrets.get(server.URL)
    assert upstream is not None
    for seed in range(repetitions):
        name = f"faulty{seed}"
        add_round(live, 6, name)
        plan_round(live, name, allow_unqualified=True)
        with faulty_proxy(upstream.reveal(), seed, FAULTS) as (url, seen):
            live.secrets.update({server.URL: url})
            again_until_done(lambda name=name: apply(live, name))
            live.secrets.update({server.URL: upstream.reveal()})
            given = dict.fromkeys(assignments(live, name).get_column("task_key"), NOTHING)
            enter_answers(live, name, "triage", given)
            live.secrets.update({server.URL: url})
            again_until_done(lambda name=name: pull(live, name))
            live.secrets.update({server.URL: upstream.reveal()})
        assert any(not line.endswith("none") for line in seen)
        tasks = tasks_on_server(live, name)
        assert (len(tasks), set(tasks.values())) == (18, {1}), f"seed {seed}: {seen}"
        report = pull(live, name)
        assert (report.annotations, report.new, report.changed, report.deleted) == (18, 0, 0, 0)
        for counts in rows_by_answer(live, name):
            assert (len(counts), set(counts.values())) == (18, {1}), f"seed {seed}: {seen}"


_PULL = """
import sys
from pathlib import Path
import deltalake, httpx
from aufruf.labelstudio.pull import pull
from aufruf.workspace import open_workspace
workspace = open_workspace(Path(sys.argv[1]))
print("ready", flush=True)
pull(workspace, sys.argv[2])
"""


def test_pull_killed_at_any_moment_and_run_again_brings_each_answer_once(
    live: Workspace, tmp_path: Path, repetitions: int
):
    plan_round(live, "pilot", allow_unqualified=True)
    apply(live, "pilot")
    given = dict.fromkeys(assignments(live, "pilot").get_column("task_key"), NOTHING)
    enter_answers(live, "pilot", "triage", given)

    def copied(name: str) -> Workspace:
        return open_workspace(shutil.copytree(live.root, tmp_path / name))

    begun = time.monotonic()
    pull(copied("measured"), "pilot")
    whole = time.monotonic() - begun
    for number in range(repetitions):
        workspace = copied(f"killed{number}")
        moment = random.uniform(0, whole)
        command = [sys.executable, "-c", _PULL, str(workspace.root), "pilot"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
        report = pull(workspace, "pilot")
        assert (report.annotations, report.kept) == (24, 24), f"killed after {moment:.3f} s"
        for counts in rows_by_answer(workspace, "pilot"):
            assert (len(counts), set(counts.values())) == (24, {1}), f"killed after {moment:.3f} s"
        with connect(workspace) as api:
            projects = assignments(workspace, "pilot").get_column("project_id").unique()
            left = [api.get(f"/api/projects/{project}/exports/") for project in projects]
        assert not any(left)
        shutil.rmtree(workspace.root)
