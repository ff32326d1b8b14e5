"""Models of annotators, what changes from run to run, and what looks wrong in gold."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from aufruf.baselines.gold_scores import decided_records, examples_of_gold, score_gold
from aufruf.baselines.recipes import load_recipe
from aufruf.cli.app import app
from aufruf.errors import InputError
from aufruf.gold import changes_between, decide_gold, newest_gold, read_scores, suspicious
from aufruf.gold.annotator_model import Priors, Votes, estimate
from aufruf.gold.modelled import FEWEST_POSITIVES, SURE
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, GOLD
from aufruf.workspace import open_workspace

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

DATA = Path(__file__).parents[1].parent / "shared" / "data"
NONE = Priors(0, 0, 0)


def slow(votes: list[tuple[int, int, bool]], priors: Priors, *, one_coin: bool, rounds: int) -> list[float]:
    """Dawid & Skene's equations as they stand, with products in place of logarithms, record by record."""
    records, annotators = sorted({v[0] for v in votes}), sorted({v[1] for v in votes})
    of = {r: [(a, yes) for record, a, yes in votes if record == r] for r in records}
    truth = {r: sum(yes for _, yes in of[r]) / len(of[r]) for r in records}
    for _ in range(rounds):
        right, pretended = {}, priors.right + priors.wrong
        for a in annotators:
            own = [(truth[r], yes) for r, who, yes in votes if who == a]
            hit = [sum(p for p, yes in own if yes), sum(1 - p for p, yes in own if not yes)]
            size = [sum(p for p, _ in own), sum(1 - p for p, _ in own)]
            if one_coin:
                hit, size = [sum(hit)] * 2, [sum(size)] * 2
            right[a] = [(h + priors.right) / (n + pretended) for h, n in zip(hit, size, strict=True)]
        share = (sum(truth.values()) + priors.each) / (len(records) + 2 * priors.each)
        for r in records:
            yes = share * prod(right[a][0] if said else 1 - right[a][0] for a, said in of[r])
            no = (1 - share) * prod(1 - right[a][1] if said else right[a][1] for a, said in of[r])
            truth[r] = yes / (yes + no)
    return [truth[r] for r in records]


def votes_of(rows: list[tuple[int, int, bool]]) -> Votes:
    record, annotator, yes = (np.array(column) for column in zip(*rows, strict=True))
    return Votes(
        np.unique(record, return_inverse=True)[1],
        np.unique(annotator, return_inverse=True)[1],
        yes.astype(bool),
    )


CELLS = st.dictionaries(
    st.tuples(st.integers(0, 8), st.integers(0, 3)), st.booleans(), min_size=1, max_size=30
)


@settings(deadline=None, max_examples=60)
@given(cells=CELLS, one_coin=st.booleans(), rounds=st.integers(1, 8))
def test_the_models_are_their_equations_worked_record_by_record(cells, one_coin, rounds):
    rows = [(record, annotator, yes) for (record, annotator), yes in cells.items()]
    model = "one-coin" if one_coin else "dawid-skene"
    found = estimate(votes_of(rows), model, most=rounds, tolerance=-1)
    assert found.posterior.tolist() == pytest.approx(slow(rows, Priors(), one_coin=one_coin, rounds=rounds))
    assert (found.rounds, found.converged) == (rounds, False)


def test_a_first_round_by_hand_without_priors():
    """Records yyn, yyy, nnn by annotators 0, 1, 2; shares of yes 2/3, 1, 0; prevalence 5/9.

    Sensitivity of 0 and 1: (2/3 + 1) / (5/3) = 1; of 2: 1 / (5/3) = .6. Specificity: of 0 and 1
    1 / (4/3) = .75, of 2 (1/3 + 1) / (4/3) = 1. First record: yes 5/9 * 1 * 1 * .4 = .2222,
    no 4/9 * .25 * .25 * 1 = .02778: .2222 / .25 = .8889.
    """
    said = ["110", "111", "000"]
    rows = [(r, a, letter == "1") for r, unit in enumerate(said) for a, letter in enumerate(unit)]
    found = estimate(votes_of(rows), "dawid-skene", NONE, most=1)
    assert found.posterior[0] == pytest.approx(0.8889, abs=5e-5)


def simulated(n: int, prevalence: float, seed: int = 0) -> tuple[Votes, Any, Any, Any]:
    """Nine annotators, five answers a record."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < prevalence
    record = np.repeat(np.arange(n), 5)
    annotator = np.argsort(rng.random((n, 9)), axis=1)[:, :5].ravel()
    sensitivity, specificity = rng.uniform(0.5, 0.95, 9), rng.uniform(0.85, 0.99, 9)
    said_yes = np.where(truth[record], sensitivity[annotator], 1 - specificity[annotator])
    return Votes(record, annotator, rng.random(len(record)) < said_yes), truth, sensitivity, specificity


def test_errors_and_truth_are_recovered_better_than_by_majority():
    votes, truth, sensitivity, specificity = simulated(4000, 0.2)
    found = estimate(votes, "dawid-skene")
    assert found.converged
    assert found.sensitivity == pytest.approx(sensitivity, abs=0.08)
    assert found.specificity == pytest.approx(specificity, abs=0.03)
    assert found.prevalence == pytest.approx(truth.mean(), abs=0.02)
    majority = np.bincount(votes.record, votes.yes) > 2.5
    assert ((found.posterior > 0.5) == truth).mean() > (majority == truth).mean() + 0.01


@pytest.mark.parametrize("model", ["dawid-skene", "one-coin"])
def test_whoever_the_annotators_are_and_in_whatever_order_answers_come_changes_nothing(model: Any):
    votes, *_ = simulated(300, 0.3)
    order, names = (
        np.random.default_rng(1).permutation(len(votes.yes)),
        np.random.default_rng(2).permutation(9),
    )
    shuffled = Votes(votes.record[order], names[votes.annotator][order], votes.yes[order])
    assert estimate(shuffled, model).posterior == pytest.approx(estimate(votes, model).posterior, abs=1e-6)


def test_priors_keep_an_annotator_with_one_answer_from_being_taken_for_perfect():
    rows = [(r, a, r < 5) for r in range(20) for a in range(3)] + [(0, 3, True)]
    assert estimate(votes_of(rows), "dawid-skene", NONE).sensitivity[3] == pytest.approx(1)
    assert estimate(votes_of(rows), "dawid-skene").sensitivity[3] == pytest.approx(5 / 6, abs=0.01)


@pytest.mark.slow
def test_a_million_answers_take_seconds():
    votes, *_ = simulated(200_000, 0.05)
    for model in ("dawid-skene", "one-coin"):
        start = perf_counter()
        assert estimate(votes, model).converged
        assert perf_counter() - start < 10


def cells(gold: pl.DataFrame) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(row["record_id"], row["label"], row["column"]): row for row in gold.to_dicts()}


@pytest.mark.parametrize("model", ["dawid-skene", "one-coin"])
def test_a_model_decides_yes_no_columns_and_leaves_the_doubtful_open(filled_workspace: Workspace, model: Any):
    decide_gold(filled_workspace)
    before = cells(newest_gold(filled_workspace))
    report = decide_gold(filled_workspace, rule=model)
    after = cells(newest_gold(filled_workspace))
    assert set(before) == set(after)
    modelled = {(entry.label, entry.column) for entry in report.modelled if entry.reason is None}
    assert ("threat", "contained") in modelled
    for key, row in after.items():
        if key[1:] not in modelled:
            assert row | {"gold_run": ""} == before[key] | {"gold_run": ""}
            continue
        assert row["share"] == before[key]["share"]
        decided = {True: "true", False: "false"}[row["posterior"] > 0.5]
        sure = max(row["posterior"], 1 - row["posterior"]) >= SURE
        assert (row["value"], row["decided_by"]) == ((decided, "model") if sure else (None, None))
    assert {entry.annotator for entry in report.annotators} == {"amsel", "drossel", "fink", "star"}
    alike = {entry.sensitivity == entry.specificity for entry in report.annotators}
    assert alike == {model == "one-coin"}


def test_a_small_round_is_decided_by_a_model_that_learnt_from_all_rounds(filled_workspace: Workspace):
    every = decide_gold(filled_workspace, rule="dawid-skene")
    before = cells(newest_gold(filled_workspace))
    one = decide_gold(filled_workspace, "uncertain", rule="dawid-skene")
    assert one.modelled == every.modelled
    assert {k: row["posterior"] for k, row in cells(newest_gold(filled_workspace)).items()} == {
        k: row["posterior"] for k, row in before.items()
    }


def test_the_settings_say_who_decides(filled_workspace: Workspace):
    settings = filled_workspace.root / "aufruf.toml"
    settings.write_text(
        settings.read_text("utf-8").replace('rule = "majority"', 'rule = "one-coin"', 1), "utf-8"
    )
    opened = open_workspace(filled_workspace.root)
    assert decide_gold(opened).rule == "one-coin"
    assert decide_gold(opened, rule="majority").rule == "majority"


def test_too_few_positives_leave_a_column_to_the_majority_and_the_report_says_so(filled_workspace: Workspace):
    store = filled_workspace.store
    rows = store.read(ANNOTATIONS)
    rare = rows.filter(pl.col("labels").list.contains("threat")).get_column("record_id").unique().sort()
    kept = rows.filter(~pl.col("record_id").is_in(rare[FEWEST_POSITIVES - 5 :].to_list()))
    store.delete(ANNOTATIONS, "true")
    store.append(ANNOTATIONS, kept)
    report = decide_gold(filled_workspace, rule="one-coin")
    entry = next(e for e in report.modelled if (e.label, e.column) == ("threat", "contained"))
    assert entry.positives < FEWEST_POSITIVES
    assert (
        entry.reason == f"{entry.positives} records with a majority for yes; a model needs {FEWEST_POSITIVES}"
    )
    threat = newest_gold(filled_workspace).filter(label="threat", column="contained")
    assert threat.get_column("posterior").null_count() == threat.height
    assert "model" not in threat.get_column("decided_by").to_list()


def test_two_annotators_are_too_few_for_a_model(filled_workspace: Workspace):
    store = filled_workspace.store
    kept = store.read(ANNOTATIONS).filter(pl.col("annotator").is_in(["amsel", "star"]))
    store.delete(ANNOTATIONS, "true")
    store.append(ANNOTATIONS, kept)
    reasons = {entry.reason for entry in decide_gold(filled_workspace, rule="dawid-skene").modelled}
    assert reasons == {"2 annotators; a model needs 3"}


def test_confusion_matrices_against_majorities_are_counted(filled_workspace: Workspace):
    report = decide_gold(filled_workspace)
    store = filled_workspace.store
    truth = {
        key[0]: row["value"]
        for key, row in cells(newest_gold(filled_workspace)).items()
        if key[1:] == ("threat", "contained")
    }
    other = store.read(ASSIGNMENTS).filter(pl.col("purpose") != "main").get_column("task_key").to_list()
    rows = store.read(ANNOTATIONS).filter(
        (pl.col("pass") == "triage") & pl.col("labels").is_not_null() & ~pl.col("task_key").is_in(other)
    )
    said = [
        (truth[row["record_id"]], "threat" in row["labels"])
        for row in rows.to_dicts()
        if row["annotator"] == "amsel" and truth[row["record_id"]] is not None
    ]
    found = next(
        e for e in report.annotators if (e.label, e.column, e.annotator) == ("threat", "contained", "amsel")
    )
    assert found.answers == len(said)
    assert (found.positives, found.negatives) == (
        said.count(("true", True)) + said.count(("true", False)),
        sum(t == "false" for t, _ in said),
    )
    assert found.sensitivity == pytest.approx(said.count(("true", True)) / found.positives)
    assert found.specificity == pytest.approx(said.count(("false", False)) / found.negatives)


def run_of(run: str, *rows: tuple[str, str | None, dict[str, int], str | None]) -> pl.DataFrame:
    """Rows of a gold run about threat_contained: record, value, counted answers, how it was decided."""
    return pl.DataFrame(
        [
            {
                "gold_run": run,
                "record_id": record,
                "label": "threat",
                "column": "contained",
                "value": value,
                "n": sum(counts.values()),
                "distribution": [{"value": name, "n": n} for name, n in counts.items()],
                "decided_by": by,
                "share": None,
                "posterior": None,
            }
            for record, value, counts, by in rows
        ],
        schema=GOLD.schema,
    )


def test_each_change_says_why():
    before = run_of(
        "1",
        ("a", None, {"true": 1, "false": 1}, None),
        ("b", "true", {"true": 2, "false": 1}, "majority"),
        ("c", "true", {"true": 2, "false": 1}, "majority"),
        ("d", "true", {"true": 2, "false": 1}, "majority"),
        ("e", None, {"true": 1, "false": 1}, None),
        ("f", "true", {"true": 2}, "unanimous"),
        ("g", "true", {"true": 2}, "unanimous"),
    )
    after = run_of(
        "2",
        ("a", "true", {"true": 2, "false": 1}, "majority"),
        ("b", None, {"true": 1, "false": 1}, None),
        ("c", "false", {"false": 2, "true": 1}, "majority"),
        ("d", "false", {"true": 2, "false": 1}, "model"),
        ("e", "false", {"true": 1, "false": 1}, "adjudicated"),
        ("f", "true", {"true": 3}, "unanimous"),
        ("h", "true", {"true": 2}, "unanimous"),
    )
    found = {
        change.record_id: (change.before, change.after, change.why)
        for change in changes_between(before, after)
    }
    assert found == {
        "a": (None, "true", "more answers"),
        "b": ("true", None, "fewer answers"),
        "c": ("true", "false", "answers changed"),
        "d": ("true", "false", "rule"),
        "e": (None, "false", "adjudicated"),
        "g": ("true", None, "no answer counts any more"),
    }


def test_a_run_that_says_nothing_new_is_compared_with_the_one_before_it(filled_workspace: Workspace):
    first = decide_gold(filled_workspace)
    second = decide_gold(filled_workspace, rule="dawid-skene")
    again = decide_gold(filled_workspace, rule="dawid-skene")
    assert second.changes
    assert {change.why for change in second.changes} == {"rule"}
    assert (again.written, again.compared_with, again.changes) == (False, first.gold_run, second.changes)


def scored(*rows: tuple[str, str, float]) -> tuple[pl.DataFrame, pl.DataFrame]:
    gold = run_of("1", *((record, value, {value: 2}, "unanimous") for record, value, _ in rows))
    scores = gold.select("record_id", "label", "column", score=pl.Series([score for *_, score in rows]))
    return gold, scores


def test_a_value_is_suspicious_where_the_other_one_is_as_likely_as_it_usually_is():
    """Yes: 10 with .9, 2 with .05: mean .758. No: 10 with .1, one .8, one .6: mean .2.

    .8 reaches .758; .6 does not; .05 is below the usual .2 of no. The most surprising first: a yes with .05
    beside a no with .8 (own value .2).
    """
    rows = [(f"y{n}", "true", 0.9) for n in range(10)] + [("p", "true", 0.05), ("q", "true", 0.05)]
    rows += [(f"n{n}", "false", 0.1) for n in range(10)] + [("r", "false", 0.8), ("s", "false", 0.6)]
    found = suspicious(*scored(*rows))
    assert [(each.record_id, each.value, each.score) for each in found] == [
        ("p", "true", 0.05),
        ("q", "true", 0.05),
        ("r", "false", 0.8),
    ]
    assert found[2].usual == pytest.approx((10 * 0.9 + 2 * 0.05) / 12)
    assert found[0].usual == pytest.approx((10 * 0.1 + 0.8 + 0.6) / 12)


def test_a_rare_label_with_low_scores_throughout_has_suspicious_records_too():
    """Yes: 10 with .3; no: 100 with .02, one with .35, above the usual .3 of yes though below .5."""
    rows = [(f"y{n}", "true", 0.3) for n in range(10)]
    rows += [(f"n{n}", "false", 0.02) for n in range(100)] + [("r", "false", 0.35)]
    assert [each.record_id for each in suspicious(*scored(*rows))] == ["r"]


def test_where_scores_point_the_wrong_way_the_higher_probability_decides():
    """Usual of yes .25, of no .35: a no with .3 reaches the former, but no is as usual and more likely."""
    rows = [(f"y{n}", "true", 0.25) for n in range(10)] + [(f"n{n}", "false", 0.36) for n in range(10)]
    rows += [("r", "false", 0.3), ("s", "false", 0.3)]
    found = {each.record_id for each in suspicious(*scored(*rows))}
    assert not {"r", "s"} & found


def test_columns_with_few_records_of_a_value_and_open_ones_are_never_suspicious():
    rows = [(f"y{n}", "true", 0.1) for n in range(9)] + [(f"n{n}", "false", 0.9) for n in range(50)]
    assert suspicious(*scored(*rows)) == []


def test_scores_that_are_no_probabilities_are_refused():
    with pytest.raises(InputError, match="probabilities from 0 to 1"):
        suspicious(*scored(("a", "true", 1.7)))


def test_flipped_gold_is_found_by_a_baseline_that_did_not_see_it(filled_workspace: Workspace):
    store = filled_workspace.store
    decide_gold(filled_workspace)
    gold = newest_gold(filled_workspace)
    some = (
        gold.filter(label="protest_mobilization", column="contained")
        .filter(pl.col("n") > 1)
        .sort("record_id")
    )
    flipped = {
        value: some.filter(value=value).get_column("record_id").head(3).to_list()
        for value in ("true", "false")
    }
    ids = flipped["true"] + flipped["false"]
    cell = (
        pl.col("record_id").is_in(ids)
        & (pl.col("label") == "protest_mobilization")
        & (pl.col("column") == "contained")
    )
    store.upsert(
        GOLD,
        gold.with_columns(
            value=pl.when(cell)
            .then(pl.when(pl.col("value") == "true").then(pl.lit("false")).otherwise(pl.lit("true")))
            .otherwise("value")
        ),
    )
    scores = score_gold(filled_workspace, load_recipe("tfidf-logreg"))
    assert scores.select("record_id", "label", "column").is_duplicated().sum() == 0
    found = suspicious(newest_gold(filled_workspace), scores)
    protest = [e.record_id for e in found if (e.label, e.column) == ("protest_mobilization", "contained")]
    assert set(flipped["false"]) <= set(protest) or len(set(ids) & set(protest[:12])) >= 4


def test_duplicates_are_scored_by_models_that_saw_none_of_them(filled_workspace: Workspace):
    decide_gold(filled_workspace)
    rows = decided_records(filled_workspace)
    units = examples_of_gold(rows, filled_workspace).units
    pairs = (
        rows.with_columns(unit=pl.Series(units))
        .group_by("cluster")
        .agg(pl.col("unit").n_unique(), n=pl.len())
    )
    assert pairs.filter(pl.col("n") > 1).height >= 10
    assert pairs.get_column("unit").to_list() == [1] * pairs.height
    assert pairs.height == len(set(units.tolist())) < rows.height


def run(*words: Any, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def test_the_command_lists_changes_annotators_and_what_is_suspicious(
    filled_workspace: Workspace, tmp_path: Path
):
    at = ("-w", filled_workspace.root)
    run("gold", *at)
    found = json.loads(run("gold", "--rule", "dawid-skene", "--changes", "--json", *at))
    assert found["rule"] == "dawid-skene"
    assert found["changes"]
    assert "annotators" not in found
    assert "drossel" in run("gold", "--annotators", *at)
    file = tmp_path / "again.csv"
    listed = json.loads(run("gold", "--suspicious", "--json", "--output", file, *at))
    assert pl.read_csv(file).select("record_id", "label").rows() == [
        (e["record_id"], e["label"]) for e in listed
    ]
    ties = tmp_path / "ties.json"
    run("gold", "--ties", "--output", ties, *at)
    assert {"record_id", "label", "column"} <= set(json.loads(ties.read_text())[0])


@pytest.mark.parametrize(
    "words",
    [
        ("--ties", "--changes"),
        ("--scores", "x.csv"),
        ("--output", "x.csv"),
        ("--suspicious", "--rule", "one-coin"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(filled_workspace: Workspace, words: tuple[str, ...]):
    run("gold", *words, "-w", filled_workspace.root, code=2)


def test_scores_of_any_model_are_read_by_label_column_or_head(filled_workspace: Workspace, tmp_path: Path):
    scheme, path = filled_workspace.label_scheme, tmp_path / "scores.csv"
    path.write_text("record_id,label,score\na,threat,0.5\nb,threat_author,0.25\nc,weather,1\n")
    assert read_scores(path, scheme).rows() == [
        ("a", "threat", "contained", 0.5),
        ("b", "threat", "author", 0.25),
    ]
    path.write_text("record_id,label,column,score\na,threat,author,0.5\n")
    assert read_scores(path, scheme).rows() == [("a", "threat", "author", 0.5)]
    for content in (
        "record_id,label\na,threat\n",
        "record_id,label,score\na,threat,high\n",
        "record_id,label,score\na,weather,1\n",
    ):
        path.write_text(content)
        with pytest.raises(InputError):
            read_scores(path, scheme)
