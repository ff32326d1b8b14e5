"""A pull from a real Label Studio: only what changed, counted, checked, and nothing left behind."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aufruf.labelstudio import server
from aufruf.labelstudio.accounts import annotator_token
from aufruf.labelstudio.answers import Answer, to_result
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.projects import task_ids
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import annotators_of, assignments, plan_round
from aufruf.labelstudio.watermarks import note_read
from aufruf.tables import ANNOTATIONS, ANSWERS, EVENTS, QUARANTINE, RECORDS, SAMPLES
from aufruf.text import normalise_text
from faulty_proxy import faulty_proxy
from labelstudio_fixtures import ROUND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.labelstudio.api import Api
    from aufruf.workspace import Workspace

THREAT = Answer(("threat",), (("threat", "own"),))
NOTHING = Answer(labels=())

pytestmark = pytest.mark.labelstudio


@pytest.fixture
def applied(live: Workspace) -> Workspace:
    """A workspace whose round is in Label Studio, nothing answered."""
    plan_round(live, ROUND, allow_unqualified=True)
    apply(live, ROUND)
    return live


def first_project(workspace: Workspace) -> tuple[int, str, pl.DataFrame]:
    """The first project of the round, whose it is, and its assignments."""
    planned = assignments(workspace, ROUND)
    mine = planned.filter(pl.col("project_id") == planned.item(0, "project_id"))
    return mine.item(0, "project_id"), mine.item(0, "annotator"), mine


def annotate(workspace: Workspace, api: Api, task: int, answer: Answer, **more: Any) -> int:
    """Enter an answer as the page would; return its number."""
    result = to_result(answer, "", workspace.label_scheme, "triage")
    content = {"result": result, "lead_time": 1, **more}
    response = api.post(f"/api/tasks/{task}/annotations/", content)
    assert response.is_success
    return int(response.json()["id"])


def years_later(workspace: Workspace) -> None:
    """Let the last pull have been long after everything that is on the server now."""
    with connect(workspace) as api:
        projects = assignments(workspace, ROUND).get_column("project_id").drop_nulls().unique()
        note_read(workspace, api.url, dict.fromkeys(projects, datetime.now(UTC) + timedelta(minutes=10)))


@contextmanager
def listed_requests(workspace: Workspace) -> Iterator[list[str]]:
    upstream = workspace.secrets.get(server.URL)
    assert upstream is not None
    with faulty_proxy(upstream.reveal()) as (url, seen):
        workspace.secrets.update({server.URL: url})
        yield seen
    workspace.secrets.update({server.URL: upstream.reveal()})


def test_a_pull_reads_what_changed_notices_by_the_counts_what_it_missed_and_leaves_nothing_there(
    applied: Workspace,
):
    project, name, mine = first_project(applied)
    first, second = mine.get_column("task_key")[:2]
    enter_answers(applied, ROUND, "triage", {first: THREAT, second: THREAT})
    with listed_requests(applied) as seen:
        assert pull(applied, ROUND).new == 2
        years_later(applied)
        del seen[:]
        assert pull(applied, ROUND).annotations == 2
        assert not any("export" in line for line in seen)
    years_later(applied)
    with connect(applied, annotator_token(applied, name)) as api:
        api.delete(f"/api/tasks/{task_ids(api, project)[first]}/")
        third = task_ids(api, project)[mine.item(2, "task_key")]
        annotate(applied, api, third, NOTHING)
    report = pull(applied, ROUND)  # as many answers as before: one is gone with its task, one is new
    assert report.annotations == 2
    years_later(applied)
    with connect(applied, annotator_token(applied, name)) as api:
        annotate(applied, api, task_ids(api, project)[mine.item(3, "task_key")], NOTHING)
    report = pull(applied, ROUND)  # the time says that nothing changed, the counts do not fit: all is read
    assert (report.annotations, report.new, report.deleted) == (3, 2, 1)
    with connect(applied) as api:
        assert not api.get(f"/api/projects/{project}/exports/")
        assert not [
            view for view in api.get("/api/dm/views/", project=project) if "pull" in str(view["data"])
        ]


def test_what_does_not_count_is_listed_until_it_is_put_right(applied: Workspace):
    project, name, mine = first_project(applied)
    keys = mine.get_column("task_key").to_list()
    other = next(person.id for person in annotators_of(applied) if person.id != name)
    with connect(applied, annotator_token(applied, name)) as api:
        numbers = task_ids(api, project)
        good = annotate(applied, api, numbers[keys[0]], THREAT)
        annotate(applied, api, numbers[keys[0]], NOTHING)  # a second answer
        unvoiced = annotate(applied, api, numbers[keys[1]], Answer(("threat",)))
        annotate(applied, api, numbers[keys[2]], NOTHING, was_cancelled=True)
        hidden = [{"from_name": "voice_threat", "to_name": "text", "type": "choices"}]
        stale = to_result(NOTHING, "", applied.label_scheme, "triage")
        stale += [{**hidden[0], "value": {"choices": ["own"]}}]
        post = {"result": stale, "lead_time": 1}
        assert api.post(f"/api/tasks/{numbers[keys[3]]}/annotations/", post).is_success
        draft = {"result": to_result(THREAT, "", applied.label_scheme, "triage"), "lead_time": 1}
        assert api.post(f"/api/tasks/{numbers[keys[4]]}/drafts", draft).is_success
    with connect(applied, annotator_token(applied, other)) as api:
        edited = annotate(applied, api, numbers[keys[5]], THREAT)  # not assigned
    report = pull(applied, ROUND)
    assert report.quarantined == {"label_without_voice": 1, "not_assigned": 1, "second_answer": 1}
    assert (report.annotations, report.kept, report.pruned) == (6, 3, 1)
    refused = {entry.reason: entry for entry in report.refused}
    assert refused["label_without_voice"].task == numbers[keys[1]]
    assert {entry.annotator for entry in report.refused} == {name}
    assert refused["not_assigned"].annotation == edited
    states = dict(applied.store.read(ANNOTATIONS).select("task_key", "state").iter_rows())
    assert states == {keys[0]: "live", keys[2]: "skipped", keys[3]: "live"}
    assert applied.store.read(QUARANTINE).height == 3

    with connect(applied, annotator_token(applied, name)) as api:
        api.delete(f"/api/annotations/{good}/")  # the second answer is the first one now
        right = to_result(THREAT, "", applied.label_scheme, "triage")
        api.change(f"/api/annotations/{unvoiced}/", {"result": right})
    report = pull(applied, ROUND)
    assert report.quarantined == {"not_assigned": 1}
    assert (report.annotations, report.kept, report.changed, report.deleted) == (5, 4, 1, 1)
    rows = applied.store.read(ANNOTATIONS).filter(task_key=keys[0], state="live").sort("created_at")
    assert rows.item(-1, "labels").to_list() == []


def test_an_answer_that_someone_else_changed_does_not_count_and_the_one_before_stays(applied: Workspace):
    project, name, mine = first_project(applied)
    key = mine.item(0, "task_key")
    with connect(applied, annotator_token(applied, name)) as api:
        number = annotate(applied, api, task_ids(api, project)[key], THREAT)
    pull(applied, ROUND)
    with connect(applied) as api:
        changed = to_result(NOTHING, "", applied.label_scheme, "triage")
        api.change(f"/api/annotations/{number}/", {"result": changed})
    report = pull(applied, ROUND)
    assert (report.changed, report.quarantined) == (1, {"edited_by_other": 1})
    assert applied.store.read(ANNOTATIONS).get_column("labels").to_list() == [["threat"]]
    assert applied.store.read(ANSWERS).height == 2


def test_a_dry_run_tells_what_would_come_and_writes_nothing(applied: Workspace):
    keys = assignments(applied, ROUND).get_column("task_key")[:3]
    enter_answers(applied, ROUND, "triage", {keys[0]: THREAT, keys[1]: Answer(labels=(), flags=("urgent",))})
    before = [applied.store.version(table) for table in (ANNOTATIONS, ANSWERS, QUARANTINE, EVENTS)]
    report = pull(applied, ROUND, dry_run=True)
    assert (report.annotations, report.kept, report.new) == (2, 2, 2)
    assert [applied.store.version(table) for table in (ANNOTATIONS, ANSWERS, QUARANTINE, EVENTS)] == before
    assert pull(applied, ROUND).urgent == 1
    assert pull(applied, ROUND, full=True).new == 0
    assert applied.store.read(EVENTS).filter(action="urgent").height == 1


characters = st.one_of(
    st.characters(exclude_categories=["Cs", "Cc"]),
    st.sampled_from("\r\n\t\u0301\u0308\u200d\u200f\u202e\ufe0f😀🏳👩🇩שלום مرحبا"),
)
some_texts = st.lists(
    st.text(characters, min_size=1, max_size=60).map(normalise_text).filter(str.strip),
    min_size=40,
    max_size=40,
    unique=True,
)


@settings(
    max_examples=1,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(some_texts, st.randoms(use_true_random=False))
def test_any_record_becomes_a_task_an_answer_and_spans_that_are_the_same_again(
    live: Workspace, texts: list[str], rng: Any
):
    name = f"texts{rng.randrange(10**9)}"
    fill_judged(live, name, texts)
    plan_round(live, name, "detail", allow_unqualified=True, repeat_rate=0)
    apply(live, name, "detail")
    planned = assignments(live, name, "detail")
    by_record = {f"{name}-{number}": text for number, text in enumerate(texts)}
    given_spans: dict[str, tuple[int, int]] = {}
    for key, record in planned.select("task_key", "record_id").iter_rows():
        start = rng.randrange(len(by_record[record]))
        given_spans[key] = (start, rng.randrange(start + 1, len(by_record[record]) + 1))
    answers = {key: Answer(spans=(("threat", start, end),)) for key, (start, end) in given_spans.items()}
    enter_answers(live, name, "detail", answers)
    report = pull(live, name, "detail")
    assert (report.kept, report.quarantined) == (len(texts), {})
    for row in live.store.read(ANNOTATIONS).filter(round=name).filter(pl.col("pass") == "detail").to_dicts():
        (span,) = row["spans"]
        assert (span["start"], span["end"]) == given_spans[row["task_key"]]


def fill_judged(workspace: Workspace, name: str, texts: list[str]) -> None:
    """Records with these texts, each judged a threat by one annotator in triage."""
    ids = [f"{name}-{number}" for number in range(len(texts))]
    kept = {"post_id": "p", "import_id": "i", "source": "board", "kind": "post", "language": "de"}
    records = [
        {**dict.fromkeys(RECORDS.schema), **kept, "match_sha256": "m", "quotes": [], "key_id": "k"}
        | {"record_id": record, "post_id": record, "text": text}
        for record, text in zip(ids, texts, strict=True)
    ]
    drawn = {"round": name, "stratum": "all", "strategy": "random", "inclusion_probability": 1.0}
    at = datetime(2031, 3, 1, tzinfo=UTC)
    judged = [
        {**dict.fromkeys(ANNOTATIONS.schema), "annotation_uuid": f"{record}-{who}", "revision": 1}
        | {"state": "live", "task_key": f"{record}-{who}", "record_id": record, "annotator": who}
        | {"round": name, "pass": "triage", "labels": ["threat"], "attributes": [], "flags": []}
        | {"voices": [{"label": "threat", "voice": "own"}], "created_at": at, "updated_at": at}
        | {"scheme_sha256": "s", "guideline_version": "g"}
        for record in ids
        for who in ("amsel", "elsewhere1", "elsewhere2")
    ]
    store = workspace.store
    store.append(RECORDS, pl.DataFrame(records, schema=RECORDS.schema))
    store.append(SAMPLES, pl.DataFrame([{**drawn, "record_id": each} for each in ids], schema=SAMPLES.schema))
    store.append(ANNOTATIONS, pl.DataFrame(judged, schema=ANNOTATIONS.schema))
