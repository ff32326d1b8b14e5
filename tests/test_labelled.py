"""Labelled data sets come in through a crosswalk."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.agreement import agreement
from aufruf.cli.app import app
from aufruf.crosswalks.definition import crosswalk_names
from aufruf.errors import InputError
from aufruf.gold import decide_gold, newest_gold
from aufruf.importing import import_paths
from aufruf.labelled import LabelledReport, import_labelled
from aufruf.tables import ANNOTATIONS, EVENTS, QUARANTINE, RECORDS, SOURCE_LABELS, TABLES
from aufruf.views import current_annotations

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

CASES = Path(__file__).parent / "cases" / "crosswalks"
REAL = Path(__file__).parents[2] / "shared" / "data"


def imported(workspace: Workspace, case: str, **options: Any) -> LabelledReport:
    files = [path for path in sorted((CASES / case).iterdir()) if path.suffix != ".json"]
    return import_labelled(workspace, files, case, **options)


def source_labels(workspace: Workspace) -> pl.DataFrame:
    return workspace.store.read(SOURCE_LABELS)


def current(workspace: Workspace) -> pl.DataFrame:
    return current_annotations(workspace.store.scan(ANNOTATIONS)).collect()


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_each_set_comes_in_as_its_case_says(workspace: Workspace, case: str):
    expected = json.loads((CASES / case / "expected.json").read_text("utf-8"))
    found = json.loads(json.dumps(imported(workspace, case).counts()))
    said = source_labels(workspace)
    found |= {
        "annotators": said["annotator"].unique().sort().to_list(),
        "splits": said["split"].drop_nulls().unique().sort().to_list(),
        "values_of": {
            name: sorted(
                f"{value}={n}"
                for value, n in Counter(said.filter(pl.col("annotator") == name)["value"]).items()
            )
            for name in expected.get("values_of", {})
        },
    }
    assert {name: found[name] for name in expected} == expected


def test_every_shipped_crosswalk_has_a_case():
    assert crosswalk_names() == sorted(path.name for path in CASES.iterdir())


def test_nothing_but_what_a_set_was_asked_becomes_gold(workspace: Workspace):
    imported(workspace, "germeval2025")
    decide_gold(workspace)
    gold = newest_gold(workspace).group_by("label", "column", "value").len()
    expected = {
        *((label, "author", "false", 1) for label in ("threat", "call_to_violence", "violence_approval")),
        *((label, "author", "true", 1) for label in ("threat", "call_to_violence", "violence_approval")),
        *((label, "contained", "true", 1) for label in ("threat", "call_to_violence", "violence_approval")),
    }
    assert set(gold.rows()) == expected


def test_single_annotators_outvote_each_other_and_their_agreement_can_be_measured(workspace: Workspace):
    imported(workspace, "gab-hate-corpus")
    decide_gold(workspace)
    called = newest_gold(workspace).filter(pl.col("column") == "contained")
    assert sorted(called.select("value", "share", "n").rows()) == [
        ("false", 0.0, 1), ("false", 0.0, 1), ("true", pytest.approx(2 / 3), 3)
    ]  # fmt: skip
    rows = agreement(workspace, "source:gab-hate-corpus", resamples=0)
    shared = next(
        row for row in rows if row.coefficient == "raw" and row.label == "call_to_violence_contained"
    )
    assert (shared.value, shared.annotators) == (pytest.approx(1 / 3), 3)


def test_an_answer_is_of_the_set_under_the_scheme_and_the_crosswalk_in_force(workspace: Workspace):
    imported(workspace, "hatecheck")
    row = current(workspace).row(0, named=True)
    assert (row["annotator"], row["round"], row["state"]) == ("source:hatecheck", "source:hatecheck", "live")
    assert row["scheme_sha256"] == workspace.label_scheme.sha256
    assert row["guideline_version"].startswith("crosswalk:")
    assert row["asked"] == ["threat_contained", "threat_author", "threat_voice"]
    assert row["voices"] == [{"label": "threat", "voice": "own"}]


def test_candidates_are_marked_and_no_answers(workspace: Workspace):
    imported(workspace, "germeval2025")
    marked = source_labels(workspace).filter(pl.col("candidate_for").list.contains("protest_mobilization"))
    assert marked.select("column", "value").unique().rows() == [("C2A", "TRUE")]
    assert "protest_mobilization" not in set(current(workspace)["labels"].explode())


def test_records_have_the_sets_licence_unless_the_settings_name_rights(workspace: Workspace):
    imported(workspace, "gahd")
    assert workspace.store.read(RECORDS)["rights"].unique().to_list() == ["CC-BY-4.0"]


def test_a_text_too_short_for_its_language_has_the_sets(workspace: Workspace, tmp_path: Path):
    file = tmp_path / "edos.csv"
    header, first = (CASES / "edos" / "edos_labelled_aggregated.csv").read_text("utf-8").splitlines()[:2]
    file.write_text(f"{header}\nx-1,😉 😉,not sexist,none,none,train\n{first}\n", "utf-8")
    assert import_labelled(workspace, [file], "edos").imported.languages == {"en": 2}


def test_the_same_files_a_second_time_change_nothing(workspace: Workspace):
    first = imported(workspace, "germeval2025")
    versions = {table.name: workspace.store.version(table) for table in TABLES}
    second = imported(workspace, "germeval2025")
    assert versions == {table.name: workspace.store.version(table) for table in TABLES}
    assert (second.imported.new, second.imported.known) == (0, first.imported.kept)
    assert (second.annotations, second.answers) == (first.annotations, first.answers)


def test_files_of_a_set_give_the_same_one_by_one_and_in_any_order(workspace: Workspace, tmp_path: Path):
    from aufruf.workspace import create_workspace

    at_once, in_turn = workspace, create_workspace(tmp_path / "other")
    (in_turn.root / "secrets.toml").write_text((at_once.root / "secrets.toml").read_text("utf-8"), "utf-8")
    imported(at_once, "germeval2025")
    names = ("vio_train", "vio_fine_labels", "dbo_train", "c2a_train_26", "c2a_train")
    for name in names:
        import_labelled(in_turn, [CASES / "germeval2025" / f"{name}.csv"], "germeval2025")
    said = ("record_id", "annotator", "labels", "asked", "voices")
    assert (
        current(at_once)
        .select(said)
        .sort("record_id")
        .equals(current(in_turn).select(said).sort("record_id"))
    )
    both = [source_labels(place).sort(SOURCE_LABELS.key) for place in (at_once, in_turn)]
    assert both[0].equals(both[1])


def test_what_is_corrected_in_the_set_is_a_new_revision(workspace: Workspace, tmp_path: Path):
    file = tmp_path / "vio_train.csv"
    lines = "id;description;VIO\n900000000000000001;Haut die Wecker kaputt!;{}\n"
    for value in ("call2violence", "support", "true"):
        file.write_text(lines.format(value), "utf-8")
        import_labelled(workspace, [file], "germeval2025")
    revisions = workspace.store.read(ANNOTATIONS).sort("revision").select("revision", "state", "labels")
    assert revisions.rows() == [
        (1, "live", ["call_to_violence"]),
        (2, "live", ["violence_approval"]),
        (3, "deleted", ["violence_approval"]),
    ]
    assert source_labels(workspace)["value"].to_list() == ["true"]


def test_a_dry_run_says_the_same_and_writes_nothing(workspace: Workspace):
    versions = {table.name: workspace.store.version(table) for table in TABLES}
    foreseen = imported(workspace, "germeval2025", dry_run=True).counts()
    assert versions == {table.name: workspace.store.version(table) for table in TABLES}
    assert foreseen == imported(workspace, "germeval2025").counts()


def test_an_import_that_ends_before_its_labels_is_taken_up_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("aufruf.store.Store.upsert", broken)
        with pytest.raises(KeyboardInterrupt):
            imported(workspace, "hatecheck")
    assert current(workspace).is_empty()
    imported(workspace, "hatecheck")
    assert current(workspace).height == 1
    events = workspace.store.read(EVENTS).filter(pl.col("action") == "import")
    assert json.loads(events["details"].item())["annotations"] == 1


def test_an_id_without_a_text_is_refused(workspace: Workspace):
    imported(workspace, "germeval2025")
    refused = workspace.store.read(QUARANTINE).select("file", "item", "reason")
    assert refused.rows() == [("vio_fine_labels.csv", "6", "no_record")]


def test_a_value_that_the_crosswalk_does_not_know_is_counted_and_kept(workspace: Workspace, tmp_path: Path):
    file = tmp_path / "vio.csv"
    file.write_text("id;description;VIO\n900000000000000001;Ein Satz über Wecker.;sonstiges\n", "utf-8")
    report = import_labelled(workspace, [file], "germeval2025")
    assert (report.unknown_values, report.annotations) == ({"VIO": 1}, 0)
    assert source_labels(workspace)["value"].to_list() == ["sonstiges"]


def test_a_row_with_too_few_cells_costs_that_row(workspace: Workspace, tmp_path: Path):
    file = tmp_path / "vio.csv"
    file.write_text("id;description;VIO\n1;abgebrochen\n2;Ein Satz über Wecker.;false\n", "utf-8")
    report = import_labelled(workspace, [file], "germeval2025", max_bad=0.4)
    assert report.imported.quarantined == {"wrong_column_count": 1}
    assert not report.imported.passed


def test_compressed_files_and_archives_are_read(workspace: Workspace, tmp_path: Path):
    import gzip
    import zipfile

    texts, kinds = (CASES / "germeval2025" / f"{name}.csv" for name in ("vio_train", "vio_fine_labels"))
    (tmp_path / "vio_train.csv.gz").write_bytes(gzip.compress(texts.read_bytes()))
    with zipfile.ZipFile(tmp_path / "kinds.zip", "w") as archive:
        archive.write(kinds, "vio_fine_labels.csv")
        archive.writestr("readme.txt", "nothing to read here")
    report = import_labelled(workspace, [tmp_path], "germeval2025")
    assert (report.imported.read, report.annotations) == (10, 4)


def test_files_in_a_folder_that_are_none_of_the_sets_are_left_out_with_a_note(workspace: Workspace):
    report = import_labelled(workspace, [CASES / "davidson"], "davidson")
    assert report.imported.read == 2
    assert report.imported.notes == ("expected.json: no file of 'davidson', left out",)


def test_a_file_of_another_set_is_an_error_that_shows_the_columns_expected(workspace: Workspace):
    with pytest.raises(
        InputError, match=r"no file of 'edos': expected the columns rewire_id, text, label_sexist"
    ):
        import_labelled(workspace, [CASES / "davidson" / "labeled_data.csv"], "edos")


def test_an_unknown_crosswalk_is_an_error_that_names_the_known_ones(workspace: Workspace):
    with pytest.raises(
        InputError, match="'eds' is not known; expected one of collective-action, davidson, edos"
    ):
        import_labelled(workspace, [CASES / "edos"], "eds")


def test_a_plain_import_says_that_a_crosswalk_would_read_the_labels_and_reads_none(workspace: Workspace):
    report = import_paths(workspace, [CASES / "edos" / "edos_labelled_aggregated.csv"])
    assert "its labels were left out: to have them, import it with --crosswalk edos" in report.notes[-1]
    assert source_labels(workspace).is_empty()
    assert current(workspace).is_empty()


def test_no_text_is_in_what_an_import_reports(workspace: Workspace):
    shown = json.dumps(imported(workspace, "collective-action").counts())
    assert not any(word in shown for word in ("march", "town hall", "hedge"))


def run(workspace: Workspace, *words: str) -> Any:
    return CliRunner().invoke(app, ["import", *words, "--workspace", str(workspace.root)])


def test_the_command_prints_one_json_document_with_the_labels_and_defects(workspace: Workspace):
    result = run(workspace, str(CASES / "collective-action"), "--crosswalk", "collective-action", "--json")
    printed = json.loads(result.stdout)
    assert (result.exit_code, printed["annotations"]) == (0, 4)
    assert printed["defects"]["in_several_splits"] == [{"splits": ["test", "train"], "texts": 1}]


def test_the_command_shows_labels_and_defects_to_people(workspace: Workspace):
    result = run(workspace, str(CASES / "collective-action"), "--crosswalk", "collective-action")
    assert "protest_mobilization_contained=true" in result.stdout
    assert "defect: 1 texts stand in several official splits: test, train" in result.stdout


def test_a_crosswalk_leaves_no_room_for_a_format_or_map(workspace: Workspace):
    result = run(workspace, str(CASES / "edos"), "--crosswalk", "edos", "--format", "csv")
    assert result.exit_code == 2


def test_the_known_sets_are_listed_with_what_they_are_worth():
    result = CliRunner().invoke(app, ["import", "--list-crosswalks"])
    assert result.exit_code == 0
    assert "germeval2018: GermEval 2018: offensive language (de, CC-BY-4.0)" in result.stdout


needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real data are not here")


@needs_real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "case", "read", "records", "annotations"),
    [
        ("germeval2025", "germeval2025", 6840 + 7783 + 7454 + 5952, 11763, 7386),
        ("edos", "edos", 20000, 20000, 443),
        ("hatecheck", "hatecheck", 2 * 3728, 3728, 133),
        ("gahd", "gahd", 2 * 10996, 10995, 0),
        ("germeval2018", "germeval2018", 5009 + 3532, 8541, 0),
        ("davidson", "davidson", 24783, 24783, 0),
        ("collective_action", "collective-action", 1817, 1733, 714),
    ],
)
def test_every_row_of_a_real_set_is_kept_or_quarantined(  # noqa: PLR0913, PLR0917 -- a row of facts
    workspace: Workspace, folder: str, case: str, read: int, records: int, annotations: int
):
    report = import_labelled(workspace, [REAL / folder], case)
    assert report.imported.read == read == report.imported.kept + report.imported.bad
    assert (report.imported.records, report.annotations, report.unknown_values) == (records, annotations, {})


@needs_real
@pytest.mark.slow
def test_the_known_facts_of_the_german_set_are_noticed(workspace: Workspace):
    report = import_labelled(workspace, [REAL / "germeval2025"], "germeval2025")
    groups = {found.file: (found.groups, found.contradicting) for found in report.defects.contradicting}
    assert groups == {"c2a_train.csv": (33, 1), "dbo_train.csv": (123, 87), "vio_train.csv": (38, 0)}
    (handles,) = report.defects.handles
    assert (handles.file, handles.column) == ("dbo_train.csv", "DBO")
    assert handles.classes["agitation"].share == pytest.approx(0.40, abs=0.015)
    assert handles.classes["nothing"].share == pytest.approx(0.04, abs=0.01)
    requests = source_labels(workspace).filter(pl.col("column") == "C2A", pl.col("value") == "TRUE")
    assert requests.height == 663


@needs_real
@pytest.mark.slow
def test_the_known_counts_of_the_english_sets_are_there(workspace: Workspace):
    edos = import_labelled(workspace, [REAL / "edos"], "edos")
    assert edos.answers == {"threat_contained=true": 80, "call_to_violence_contained=true": 363}
    import_labelled(workspace, [REAL / "collective_action"], "collective-action")
    calls = source_labels(workspace).filter(pl.col("column") == "Label", pl.col("value") == "Call-to-action")
    assert calls.height == 365
