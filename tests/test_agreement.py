"""Coefficients of agreement, against worked examples and an independent implementation."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import krippendorff
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aufruf.agreement import agreement, agreement_of_table, coefficients
from aufruf.agreement.nominal import NO_PAIRS, ONE_CLUSTER, ONE_VALUE, UNSTABLE
from aufruf.errors import InputError
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, CLUSTERS

if TYPE_CHECKING:
    from aufruf.agreement import Coefficient
    from aufruf.workspace import Workspace

DATA = Path(__file__).parents[1].parent / "shared" / "data"


def long(units: list[str], clusters: list[str] | None = None) -> pl.DataFrame:
    """Each unit is written as its annotators' answers, one character each; a dot is a missing one."""
    rows = [
        (str(n), clusters[n] if clusters else str(n), str(who), None if value == "." else value)
        for n, values in enumerate(units)
        for who, value in enumerate(values)
    ]
    return pl.DataFrame(
        rows, schema=dict.fromkeys(["unit", "cluster", "annotator", "value"], pl.String), orient="row"
    )


def alpha(answers: pl.DataFrame, seed: int = 0, resamples: int = 0) -> Coefficient:
    return coefficients(answers, seed=seed, resamples=resamples)[0]


def raw(answers: pl.DataFrame, seed: int = 0, resamples: int = 0) -> Coefficient:
    return coefficients(answers, seed=seed, resamples=resamples)[1]


WORKED = ["11.1", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", ".555", "..11", ".3.."]
"""Four observers, twelve units, five values, from Krippendorff 2011, "Computing Krippendorff's
Alpha-Reliability", section C. The last unit has one answer and is left out."""


def test_alpha_of_krippendorffs_worked_example():
    """By hand, from 40 answers in units with two or more.

    Answers of each value, n_c: 9, 13, 10, 5, 3; their sum is n = 40.
    Agreeing coincidences o_cc = sum over units of n_uc (n_uc - 1) / (m_u - 1):
    value 1: 3*2/2 + 3*2/3 + 2*1/1 = 7; value 2: 3*2/3 + 4 + 4 = 10; 3: 4 + 4 = 8; 4: 4; 5: 3*2/2 = 3.
    alpha = (39 * (7 + 10 + 8 + 4 + 3) - (9*8 + 13*12 + 10*9 + 5*4 + 3*2)) / (40 * 39 - the same)
          = (39 * 32 - 344) / (1560 - 344) = 904 / 1216 = 0.743
    """
    found = alpha(long(WORKED))
    assert found.value == pytest.approx(904 / 1216)
    assert (found.coefficient, found.level, found.records, found.annotators) == (
        "krippendorff_alpha",
        "nominal",
        11,
        4,
    )


def test_raw_agreement_is_the_mean_share_of_agreeing_pairs():
    """Units of the worked example: nine times 1 or 1/2, and 0 for 1234: 8 + 1/2 + 1/2 = 9 of 11."""
    assert raw(long(WORKED)).value == pytest.approx(9 / 11)


def test_alpha_of_two_annotators_by_hand():
    """Four units aa, aa, ab, bb: n = 8, n_a = 5, n_b = 3, disagreeing coincidences 2.

    alpha = 1 - 7 * 2 / (64 - 25 - 9) = 1 - 14 / 30
    """
    assert alpha(long(["aa", "aa", "ab", "bb"])).value == pytest.approx(1 - 14 / 30)


def test_answers_of_one_value_only_leave_alpha_undefined_with_the_reason():
    found = alpha(long(["aa", "aaa"]), resamples=10)
    assert (found.value, found.low, found.high, found.reason) == (None, None, None, ONE_VALUE)
    assert raw(long(["aa", "aaa"])).value == 1


def test_units_with_one_answer_leave_nothing_to_compare():
    for found in coefficients(long(["a.", ".b"]), seed=0):
        assert (found.value, found.records, found.reason) == (None, 0, NO_PAIRS)


def test_one_cluster_alone_gives_no_interval():
    found = alpha(long(["ab", "aa"], ["c", "c"]), resamples=10)
    assert found.value is not None
    assert (found.low, found.reason) == (None, ONE_CLUSTER)


def test_a_value_so_rare_that_resamples_miss_it_gives_no_interval():
    """The one unit with b is missed by (1 - 1/20)^20 = 36 % of the resamples."""
    found = alpha(long(["ab"] + ["aa"] * 19), resamples=200)
    assert found.value is not None
    assert (found.low, found.high, found.reason) == (None, None, UNSTABLE)


ANSWERS = st.lists(st.text(alphabet="abc.", min_size=4, max_size=4), min_size=1, max_size=15)


@settings(deadline=None, max_examples=60)
@given(units=ANSWERS)
def test_alpha_is_that_of_the_krippendorff_package_with_answers_missing(units):
    found = alpha(long(units))
    codes = {"a": 0.0, "b": 1.0, "c": 2.0, ".": np.nan}
    matrix = np.array([[codes[value] for value in unit] for unit in units]).T
    paired = matrix[:, (~np.isnan(matrix)).sum(axis=0) > 1]
    if len(np.unique(paired[~np.isnan(paired)])) < 2:
        assert found.value is None
        return
    expected = krippendorff.alpha(matrix, level_of_measurement="nominal", value_domain=[0.0, 1.0, 2.0])
    assert found.value == pytest.approx(expected, abs=1e-9)


def test_the_interval_follows_from_the_seed_and_not_from_the_order_of_rows():
    answers = long(WORKED)
    first = coefficients(answers, seed=7, resamples=300)
    assert coefficients(answers.reverse(), seed=7, resamples=300) == first
    assert coefficients(answers, seed=8, resamples=300)[0].low != first[0].low


def naive_interval(units: list[str], clusters: list[str], resamples: int) -> tuple[float, float]:
    """Resample clusters one by one and compute alpha with the other package."""
    rng = np.random.default_rng(1)
    members = [[n for n, name in enumerate(clusters) if name == each] for each in sorted(set(clusters))]
    codes = {"a": 0.0, "b": 1.0, ".": np.nan}
    matrix = np.array([[codes[value] for value in unit] for unit in units]).T
    values = []
    for _ in range(resamples):
        drawn = [n for place in rng.integers(len(members), size=len(members)) for n in members[place]]
        values.append(krippendorff.alpha(matrix[:, drawn], level_of_measurement="nominal"))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def test_the_interval_is_that_of_resampling_clusters_one_by_one():
    """Both are random; ends of a 90 % interval would differ by 0.02."""
    rng = np.random.default_rng(0)
    truth = rng.random(120) < 0.4
    noise = rng.random((120, 3)) < 0.15
    missing = rng.random((120, 3)) < 0.1
    cells = np.where(missing, ".", np.where(truth[:, None] ^ noise, "b", "a"))
    units, clusters = ["".join(row) for row in cells], [str(n // 3) for n in range(120)]
    found = alpha(long(units, clusters), resamples=2000)
    assert (found.low, found.high) == pytest.approx(naive_interval(units, clusters, 2000), abs=0.012)


def test_duplicates_in_one_cluster_widen_the_interval():
    units = ["aa", "bb", "ab", "aa", "bb"] * 20
    alone = alpha(long(units), resamples=500)
    together = alpha(long(units, [str(n % 10) for n in range(100)]), resamples=500)
    assert alone.low is not None
    assert together.low is not None
    assert together.low < alone.low - 0.05


@pytest.mark.skipif(not DATA.is_dir(), reason="real data are not here")
def test_hatecheck_agrees_as_published():
    """Fleiss' kappa of its five annotators is published as .939; alpha differs from it by (1 - kappa) / n."""
    with (DATA / "hatecheck" / "test_suite_annotations.csv").open(encoding="utf-8", newline="") as handle:
        rows = [
            (row["case_id"], row["case_id"], str(who), row[f"label_{who}"] or None)
            for row in csv.DictReader(handle)
            for who in range(1, 11)
        ]
    answers = pl.DataFrame(rows, schema=["unit", "cluster", "annotator", "value"], orient="row")
    found = alpha(answers, resamples=1000)
    assert found.value == pytest.approx(0.939, abs=0.001)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.939 < found.high < found.low + 0.02


@pytest.mark.skipif(not DATA.is_dir(), reason="real data are not here")
def test_gahd_agrees_as_published():
    """Alpha is published as .689 over the 1,653 texts that two annotators or more judged."""
    with (DATA / "gahd" / "gahd_disaggregated.csv").open(encoding="utf-8", newline="") as handle:
        rows = [
            (row["gahd_id"], row["gahd_id"], who, value)
            for row in csv.DictReader(handle)
            for who, value in enumerate(row["annotator_labels"].split("/"))
        ]
    answers = pl.DataFrame(rows, schema=["unit", "cluster", "annotator", "value"], orient="row")
    found = alpha(answers, resamples=1000)
    assert found.value == pytest.approx(0.689, abs=0.001)
    assert found.records == 1653


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
    first, second = agreement_of_table(path, unit="text", annotator="who", value="hate", resamples=0)
    assert (first.label, first.group, first.value, first.records) == ("hate", "all", pytest.approx(0), 2)
    assert second.value == pytest.approx(1 / 2)


def test_a_missing_column_is_named_with_the_columns_that_there_are(tmp_path: Path):
    path = tmp_path / "answers.csv"
    path.write_text("text,who,hate\n")
    with pytest.raises(InputError, match=r"no column 'task'; columns are text, who, hate"):
        agreement_of_table(path, unit="task", annotator="who", value="hate")


def test_two_answers_of_one_annotator_to_one_unit_are_refused(tmp_path: Path):
    path = tmp_path / "answers.csv"
    path.write_text("text,who,hate\n1,x,yes\n1,x,no\n")
    with pytest.raises(InputError, match="2 rows share unit and annotator with another"):
        agreement_of_table(path, unit="text", annotator="who", value="hate")


def test_a_column_of_texts_is_refused_as_value(tmp_path: Path):
    path = tmp_path / "answers.csv"
    path.write_text("text,who,hate\n" + "".join(f"{n},x,text {n}\n" for n in range(600)))
    with pytest.raises(InputError, match="column 'hate' has 600 different values, 500 at most"):
        agreement_of_table(path, unit="text", annotator="who", value="hate")


def test_a_damaged_file_is_refused_without_its_content(tmp_path: Path):
    path = tmp_path / "answers.jsonl"
    path.write_text('{"text": "canary\n')
    with pytest.raises(InputError, match=r"not a readable jsonl file") as caught:
        agreement_of_table(path, unit="text", annotator="who", value="hate")
    assert "canary" not in str(caught.value)


def test_a_workspace_has_rows_for_each_label_and_group(filled_workspace: Workspace):
    rows = agreement(filled_workspace, resamples=50)
    groups = {row.group for row in rows if row.label == "threat_contained"}
    assert groups == {
        "all",
        "kind=news",
        "kind=post",
        "language=de",
        "language=en",
        "round=pilot",
        "round=uncertain",
    }
    labels = {row.label for row in rows}
    assert {
        "violence_approval_author",
        "threat_voice",
        "threat_serious",
        "protest_mobilization_form",
    } <= labels
    assert "threat_form" not in labels


def test_each_round_by_itself_is_the_rounds_group(filled_workspace: Workspace):
    every = {(row.label, row.coefficient, row.group): row for row in agreement(filled_workspace, resamples=0)}
    for row in agreement(filled_workspace, "pilot", resamples=0):
        if row.group == "all" and row.records:
            assert every[row.label, row.coefficient, "round=pilot"].value == row.value


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
        (row.label, row.coefficient, row.group): row.value for row in agreement(filled_workspace, resamples=0)
    }
    expected = krippendorff.alpha(matrix, level_of_measurement="nominal")
    assert found["threat_contained", "krippendorff_alpha", "all"] == pytest.approx(expected, abs=1e-9)


def test_a_workspaces_intervals_resample_its_duplicate_clusters(filled_workspace: Workspace):
    store = filled_workspace.store
    store.upsert(CLUSTERS, store.read(CLUSTERS).with_columns(cluster=pl.lit("one")))
    assert {row.reason for row in agreement(filled_workspace, resamples=10) if row.value} == {ONE_CLUSTER}


def test_a_workspace_without_answers_says_how_to_get_them(workspace):
    with pytest.raises(InputError, match="no answer to compare: get answers with `aufruf annotate pull"):
        agreement(workspace)


@pytest.mark.slow
def test_a_million_answers_take_seconds():
    """1,000 resamples; the limit is loose, for machines at work on something else."""
    from time import perf_counter

    rng = np.random.default_rng(0)
    truth = np.repeat(rng.random(333_334) < 0.1, 3)
    values = truth ^ (rng.random(truth.size) < 0.05)
    unit = np.repeat(np.arange(333_334), 3)
    answers = pl.DataFrame(
        {"unit": unit, "cluster": unit // 2, "annotator": np.arange(truth.size) % 3, "value": values}
    ).cast(pl.String)
    start = perf_counter()
    found = alpha(answers, resamples=1000)
    assert perf_counter() - start < 10
    assert found.low is not None
