"""The commands sample, agreement and gold, as programs and people use them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.errors import InputError
from aufruf.gold import newest_gold
from aufruf.tables import GOLD, RECORDS, SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


def run(*words: Any, code: int = 0) -> str:
    """Run a command, expect the exit status, and return what it printed on standard output."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def test_sample_answers_programs_with_the_design_and_the_strata(filled_workspace: Workspace):
    at = ("-w", filled_workspace.root)
    found = json.loads(run("sample", "next", "-n", 6, "--strategy", "stratified", "--json", *at))
    assert found["design"]["by"] == ["language", "kind"]
    assert [stratum["stratum"] for stratum in found["strata"]] == [
        "language=de,kind=post",
        "language=en,kind=post",
    ]
    rows = filled_workspace.store.scan(SAMPLES).filter(pl.col("round") == "next").collect()
    assert rows.height == found["drawn"] == 6


def test_sample_says_when_there_are_fewer_records_than_asked_for(filled_workspace: Workspace):
    shown = run("sample", "next", "-n", 5000, "-w", filled_workspace.root)
    assert "asked for 5,000, only 40 were left: all are taken" in shown


def test_strata_without_the_stratified_strategy_are_wrong_usage(filled_workspace: Workspace):
    run("sample", "next", "-n", 5, "--by", "kind", "-w", filled_workspace.root, code=2)


def test_a_dry_run_of_sample_writes_nothing(filled_workspace: Workspace):
    version = filled_workspace.store.version(SAMPLES)
    run("sample", "next", "-n", 5, "--dry-run", "-w", filled_workspace.root)
    assert filled_workspace.store.version(SAMPLES) == version


def test_agreement_answers_programs_with_a_list_of_coefficients(filled_workspace: Workspace):
    rows = json.loads(run("agreement", "--resamples", 50, "--json", "-w", filled_workspace.root))
    first = {"coefficient": "krippendorff_alpha", "label": "threat_contained", "group": "all"}
    keys = {
        "label",
        "group",
        "coefficient",
        "level",
        "value",
        "low",
        "high",
        "records",
        "annotators",
        "reason",
    }
    assert first.items() <= rows[0].items()
    assert set(rows[0]) == keys
    assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]


@pytest.mark.parametrize(("reliable", "mark"), [("0.05", "●"), ("0.9999", "◐")])
def test_agreement_marks_coefficients_by_the_workspaces_thresholds(
    filled_workspace: Workspace, reliable: str, mark: str
):
    settings = filled_workspace.root / "aufruf.toml"
    text = settings.read_text("utf-8").replace("tentative = 0.667", "tentative = 0.05")
    settings.write_text(text.replace("reliable = 0.8", f"reliable = {reliable}"), "utf-8")
    shown = run("agreement", "--resamples", 0, "-w", filled_workspace.root).splitlines()
    assert [mark in line for line in shown if "threat_contained" in line] == [True]


def test_agreement_shows_the_groups_that_were_asked_for(filled_workspace: Workspace):
    at = ("--resamples", 0, "-w", filled_workspace.root)
    assert "pair=" not in run("agreement", *at)
    shown = run("agreement", "--by", "pair,kind", *at)
    assert "pair=amsel|star" in shown
    assert "kind=news" in shown
    assert "cohen_kappa" in shown
    assert "language=de" not in shown
    run("agreement", "--by", "weather", *at, code=2)


def test_agreement_hints_at_annotators_and_confusions(filled_workspace: Workspace):
    found = json.loads(run("agreement", "--hints", "--json", "-w", filled_workspace.root))
    assert set(found) == {"removals", "confusions"}
    shown = run("agreement", "--hints", "-w", filled_workspace.root)
    assert "drossel" in shown
    assert "endorsed / reported" in shown


def test_agreement_of_a_table_needs_no_workspace(tmp_path: Path):
    table = tmp_path / "answers.csv"
    table.write_text("text,who,hate\n1,x,yes\n1,y,yes\n2,x,no\n2,y,no\n")
    columns = ("--unit", "text", "--annotator", "who", "--value", "hate")
    rows = json.loads(run("agreement", "--table", table, *columns, "--json"))
    assert (rows[0]["label"], rows[0]["value"]) == ("hate", 1.0)
    run("agreement", "--table", table, code=2)
    run("agreement", *columns, code=2)


def test_gold_answers_programs_with_counts_and_lists_ties_when_asked(filled_workspace: Workspace):
    at = ("--json", "-w", filled_workspace.root)
    found = json.loads(run("gold", *at))
    assert {"gold_run", "records", "decided", "undecided", "changed"} <= set(found)
    assert "ties" not in found
    assert newest_gold(filled_workspace).item(0, "gold_run") == found["gold_run"]
    listed = json.loads(run("gold", "--ties", *at))
    assert len(listed["ties"]) == listed["undecided"] == found["undecided"]


def test_gold_of_a_round_that_is_not_there_changes_nothing(filled_workspace: Workspace):
    version = filled_workspace.store.version(GOLD)
    with pytest.raises(InputError, match="rounds with answers: pilot, uncertain"):
        run("gold", "r9", "-w", filled_workspace.root)
    assert filled_workspace.store.version(GOLD) == version


@pytest.mark.parametrize(
    "words",
    [
        ("agreement", "--by", "language"),
        ("agreement", "--hints"),
        ("gold", "--annotators"),
        ("gold", "--ties"),
        ("sample", "x", "-n", 9),
    ],
)
def test_no_command_shows_the_text_of_a_record(filled_workspace: Workspace, words: tuple[Any, ...]):
    texts = filled_workspace.store.read(RECORDS).get_column("text").to_list()
    shown = run(*words, "-w", filled_workspace.root)
    assert not any(text in shown for text in texts if len(text) > 10)
