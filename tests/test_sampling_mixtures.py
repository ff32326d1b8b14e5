"""Mixtures of strategies: each record's chance is known exactly and above zero."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.errors import InputError
from aufruf.lexicon import Lexicon, Terms
from aufruf.sampling import Design, draw, parse_mix, sample_round
from aufruf.sampling.design import mixture
from aufruf.sampling.measures import diverse_measure, lexicon_measure, uncertain_measure
from aufruf.sampling.probabilities import attributed, draw_systematically, mixed_probabilities
from aufruf.sampling.yields import expected_yields
from aufruf.tables import RECORDS, SAMPLES


def design(n: int, **mix: float) -> Design:
    return Design(n, "mixed", (), "proportional", ("de", "en"), 0, mix)


def test_probabilities_of_a_mixture_are_the_mixed_shares():
    """4 of 10, half for two of them: 4(.5/2 + .5/10) > 1, so both are certain and 2 are left for 8."""
    measure = np.array([1.0, 1.0, *[0.0] * 8])
    found = mixed_probabilities({"lexicon": measure}, {"lexicon": 0.5}, 4)
    assert found[:2] == pytest.approx([1, 1])
    assert found[2:] == pytest.approx([0.25] * 8)


@given(
    measure=st.lists(st.sampled_from([0.0, 0.1, 1.0, 7.0]), min_size=2, max_size=60),
    part=st.floats(0.01, 1),
    share=st.floats(0.05, 0.9),
)
def test_probabilities_sum_to_n_and_are_never_below_the_random_share(measure, part, share):
    n = max(1, round(part * len(measure)))
    found = mixed_probabilities({"diverse": np.array(measure)}, {"diverse": share}, n)
    assert found.sum() == pytest.approx(n)
    assert found.max() <= 1 + 1e-9
    assert found.min() >= (1 - share) * n / len(measure) - 1e-9


@given(seed=st.integers(0, 10_000), n=st.integers(1, 20))
def test_a_draw_has_exactly_as_many_as_the_probabilities_sum_to(seed, n):
    generator = np.random.default_rng(seed)
    found = mixed_probabilities({"x": generator.random(40) ** 4}, {"x": 0.8}, n)
    assert draw_systematically(found, generator).sum() == n


def test_units_are_drawn_as_often_as_their_probabilities_say():
    """5,000 draws: four standard errors of a share are below 0.03."""
    generator = np.random.default_rng(0)
    wanted = mixed_probabilities({"x": np.arange(12.0) ** 2}, {"x": 0.8}, 4)
    seen = np.mean([draw_systematically(wanted, generator) for _ in range(5_000)], axis=0)
    assert seen == pytest.approx(wanted, abs=0.03)


def test_what_random_brought_had_the_same_chance_everywhere():
    """B = .2 · 4 / 12 for each unit, however much the strategy wants it."""
    generator = np.random.default_rng(1)
    measures = {"lexicon": np.arange(12.0) ** 2}
    shares = {"lexicon": 0.8, "random": 0.2}
    wanted = mixed_probabilities(measures, {"lexicon": 0.8}, 4)
    seen = np.zeros(12)
    for _ in range(5_000):
        chosen = draw_systematically(wanted, generator)
        seen += chosen & (attributed(measures, shares, wanted, generator, 4) == "random")
    assert seen / 5_000 == pytest.approx([0.8 / 12] * 12, abs=0.016)


def test_a_record_of_a_cluster_has_its_share_of_the_clusters_chance():
    rows = [
        (f"{cluster}{place}", cluster, "all", float(cluster == "a")) for cluster in "abcd" for place in "12"
    ]
    frame = pl.DataFrame(rows, schema=["record_id", "cluster", "stratum", "lexicon"], orient="row")
    found = draw(frame, "r", design(2, lexicon=0.5, random=0.5))
    chance = dict(found.rows.select("record_id", "inclusion_probability").iter_rows())
    assert found.least_probability == pytest.approx(1 / 6)
    assert sorted(chance.values()) == pytest.approx([1 / 6, 1 / 2])


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        ({"lexicon": 1.0}, "needs random=0.1"),
        ({"lexicon": 0.5, "random": 0.2}, "add up to 1"),
        ({"guess": 0.5, "random": 0.5}, "choose among random"),
    ],
)
def test_a_mixture_that_says_nothing_of_the_corpus_is_refused(mix, message):
    with pytest.raises(InputError, match=message):
        mixture("mixed", mix)


def test_a_mixture_is_read_as_it_is_written():
    assert parse_mix("uncertain=.5, lexicon=.3,random=.2") == {
        "uncertain": 0.5,
        "lexicon": 0.3,
        "random": 0.2,
    }
    with pytest.raises(InputError, match="expected strategy=share"):
        parse_mix("uncertain")


def test_each_label_and_language_has_the_same_share_of_the_lexicon():
    """Three German records with a term of one label, one English: 1/3 each, and 1."""
    lexicon = Lexicon("1", (Terms("threat", "de", ("wehe",)), Terms("threat", "en", ("beware",))))
    texts = ["Wehe!", "wehe dir", "Na wehe", "Beware.", "Hello"]
    frame = pl.DataFrame(
        {"record_id": list("abcde"), "language": ["de", "de", "de", "en", "en"], "text": texts}
    )
    assert lexicon_measure(frame, lexicon, ["threat"]).to_list() == pytest.approx([1 / 3] * 3 + [1, 0])


def test_a_model_is_least_sure_at_one_half_and_the_least_sure_label_counts():
    frame = pl.DataFrame({"record_id": ["a", "b", "c"]})
    scores = pl.DataFrame({"record_id": ["a", "a", "b"], "label": ["x", "y", "x"], "score": [0.5, 1.0, 0.9]})
    assert uncertain_measure(frame, scores).to_list() == pytest.approx([1, 0.36, 0])


def test_texts_of_a_rare_kind_have_more_weight_and_duplicates_have_none_of_their_own():
    common = [f"the weather is fine today in street {n % 7}" for n in range(60)]
    rare = [f"recipe with apples and flour number {n}" for n in range(6)]
    texts = common + rare
    names = [f"r{n:03}" for n in range(66)]
    frame = pl.DataFrame({"record_id": names, "cluster": names, "text": texts})
    measure = diverse_measure(frame, seed=0)
    assert measure[60:].mean() > measure[:60].mean()
    assert measure.to_list() == diverse_measure(frame, seed=0).to_list()


def test_a_mixed_round_keeps_probability_and_part(filled_workspace, tmp_path):
    workspace = filled_workspace
    blank = workspace.store.scan(RECORDS).head(60).collect()
    fresh = blank.with_columns(
        record_id=pl.lit("new-") + pl.col("record_id"), text=pl.lit("Noch ein Satz ") + pl.col("record_id")
    )
    workspace.store.append(RECORDS, fresh)
    scores = tmp_path / "scores.csv"
    fresh.select("record_id", label=pl.lit("threat"), score=pl.lit(0.3)).write_csv(scores)
    report = sample_round(
        workspace,
        "next",
        20,
        seed=0,
        strategy="mixed",
        mix={"uncertain": 0.4, "diverse": 0.2, "lexicon": 0.2, "random": 0.2},
        scores=scores,
    )
    rows = workspace.store.scan(SAMPLES).filter(round="next").collect()
    assert rows.height == report.drawn == sum(report.strategies.values()) == 20
    assert rows.get_column("inclusion_probability").is_between(0, 1).all()
    assert set(report.strategies) <= {"uncertain", "diverse", "lexicon", "random"}


def test_uncertain_without_scores_is_refused(filled_workspace):
    with pytest.raises(InputError, match="--scores FILE"):
        sample_round(filled_workspace, "next", 5, seed=0, strategy="uncertain")


def test_what_a_strategy_brought_is_expected_of_it_again():
    """Two of the four judged records have a term, one of these is a threat; all had the same chance.

    Lexicon draws threats at 1/2, random at 1/4: 10 · (.8 · .5 + .2 · .25) = 4.5.
    """
    ids = ["a", "b", "c", "d"]
    frame = pl.DataFrame({"record_id": ids, "language": ["de"] * 4, "lexicon": [1.0, 1.0, 0.0, 0.0]})
    samples = pl.DataFrame({"record_id": ids, "inclusion_probability": [0.1] * 4})
    gold = pl.DataFrame(
        {"record_id": ids, "label": "threat", "column": "author", "share": [1.0, 0.0, 0.0, 0.0]}
    )
    plan = Design(10, "lexicon", (), "proportional", ("de",), 0, {"lexicon": 0.8, "random": 0.2})
    found = expected_yields(frame, plan, samples, gold, ["threat", "call_to_violence"])
    assert found[0].expected == pytest.approx(4.5)
    assert found[1].expected is None
    assert found[1].reason == "no judged record of earlier rounds is one that lexicon would draw"
