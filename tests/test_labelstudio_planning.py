"""Plans of a workspace: checks, repeats, opt-outs, qualification, and what must never count."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.agreement import agreement
from aufruf.cli.app import app
from aufruf.errors import InputError, SettingsError
from aufruf.gold import decide_gold
from aufruf.gold.run import newest_gold
from aufruf.labelstudio.burden import names_of, seconds_per_task
from aufruf.labelstudio.rounds import annotators_of, assignments, plan_round, settled_in
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, RECORDS, SOURCE_LABELS
from labelstudio_fixtures import add_round

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

NOW = datetime(2031, 6, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=20)
NAMES = ("amsel", "drossel", "fink", "star")


def write_annotators(workspace: Workspace, **lines: str) -> None:
    """Four German annotators, some with lines of their own."""
    entries = [f'[[annotator]]\nid = "{name}"\nlanguages = ["de"]\n{lines.get(name, "")}\n' for name in NAMES]
    (workspace.root / "annotation" / "annotators.toml").write_text("\n".join(entries))


def plan(workspace: Workspace, name: str, in_pass: Any = "triage", **options: Any):
    return plan_round(workspace, name, in_pass, **{"allow_unqualified": True, "now": NOW, **options})


def answer_all(
    workspace: Workspace,
    name: str,
    labels: dict[str, list[str]],
    at: datetime = LONG_AGO,
    changes: dict[str, Any] | None = None,
) -> None:
    """Answer every task of a round in triage as if pulled: the labels of a record, none of the others."""
    rows = [
        {
            **dict.fromkeys(ANNOTATIONS.schema),
            **{
                key: task[key]
                for key in ("task_key", "record_id", "annotator", "round", "pass", "scheme_sha256")
            },
            "annotation_uuid": f"a-{task['task_key']}",
            "revision": 1,
            "state": "live",
            "labels": labels.get(task["record_id"], []),
            "voices": [{"label": label, "voice": "own"} for label in labels.get(task["record_id"], [])],
            "attributes": [],
            "flags": [],
            "seconds": 10.0,
            "created_at": at,
            "updated_at": at,
            "guideline_version": "g",
        }
        | (changes or {})
        for task in assignments(workspace, name, "triage").iter_rows(named=True)
    ]
    workspace.store.upsert(ANNOTATIONS, pl.DataFrame(rows, schema=ANNOTATIONS.schema))


@pytest.fixture
def judged(workspace: Workspace) -> Workspace:
    """A workspace with a first round of forty records, judged long ago by two each; five hold a threat."""
    write_annotators(workspace)
    add_round(workspace, 40, "first")
    plan(workspace, "first", overlap=2)
    answer_all(workspace, "first", {f"first-{n:04}": ["threat"] for n in range(5)})
    decide_gold(workspace)
    add_round(workspace, 80, "second")
    return workspace


def counts(workspace: Workspace, name: str) -> dict[str, int]:
    return dict(assignments(workspace, name).group_by("purpose").len().iter_rows())


def test_checks_have_known_answers_and_are_new_to_the_annotator_repeats_are_their_own(judged: Workspace):
    report = plan(judged, "second", overlap=2, gold_rate=0.1, repeat_rate=0.05)
    assert counts(judged, "second") == {"main": 160, "gold_check": 16, "repeat": 8}
    assert [(load.tasks, load.gold_checks, load.repeats) for load in report.loads] == [(46, 4, 2)] * 4
    own = set(assignments(judged, "first").select("annotator", "record_id").rows())
    planned = assignments(judged, "second")
    checks = planned.filter(purpose="gold_check")
    assert not own & set(checks.select("annotator", "record_id").rows())
    assert set(checks.get_column("record_id")) <= set(newest_gold(judged).get_column("record_id"))
    with_label = checks.filter(pl.col("record_id").is_in([f"first-{n:04}" for n in range(5)]))
    assert 4 <= with_label.height <= 12, "about half hold a label where there are enough that do"
    repeats = planned.filter(purpose="repeat").select("annotator", "record_id").rows()
    assert set(repeats) <= own
    places = planned.filter(annotator="amsel").sort("position").get_column("purpose") != "main"
    assert places[:23].sum() in (2, 3, 4)


def test_a_plan_made_again_adds_nothing_and_the_same_seed_gives_the_same(judged: Workspace):
    dry = plan(judged, "second", seed=3, dry_run=True)
    assert assignments(judged, "second").is_empty()
    first = plan(judged, "second", seed=3)
    assert (dry.loads, dry.written, first.written) == (first.loads, False, True)
    again = plan(judged, "second", seed=3)
    assert (again.new, again.withdrawn, again.existing, again.written) == (0, 0, first.new, False)


def test_what_is_too_young_or_was_not_judged_is_not_repeated(judged: Workspace):
    young = LONG_AGO + timedelta(days=13)
    assert plan(judged, "second", now=young, dry_run=True).loads[0].repeats == 0
    old = LONG_AGO + timedelta(days=14)
    assert plan(judged, "second", now=old, dry_run=True).loads[0].repeats > 0
    answer_all(judged, "first", {}, changes={"state": "skipped", "labels": None})
    assert plan(judged, "second", now=old, dry_run=True).loads[0].repeats == 0


def test_a_record_is_repeated_once(judged: Workspace):
    plan(judged, "second", repeat_rate=0.5)
    first = set(
        assignments(judged, "second").filter(purpose="repeat").select("annotator", "record_id").rows()
    )
    add_round(judged, 80, "third")
    plan(judged, "third", repeat_rate=0.5)
    later = assignments(judged, "third").filter(purpose="repeat").select("annotator", "record_id").rows()
    assert first
    assert not first & set(later)


def test_records_of_validation_and_test_are_no_check_items(judged: Workspace):
    ids = [f"first-{n:04}" for n in range(40)]
    lock = {"format": 1, "splits": {"train": ids[:1], "validation": ids[1:20], "test": ids[20:]}}
    folder = judged.root / "releases" / "0.1.0"
    folder.mkdir(parents=True)
    (folder / "splits.lock.json").write_text(json.dumps(lock))
    plan(judged, "second", gold_rate=0.5)
    checks = assignments(judged, "second").filter(purpose="gold_check")
    assert set(checks.get_column("record_id")) == {ids[0]}
    (folder / "splits.lock.json").write_text("{")
    with pytest.raises(InputError, match="no list of splits"):
        plan(judged, "second")


def test_an_answer_that_is_not_sure_is_no_known_one(judged: Workspace):
    rows = judged.store.read(ANNOTATIONS).sort("annotator")
    split = rows.filter(record_id="first-0010").head(1)
    voice = pl.lit([{"label": "threat", "voice": "own"}], dtype=ANNOTATIONS.schema["voices"])
    judged.store.upsert(ANNOTATIONS, split.with_columns(labels=pl.lit(["threat"]), voices=voice))
    alone = rows.filter(record_id="first-0011").head(1)
    judged.store.upsert(ANNOTATIONS, alone.with_columns(state=pl.lit("skipped"), labels=None))
    decide_gold(judged)
    plan(judged, "second", gold_rate=0.5)
    checks = set(assignments(judged, "second").filter(purpose="gold_check").get_column("record_id"))
    assert checks == {f"first-{n:04}" for n in range(40)} - {"first-0010", "first-0011"}


def test_a_rounds_own_records_are_no_checks_in_it(judged: Workspace):
    add_round(judged, 60, "first")
    assert plan(judged, "first", overlap=2, gold_rate=0.5).new >= 40
    checks = assignments(judged, "first").filter(purpose="gold_check")
    assert checks.is_empty()


def test_opt_outs_hold_for_checks_and_repeats_too(judged: Workspace):
    write_annotators(judged, fink='opt_out = ["threat"]')
    plan(judged, "second", gold_rate=0.5, repeat_rate=0.5)
    again = assignments(judged, "second").filter(pl.col("purpose") != "main")
    threats = again.filter(pl.col("record_id").is_in([f"first-{n:04}" for n in range(5)]))
    assert "fink" not in threats.get_column("annotator")
    assert {"amsel", "drossel", "star"} <= set(threats.get_column("annotator"))


def test_what_was_checked_before_is_checked_again_before_new_records_are_used_up(judged: Workspace):
    plan(judged, "second", overlap=2, gold_rate=0.1)
    used = set(assignments(judged, "second").filter(purpose="gold_check").get_column("record_id"))
    assert len(used) <= 12, "annotators share check items where they can"
    add_round(judged, 8, "third")
    write_annotators(judged)
    path = judged.root / "annotation" / "annotators.toml"
    path.write_text('[[annotator]]\nid = "zeisig"\nlanguages = ["de"]\n')
    plan(judged, "third", overlap=1, gold_rate=0.5)
    fresh = assignments(judged, "third").filter(purpose="gold_check").get_column("record_id")
    assert len(fresh) == 4
    assert set(fresh) <= used


def test_answers_to_checks_and_repeats_are_no_second_opinion(judged: Workspace):
    """Everyone says the opposite when they are asked again: neither agreement nor gold nor detail moves."""
    plan(judged, "second", overlap=2, gold_rate=0.2, repeat_rate=0.2)
    planned = assignments(judged, "second")
    again = planned.filter(pl.col("purpose") != "main")
    assert set(again.get_column("purpose")) == {"gold_check", "repeat"}
    before = newest_gold(judged).sort("record_id", "label", "column").drop("gold_run")
    every = {record: ["violence_approval"] for record in again.get_column("record_id")}
    answer_all(judged, "second", every, at=NOW)
    decide_gold(judged)
    after = newest_gold(judged).sort("record_id", "label", "column").drop("gold_run")
    first = after.filter(pl.col("record_id").str.starts_with("first"))
    assert first.equals(before)
    assert not set(settled_in(judged).filter(label="violence_approval").get_column("record_id"))
    rows = agreement(judged, "second", by=(), resamples=10)
    found = {row.group: row.records for row in rows if row.label == "threat_contained"}
    assert found["all"] == 80
    with pytest.raises(InputError, match="no record with a settled label"):
        plan(judged, "second", "detail")
    assert plan(judged, "first", "detail").records == 5


def test_who_has_not_passed_gets_nothing_unless_told_otherwise(workspace: Workspace):
    write_annotators(workspace)
    add_round(workspace, 8)
    with pytest.raises(InputError, match=r"amsel, drossel, fink, star have not: .*--allow-unqualified"):
        plan(workspace, "pilot", allow_unqualified=False)
    assert plan(workspace, "pilot").unqualified == {}


def test_an_opt_out_that_names_nothing_is_refused(workspace: Workspace):
    write_annotators(workspace, fink='opt_out = ["thraet"]')
    add_round(workspace, 8)
    with pytest.raises(SettingsError, match=r"'fink' opts out of 'thraet'.* threat, "):
        plan(workspace, "pilot")


@pytest.mark.parametrize("name", ["threat", "board", "gardeners", "subject=plants"])
def test_labels_sources_groups_and_what_sources_say_are_kept_from_those_who_opted_out(
    workspace: Workspace, name: str
):
    write_annotators(workspace, fink=f'opt_out = ["{name}"]')
    lexicon = workspace.root / "schemas" / "lexicon.toml"
    lexicon.write_text(
        'version = "1"\n[[terms]]\nlabel = "threat"\nlanguage = "de"\nwords = ["herbst"]\n'
        '[[groups]]\nname = "gardeners"\nlanguage = "de"\nwords = ["nudeln"]\n'
    )
    add_round(workspace, 20)
    said = {"source": "set", "file": "f", "annotator": "source:set", "column": "subject", "candidate_for": []}
    rows = [
        {
            **dict.fromkeys(SOURCE_LABELS.schema),
            **said,
            "record_id": "pilot-0007",
            "item": "1",
            "value": "plants",
        }
    ]
    workspace.store.append(SOURCE_LABELS, pl.DataFrame(rows, schema=SOURCE_LABELS.schema))
    plan(workspace, "pilot", overlap=4)
    texts = workspace.store.read(RECORDS).select("record_id", "text")
    meant = {
        "threat": texts.filter(pl.col("text").str.contains("Herbst")),
        "board": texts,
        "gardeners": texts.filter(pl.col("text").str.contains("Nudeln")),
        "subject=plants": texts.filter(record_id="pilot-0007"),
    }[name]
    theirs = assignments(workspace, "pilot").filter(annotator="fink").get_column("record_id")
    assert set(theirs) == set(texts.get_column("record_id")) - set(meant.get_column("record_id"))
    assert meant.height > 0


def test_an_answer_ends_the_guess_and_gold_ends_the_answers(judged: Workspace):
    lexicon = judged.root / "schemas" / "lexicon.toml"
    lexicon.write_text('version = "1"\n[[terms]]\nlabel = "threat"\nlanguage = "de"\nwords = ["herbst"]\n')
    records = judged.store.read(RECORDS)
    names = names_of(judged, records)
    held = {record for record, found in names.items() if "threat" in found}
    guessed = set(
        records.filter(
            pl.col("record_id").str.starts_with("second") & pl.col("text").str.contains("Herbst")
        ).get_column("record_id")
    )
    assert held == guessed | {f"first-{n:04}" for n in range(5)}
    assert len(guessed) == 16


def test_where_gold_says_no_one_annotators_yes_counts_no_more(workspace: Workspace):
    write_annotators(workspace)
    add_round(workspace, 1, "alone")
    plan(workspace, "alone", overlap=4)
    answer_all(workspace, "alone", {})
    one = workspace.store.read(ANNOTATIONS).head(1).with_columns(labels=pl.lit(["threat"]))
    workspace.store.upsert(ANNOTATIONS, one)
    records = workspace.store.read(RECORDS)
    assert "threat" in names_of(workspace, records)["alone-0000"]
    decide_gold(workspace)
    assert "threat" not in names_of(workspace, records)["alone-0000"]


def test_targets_are_known_from_detail_answers_alone(judged: Workspace):
    write_annotators(judged, fink='opt_out = ["group"]')
    row = judged.store.read(ANNOTATIONS).filter(record_id="first-0000").row(0, named=True)
    detail = row | {
        "annotation_uuid": "detail",
        "pass": "detail",
        "labels": None,
        "voices": None,
        "attributes": [{"label": "threat", "attribute": "target", "value": "group"}],
    }
    judged.store.append(ANNOTATIONS, pl.DataFrame([detail], schema=ANNOTATIONS.schema))
    names = names_of(judged, judged.store.read(RECORDS))
    assert {record for record, found in names.items() if "group" in found} == {"first-0000"}


def test_heavy_is_what_settings_name_and_an_unknown_label_there_is_refused(judged: Workspace):
    assert [load.heavy for load in plan(judged, "first", "detail", dry_run=True).loads]
    settings = judged.root / "aufruf.toml"
    text = settings.read_text().replace("[rounds]\n", '[rounds]\nheavy = ["menace"]\n')
    settings.write_text(text)
    del judged.__dict__["settings"]
    with pytest.raises(SettingsError, match=r"\[rounds\] heavy names 'menace'"):
        plan(judged, "second")


def test_a_task_takes_the_annotators_own_median_then_everybodys_then_the_setting(judged: Workspace):
    people = annotators_of(judged)
    assert set(seconds_per_task(judged, "triage", people).values()) == {10.0}
    assert set(seconds_per_task(judged, "detail", people).values()) == {90.0}
    rows = judged.store.read(ANNOTATIONS)
    slow = rows.filter(annotator="star").with_columns(seconds=pl.lit(50.0))
    judged.store.upsert(ANNOTATIONS, slow)
    found = seconds_per_task(judged, "triage", people)
    assert (found["star"], found["amsel"]) == (50.0, 10.0)
    judged.store.delete(ANNOTATIONS, "annotator <> 'amsel'")
    judged.store.delete(ANNOTATIONS, "record_id > 'first-0030'")
    assert judged.store.read(ANNOTATIONS).height < 20
    assert set(seconds_per_task(judged, "triage", people).values()) == {30.0}


def test_who_opts_out_later_loses_what_was_not_given_out_yet_and_others_get_it(judged: Workspace):
    plan(judged, "second", overlap=2, gold_rate=0, repeat_rate=0)
    given = assignments(judged, "second").filter(annotator="fink").head(5)
    judged.store.upsert(ASSIGNMENTS, given.with_columns(project_id=pl.lit(7, pl.Int64)))
    write_annotators(judged, fink='opt_out = ["board"]')
    report = plan(judged, "second", overlap=2, gold_rate=0, repeat_rate=0)
    assert (report.withdrawn, report.new, report.existing) == (35, 35, 160)
    after = assignments(judged, "second")
    assert after.filter(annotator="fink").height == 5
    assert after.group_by("record_id").len().get_column("len").unique().to_list() == [2]
    assert after.select("annotator", "language", "position").is_unique().all()


def test_the_command_prints_the_plan_and_says_it_as_json(judged: Workspace):
    options = ["annotate", "plan", "second", "--workspace", str(judged.root), "--allow-unqualified"]
    shown = CliRunner().invoke(app, [*options, "--dry-run"])
    assert shown.exit_code == 0, shown.output
    assert "gold" in shown.output
    assert "dry run: nothing was written" in shown.output
    told = json.loads(CliRunner().invoke(app, [*options, "--json"]).stdout)
    assert (told["round"], told["new"], len(told["loads"])) == (
        "second",
        240 + sum(load["gold_checks"] + load["repeats"] for load in told["loads"]),
        4,
    )
    refused = CliRunner().invoke(
        app, ["annotate", "plan", "second", "--workspace", str(judged.root), "--gold-rate", "2"]
    )
    assert refused.exit_code == 2
