"""How far a round is: counts, shares and budgets, from tables alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.errors import GateError
from aufruf.labelstudio.conformity import wilson
from aufruf.labelstudio.progress import RoundStatus, round_status
from aufruf.labelstudio.urgent import log_urgent, protocol_of
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, EVENTS, GOLD, RECORDS

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

NOW = datetime(2031, 3, 12, 15, tzinfo=UTC)
LABELS = ("threat", "call_to_violence", "protest_mobilization", "violence_approval")


def assign(task: str, annotator: str = "amsel", purpose: str = "main", **values: Any) -> dict[str, Any]:
    return {
        "task_key": task,
        "round": "pilot",
        "pass": "triage",
        "record_id": task,
        "language": "de",
        "annotator": annotator,
        "purpose": purpose,
        "position": 0,
        "release_day": 0,
        "project_id": 1,
        "scheme_sha256": "s",
        **values,
    }


def answer(task: str, *labels: str, annotator: str = "amsel", **values: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(ANNOTATIONS.schema),
        "annotation_uuid": f"u-{task}",
        "revision": 1,
        "state": "live",
        "task_key": task,
        "record_id": task,
        "annotator": annotator,
        "round": "pilot",
        "pass": "triage",
        "labels": list(labels),
        "voices": [{"label": label, "voice": "own"} for label in labels],
        "attributes": [],
        "flags": [],
        "seconds": 10.0,
        "created_at": NOW,
        "updated_at": NOW,
        "scheme_sha256": "s",
        "guideline_version": "g",
        **values,
    }


def skipped(task: str) -> dict[str, Any]:
    return answer(task) | {"state": "skipped", "labels": None, "voices": None, "seconds": 900.0}


def fill(workspace: Workspace, assignments: list[dict[str, Any]], answers: list[dict[str, Any]]) -> None:
    path = workspace.root / "annotation" / "annotators.toml"
    path.write_text(
        '[[annotator]]\nid = "star"\nlanguages = ["de"]\n'
        '[[annotator]]\nid = "amsel"\nlanguages = ["de"]\ndaily = 30\nweekly_heavy = 9\n'
    )
    store = workspace.store
    store.upsert(ASSIGNMENTS, pl.DataFrame(assignments, schema=ASSIGNMENTS.schema))
    store.upsert(ANNOTATIONS, pl.DataFrame(answers, schema=ANNOTATIONS.schema))


def know(workspace: Workspace, records: dict[str, tuple[str, ...]]) -> None:
    """Let gold hold these labels, own voice, of these records."""
    rows = [
        {
            "gold_run": "run",
            "record_id": record,
            "label": label,
            "column": column,
            "value": "true" if label in held else "false",
            "share": 1.0,
            "n": 3,
            "distribution": [],
            "decided_by": "unanimous",
        }
        for record, held in records.items()
        for label in LABELS
        for column in ("contained", "author")
    ]
    workspace.store.upsert(GOLD, pl.DataFrame(rows, schema=GOLD.schema))
    workspace.record_event("gold", "run", {})


def test_tasks_are_released_done_skipped_or_left_and_people_stand_by_name(workspace: Workspace):
    planned = [assign(f"t{n}") for n in range(4)] + [assign("t4", project_id=None), assign("t5", "star")]
    answers = [
        answer("t0"),
        answer("t1", "threat", seconds=30.0),
        skipped("t2"),
        answer("t5", annotator="star"),
    ]
    fill(workspace, planned, answers)
    first, second = round_status(workspace, "pilot", NOW).annotators
    assert (first.annotator, second.annotator) == ("amsel", "star")
    assert (first.released, first.done, first.skipped, first.left) == (4, 2, 1, 2)
    assert first.seconds == 20.0  # the median of 10 and 30: the skip's 900 s are no part of it


def test_conformity_counts_check_items_whose_labels_and_voices_are_all_known(workspace: Workspace):
    planned = [assign(f"t{n}", purpose="gold_check") for n in range(5)] + [assign("main")]
    own = answer("t1", "threat")
    reported = answer("t2", "threat", voices=[{"label": "threat", "voice": "reported"}])
    unsaid = answer("t4", labels=None, voices=None, flags=["cannot_judge"])
    fill(workspace, planned, [answer("t0"), own, reported, skipped("t3"), unsaid, answer("main", "threat")])
    know(workspace, {"t0": (), "main": (), **{f"t{n}": ("threat",) for n in range(1, 5)}})
    (status,) = round_status(workspace, "pilot", NOW).annotators
    assert status.conformity == wilson(2, 3)  # t0 and t1 of t0, t1, t2; neither skip nor cannot-judge


def test_repeats_are_compared_with_ones_own_first_answer_in_any_round(workspace: Workspace):
    before = [assign(f"old{n}", round="earlier", record_id=f"r{n}") for n in range(2)]
    again = [assign(f"new{n}", purpose="repeat", record_id=f"r{n}") for n in range(2)]
    long_ago = {"created_at": NOW - timedelta(days=20), "round": "earlier"}
    answers = [
        answer("old0", "threat", record_id="r0", **long_ago),
        answer("old1", record_id="r1", **long_ago),
        answer("new0", "threat", record_id="r0"),
        answer("new1", "call_to_violence", record_id="r1"),
    ]
    fill(workspace, [*before, *again], answers)
    (status,) = round_status(workspace, "pilot", NOW).annotators
    assert status.repeats == wilson(1, 2)
    assert status.conformity is None


@given(st.integers(1, 400), st.data())
def test_the_interval_is_that_of_wilson(n: int, data: st.DataObject):
    right = data.draw(st.integers(0, n))
    found = wilson(right, n)
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_budgets_count_today_and_seven_days_in_all_rounds(workspace: Workspace):
    def on(day: int, task: str, *labels: str) -> dict[str, Any]:
        return answer(task, *labels, created_at=NOW - timedelta(days=day))

    answers = [
        on(0, "t0", "threat"),
        on(0, "t1"),
        on(6, "t2", "threat"),
        on(7, "t3", "threat"),
        skipped("t4"),
    ]
    planned = [assign(f"t{n}", round="pilot" if n else "other") for n in range(5)]
    rows = [{**dict.fromkeys(RECORDS.schema), **_record(f"t{n}")} for n in range(5)]
    workspace.store.upsert(RECORDS, pl.DataFrame(rows, schema=RECORDS.schema))
    fill(workspace, planned, answers)
    (use,) = round_status(workspace, "pilot", NOW).budgets
    # too few answers to tell what a task takes: 30 seconds by the settings
    assert (use.minutes_today, use.daily, use.minutes_week, use.weekly) == (1.5, 30, 2.0, None)
    assert (use.heavy_today, use.daily_heavy, use.heavy_week, use.weekly_heavy) == (1, None, 2, 9)


def _record(name: str) -> dict[str, Any]:
    return {
        "record_id": name,
        "post_id": name,
        "import_id": "import",
        "source": "board",
        "kind": "post",
        "language": "de",
        "text": "Es regnet.",
        "match_sha256": name,
        "quotes": [],
        "key_id": "key",
    }


def test_an_urgent_answer_is_logged_once_with_a_protocol_that_names_who_acts(workspace: Workspace):
    path = workspace.root / "aufruf.toml"
    path.write_text(path.read_text().replace('responsible = ""', 'responsible = "Leitung, Tel. 100"'))
    fill(workspace, [assign("t0"), assign("t1")], [answer("t0", flags=["urgent"]), answer("t1")])
    assert log_urgent(workspace, "pilot") == 1
    assert log_urgent(workspace, "pilot") == 0
    events = workspace.store.read(EVENTS).filter(action="urgent")
    assert events.get_column("subject").to_list() == ["pilot"]
    status: RoundStatus = round_status(workspace, "pilot", NOW)
    (urgent,) = status.urgent
    assert (urgent.record_id, status.responsible) == ("t0", "Leitung, Tel. 100")
    protocol = protocol_of(workspace, urgent).read_text("utf-8")
    assert "Leitung, Tel. 100" in protocol
    assert "{" not in protocol


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_the_command_exits_with_3_where_an_answer_is_urgent(workspace: Workspace, option: list[str]):
    fill(workspace, [assign("t0")], [answer("t0", flags=["urgent"])])
    command = ["annotate", "status", "pilot", "--workspace", str(workspace.root), *option]
    assert isinstance(CliRunner().invoke(app, command).exception, GateError)
    fill(workspace, [assign("t0")], [answer("t0", revision=2)])
    assert CliRunner().invoke(app, command).exit_code == 0
