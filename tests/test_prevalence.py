"""Shares in the corpus: estimates, rounds together, refusals, errors of gold."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from aufruf.errors import InputError
from aufruf.prevalence import (
    ErrorRates,
    Estimate,
    Sampled,
    corrected,
    estimate,
    modelled_error_rates,
    plan_samples,
    prevalence,
)
from aufruf.prevalence.planning import records_for_alpha, records_for_share
from aufruf.sampling import overall_weights, sample_round
from aufruf.sampling.probabilities import draw_systematically, mixed_probabilities
from aufruf.tables import CLUSTERS, GOLD, RECORDS, SAMPLES


def sampled(truth, probability, stratum=None) -> Sampled:
    truth, probability = np.asarray(truth, float), np.asarray(probability, float)
    ones = np.ones(len(truth))
    kept = np.zeros(len(truth), int) if stratum is None else np.asarray(stratum)
    return Sampled(truth, ones, probability, ones, 1 / probability, kept)


def test_a_simple_random_sample_has_wilsons_interval():
    """8 of 200 with z = 1.96: Wilson's is .0204 to .0769; t and n - 1 make it a little wider."""
    found = estimate(sampled([1] * 8 + [0] * 192, [1e-6] * 200))
    assert found is not None
    assert found.value == pytest.approx(0.04)
    assert found.low == pytest.approx(0.0204, abs=3e-4)
    assert found.high == pytest.approx(0.0769, abs=6e-4)
    assert found.effective == pytest.approx(199, rel=1e-4)


def test_a_census_is_sure():
    found = estimate(sampled([1, 0, 0, 1], [1, 1, 1, 1]))
    assert found is not None
    assert (found.value, found.low, found.high, found.effective) == (0.5, 0.5, 0.5, float("inf"))


def test_weights_are_the_inverse_probabilities():
    """(1/.5) / (1/.5 + 1/.1 + 1/.1) = 2/22."""
    found = estimate(sampled([1, 0, 0], [0.5, 0.1, 0.1]))
    assert found is not None
    assert found.value == pytest.approx(2 / 22)


def test_none_of_a_label_is_an_interval_and_one_record_is_no_estimate():
    found = estimate(sampled([0] * 100, [1e-6] * 100))
    assert found is not None
    assert (found.value, found.low) == (0, 0)
    assert 0.03 < found.high < 0.05
    assert estimate(sampled([1], [0.1])) is None


def test_a_perfect_model_makes_the_estimate_sure_and_a_useless_one_changes_nothing():
    generator = np.random.default_rng(0)
    truth = (generator.random(400) < 0.2).astype(float)
    plain = estimate(sampled(truth, [0.1] * 400))
    perfect = estimate(sampled(truth, [0.1] * 400), truth, 0.21)
    useless = estimate(sampled(truth, [0.1] * 400), np.full(400, 0.3), 0.3)
    assert plain is not None
    assert perfect is not None
    assert perfect.value == pytest.approx(0.21)
    assert perfect.effective > 10 * plain.effective
    assert useless == plain


def test_rounds_together_are_unbiased():
    """Two targeted rounds without replacement, the second aimed by what the first found, 4,000 times.

    Total of y = 60 positives of 300; four standard errors of the mean are below 1.
    """
    generator = np.random.default_rng(5)
    truth = np.repeat([1.0, 0.0], [60, 240])
    wanted = truth * 2 + generator.random(300)
    totals: list[float] = []
    for _ in range(4000):
        first = mixed_probabilities({"x": wanted}, {"x": 0.7}, 30)
        one = np.flatnonzero(draw_systematically(first, generator))
        rest = np.setdiff1d(np.arange(300), one)
        aim = wanted[rest] ** (2 if truth[one].sum() > 12 else 0.5)
        second = mixed_probabilities({"x": aim}, {"x": 0.7}, 20)
        chosen = draw_systematically(second, generator)
        rows = pl.DataFrame(
            {
                "round": ["a"] * 30 + ["b"] * 20,
                "record_id": [str(n) for n in (*one, *rest[chosen])],
                "probability": np.concatenate([first[one], second[chosen]]),
            }
        )
        weight = overall_weights(rows, {"a": 30.0, "b": 20.0}, ["a", "b"]).get_column("weight").to_numpy()
        totals.append(float((weight * truth[np.concatenate([one, rest[chosen]])]).sum()))
    assert np.mean(totals) == pytest.approx(60, abs=4 * np.std(totals) / np.sqrt(4000))


def test_errors_of_gold_are_taken_out_with_their_uncertainty():
    """.9 · .1 + .2 · .9 = .27 is found where .1 is true: (.27 + .8 - 1) / (.9 + .8 - 1) = .1."""
    found = Estimate(0.27, 0.24, 0.3, 1000)
    sure = corrected(found, ErrorRates(0.9, 0.8, 1e6, 1e6))
    unsure = corrected(found, ErrorRates(0.9, 0.8, 50, 50))
    assert sure is not None
    assert unsure is not None
    assert sure.value == unsure.value == pytest.approx(0.1)
    assert unsure.high - unsure.low > sure.high - sure.low > found.high - found.low
    assert corrected(found, ErrorRates(0.5, 0.5, 50, 50)) is None


def test_the_model_behind_gold_says_how_often_gold_is_right():
    """Of yes, .9 + .6 + .1, gold has .9 and half of .6; of no, .1 + .4 + .9, it has half of .4 and .9."""
    gold = pl.DataFrame(
        [("a", "true", 1.0, 0.9), ("b", None, 0.5, 0.6), ("c", "false", 0.0, 0.1), ("d", "true", 1.0, None)],
        ["record_id", "value", "share", "posterior"],
        orient="row",
    ).with_columns(label=pl.lit("threat"), column=pl.lit("author"))
    rates = modelled_error_rates(gold)["threat", "author"]
    assert (rates.sensitivity, rates.positives) == pytest.approx((1.2 / 1.6, 1.6))
    assert (rates.specificity, rates.negatives) == pytest.approx((1.1 / 1.4, 1.4))
    with pytest.raises(InputError, match="no model decided"):
        modelled_error_rates(gold.with_columns(posterior=pl.lit(None, pl.Float64)))


def test_corrected_intervals_cover_the_truth():
    """True share .1, sensitivity .85, specificity .95, seen on 60 and 200 records; 2,000 times."""
    generator = np.random.default_rng(3)
    share = 0.1 * 0.85 + 0.9 * 0.05
    hits = 0
    for _ in range(2000):
        rates = ErrorRates(generator.binomial(60, 0.85) / 60, generator.binomial(200, 0.95) / 200, 60, 200)
        found = corrected(Estimate(generator.binomial(500, share) / 500, 0, 1, 500), rates)
        hits += found is not None and found.low <= 0.1 <= found.high
    assert 0.93 <= hits / 2000 <= 0.975


def test_records_for_a_share_and_for_alpha():
    """3.84 · .1 · .9 / .0004 = 864.3; of 1,000 records 464. Half the width takes four times the records."""
    assert records_for_share(0.1, 0.02, 10**9) == 865
    assert records_for_share(0.1, 0.02, 1000) == 464
    assert records_for_alpha(0.5, 0.9, 100, 0.1) == 400


def corpus(workspace, n: int = 200) -> pl.DataFrame:
    """Put invented records into the workspace, 28 of them threats, each third a copy of the one before."""
    ids = [f"r{number:03}" for number in range(n)]
    blank = dict.fromkeys(RECORDS.schema, None) | {"kind": "post", "quotes": [], "import_id": "i"}
    text = dict.fromkeys(["post_id", "source", "text", "match_sha256", "key_id"], "x")
    rows = [blank | text | {"record_id": name, "language": ("de", "en")[k % 2]} for k, name in enumerate(ids)]
    workspace.store.append(RECORDS, pl.DataFrame(rows, schema=RECORDS.schema))
    clusters = [(name, ids[k - 1] if k % 3 == 2 else name) for k, name in enumerate(ids)]
    workspace.store.append(CLUSTERS, pl.DataFrame(clusters, schema=CLUSTERS.schema, orient="row"))
    return pl.DataFrame({"record_id": ids, "truth": [float(k % 15 in (1, 2)) for k in range(n)]})


def judge(workspace, truth: pl.DataFrame, run: str = "g") -> None:
    rows = [
        dict.fromkeys(GOLD.schema, None)
        | {"gold_run": run, "record_id": name, "label": "threat", "column": column, "n": 3}
        | {"value": "true" if value else "false", "share": value, "distribution": []}
        | {"decided_by": "unanimous"}
        for name, value in truth.iter_rows()
        for column in ("contained", "author")
    ]
    workspace.store.append(GOLD, pl.DataFrame(rows, schema=GOLD.schema))
    workspace.record_event("gold", run, {})


def drawn(workspace) -> pl.DataFrame:
    return workspace.store.scan(SAMPLES).select("record_id", "stratum").collect()


def test_what_is_drawn_and_judged_tells_of_the_corpus(workspace):
    truth = corpus(workspace)
    sample_round(workspace, "one", 40, seed=0)
    sample_round(workspace, "two", 30, seed=0, strategy="stratified", by=("language",))
    judge(workspace, truth.join(drawn(workspace), on="record_id", how="semi"))
    scores = truth.select("record_id", label=pl.lit("threat"), score="truth")
    rows = {
        (row.column, row.group, row.estimator): row
        for row in prevalence(workspace, by=("language",), scores=scores)
        if row.label == "threat"
    }
    everyone = rows["author", "all", "hajek"]
    assert everyone.population == 200
    assert everyone.judged == 70
    assert everyone.low <= 0.14 <= everyone.high
    assert everyone.notes == []
    assert rows["author", "all", "model_assisted"].value == pytest.approx(0.14)
    assert rows["author", "language=en", "hajek"].population == 100


def test_imported_labels_and_foreign_rounds_are_refused(workspace):
    truth = corpus(workspace)
    judge(workspace, truth)
    with pytest.raises(InputError, match="imported set say nothing"):
        prevalence(workspace)
    sample_round(workspace, "one", 10, seed=0)
    with pytest.raises(InputError, match="'source:x' was not drawn"):
        prevalence(workspace, "source:x")


def test_a_stratum_without_a_judged_record_is_refused(workspace):
    truth = corpus(workspace)
    sample_round(workspace, "one", 40, seed=0, strategy="stratified", by=("language",))
    german = drawn(workspace).filter(pl.col("stratum") == "language=de")
    judge(workspace, truth.join(german, on="record_id", how="semi"))
    with pytest.raises(InputError, match="one/language=en"):
        prevalence(workspace)


def test_an_earlier_round_that_nobody_judged_is_refused(workspace):
    truth = corpus(workspace)
    sample_round(workspace, "one", 40, seed=0)
    early = drawn(workspace)
    sample_round(workspace, "two", 40, seed=0)
    late = drawn(workspace).join(early, on="record_id", how="anti")
    judge(workspace, truth.join(late, on="record_id", how="semi"))
    with pytest.raises(InputError, match="round one was drawn before and is not judged"):
        prevalence(workspace)


def test_scores_of_a_part_of_the_corpus_give_no_assisted_estimate(workspace):
    truth = corpus(workspace)
    sample_round(workspace, "one", 40, seed=0)
    judge(workspace, truth.join(drawn(workspace), on="record_id", how="semi"))
    scores = truth.head(50).select("record_id", label=pl.lit("threat"), score="truth")
    row = next(r for r in prevalence(workspace, scores=scores) if r.estimator == "model_assisted")
    assert row.value is None
    assert row.reason == "scores cover 50 of 200 records: all are needed"


def test_the_planner_warns_of_too_few_positives(workspace):
    truth = corpus(workspace)
    sample_round(workspace, "pilot", 60, seed=0)
    judge(workspace, truth.join(drawn(workspace), on="record_id", how="semi"))
    rows = plan_samples(workspace, 100, half_width=0.05)
    german = next(row for row in rows if (row.label, row.language) == ("threat", "de"))
    assert german.records is not None
    assert german.records <= 100
    assert german.warning is not None
    assert "fewer than 50" in german.warning
    assert next(row for row in rows if row.label == "call_to_violence").reason is not None


def test_positives_that_were_missed_by_chance_are_allowed_for():
    """30 certain positives; 270 negatives, each for 20: one unseen positive more would be 20 of 5,430.

    By the rule of three up to 3 · 20 / 5,430 = .011 may have been missed beside the .0055 seen.
    """
    found = estimate(sampled([1] * 30 + [0] * 270, [1.0] * 30 + [0.05] * 270))
    assert found is not None
    assert found.value == pytest.approx(30 / 5430)
    assert found.high > 30 / 5430 + 0.011


def test_what_nobody_judged_is_like_the_rest_of_its_stratum(workspace):
    """Two strata of 100 records; half of the English sample is not judged, so it counts double."""
    corpus(workspace)
    sample_round(workspace, "one", 40, seed=0, strategy="stratified", by=("language",), allocation="equal")
    german = pl.col("stratum") == "language=de"
    rows = drawn(workspace).sort("stratum", "record_id")
    english = rows.filter(~german)
    kept = pl.concat([rows.filter(german), english.head(english.height // 2)])
    judge(workspace, kept.select("record_id", truth=german.cast(pl.Float64)))
    row = next(row for row in prevalence(workspace) if row.label == "threat")
    whole = workspace.store.scan(SAMPLES).collect()
    weights = whole.with_columns(weight=1 / pl.col("inclusion_probability"))
    of_german = weights.filter(german).get_column("weight").sum()
    of_english = weights.filter(~german, pl.col("record_id").is_in(kept.get_column("record_id").implode()))
    expected = of_german / (of_german + english.height / (english.height // 2) * of_english["weight"].sum())
    assert row.value == pytest.approx(expected)
