"""A round in a real Label Studio: planned, brought in, answered, pulled; cut off anywhere and run again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import polars as pl
import pytest

from aufruf.errors import InputError, ServerError
from aufruf.labelstudio import server
from aufruf.labelstudio.accounts import annotator_token, logins
from aufruf.labelstudio.answers import Answer, to_result
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.progress import round_status
from aufruf.labelstudio.projects import ProjectPlan, task_ids
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import annotators_of, assignments, plan_round
from aufruf.tables import ANNOTATIONS, ANSWERS, ASSIGNMENTS, EVENTS, QUARANTINE, RECORDS
from labelstudio_fixtures import ROUND, add_round

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.workspace import Workspace

THREAT = Answer(("threat",), (("threat", "own"),), (("threat", "serious", "serious"),))
NOTHING = Answer(labels=())


def versions(workspace: Workspace) -> list[int | None]:
    tables = (ASSIGNMENTS, ANNOTATIONS, ANSWERS, QUARANTINE, EVENTS)
    return [workspace.store.version(table) for table in tables]


def copies_on_server(workspace: Workspace, round_name: str = ROUND) -> Counter[str]:
    """How often each task of the round is in its project, over all projects of this workspace."""
    projects = assignments(workspace, round_name).get_column("project_id").drop_nulls().unique()
    counts: Counter[str] = Counter()
    with connect(workspace) as api:
        for project in projects:
            counts.update(
                task["data"]["task_key"]
                for task in api.pages("/api/tasks/", "tasks", project=project, include="id,data")
            )
    return counts


@pytest.fixture
def applied(live: Workspace) -> Workspace:
    """A workspace whose round is in Label Studio, nothing answered."""
    plan_round(live, ROUND, allow_unqualified=True)
    apply(live, ROUND)
    return live


def test_a_round_that_was_not_sampled_or_planned_is_told_with_the_next_step(workspace: Workspace):
    with pytest.raises(InputError, match="aufruf sample pilot"):
        plan_round(workspace, ROUND, allow_unqualified=True)
    with pytest.raises(InputError, match="aufruf annotate plan pilot --pass detail"):
        apply(workspace, ROUND, "detail")
    add_round(workspace)
    with pytest.raises(InputError, match="nobody annotates yet"):
        plan_round(workspace, ROUND, allow_unqualified=True)


def test_a_language_with_too_few_annotators_is_told_before_anything_is_planned(workspace: Workspace):
    add_round(workspace)
    path = workspace.root / "annotation" / "annotators.toml"
    path.write_text('[[annotator]]\nid = "amsel"\nlanguages = ["de"]\n')
    with pytest.raises(InputError, match="1 annotators for de, 3 judgements wanted per record"):
        plan_round(workspace, ROUND, allow_unqualified=True)
    assert workspace.store.version(ASSIGNMENTS) is None


def test_a_long_title_is_cut_to_fifty_characters_and_stays_its_own():
    def title(name: str) -> str:
        return ProjectPlan(name, "triage", "de", "amsel", "i", "", "", "g").title

    assert title("pilot") == "pilot · triage · de · amsel"
    assert len(title("r" * 60)) == 50
    assert title("r" * 60) != title("r" * 61)


@pytest.mark.labelstudio
def test_a_round_goes_in_is_answered_and_comes_back_as_it_was_answered(live: Workspace):
    name = "both"
    add_round(live, name=name, languages=("de", "en"))
    assert plan_round(live, name, allow_unqualified=True).new == 24
    report = apply(live, name)
    assert (report.created, report.existing, len(report.projects)) == (24, 0, 8)
    planned = assignments(live, name)
    given = {
        key: (THREAT if record.endswith(("0", "1")) else NOTHING)
        for key, record in planned.select("task_key", "record_id").iter_rows()
    }
    first, second, third = sorted(given)[:3]
    given[first] = Answer(skipped=True)
    given[second] = Answer(flags=("cannot_judge",), comment="ohne Bild nicht zu sagen 🙂")
    given[third] = Answer(labels=(), flags=("urgent",))
    told: list[int] = []
    assert enter_answers(live, name, "triage", given, told.append).entered == 24
    assert told == list(range(1, 25))
    pulled = pull(live, name)
    assert (pulled.annotations, pulled.new, pulled.changed, pulled.quarantined) == (24, 24, 0, {})
    assert pulled.urgent == 1
    rows = {row["task_key"]: row for row in live.store.read(ANNOTATIONS).iter_rows(named=True)}
    assert rows[first]["state"] == "skipped"
    assert (rows[second]["labels"], rows[second]["comment"]) == (None, "ohne Bild nicht zu sagen 🙂")
    for key, answer in given.items():
        assert rows[key]["labels"] == (None if answer.labels is None else list(answer.labels))
        assert (
            rows[key]["annotator"]
            == planned.row(by_predicate=pl.col("task_key") == key, named=True)["annotator"]
        )
    status = round_status(live, name).annotators
    assert sum(entry.done for entry in status) == 23
    assert sum(entry.skipped for entry in status) == 1
    assert sum(entry.urgent for entry in status) == 1


@pytest.mark.labelstudio
def test_nothing_is_done_twice(applied: Workspace):
    given = dict.fromkeys(assignments(applied, ROUND).get_column("task_key"), THREAT)
    enter_answers(applied, ROUND, "triage", given)
    pull(applied, ROUND)
    before = versions(applied)
    assert plan_round(applied, ROUND, allow_unqualified=True).new == 0
    again = apply(applied, ROUND)
    assert (again.created, again.existing) == (0, 24)
    entered = enter_answers(applied, ROUND, "triage", given)
    assert (entered.entered, entered.existing) == (0, 24)
    pulled = pull(applied, ROUND)
    assert (pulled.annotations, pulled.new, pulled.changed, pulled.deleted) == (24, 0, 0, 0)
    assert versions(applied) == before
    assert set(copies_on_server(applied).values()) == {1}


@pytest.mark.labelstudio
def test_when_one_annotators_answers_are_refused_the_others_stop_and_a_second_run_enters_the_rest(
    applied: Workspace,
):
    given = dict.fromkeys(assignments(applied, ROUND).get_column("task_key"), NOTHING)
    token = annotator_token(applied, "fink").reveal()
    applied.secrets.update({"annotator:fink:token": "0" * 40})
    with pytest.raises(ServerError, match="does not know the token"):
        enter_answers(applied, ROUND, "triage", given)
    applied.secrets.update({"annotator:fink:token": token})
    report = enter_answers(applied, ROUND, "triage", given)
    assert (report.entered + report.existing, report.entered > 6) == (24, True)


@pytest.mark.labelstudio
def test_detail_asks_those_who_judged_about_what_is_settled_and_spans_come_back(applied: Workspace):
    planned = assignments(applied, ROUND)
    chosen = planned.get_column("record_id").unique().sort()[:2]
    given = {
        key: (THREAT if record in chosen else NOTHING)
        for key, record in planned.select("task_key", "record_id").iter_rows()
    }
    enter_answers(applied, ROUND, "triage", given)
    pull(applied, ROUND)
    assert plan_round(applied, ROUND, "detail", allow_unqualified=True).new == 6
    apply(applied, ROUND, "detail")
    detail = assignments(applied, ROUND, "detail")
    assert set(detail.get_column("record_id")) == set(chosen)
    texts = dict(applied.store.read(RECORDS).select("record_id", "text").iter_rows())
    answers = {
        key: Answer(
            attributes=(("threat", "target", "person"),),
            spans=(("threat", texts[record].index("😀"), len(texts[record])),),
        )
        for key, record in detail.select("task_key", "record_id").iter_rows()
    }
    enter_answers(applied, ROUND, "detail", answers)
    assert pull(applied, ROUND, "detail").new == 6
    rows = applied.store.read(ANNOTATIONS).filter(pl.col("pass") == "detail")
    for row in rows.iter_rows(named=True):
        (span,) = row["spans"]
        assert texts[row["record_id"]][span["start"] : span["end"]].startswith("😀 ")
        assert row["attributes"] == [{"label": "threat", "attribute": "target", "value": "person"}]
        assert (row["labels"], row["voices"]) == (None, None)


@pytest.mark.labelstudio
def test_a_changed_answer_is_a_new_revision_and_a_deleted_one_is_noticed(applied: Workspace):
    planned = assignments(applied, ROUND)
    changed, deleted = planned.get_column("task_key")[:2]
    enter_answers(applied, ROUND, "triage", {changed: THREAT, deleted: THREAT})
    pull(applied, ROUND)
    name = planned.item(0, "annotator")
    numbers = annotation_numbers(applied, planned.item(0, "project_id"))
    with connect(applied, annotator_token(applied, name)) as api:
        api.change(
            f"/api/annotations/{numbers[changed]}/",
            {"result": to_result(NOTHING, "", applied.label_scheme, "triage")},
        )
        api.delete(f"/api/annotations/{numbers[deleted]}/")
    report = pull(applied, ROUND)
    assert (report.annotations, report.new, report.changed, report.deleted) == (1, 0, 1, 1)
    rows = applied.store.read(ANNOTATIONS).filter(revision=2)
    states = {row["task_key"]: (row["state"], row["labels"]) for row in rows.iter_rows(named=True)}
    assert states[changed] == ("live", [])
    assert states[deleted][0] == "deleted"
    before = versions(applied)
    assert pull(applied, ROUND).deleted == 0
    assert versions(applied) == before


@pytest.mark.labelstudio
def test_what_the_server_takes_without_a_look_is_quarantined_by_reason(applied: Workspace):
    scheme = applied.label_scheme
    planned = assignments(applied, ROUND)
    mine = planned.filter(pl.col("project_id") == planned.item(0, "project_id"))
    project, name = mine.item(0, "project_id"), mine.item(0, "annotator")
    other = next(person.id for person in annotators_of(applied) if person.id != name)
    good = to_result(THREAT, "", scheme, "triage")
    with connect(applied) as api:
        numbers = task_ids(api, project)
        first, second, third = (numbers[key] for key in mine.get_column("task_key")[:3])
        admin_task = api.post(
            f"/api/projects/{project}/import", [{"data": {"text": "x", "task_key": "unknown"}}]
        )
        assert admin_task.is_success
        unknown = task_ids(api, project)["unknown"]
        users = {user["email"]: user["id"] for user in api.get("/api/users/")}
    with connect(applied, annotator_token(applied, name)) as api:
        post(api, first, good)
        post(api, first, good)
        post(api, second, [{**good[0], "value": {"choices": ["invented"]}}])
        post(api, third, good, completed_by=users[f"{other}@annotators.invalid"])
        post(api, unknown, good)
    report = pull(applied, ROUND)
    expected = {"not_assigned": 1, "second_answer": 1, "unknown_label": 1, "unknown_task": 1}
    assert (report.annotations, report.kept, report.quarantined) == (5, 1, expected)
    rows = applied.store.read(QUARANTINE)
    assert set(rows.get_column("import_id")) == {f"pull:{ROUND}"}
    assert set(rows.get_column("file")) == {f"project {project}"}
    before = versions(applied)
    assert pull(applied, ROUND).quarantined == expected
    assert versions(applied) == before


def post(api: Any, task: int, result: list[dict[str, Any]], **more: Any) -> None:
    assert api.post(f"/api/tasks/{task}/annotations/", {"result": result, "lead_time": 1, **more}).is_success


def annotation_numbers(workspace: Workspace, project: int) -> dict[str, int]:
    with connect(workspace) as api:
        options = {"exportType": "JSON", "download_all_tasks": "true"}
        tasks = api.get(f"/api/projects/{project}/export", **options)
    return {task["data"]["task_key"]: task["annotations"][0]["id"] for task in tasks if task["annotations"]}


@pytest.mark.labelstudio
def test_annotators_see_the_text_and_its_context_and_neither_outlet_nor_author(applied: Workspace):
    with connect(applied) as api:
        project = assignments(applied, ROUND).item(0, "project_id")
        tasks = list(api.pages("/api/tasks/", "tasks", project=project, include="id,data"))
        shown = api.get(f"/api/projects/{project}/")
    assert {frozenset(task["data"]) for task in tasks} == {
        frozenset({"task_key", "text", "context_before", "context_after"})
    }
    assert shown["show_instruction"] is True
    assert "<h1>" in shown["expert_instruction"]
    assert len(shown["title"]) <= 50
    emails = [login.email for login in logins(applied, annotators_of(applied))]
    assert emails[0] == "amsel@annotators.invalid"


@pytest.mark.labelstudio
def test_new_guidelines_reach_annotators_at_the_next_apply_and_are_noted_with_their_answers(
    applied: Workspace,
):
    old = applied.guideline_version("de")
    path = applied.root / "annotation" / "guidelines" / "de.md"
    path.write_text("# Neue Richtlinien\n\n<script>alert(1)</script>\n")
    apply(applied, ROUND)
    planned = assignments(applied, ROUND)
    with connect(applied) as api:
        shown = api.get(f"/api/projects/{planned.item(0, 'project_id')}/")["expert_instruction"]
    assert "Neue Richtlinien" in shown
    assert "<script>" not in shown
    enter_answers(applied, ROUND, "triage", {planned.item(0, "task_key"): NOTHING})
    pull(applied, ROUND)
    assert applied.guideline_version("de") != old
    (row,) = applied.store.read(ANNOTATIONS).iter_rows(named=True)
    assert row["guideline_version"] == applied.guideline_version("de")


@pytest.mark.labelstudio
def test_tasks_stand_in_the_planned_order(applied: Workspace):
    planned = assignments(applied, ROUND)
    with connect(applied) as api:
        for project, rows in planned.group_by("project_id"):
            numbers = task_ids(api, project[0])
            order = [numbers[key] for key in rows.sort("position").get_column("task_key")]
            assert order == sorted(order)


@pytest.mark.labelstudio
def test_a_round_goes_on_under_another_wording_and_its_tasks_keep_the_hash_they_ask_by(applied: Workspace):
    path = applied.root / "schemas" / "label_scheme.toml"
    path.write_text(path.read_text("utf-8").replace('version = "', 'version = "9.', 1))
    asked_by = applied.label_scheme.sha256
    del applied.__dict__["label_scheme"]
    assert apply(applied, ROUND).created == 0
    assert set(assignments(applied, ROUND)["scheme_sha256"]) == {asked_by} != {applied.label_scheme.sha256}


@pytest.mark.labelstudio
def test_a_project_that_someone_deleted_is_told_and_not_made_anew(applied: Workspace):
    project = assignments(applied, ROUND).item(0, "project_id")
    with connect(applied) as api:
        api.delete(f"/api/projects/{project}/")
    with pytest.raises(ServerError, match=f"projects {project} of this round are gone"):
        apply(applied, ROUND)
    with pytest.raises(ServerError, match="404"):
        pull(applied, ROUND)


_APPLY = """
import sys
from pathlib import Path
from label_studio_sdk.client import LabelStudio
from aufruf.labelstudio.apply import apply
from aufruf.workspace import open_workspace
workspace = open_workspace(Path(sys.argv[1]))
print("ready", flush=True)
apply(workspace, sys.argv[2])
"""


@pytest.mark.labelstudio
def test_apply_killed_at_any_moment_and_run_again_leaves_each_task_once(live: Workspace, repetitions: int):
    add_round(live, 40, "measured")
    plan_round(live, "measured", allow_unqualified=True)
    begun = time.monotonic()
    apply(live, "measured")
    whole = time.monotonic() - begun
    for number in range(repetitions):
        name = f"killed{number}"
        add_round(live, 40, name)
        plan_round(live, name, allow_unqualified=True)
        moment = random.uniform(0, whole)
        command = [sys.executable, "-c", _APPLY, str(live.root), name]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
        report = apply(live, name)
        assert report.created + report.existing == 120, f"killed after {moment:.3f} s"
        copies = copies_on_server(live, name)
        assert (len(copies), set(copies.values())) == (120, {1}), f"killed after {moment:.3f} s"


@contextmanager
def losing_answers(upstream: str, how_many: int) -> Iterator[tuple[str, list[str]]]:
    """A proxy that passes everything on and drops the first answers to an import: the server has done it."""
    lost: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = ("Authorization", "Content-Type")
            headers = {name: self.headers[name] for name in kept if name in self.headers}
            answer = httpx.request(
                self.command, upstream + self.path, headers=headers, content=body, timeout=60
            )
            if "/import" in self.path and len(lost) < how_many:
                lost.append(self.path)
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("content-type", "text/plain"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = pass_on  # noqa: N815 -- the server calls them so

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", lost
    finally:
        listening.shutdown()
        listening.server_close()


@pytest.mark.labelstudio
def test_an_answer_lost_on_the_way_after_the_server_accepted_makes_no_task_twice(live: Workspace):
    plan_round(live, ROUND, allow_unqualified=True)
    upstream = live.secrets.get(server.URL)
    assert upstream is not None
    with losing_answers(upstream.reveal(), 2) as (url, lost):
        live.secrets.update({server.URL: url})
        report = apply(live, ROUND)
        assert len(lost) == 2
        assert report.created == 24
        copies = copies_on_server(live)
        assert (len(copies), set(copies.values())) == (24, {1})


@pytest.mark.labelstudio
def test_copies_that_are_there_all_the_same_are_removed_unless_answered(applied: Workspace):
    planned = assignments(applied, ROUND)
    project = planned.item(0, "project_id")
    with connect(applied) as api:
        tasks = list(api.pages("/api/tasks/", "tasks", project=project, include="id,data"))
        api.post(f"/api/projects/{project}/import", [{"data": task["data"]} for task in tasks])
    report = apply(applied, ROUND)
    assert report.repaired == len(tasks)
    assert set(copies_on_server(applied).values()) == {1}
