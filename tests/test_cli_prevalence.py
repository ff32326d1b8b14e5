"""The commands that plan a sample and tell of the corpus."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.sampling import sample_round
from test_prevalence import corpus, drawn, judge


def test_prevalence_and_plan_are_one_json_document_each(workspace):
    truth = corpus(workspace)
    sample_round(workspace, "one", 60, seed=0)
    judge(workspace, truth.join(drawn(workspace), on="record_id", how="semi"))
    place = ["--workspace", str(workspace.root)]
    shown = CliRunner().invoke(app, ["prevalence", "--by", "language", "--json", *place])
    rows = json.loads(shown.stdout)
    assert {row["group"] for row in rows} == {"all", "language=de", "language=en"}
    planned = CliRunner().invoke(app, ["sample", "two", "-n", "50", "--plan", "--json", *place])
    assert {row["language"] for row in json.loads(planned.stdout)} == {"de", "en"}
    assert drawn(workspace).height == 60


def test_a_part_that_cannot_be_told_apart_is_a_usage_error(workspace):
    place = ["--workspace", str(workspace.root)]
    assert CliRunner().invoke(app, ["prevalence", "--by", "author", *place]).exit_code == 2


def test_tables_for_people_say_share_and_interval(workspace):
    truth = corpus(workspace)
    sample_round(workspace, "one", 60, seed=0)
    judge(workspace, truth.join(drawn(workspace), on="record_id", how="semi"))
    place = ["--workspace", str(workspace.root)]
    assert " %" in CliRunner().invoke(app, ["prevalence", *place]).stdout
    dry = ["sample", "two", "-n", "20", "--strategy", "lexicon", "--dry-run", *place]
    assert "drawn by" in CliRunner().invoke(app, dry).stdout
    assert "at random" in CliRunner().invoke(app, ["sample", "two", "-n", "20", "--plan", *place]).stdout
