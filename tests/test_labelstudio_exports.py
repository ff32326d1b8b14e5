"""Exports of Label Studio: answers to our interface, choices in another one, and what is nobody's word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.assets import asset
from aufruf.cli.app import app
from aufruf.importing import ImportReport
from aufruf.label_scheme import load_label_scheme
from aufruf.labelstudio.answers import Answer, to_result
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.exports import ExportReport, import_with_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, EVENTS, QUARANTINE, RECORDS, SOURCE_LABELS, TABLES
from aufruf.views import current_annotations, question_answers
from aufruf.workspace import create_workspace
from labelstudio_fixtures import ROUND

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
THREAT = Answer(
    labels=("threat",),
    voices=(("threat", "own"),),
    attributes=(("threat", "serious", "serious"),),
    flags=("unsure",),
    comment="Schwierig",
)
NONE = Answer(labels=())
MAIL = "anna@annotators.example.org"
TEXT = "Hallo @nachbar, wir kommen 😀 heute Nacht zu dir!"


def annotation(number: int, result: list[Any], by: Any = 7, **more: Any) -> dict[str, Any]:
    times = {"created_at": "2031-01-04T10:00:00.5Z", "updated_at": "2031-01-04T11:00:00Z", "lead_time": 4.5}
    return {"id": number, "completed_by": by, "result": result, "was_cancelled": False, **times, **more}


def ours(answer: Answer, text: str = TEXT) -> list[dict[str, Any]]:
    return to_result(answer, text, SCHEME, "triage")


def choices(name: str, *values: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": list(values)}}


def task(number: int, *annotations: dict[str, Any], text: str = TEXT, **data: Any) -> dict[str, Any]:
    draft = {"id": 99, "result": ours(THREAT)}
    prediction = {"id": 98, "model_version": "m", "result": ours(THREAT)}
    shown = {"text": text, **data}
    return {
        "id": number,
        "data": shown,
        "annotations": list(annotations),
        "drafts": [draft],
        "predictions": [prediction],
    }


def brought(workspace: Workspace, path: Path, tasks: list[dict[str, Any]], **options: Any) -> ExportReport:
    path.write_text(json.dumps(tasks, ensure_ascii=False), "utf-8")
    report = import_with_answers(workspace, [path], source="study", **options)
    assert isinstance(report, ExportReport)
    return report


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a file without a telling name"


def current(workspace: Workspace) -> list[dict[str, Any]]:
    return current_annotations(workspace.store.scan(ANNOTATIONS)).sort("annotator").collect().to_dicts()


def test_completed_answers_to_our_interface_become_annotations_of_the_source(
    workspace: Workspace, file: Path
):
    by = {"id": 8, "email": MAIL, "first_name": "Anna"}
    report = brought(workspace, file, [task(1, annotation(5, ours(THREAT)), annotation(6, ours(NONE), by))])
    assert (report.imported.read, report.annotations, report.skipped, report.others) == (1, 2, 0, 0)
    (record,) = workspace.store.read(RECORDS)["record_id"]
    rows = current(workspace)
    assert {row["record_id"] for row in rows} == {record}
    assert {(row["round"], row["pass"], row["state"], row["asked"]) for row in rows} == {
        ("source:study", "triage", "live", None)
    }
    assert len({row["annotator"] for row in rows}) == 2
    assert all(row["annotator"].startswith("source:study/") for row in rows)
    (threat,) = (row for row in rows if row["labels"])
    assert threat["voices"] == [{"label": "threat", "voice": "own"}]
    assert threat["attributes"] == [{"label": "threat", "attribute": "serious", "value": "serious"}]
    assert (threat["flags"], threat["comment"], threat["seconds"]) == (["unsure"], "Schwierig", 4.5)
    assert threat["created_at"].isoformat() == "2031-01-04T10:00:00.500000+00:00"
    answers = question_answers(current_annotations(workspace.store.scan(ANNOTATIONS)), SCHEME).collect()
    contained = answers.filter(pl.col("column") == "contained", pl.col("label") == "threat")
    assert sorted(contained["value"]) == ["false", "true"]


def test_an_account_is_one_person_in_all_its_answers_and_is_named_nowhere(workspace: Workspace, file: Path):
    by = {"id": 8, "email": MAIL}
    tasks = [
        task(n, annotation(n, ours(NONE, text), by), text=text) for n, text in ((1, "Eins"), (2, "Zwei"))
    ]
    tasks.append(task(3, annotation(3, ours(NONE, "Drei"), 8), text="Drei"))
    brought(workspace, file, tasks)
    assert len({row["annotator"] for row in current(workspace)}) == 1
    stored = str([workspace.store.read(table).to_dicts() for table in TABLES])
    assert MAIL not in stored
    assert "study/8'" not in stored


def test_drafts_predictions_and_tasks_without_answers_are_nobodys_word(workspace: Workspace, file: Path):
    report = brought(workspace, file, [task(1)])
    assert (report.imported.new, report.annotations, report.source_labels) == (1, 0, 0)
    assert workspace.store.read(ANNOTATIONS).is_empty()


def test_a_skipped_task_is_skipped_where_others_answered_by_our_interface(workspace: Workspace, file: Path):
    skip = annotation(6, [], 8, was_cancelled=True)
    report = brought(
        workspace, file, [task(1, skip), task(2, annotation(5, ours(NONE, "Zwei")), text="Zwei")]
    )
    assert (report.annotations, report.skipped) == (2, 1)
    assert sorted(row["state"] for row in current(workspace)) == ["live", "skipped"]


def test_a_skipped_task_of_another_interface_is_counted_and_left_out(workspace: Workspace, file: Path):
    skip = annotation(6, [], 8, was_cancelled=True)
    other = annotation(5, [choices("mood", "bad")])
    report = brought(workspace, file, [task(1, skip), task(2, other, text="Zwei")])
    assert (report.annotations, report.left_out) == (0, {"tasks skipped in another interface": 1})


def test_spans_are_carried_into_the_masked_text(workspace: Workspace, file: Path):
    start = TEXT.index("wir")
    spans = (("threat", start, len(TEXT)), ("threat", TEXT.index("@"), TEXT.index(",")))
    result = to_result(Answer(spans=spans), TEXT, SCHEME, "detail")
    brought(workspace, file, [task(1, annotation(5, result), settled=[{"value": "threat", "html": "x"}])])
    (row,) = current(workspace)
    (text,) = workspace.store.read(RECORDS)["text"]
    assert (row["pass"], row["labels"]) == ("detail", None)
    found = {text[span["start"] : span["end"]] for span in row["spans"]}
    assert TEXT[start:] in found
    assert {part[:6] for part in found - {TEXT[start:]}} == {"@user_"}


def test_spans_in_a_text_that_normalising_changes_are_refused(workspace: Workspace, file: Path):
    text = "Wir\r\nkommen heute"
    result = to_result(Answer(spans=(("threat", 5, 11),)), text, SCHEME, "detail")
    report = brought(workspace, file, [task(1, annotation(5, result), text=text)])
    assert (report.annotations, report.refused) == (0, {"text_changed": 1})


def test_a_wrong_answer_to_our_interface_is_quarantined_and_costs_itself(workspace: Workspace, file: Path):
    wrong = annotation(5, [choices("labels", "threat")])
    report = brought(workspace, file, [task(1, wrong, annotation(6, ours(NONE), 8), "nothing")])  # type: ignore[arg-type]
    assert (report.annotations, report.refused) == (1, {"label_without_voice": 1, "malformed": 1})
    rows = workspace.store.read(QUARANTINE).select("file", "item", "reason").sort("item").rows()
    assert rows == [
        (file.name, "1.1 annotation", "label_without_voice"),
        (file.name, "1.3 annotation", "malformed"),
    ]


def test_choices_in_another_interface_are_kept_in_its_own_words(workspace: Workspace, file: Path):
    result = [
        choices("mood", "bad", "angry"),
        {"from_name": "stars", "type": "rating", "value": {"rating": 4}},
        {
            "from_name": "parts",
            "type": "labels",
            "value": {"start": 0, "end": 5, "text": "Hallo", "labels": ["greeting"]},
        },
        {"from_name": "topic", "type": "taxonomy", "value": {"taxonomy": [["town", "harbour"]]}},
        {"from_name": "why", "type": "textarea", "value": {"text": ["geheim"]}},
        {"from_name": "box", "type": "rectangle", "value": {"x": 1, "y": 2}},
    ]
    report = brought(workspace, file, [task(1, annotation(5, result))])
    assert (report.annotations, report.others, report.source_labels) == (0, 1, 5)
    assert report.left_out == {"answers that are no choice": 2}
    rows = workspace.store.read(SOURCE_LABELS)
    assert rows.sort("item").select("column", "value").rows() == [
        *(
            ("mood", "bad"),
            ("mood", "angry"),
            ("stars", "4"),
            ("parts", "greeting"),
            ("topic", "town > harbour"),
        )
    ]
    assert set(rows["source"]) == {"study"}
    assert "geheim" not in str(rows.to_dicts())
    assert workspace.store.read(ANNOTATIONS).is_empty()


@pytest.mark.parametrize(
    "result", [[choices("labels", "positive")], [{"from_name": "labels", "value": {"labels": ["x"]}}]]
)
def test_a_control_that_is_called_like_ours_does_not_make_an_interface_ours(
    workspace: Workspace, file: Path, result: list[dict[str, Any]]
):
    report = brought(workspace, file, [task(1, annotation(5, result))])
    assert (report.annotations, report.others, report.source_labels, report.refused) == (0, 1, 1, {})


def flat(number: int, **more: Any) -> dict[str, Any]:
    times = {"created_at": "2031-01-04T10:00:00Z", "updated_at": "2031-01-04T11:00:00Z", "lead_time": 4.5}
    return {"text": TEXT, "place": "Hafen", "id": 1, "annotator": 7, "annotation_id": number, **times, **more}


def test_a_flat_export_says_the_same_as_a_full_one(workspace: Workspace, file: Path):
    """Label Studio writes one choice as a string, several as an object, and a comment as a string."""
    brought(workspace, file, [task(1, annotation(5, ours(THREAT)), place="Hafen")])
    before = current(workspace)
    answers = {"labels": "threat", "voice_threat": "own", "serious_threat": "serious", "flags": "unsure"}
    report = brought(workspace, file, [flat(5, **answers, comment="Schwierig")])
    assert (report.imported.known, report.annotations) == (1, 1)
    assert current(workspace) == before
    several = {
        "labels": {"choices": ["threat", "call_to_violence"]},
        "voice_threat": {"choices": ["own", "reported"]},
    }
    brought(workspace, file, [flat(6, **several, voice_call_to_violence="own")])
    (row,) = (row for row in current(workspace) if len(row["labels"]) == 2)
    assert len(row["voices"]) == 3


def test_of_a_flat_export_of_another_interface_only_what_is_surely_an_answer_is_kept(
    workspace: Workspace, file: Path
):
    report = brought(workspace, file, [flat(5, mood={"choices": ["bad", "sad"]}, name="Anna Muster")])
    assert (report.others, report.source_labels) == (1, 2)
    assert set(workspace.store.read(SOURCE_LABELS)["column"]) == {"mood"}


def test_importing_again_changes_nothing_and_a_changed_answer_is_a_new_revision(
    workspace: Workspace, file: Path
):
    tasks = [task(1, annotation(5, ours(THREAT)), annotation(6, [choices("mood", "bad")], 8))]
    brought(workspace, file, tasks)
    sizes = [workspace.store.read(table).height for table in TABLES]
    brought(workspace, file, tasks)
    assert [workspace.store.read(table).height for table in TABLES] == sizes
    brought(workspace, file, [task(1, annotation(5, ours(NONE)))])
    (row,) = current(workspace)
    assert (row["revision"], row["labels"]) == (2, [])
    assert workspace.store.read(EVENTS)["action"].to_list().count("import answers") == 2


def test_a_dry_run_says_what_would_be_and_writes_nothing(workspace: Workspace, file: Path):
    report = brought(workspace, file, [task(1, annotation(5, ours(THREAT)))], dry_run=True)
    assert report.annotations == 1
    assert all(workspace.store.read(table).is_empty() for table in (RECORDS, ANNOTATIONS))


def test_tasks_of_a_round_of_this_workspace_are_left_to_the_pull(workspace: Workspace, file: Path):
    row = {
        "task_key": "k",
        "round": "r",
        "pass": "triage",
        "record_id": "x",
        "language": "de",
        "annotator": "a",
    }
    row |= {"purpose": "main", "position": 0, "release_day": 0, "project_id": 1, "scheme_sha256": "s"}
    workspace.store.upsert(ASSIGNMENTS, pl.DataFrame([row], schema=ASSIGNMENTS.schema))
    report = brought(workspace, file, [task(1, annotation(5, ours(THREAT)), task_key="k")])
    assert (report.annotations, report.left_out) == (0, {"tasks of rounds here, to be pulled": 1})


def test_an_article_has_no_annotations_here(workspace: Workspace, file: Path):
    text = "Der Rat von Hollbruck hat lange getagt. Am Ende gingen alle nach Hause, ohne zu wissen warum."
    report = brought(workspace, file, [task(1, annotation(5, ours(NONE, text)), text=text, outlet="Bote")])
    assert (report.annotations, report.left_out) == (0, {"tasks whose text is no post": 1})


def test_exports_lie_in_folders_and_archives_and_other_files_beside_them(
    workspace: Workspace, tmp_path: Path
):
    import io
    import zipfile

    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "posts.csv").write_text("id,text\n1,Eins\n2,Zwei\n")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("export.json", json.dumps([task(1, annotation(5, ours(THREAT)))]))
    (folder / "export.zip").write_bytes(out.getvalue())
    report = import_with_answers(workspace, [folder])
    assert isinstance(report, ExportReport)
    assert (report.imported.new, report.annotations) == (3, 1)
    assert isinstance(import_with_answers(workspace, [folder / "posts.csv"]), ImportReport)


def test_the_command_shows_what_was_answered(workspace: Workspace, file: Path):
    file.write_text(
        json.dumps([task(1, annotation(5, ours(THREAT)), annotation(6, [choices("mood", "bad")]))])
    )
    options = ["--workspace", str(workspace.root), "--source", "study"]
    done = CliRunner().invoke(app, ["import", str(file), "--format", "labelstudio", "--json", *options])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["read"], found["annotations"], found["others"], found["source_labels"]) == (1, 1, 1, 1)
    shown = CliRunner().invoke(app, ["import", str(file), *options]).stdout
    assert "annotations of another interface" in shown


@pytest.mark.labelstudio
def test_exports_of_a_real_server_say_what_a_pull_says(live: Workspace, tmp_path: Path):
    """Full and flat exports of a round, imported elsewhere: the same answers to the same texts."""
    plan_round(live, ROUND, allow_unqualified=True)
    apply(live, ROUND)
    planned = assignments(live, ROUND)
    keys = planned["task_key"].sort().to_list()
    given = {key: THREAT if number % 2 else NONE for number, key in enumerate(keys)}
    given[keys[0]] = Answer(skipped=True)
    several = (("threat", "own"), ("threat", "reported"), ("call_to_violence", "endorsed"))
    given[keys[1]] = Answer(("threat", "call_to_violence"), several, flags=("unsure", "urgent"))
    enter_answers(live, ROUND, "triage", given)
    pull(live, ROUND)
    expected = answers_by_text(live)
    for kind, missing in (("JSON", 0), ("JSON_MIN", 1)):
        folder = tmp_path / kind
        folder.mkdir()
        with connect(live) as api:
            for project in planned_projects(live):
                content = api.get(f"/api/projects/{project}/export", exportType=kind)
                (folder / f"{project}").write_text(json.dumps(content), "utf-8")
        elsewhere = create_workspace(tmp_path / f"{kind} elsewhere")
        report = import_with_answers(elsewhere, [folder], source="study")
        assert isinstance(report, ExportReport)
        assert (report.annotations, report.refused) == (len(keys) - missing, {})
        found = answers_by_text(elsewhere)
        assert sorted(found) == sorted(one for one in expected if one[1] == "live" or not missing)
        assert len({row["annotator"] for row in current(elsewhere)}) == planned["annotator"].n_unique()


def planned_projects(workspace: Workspace) -> list[int]:
    return assignments(workspace, ROUND)["project_id"].drop_nulls().unique().to_list()


def answers_by_text(workspace: Workspace) -> list[tuple[str, ...]]:
    """The answers without who gave them and what identifies them: the texts stand for the records."""
    texts = dict(workspace.store.read(RECORDS).select("record_id", "text").iter_rows())
    names = ("labels", "voices", "attributes", "flags", "comment")
    return [
        (texts[row["record_id"]], row["state"], *(str(row[name]) for name in names))
        for row in current(workspace)
    ]
