"""Measure apply and pull beside Label Studio's own ways: python benchmarks/label_studio.py [TASKS].

One project, one annotator, a fresh private server; the same tasks and answers in every way. CPU seconds are
those of the server's process and of this one.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.labelstudio import server
from aufruf.labelstudio.accounts import user_ids
from aufruf.labelstudio.answers import Answer, to_result
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.interface import build_interface
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.labelstudio.watermarks import note_read
from aufruf.tables import RECORDS, SAMPLES
from aufruf.workspace import create_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from aufruf.labelstudio.api import Api
    from aufruf.workspace import Workspace

_FEW = 500
_SENTENCE = "Am Samstag wird der Brunnen vor dem alten Rathaus gereinigt, danach gibt es Kuchen. "


def main(size: int) -> None:
    """Measure everything, print a table and write the results."""
    measured: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        workspace = _workspace(Path(folder) / "workspace", size)
        running = server.start(workspace)

        def timed(name: str, work: Callable[[], Any], share: float = 1.0) -> Any:
            before, begun, own = _cpu(running.pid), time.perf_counter(), time.process_time()
            result = work()
            took = {
                "server_cpu": (_cpu(running.pid) - before) / share,
                "client_cpu": (time.process_time() - own) / share,
                "wall": (time.perf_counter() - begun) / share,
            }
            measured[name] = {key: round(value, 2) for key, value in took.items()}
            print(f"{name:45} {measured[name]}", flush=True)
            return result

        try:
            _applying(workspace, timed, size)
            _pulling(workspace, timed, size)
        finally:
            server.stop(workspace)
    path = Path(__file__).parent / "results" / "label_studio.json"
    path.write_text(json.dumps({"tasks": size, "ways": measured}, indent=2) + "\n")


def _applying(workspace: Workspace, timed: Callable[..., Any], size: int) -> None:
    with connect(workspace) as api:
        _ = api.sdk  # importing it takes seconds, in every way
        plan_round(workspace, "small", overlap=1, allow_unqualified=True, gold_rate=0, repeat_rate=0)
        apply(workspace, "small")  # makes the account
        plan_round(workspace, "large", overlap=1, allow_unqualified=True, gold_rate=0, repeat_rate=0)
        timed("apply", lambda: apply(workspace, "large"))
        timed("apply again, nothing to do", lambda: apply(workspace, "large"))
        project = _project(workspace, "large")
        listed = api.pages("/api/tasks/", "tasks", project=project, include="id,data")
        tasks = [{"data": task["data"]} for task in listed]
        number = _new_project(api, workspace)
        timed("import in one request", lambda: api.send(f"/api/projects/{number}/import", tasks))
        batched = _new_project(api, workspace)

        def in_batches() -> None:
            for first in range(0, size, 1000):
                api.send(f"/api/projects/{batched}/import", tasks[first : first + 1000])

        timed("import in batches of 1,000", in_batches)
        single = _new_project(api, workspace)

        def one_by_one() -> None:
            for task in tasks[:_FEW]:
                api.sdk.tasks.create(data=task["data"], project=single)

        timed(f"SDK, one by one (from {_FEW} tasks)", one_by_one, min(_FEW, size) / size)


def _pulling(workspace: Workspace, timed: Callable[..., Any], size: int) -> None:
    project = _project(workspace, "large")
    with connect(workspace) as api:
        _answer_all(workspace, api, project)

        def snapshot() -> None:
            made = api.ask(f"/api/projects/{project}/exports/", {"title": "benchmark"})
            got = api.get(f"/api/projects/{project}/exports/{made['id']}/download", exportType="JSON")
            assert len(got) == size

        def exported() -> None:
            got = api.get(f"/api/projects/{project}/export", exportType="JSON", download_all_tasks="true")
            assert len(got) == size

        def paged() -> None:
            assert len(list(api.pages("/api/tasks/", "tasks", project=project, fields="all"))) == size

        def through_sdk() -> None:
            assert sum(1 for _ in api.sdk.tasks.list(project=project, fields="all")) == size

        report = timed("pull", lambda: pull(workspace, "large"))
        assert (report.new, report.kept) == (size, size), report
        timed("export snapshot", snapshot)
        timed("GET export", exported)
        timed("GET tasks?fields=all", paged)
        timed("SDK, tasks.list(fields=all)", through_sdk)
        later = datetime.now(UTC) + timedelta(minutes=3)  # longer than what a pull reads again
        note_read(workspace, api.url, {project: later})
        report = timed("pull, nothing new", lambda: pull(workspace, "large"))
        assert (report.annotations, report.new, report.changed) == (size, 0, 0)


def _workspace(root: Path, size: int) -> Workspace:
    workspace = create_workspace(root)
    people = '[[annotator]]\nid = "amsel"\nlanguages = ["de"]\n'
    (workspace.root / "annotation" / "annotators.toml").write_text(people)
    for name, many in (("small", 1), ("large", size)):
        ids = [f"{name}-{number:06}" for number in range(many)]
        rows = [
            {
                **dict.fromkeys(RECORDS.schema),
                "record_id": record,
                "post_id": record,
                "import_id": "import",
                "source": "board",
                "kind": "post",
                "language": "de",
                "text": f"{_SENTENCE * 3}{record}",
                "match_sha256": record,
                "quotes": [],
                "key_id": "key",
            }
            for record in ids
        ]
        workspace.store.append(RECORDS, pl.DataFrame(rows, schema=RECORDS.schema))
        drawn = {"round": name, "stratum": "all", "strategy": "random", "inclusion_probability": 1.0}
        chosen = [{**drawn, "record_id": record} for record in ids]
        workspace.store.append(SAMPLES, pl.DataFrame(chosen, schema=SAMPLES.schema))
    return workspace


def _answer_all(workspace: Workspace, api: Api, project: int) -> None:
    """Put an answer to each task into the server's database: through its API it is 20 a CPU second."""
    scheme = workspace.label_scheme
    answer = Answer(("threat",), (("threat", "reported"),), (("threat", "serious", "serious"),))
    result = json.dumps(to_result(answer, "", scheme, "triage"))
    user = user_ids(workspace, api, ["amsel"])["amsel"]
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    path = workspace.cache / "labelstudio" / "data" / "label_studio.sqlite3"
    with sqlite3.connect(path, timeout=60) as database:
        columns = database.execute("PRAGMA table_info(task_completion)").fetchall()
        tasks = [row[0] for row in database.execute("SELECT id FROM task WHERE project_id = ?", (project,))]
        known = {
            "result": result,
            "was_cancelled": 0,
            "ground_truth": 0,
            "created_at": at,
            "updated_at": at,
            "lead_time": 8.0,
            "completed_by_id": user,
            "updated_by_id": user,
            "project_id": project,
            "result_count": 3,
            "bulk_created": 0,
        }
        names = [name for _, name, _, required, default, _ in columns if required and default is None]
        missing = set(names) - known.keys() - {"id", "task_id", "unique_id"}
        assert not missing, missing
        wanted = ["task_id", "unique_id", *known]
        marks = ", ".join("?" * len(wanted))
        rows = [(task, uuid.uuid4().hex, *known.values()) for task in tasks]
        database.executemany(f"INSERT INTO task_completion ({', '.join(wanted)}) VALUES ({marks})", rows)  # noqa: S608 -- names of columns
        changes = "total_annotations = 1, is_labeled = 1, updated_at = ?"
        database.execute(f"UPDATE task SET {changes} WHERE project_id = ?", (at, project))  # noqa: S608 -- fixed words


def _project(workspace: Workspace, name: str) -> int:
    return int(assignments(workspace, name).get_column("project_id").drop_nulls()[0])


def _new_project(api: Api, workspace: Workspace) -> int:
    interface = build_interface(workspace.label_scheme, "triage", "de")
    return int(api.sdk.projects.create(title=f"peer {uuid.uuid4().hex[:8]}", label_config=interface).id)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
