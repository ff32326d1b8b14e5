"""Rounds and backups with a team's Label Studio on PostgreSQL: the same tests as on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aufruf.labelstudio import server
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.api import KEY_VARIABLE, URL_VARIABLE, connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.backup import backup, restore
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.tables import ANNOTATIONS
from labelstudio_fixtures import ROUND
from postgresql_fixtures import label_studio_on_postgresql, postgresql
from test_labelstudio_rounds import (
    applied,
    test_a_changed_answer_is_a_new_revision_and_a_deleted_one_is_noticed,
    test_a_round_goes_in_is_answered_and_comes_back_as_it_was_answered,
    test_an_answer_lost_on_the_way_after_the_server_accepted_makes_no_task_twice,
    test_detail_asks_those_who_judged_about_what_is_settled_and_spans_come_back,
    test_nothing_is_done_twice,
    test_what_the_server_takes_without_a_look_is_quarantined_by_reason,
)

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

__all__ = [
    "applied",
    "label_studio_on_postgresql",
    "postgresql",
    "test_a_changed_answer_is_a_new_revision_and_a_deleted_one_is_noticed",
    "test_a_round_goes_in_is_answered_and_comes_back_as_it_was_answered",
    "test_an_answer_lost_on_the_way_after_the_server_accepted_makes_no_task_twice",
    "test_detail_asks_those_who_judged_about_what_is_settled_and_spans_come_back",
    "test_nothing_is_done_twice",
    "test_what_the_server_takes_without_a_look_is_quarantined_by_reason",
]

pytestmark = [pytest.mark.labelstudio, pytest.mark.postgresql]


@pytest.fixture(scope="session")
def label_studio(label_studio_on_postgresql: Workspace) -> Workspace:
    """What the tests of rounds take, on PostgreSQL here."""
    return label_studio_on_postgresql


def test_a_team_server_moves_into_an_embedded_one_through_a_portable_backup(
    live: Workspace, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    plan_round(live, ROUND, allow_unqualified=True)
    with connect(live) as api:
        for project in list(api.pages("/api/projects/", "results")):
            api.delete(f"/api/projects/{project['id']}/")
    apply(live, ROUND)
    keys = assignments(live, ROUND).get_column("task_key").to_list()
    threat = Answer(("threat",), (("threat", "own"),), (("threat", "serious", "serious"),))
    enter_answers(live, ROUND, "triage", {keys[0]: Answer(skipped=True), **dict.fromkeys(keys[1:6], threat)})
    pull(live, ROUND)
    before = live.store.read(ANNOTATIONS)
    url, key = (live.secrets.get(name) for name in (server.URL, server.API_KEY))
    assert url is not None
    assert key is not None
    monkeypatch.setenv(URL_VARIABLE, url.reveal())
    monkeypatch.setenv(KEY_VARIABLE, key.reveal())
    made = backup(live, tmp_path / "b.zip")
    assert (made.kind, made.counts.projects, made.counts.annotations) == ("portable", 4, 6)
    monkeypatch.delenv(URL_VARIABLE)
    monkeypatch.delenv(KEY_VARIABLE)
    live.secrets.update({server.API_KEY: None})
    server.start(live)
    try:
        report = restore(live, tmp_path / "b.zip")
        assert (report.newer, report.foreign) == (0, 0)
        again = apply(live, ROUND)
        assert (again.created, again.existing) == (0, 24)
        pulled = pull(live, ROUND)
        assert (pulled.annotations, pulled.new, pulled.changed, pulled.deleted) == (6, 0, 0, 0)
        assert live.store.read(ANNOTATIONS).equals(before)
    finally:
        server.stop(live)
