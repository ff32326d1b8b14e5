"""Adjudication in a real Label Studio: disputes go out once, verdicts come back and decide gold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.errors import InputError, ServerError
from aufruf.gold import decide_gold, newest_gold
from aufruf.labelstudio import server
from aufruf.labelstudio.accounts import ensure_named
from aufruf.labelstudio.adjudication import adjudicate
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.progress import round_status
from aufruf.labelstudio.projects import task_ids
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round, settled_in
from aufruf.status import status
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, DISPUTES
from aufruf.views import ADJUDICATION, main_answers
from labelstudio_fixtures import ROUND, lend

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

THREAT = Answer(("threat",), (("threat", "own"),), (("threat", "serious", "serious"),))
NOTHING = Answer(labels=())
JUDGES = '[[annotator]]\nid = "{}"\nlanguages = ["de", "en"]\nrole = "adjudicator"\n{}\n'


def appoint(workspace: Workspace, name: str, more: str = "") -> None:
    """Add an adjudicator to the workspace's annotators."""
    path = workspace.root / "annotation" / "annotators.toml"
    path.write_text(path.read_text("utf-8") + JUDGES.format(name, more), "utf-8")


def verdict(error: str, *, holds: bool) -> Answer:
    labels = ("threat",) if holds else ()
    voices = (("threat", "reported"),) if holds else ()
    return Answer(labels, voices, (("threat", "error", error),), comment="nachgesehen")


def answer_all(workspace: Workspace, name: str = ROUND) -> None:
    """Let half of the records tie on threat, two judgements each, and the others be nothing."""
    planned = assignments(workspace, name, "triage").sort("record_id", "annotator")
    given = {
        key: THREAT if int(record[-1]) % 2 and place % 2 else NOTHING
        for place, (key, record) in enumerate(planned.select("task_key", "record_id").iter_rows())
    }
    enter_answers(workspace, name, "triage", given)
    pull(workspace, name)


@pytest.fixture
def disputed(live: Workspace, label_studio: Workspace) -> Workspace:
    """A workspace with four records of eight about which two annotators disagree, and an adjudicator."""
    with connect(label_studio) as api:
        ensure_named(label_studio, api, ["zeisig"])
    lend(label_studio, live)
    appoint(live, "zeisig")
    plan_round(live, ROUND, overlap=2, allow_unqualified=True)
    apply(live, ROUND)
    answer_all(live)
    return live


@pytest.mark.labelstudio
def test_disputes_go_out_once_and_verdicts_decide_gold(disputed: Workspace):
    assert status(disputed).next == f"aufruf annotate adjudicate {ROUND}"
    assert round_status(disputed, ROUND).adjudication.undecided == 4
    would = adjudicate(disputed, ROUND, dry_run=True)
    assert (would.records, would.applied, disputed.store.version(DISPUTES)) == (4, None, None)
    report = adjudicate(disputed, ROUND)
    assert (report.records, report.labels, report.incomplete, report.unassignable) == (
        4,
        {"threat": 4},
        0,
        {},
    )
    assert report.applied is not None
    assert (report.applied.created, report.applied.existing) == (4, 0)
    again = adjudicate(disputed, ROUND)
    assert again.applied is not None
    assert (again.records, again.applied.created, again.applied.existing) == (0, 0, 4)

    planned = assignments(disputed, ROUND, ADJUDICATION).sort("record_id")
    yes, no, ambiguous, skipped = planned.get_column("task_key")
    given = {
        yes: verdict("slip", holds=True),
        no: verdict("guideline_gap", holds=False),
        ambiguous: verdict("ambiguous", holds=False),
        skipped: Answer(skipped=True),
    }
    before = main_answers(disputed.store.scan(ANNOTATIONS), disputed.store.scan(ASSIGNMENTS)).collect()
    enter_answers(disputed, ROUND, ADJUDICATION, given)
    pulled = pull(disputed, ROUND)
    assert (pulled.new, pulled.quarantined) == (4, {})
    after = main_answers(disputed.store.scan(ANNOTATIONS), disputed.store.scan(ASSIGNMENTS)).collect()
    assert after.equals(before), "verdicts are nobody's answers"

    decide_gold(disputed)
    gold = (
        newest_gold(disputed)
        .filter(pl.col("label") == "threat")
        .join(planned.select("record_id", "task_key"), on="record_id")
    )
    cells = {
        (row["task_key"], row["column"]): (row["value"], row["decided_by"], row["n"])
        for row in gold.iter_rows(named=True)
    }
    assert cells[yes, "contained"] == ("true", "adjudicated", 2)
    assert cells[yes, "author"] == ("false", "adjudicated", 2)
    assert cells[yes, "voice"] == ("reported", "adjudicated", 1)
    assert cells[no, "contained"] == ("false", "adjudicated", 2)
    assert cells[ambiguous, "contained"] == (None, "adjudicated", 2)
    assert cells[skipped, "contained"] == (None, None, 2)
    assert set(gold.filter(pl.col("column") == "contained").get_column("share")) == {0.5}
    by_key = dict(planned.select("task_key", "record_id").iter_rows())
    assert settled_in(disputed).rows() == [(by_key[yes], "threat")]

    found = round_status(disputed, ROUND).adjudication
    assert (found.given, found.decided, found.open, found.undecided) == (3, 3, 0, 1)
    (line,) = found.errors
    assert (line.label, line.slip, line.guideline_gap, line.ambiguous) == ("threat", 1, 1, 1)
    left = adjudicate(disputed, ROUND)
    assert left.unassignable == {"no adjudicator for de who has not seen it": 1}, "the one who skipped it"


@pytest.mark.labelstudio
def test_an_adjudicator_never_gets_what_they_judged(disputed: Workspace):
    path = disputed.root / "annotation" / "annotators.toml"
    path.write_text(path.read_text("utf-8").replace('role = "annotator"', 'role = "adjudicator"'), "utf-8")
    adjudicate(disputed, ROUND)
    planned = disputed.store.read(ASSIGNMENTS)
    counts = planned.group_by("record_id", "annotator").len()
    assert counts.get_column("len").max() == 1
    assert planned.filter(pl.col("purpose") == ADJUDICATION).height == 4


@pytest.mark.labelstudio
def test_a_list_of_records_goes_out_whatever_was_answered(disputed: Workspace, tmp_path: Path):
    path = tmp_path / "records.csv"
    path.write_text(f"record_id,label\n{ROUND}-0000,threat\n{ROUND}-0002,protest_mobilization\n")
    report = adjudicate(disputed, ROUND, path)
    assert (report.records, report.labels) == (2, {"protest_mobilization": 1, "threat": 1})
    path.write_text("nobody-knows-it\n")
    with pytest.raises(InputError, match="1 of 1 records are not in the workspace"):
        adjudicate(disputed, ROUND, path)


@pytest.mark.labelstudio
def test_a_run_that_was_cut_off_is_taken_up_and_each_task_is_there_once(disputed: Workspace):
    upstream = disputed.secrets.get(server.URL)
    assert upstream is not None
    disputed.secrets.update({server.URL: "http://127.0.0.1:9"})
    with pytest.raises(ServerError):
        adjudicate(disputed, ROUND)
    disputed.secrets.update({server.URL: upstream.reveal()})
    keys = assignments(disputed, ROUND, ADJUDICATION).get_column("task_key")
    assert len(keys) == 4, "planned, not brought in"
    disputed.store.delete(ASSIGNMENTS, f"task_key = '{keys[0]}'")  # as if cut off before they were written
    for _ in range(2):
        adjudicate(disputed, ROUND)
        planned = assignments(disputed, ROUND, ADJUDICATION)
        assert set(planned.get_column("task_key")) == set(keys)
        assert disputed.store.read(DISPUTES).height == 4
        with connect(disputed) as api:
            found = [
                key for number in planned.get_column("project_id").unique() for key in task_ids(api, number)
            ]
        assert sorted(found) == sorted(keys)
