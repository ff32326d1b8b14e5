"""Agreement of a workspace and of anybody's table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import krippendorff
import polars as pl
import pytest

from aufruf.agreement import agreement, agreement_hints, agreement_of_table
from aufruf.agreement.answers import LABELS, compared_annotations, compared_answers
from aufruf.agreement.bootstrap import ONE_CLUSTER
from aufruf.agreement.hints import confused
from aufruf.agreement.spans import character_answers, marked_passages, passage_pairs
from aufruf.assets import asset
from aufruf.errors import InputError
from aufruf.label_scheme import load_label_scheme
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, CLUSTERS, RECORDS, SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.agreement import AgreementRow
    from aufruf.workspace import Workspace

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))


COLUMNS = {"unit": "text", "annotator": "who", "value": "hate"}
TABLE = [
    ("t1", "x", "yes"),
    ("t1", "y", "yes"),
    ("t2", "x", "no"),
    ("t2", "y", "yes"),
    ("t3", "x", "no"),
    ("t3", "y", ""),
]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_of_any_format_gives_the_same_agreement(tmp_path: Path, suffix: str):
    """Units: yes yes, no yes; t3 has one answer. n = 4, 3 yes: alpha = 1 - 3 * 2 / (16 - 9 - 1) = 0."""
    path = tmp_path / f"answers{suffix}"
    frame = pl.DataFrame(TABLE, schema=["text", "who", "hate"], orient="row")
    write: dict[str, Any] = {
        ".csv": lambda: frame.write_csv(path, separator=";"),
        ".tsv": lambda: frame.write_csv(path, separator="\t"),
        ".jsonl": lambda: frame.write_ndjson(path),
        ".parquet": lambda: frame.write_parquet(path),
    }
    write[suffix]()
    rows = agreement_of_table(path, **COLUMNS, by=(), resamples=0)
    assert (rows[0].label, rows[0].group, rows[0].records) == ("hate", "all", 2)
    found = {row.coefficient: row.value for row in rows}
    assert found["krippendorff_alpha"] == pytest.approx(0)
    assert (found["raw"], found["positive_agreement"]) == (pytest.approx(1 / 2), pytest.approx(2 / 3))


def test_a_missing_column_is_named_with_the_columns_that_there_are(tmp_path: Path):
    path = tmp_path / "answers.csv"
    path.write_text("text,who,hate\n")
    with pytest.raises(InputError, match=r"no column 'task'; columns are text, who, hate"):
        agreement_of_table(path, unit="task", annotator="who", value="hate")


def test_two_answers_of_one_annotator_to_one_unit_are_refused(tmp_path: Path):
    path = tmp_path / "answers.csv"
    path.write_text("text,who,hate\n1,x,yes\n1,x,no\n")
    with pytest.raises(InputError, match="2 rows share unit and annotator with another"):
        agreement_of_table(path, **COLUMNS)


def test_a_column_of_texts_is_refused_as_value(tmp_path: Path):
    path = tmp_path / "answers.csv"
    path.write_text("text,who,hate\n" + "".join(f"{n},x,text {n}\n" for n in range(600)))
    with pytest.raises(InputError, match="column 'hate' has 600 different values, 500 at most"):
        agreement_of_table(path, **COLUMNS)


def test_a_damaged_file_is_refused_without_its_content(tmp_path: Path):
    path = tmp_path / "answers.jsonl"
    path.write_text('{"text": "canary\n')
    with pytest.raises(InputError, match="cannot be read to its end") as caught:
        agreement_of_table(path, **COLUMNS)
    assert "canary" not in str(caught.value)


def test_a_workspace_has_rows_for_each_label_and_group(filled_workspace: Workspace):
    rows = agreement(filled_workspace, resamples=50)
    groups = {row.group.partition("=")[0] for row in rows if row.label == "threat_contained"}
    assert groups == {"all", "language", "kind", "source", "round", "design", "annotator", "pair"}
    labels = {row.label for row in rows}
    assert {
        "violence_approval_author",
        "threat_voice",
        "threat_serious",
        "protest_mobilization_form",
        "threat_spans",
        "labels",
    } <= labels
    assert "threat_form" not in labels


def test_who_was_asked_about_some_labels_only_has_given_no_set_of_labels(filled_workspace: Workspace):
    store = filled_workspace.store
    rows = (
        store.read(ANNOTATIONS).filter((pl.col("pass") == "triage") & pl.col("labels").is_not_null()).head(2)
    )
    asked = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(["threat_contained"]))
    found = compared_answers(rows.with_columns(asked=asked).lazy(), SCHEME)
    sets = found.filter(pl.col("question") == LABELS)
    assert sets.get_column("record_id").to_list() == [rows.item(1, "record_id")]


def test_each_round_by_itself_is_the_rounds_group(filled_workspace: Workspace):
    def named(rows: list[AgreementRow], group: str) -> dict[tuple[str, ...], float | None]:
        return {(row.label, row.coefficient, row.level): row.value for row in rows if row.group == group}

    every = named(agreement(filled_workspace, by=("round",), resamples=0), "round=pilot")
    alone = named(agreement(filled_workspace, "pilot", by=("round",), resamples=0), "all")
    assert set(every) == set(alone)
    for key, value in alone.items():
        if value is not None and not (key[0].endswith("voice") or key[0] == "labels"):
            assert every[key] == pytest.approx(value, abs=1e-9)


def test_alpha_of_a_workspace_is_that_of_the_other_package(filled_workspace: Workspace):
    """Answers are counted here from the table's rows, the main purpose's alone."""
    store = filled_workspace.store
    other = store.scan(ASSIGNMENTS).filter(pl.col("purpose") != "main").select("task_key")
    rows = (
        store.scan(ANNOTATIONS)
        .filter((pl.col("pass") == "triage") & pl.col("labels").is_not_null())
        .join(other, on="task_key", how="anti")
        .collect()
    )
    matrix = (
        rows.select("record_id", "annotator", value=pl.col("labels").list.contains("threat").cast(pl.Float64))
        .pivot("annotator", index="record_id", values="value")
        .drop("record_id")
        .to_numpy()
        .T
    )
    found = {
        (row.label, row.coefficient, row.group): row.value
        for row in agreement(filled_workspace, by=(), resamples=0)
    }
    expected = krippendorff.alpha(matrix, level_of_measurement="nominal")
    assert found["threat_contained", "krippendorff_alpha", "all"] == pytest.approx(expected, abs=1e-9)


def test_a_workspaces_intervals_resample_its_duplicate_clusters(filled_workspace: Workspace):
    store = filled_workspace.store
    store.upsert(CLUSTERS, store.read(CLUSTERS).with_columns(cluster=pl.lit("one")))
    rows = agreement(filled_workspace, by=(), resamples=10)
    assert {row.reason for row in rows if row.value and row.level != "spans"} == {ONE_CLUSTER}
    assert all(row.low is None for row in rows)


def test_a_workspace_without_answers_says_how_to_get_them(workspace):
    with pytest.raises(InputError, match="no answer to compare: get answers with `aufruf annotate pull"):
        agreement(workspace)


def written(folder: Path, rows: list[tuple[Any, ...]]) -> Path:
    path = folder / "answers.jsonl"
    pl.DataFrame(rows, schema=["text", "who", "hate"], orient="row").write_ndjson(path)
    return path


def levels(rows: list[AgreementRow]) -> dict[str, float | None]:
    return {
        row.level: row.value for row in rows if (row.coefficient, row.group) == ("krippendorff_alpha", "all")
    }


def test_numbers_are_compared_as_ordered_values_too(tmp_path: Path):
    """10 comes after 9, not after 1."""
    answers = [
        (str(n), who, str(value))
        for n, pair in enumerate([(1, 1), (9, 10), (10, 10)])
        for who, value in zip("xy", pair, strict=True)
    ]
    path = written(tmp_path, answers)
    found = levels(agreement_of_table(path, **COLUMNS, resamples=0))
    expected = krippendorff.alpha([[1, 9, 10], [1, 10, 10]], level_of_measurement="ordinal")
    assert found["ordinal"] == pytest.approx(expected)
    other = levels(agreement_of_table(path, **COLUMNS, order=["9", "1", "10"], resamples=0))
    assert other["ordinal"] != pytest.approx(expected)


def test_an_order_that_leaves_a_value_out_is_refused(tmp_path: Path):
    path = written(tmp_path, [("1", "x", "low"), ("1", "y", "high")])
    with pytest.raises(InputError, match="has 1 values that the order does not name"):
        agreement_of_table(path, **COLUMNS, order=["low", "middle"])


def test_lists_and_divided_texts_are_compared_as_sets(tmp_path: Path):
    """a+b beside a: J = 1/2, M = 2/3: distance 2/3."""
    sets = [("1", "x", ["a", "b"]), ("1", "y", ["a"]), ("2", "x", []), ("2", "y", [])]
    found = levels(agreement_of_table(written(tmp_path, sets), **COLUMNS, resamples=0))
    texts = [(unit, who, "|".join(members)) for unit, who, members in sets]
    again = levels(agreement_of_table(written(tmp_path, texts), **COLUMNS, separator="|", resamples=0))
    assert found == again
    expected = 2 * (2 / 3 + 2 * 1 + 2 * 1)  # pairs of all answers: ab/a 2/3; ab/none, a/none twice each
    assert found["masi"] == pytest.approx(1 - 3 * (2 * 2 / 3) / expected)


def test_two_annotators_of_a_table_have_cohens_kappa_in_all_and_as_a_pair(tmp_path: Path):
    path = written(
        tmp_path,
        [(str(n), who, "ja") for n in range(3) for who in "xy"] + [("4", "x", "nein"), ("4", "y", "ja")],
    )
    found = [
        row.group
        for row in agreement_of_table(path, **COLUMNS, resamples=0)
        if row.coefficient == "cohen_kappa"
    ]
    assert found == ["all", "annotator=x", "annotator=y", "pair=x|y"]


def test_enriched_records_stand_apart_and_a_round_has_design_weighted_figures(filled_workspace: Workspace):
    """Weighted raw agreement is the mean of the units' agreement, each weighted by 1 / probability.

    Of twenty records the probability is not known here: they count nowhere but in all.
    """
    store = filled_workspace.store
    known = store.read(SAMPLES).sort("record_id")
    store.delete(SAMPLES, "true")
    store.append(SAMPLES, known.slice(20))
    row = {
        row.group: row
        for row in agreement(filled_workspace, "pilot", by=("design",), resamples=0)
        if (row.label, row.coefficient) == ("protest_mobilization_contained", "raw")
    }
    assert set(row) == {"all", "design=random", "design=weighted"}
    other = store.scan(ASSIGNMENTS).filter(pl.col("purpose") != "main").select("task_key")
    units = (
        store.scan(ANNOTATIONS)
        .filter((pl.col("pass") == "triage") & pl.col("labels").is_not_null() & (pl.col("round") == "pilot"))
        .join(other, on="task_key", how="anti")
        .group_by("record_id")
        .agg(m=pl.len(), yes=pl.col("labels").list.contains("protest_mobilization").sum())
        .filter(pl.col("m") > 1)
        .join(store.scan(SAMPLES).filter(pl.col("round") == "pilot"), on="record_id")
        .with_columns(no=pl.col("m") - pl.col("yes"), weight=1 / pl.col("inclusion_probability"))
        .with_columns(
            same=(pl.col("yes") * (pl.col("yes") - 1.0) + pl.col("no") * (pl.col("no") - 1.0))
            / (pl.col("m") * (pl.col("m") - 1.0))
        )
        .collect()
    )
    weighted = (units["same"] * units["weight"]).sum() / units["weight"].sum()
    assert row["design=weighted"].value == pytest.approx(weighted)
    assert row["design=weighted"].value != pytest.approx(row["all"].value)
    every = agreement(filled_workspace, by=("design",), resamples=0)
    assert {found.group for found in every} == {"all", "design=random", "design=enriched"}


def repeat(workspace: Workspace, annotator: str, flipped: int) -> None:
    """Let an annotator judge ten own records again, ``flipped`` of them as the opposite."""
    store = workspace.store
    main = store.scan(ASSIGNMENTS).filter((pl.col("purpose") == "main") & (pl.col("annotator") == annotator))
    old = (
        store.scan(ANNOTATIONS)
        .filter((pl.col("pass") == "triage") & pl.col("labels").is_not_null())
        .join(main.select("task_key"), on="task_key", how="semi")
        .sort("annotation_uuid")
        .head(10)
        .collect()
    )
    rows = old.with_row_index().with_columns(
        task_key=pl.format("again {}", "task_key"),
        annotation_uuid=pl.format("again {}", "annotation_uuid"),
        labels=pl.when(pl.col("index") >= flipped)
        .then("labels")
        .when(pl.col("labels").list.contains("threat"))
        .then(pl.lit([], dtype=pl.List(pl.String)))
        .otherwise(pl.lit(["threat"])),
    )
    store.append(ANNOTATIONS, rows.drop("index"))
    shown = store.read(ASSIGNMENTS).join(old.select("task_key"), on="task_key", how="semi")
    store.append(
        ASSIGNMENTS, shown.with_columns(purpose=pl.lit("repeat"), task_key=pl.format("again {}", "task_key"))
    )


def test_repeats_tell_how_steady_an_annotator_is_and_count_nowhere_else(filled_workspace: Workspace):
    before = agreement(filled_workspace, by=(), resamples=0)
    repeat(filled_workspace, "amsel", flipped=2)
    rows = agreement(filled_workspace, by=(), resamples=0)
    assert [row for row in rows if row.group == "all"] == before
    found = {
        (row.group, row.coefficient): row
        for row in rows
        if row.label == "threat_contained" and "self" in row.group
    }
    assert {group for group, _ in found} == {"self=all", "self=amsel"}
    for group in ("self=all", "self=amsel"):
        assert found[group, "raw"].value == pytest.approx(0.8)
        assert (found[group, "raw"].records, found[group, "raw"].annotators) == (10, 1)


def test_the_annotator_whose_removal_raises_alpha_most_comes_first(filled_workspace: Workspace):
    """Drossel takes what is reported for endorsed in half of the cases (filled.py)."""
    first = agreement_hints(filled_workspace).removals[0]
    assert (first.annotator, first.label.endswith("_author")) == ("drossel", True)
    assert first.gain == pytest.approx(first.without - first.alpha)


def test_confusions_count_what_one_said_and_another_did_not():
    """1: a beside b, twice a/b; 2: a+b beside b: a where the other said nothing; 4: likewise; 3: both a."""
    answers = [
        ("1", "x", "a"),
        ("1", "y", "b"),
        ("1", "z", "a"),
        ("2", "x", "a+b"),
        ("2", "y", "b"),
        ("3", "x", "a"),
        ("3", "y", "a"),
        ("4", "x", "b"),
        ("4", "y", "a+b"),
    ]
    frame = pl.DataFrame(answers, schema=["unit", "annotator", "value"], orient="row")
    found = {(each.left, each.right): (each.times, each.of) for each in confused(frame, "labels")}
    assert found == {("a", "b"): (2, 6), ("a", "none"): (2, 6)}


def test_voices_taken_for_each_other_are_found(filled_workspace: Workspace):
    found = {
        frozenset((each.left, each.right))
        for each in agreement_hints(filled_workspace).confusions
        if each.label.endswith("voice")
    }
    assert frozenset(("endorsed", "reported")) in found


def passages(*marks: tuple[str, int | None, int | None]) -> pl.DataFrame:
    rows = [("r", who, "threat", "r1", start, end) for who, start, end in marks]
    schema = ["record_id", "annotator", "label", "round", "start", "end"]
    return pl.DataFrame(
        rows, schema=schema, orient="row", schema_overrides={"start": pl.Int64, "end": pl.Int64}
    )


def test_each_character_is_a_unit_of_marked_passages(workspace: Workspace):
    """Ten characters; x marks 0-4, y 2-6, z nothing: stretches 0-2, 2-4, 4-6, 6-10."""
    text = dict.fromkeys(RECORDS.schema) | {"record_id": "r", "text": "0123456789", "quotes": []}
    required = {c.name: "x" for c in RECORDS.columns if not c.nullable and c.dtype == pl.String}
    workspace.store.append(
        RECORDS,
        pl.DataFrame([text | required | {"record_id": "r", "text": "0123456789"}], schema=RECORDS.schema),
    )
    found = character_answers(passages(("x", 0, 4), ("y", 2, 6), ("z", None, None)), workspace)
    cells = found.sort("stretch", "annotator").select("stretch", "annotator", "value", "weight").rows()
    assert [cell for cell in cells if cell[2] == "true"] == [
        (0, "x", "true", 2.0),
        (2, "x", "true", 2.0),
        (2, "y", "true", 2.0),
        (4, "y", "true", 2.0),
    ]
    assert sum(weight for _, who, _, weight in cells if who == "z") == 10


def test_passages_match_by_their_borders_or_by_a_common_character():
    """x: 0-4, 6-8; y: 0-4, 7-9, 20-21: one of five matches on each side, two of x and two of y overlap."""
    found = passage_pairs(
        passages(("x", 0, 4), ("x", 6, 8), ("y", 0, 4), ("y", 7, 9), ("y", 20, 21), ("z", None, None))
    )
    rows = {
        (row["annotator"], row["other"]): (row["total"], row["exact"], row["overlapping"])
        for row in found.to_dicts()
    }
    assert rows == {("x", "y"): (5, 2, 4), ("x", "z"): (2, 0, 0), ("y", "z"): (3, 0, 0)}


def test_a_passage_that_two_others_overlap_is_one_that_is_matched():
    """x: 0-10; y: 0-3, 5-8: all three share a character with one of the other's."""
    found = passage_pairs(passages(("x", 0, 10), ("y", 0, 3), ("y", 5, 8))).row(0, named=True)
    assert (found["total"], found["exact"], found["overlapping"]) == (3, 0, 3)


def test_who_marked_nothing_in_the_detail_pass_counts_and_who_did_not_choose_the_label_does_not(
    filled_workspace: Workspace,
):
    store = filled_workspace.store
    annotations = compared_annotations(filled_workspace, None)
    found = marked_passages(annotations, SCHEME)
    assert found.get_column("start").null_count() == 0
    emptied = store.read(ANNOTATIONS).with_columns(
        spans=pl.when(pl.col("annotator") == "fink")
        .then(pl.lit([], dtype=ANNOTATIONS.schema["spans"]))
        .otherwise("spans")
    )
    again = marked_passages(
        emptied.lazy().join(annotations.select("annotation_uuid"), on="annotation_uuid", how="semi"), SCHEME
    )
    assert again.filter(pl.col("start").is_null()).get_column("annotator").unique().to_list() == ["fink"]
    assert again.height == found.height
    stray = pl.struct(label=pl.lit("violence_approval"), start=pl.lit(0, pl.Int64), end=pl.lit(2, pl.Int64))
    strays = store.read(ANNOTATIONS).with_columns(
        spans=pl.when(~pl.col("labels").list.contains("violence_approval"))
        .then(pl.concat_list("spans", stray))
        .otherwise("spans")
    )
    kept = strays.lazy().join(annotations.select("annotation_uuid"), on="annotation_uuid", how="semi")
    assert marked_passages(kept, SCHEME).sort(found.columns).equals(found.sort(found.columns))


def test_characters_of_perfect_passages_agree_and_shifted_ones_less(filled_workspace: Workspace):
    def spans() -> dict[str, float | None]:
        rows = agreement(filled_workspace, by=(), resamples=0)
        return {row.coefficient: row.value for row in rows if row.label == "threat_spans"}

    assert set(spans().values()) == {1.0}
    store = filled_workspace.store
    moved = pl.col("spans").list.eval(
        pl.struct(
            pl.element().struct.field("label"),
            pl.element().struct.field("start") + 3,
            pl.element().struct.field("end"),
        )
    )
    rows = store.read(ANNOTATIONS)
    store.upsert(
        ANNOTATIONS,
        rows.with_columns(spans=pl.when(pl.col("annotator") == "star").then(moved).otherwise("spans")),
    )
    found = spans()
    assert found["overlap_f1"] == 1
    assert 0.3 < found["exact_f1"] < 0.7 < found["positive_agreement"] < 1
    assert 0.7 < found["krippendorff_alpha"] < 1
