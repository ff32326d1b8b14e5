"""Coefficients of agreement, against worked examples and independent implementations."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask
from nltk.metrics.distance import masi_distance as nltk_masi
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from aufruf.agreement import AgreementRow, Bootstrap, Question, code, coefficients
from aufruf.agreement.bootstrap import NO_SPREAD, ONE_CLUSTER, UNSTABLE, _one_by_one, _together
from aufruf.agreement.coding import Coded, against_others
from aufruf.agreement.coefficients import NEVER_SAID, NO_CROSSED, NO_PAIRS, NO_YES, ONE_VALUE
from aufruf.agreement.distances import masi_distance, masi_distances, members

DATA = Path(__file__).parents[1].parent / "shared" / "data"
CHANCE_CORRECTED = ("krippendorff_alpha", "cohen_kappa", "fleiss_kappa", "gwet_ac1", "pabak")


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


def rows(
    answers: pl.DataFrame | Coded, bootstrap: Bootstrap | None = None, **question: Any
) -> dict[str, AgreementRow]:
    """Return the rows by coefficient, those of alpha by its level too."""
    coded = code(answers) if isinstance(answers, pl.DataFrame) else answers
    found = coefficients(coded, Question("q", **question), bootstrap or Bootstrap(resamples=0))
    named = {row.coefficient: row for row in reversed(found)}
    return named | {row.level: row for row in found if row.coefficient == "krippendorff_alpha"}


def value(answers: pl.DataFrame | Coded, coefficient: str, **question: Any) -> float | None:
    return rows(answers, **question)[coefficient].value


def alpha(answers: pl.DataFrame, seed: int = 0, resamples: int = 0) -> AgreementRow:
    return rows(answers, Bootstrap(seed, resamples))["krippendorff_alpha"]


def table(counts: dict[str, int]) -> pl.DataFrame:
    """Units by how often two annotators answered so, one character each."""
    return long([values for values, n in counts.items() for _ in range(n)])


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


def test_ordinal_alpha_of_krippendorffs_worked_example():
    """Section E gives .815. By hand: n_c = 9, 13, 10, 5, 3, so mid-ranks are 4.5, 15.5, 27, 34.5, 38.5.

    Disagreeing coincidences: 1-2: 4/3 twice over both orders and so on; the sum over ordered pairs is
    2 * (4/3 * 11^2 + 1/3 * 22.5^2 + 1/3 * 30^2 + 4/3 * 11.5^2 ... ) as below, divided by that of all pairs.
    """
    found = rows(long(WORKED), levels=("nominal", "ordinal"))["ordinal"]
    middle = {"1": 4.5, "2": 15.5, "3": 27.0, "4": 34.5, "5": 38.5}
    n = {"1": 9, "2": 13, "3": 10, "4": 5, "5": 3}
    observed = 0.0
    for unit in WORKED:
        given_ = unit.replace(".", "")
        for left, right in combinations(given_, 2):
            observed += 2 * (middle[left] - middle[right]) ** 2 / (len(given_) - 1)
    expected = sum(n[c] * n[k] * (middle[c] - middle[k]) ** 2 for c in n for k in n)
    assert found.value == pytest.approx(1 - 39 * observed / expected)
    assert found.value == pytest.approx(0.815, abs=0.0005)


def test_raw_agreement_is_the_mean_share_of_agreeing_pairs():
    """Units of the worked example: nine times 1 or 1/2, and 0 for 1234: 8 + 1/2 + 1/2 = 9 of 11."""
    assert value(long(WORKED), "raw") == pytest.approx(9 / 11)


FLEISS = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 "
    "00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)
"""Fleiss 1971, table 1: of 30 subjects, how many of six raters chose each of five categories."""


def test_fleiss_kappa_of_fleiss_own_example():
    """Fleiss 1971: P = .555, P_e = .220, kappa = .430.

    Answers of each category: 26, 26, 30, 55, 43 of 180: P_e = sum of squares / 180^2 = 7126 / 32400 = .2199.
    sum of n_ij^2 = 680, so P = (680 - 180) / (30 * 6 * 5) = 500 / 900 = .5556.
    """
    units = ["".join(str(c) * int(n) for c, n in enumerate(row)) for row in FLEISS.split()]
    expected = (500 / 900 - 7126 / 32400) / (1 - 7126 / 32400)
    assert value(long(units), "fleiss_kappa") == pytest.approx(expected)
    assert expected == pytest.approx(0.430, abs=0.0005)


def test_coefficients_of_artstein_and_poesios_example():
    """Artstein & Poesio 2008, section 2: 100 items; both s 20, s/i 20, i/s 10, both i 50; A_o = .7.

    S: A_e = 1/2: .2 / .5 = .4. pi (of two, Fleiss' kappa): .35^2 + .65^2 = .545: .155 / .455 = .341.
    kappa: .4 * .3 + .6 * .7 = .54: .16 / .46 = .348.
    """
    found = rows(table({"ss": 20, "si": 20, "is": 10, "ii": 50}))
    assert found["raw"].value == pytest.approx(0.7)
    assert found["pabak"].value == pytest.approx(0.4)
    assert found["fleiss_kappa"].value == pytest.approx(0.155 / 0.455)
    assert found["cohen_kappa"].value == pytest.approx(0.16 / 0.46)


def test_gwets_ac1_where_kappa_falls():
    """Gwet 2008: of 125, both yes 118, 5 and 2 apart, none both no: p_a = .944.

    Share of yes (123 + 120) / 250 = .972: p_e = 2 * .972 * .028 = .054432; AC1 = .889568 / .945568 = .941.
    Cohen: p_e = (123 * 120 + 2 * 5) / 125^2 = .94528; kappa = -.00128 / .05472 = -.023.
    """
    found = rows(table({"11": 118, "10": 5, "01": 2}), is_yes_no=True, yes=1)
    assert found["gwet_ac1"].value == pytest.approx(0.889568 / 0.945568)
    assert found["cohen_kappa"].value == pytest.approx(-0.00128 / 0.05472)
    assert found["pabak"].value == pytest.approx(2 * 0.944 - 1)
    assert found["positive_agreement"].value == pytest.approx(2 * 118 / (2 * 118 + 7))
    assert found["negative_agreement"].value == 0


def test_ac1_and_fleiss_kappa_with_answers_missing_are_gwets():
    """Gwet's handbook (2014) has Krippendorff's data: AC1 .77544, Fleiss' kappa .76117, p_a .81818.

    Shares p_c are means over all twelve units, the one with a single 3 included.
    """
    found = rows(long(WORKED))
    assert found["gwet_ac1"].value == pytest.approx(0.77544, abs=5e-6)
    assert found["fleiss_kappa"].value == pytest.approx(0.76117, abs=5e-6)


def test_specific_agreement_of_three_annotators_is_over_all_ordered_pairs():
    """Units 110, 100, 111: yes is said 6 times, each beside two others: 12 chances, said by 2 + 0 + 6 = 8."""
    found = rows(long(["110", "100", "111"]), is_yes_no=True, yes=1)
    assert found["positive_agreement"].value == pytest.approx(8 / 12)
    assert found["negative_agreement"].value == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [
        ("a", "a", 0),
        ("", "", 0),
        ("a", "", 1),
        ("a", "b", 1),
        ("a+b+c", "a", 1 - 1 / 3 * 2 / 3),
        ("a+b", "b+c", 1 - 1 / 3 * 1 / 3),
    ],
)
def test_masi_weighs_the_shared_part_by_how_the_sets_lie(left: str, right: str, distance: float):
    assert masi_distance(members(left), members(right)) == pytest.approx(distance)
    assert masi_distance(members(right), members(left)) == pytest.approx(distance)


def test_alpha_of_two_annotators_by_hand():
    """Four units aa, aa, ab, bb: n = 8, n_a = 5, n_b = 3, disagreeing coincidences 2.

    alpha = 1 - 7 * 2 / (64 - 25 - 9) = 1 - 14 / 30
    """
    assert alpha(long(["aa", "aa", "ab", "bb"])).value == pytest.approx(1 - 14 / 30)


def test_answers_of_one_value_only_leave_all_that_corrects_for_chance_undefined():
    """Also where another value stands in a unit with one answer: it has a share in Fleiss' kappa and AC1."""
    for units in (["aa", "aaa"], ["aa", "aa", "b."]):
        found = rows(long(units), Bootstrap(resamples=10), is_yes_no=True, yes=0)
        for name in CHANCE_CORRECTED:
            if name in found:
                row = found[name]
                assert (row.value, row.low, row.high, row.reason) == (None, None, None, ONE_VALUE)
        assert found["raw"].value == 1


def test_agreement_on_what_nobody_said_is_undefined():
    found = rows(
        code(long(["00", "00", "01"]).with_columns(value=pl.lit("0")), ["0", "1"]), is_yes_no=True, yes=1
    )
    assert (found["positive_agreement"].value, found["positive_agreement"].reason) == (None, NEVER_SAID)
    assert found["negative_agreement"].value == 1


def test_without_a_known_yes_specific_agreement_is_undefined():
    assert rows(long(["ab", "aa"]), is_yes_no=True)["positive_agreement"].reason == NO_YES


def test_perfect_agreement_has_no_interval_for_resampling_cannot_tell():
    found = alpha(long(["aa", "bb"] * 10), resamples=100)
    assert (found.value, found.low, found.high, found.reason) == (1.0, None, None, NO_SPREAD)


def test_units_with_one_answer_leave_nothing_to_compare():
    for found in rows(long(["a.", ".b"])).values():
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


@settings(deadline=None, max_examples=40)
@given(units=ANSWERS)
def test_ordinal_alpha_is_that_of_the_krippendorff_package_with_answers_missing(units):
    codes = {"a": 0.0, "b": 1.0, "c": 2.0, ".": np.nan}
    matrix = np.array([[codes[value] for value in unit] for unit in units]).T
    paired = matrix[:, (~np.isnan(matrix)).sum(axis=0) > 1]
    assume(len(np.unique(paired[~np.isnan(paired)])) > 1)
    expected = krippendorff.alpha(matrix, level_of_measurement="ordinal", value_domain=[0.0, 1.0, 2.0])
    found = rows(long(units), levels=("nominal", "ordinal"))["ordinal"]
    assert found.value == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(units=st.lists(st.text(alphabet="abc", min_size=4, max_size=4), min_size=2, max_size=15))
def test_fleiss_kappa_is_that_of_statsmodels(units):
    assume(len(set("".join(units))) > 1)
    counts, _ = aggregate_raters(np.array([[ord(letter) for letter in unit] for unit in units]))
    assert value(long(units), "fleiss_kappa") == pytest.approx(statsmodels_fleiss(counts), abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(units=st.lists(st.text(alphabet="abc.", min_size=2, max_size=2), min_size=2, max_size=15))
def test_cohens_kappa_is_that_of_scikit_learn_over_what_both_judged(units):
    both = [unit for unit in units if "." not in unit]
    assume(len(set("".join(both))) > 1)
    expected = cohen_kappa_score(*([unit[side] for unit in both] for side in (0, 1)))
    assert value(long(units), "cohen_kappa") == pytest.approx(expected, abs=1e-9)


SETS = ["", "a", "b", "a+b", "a+b+c"]


@settings(deadline=None, max_examples=40)
@given(
    units=st.lists(st.lists(st.sampled_from([*SETS, None]), min_size=3, max_size=3), min_size=2, max_size=12)
)
def test_alpha_of_sets_is_that_of_nltk_with_answers_missing(units):
    """Nltk's own distance rounds 2/3 and 1/3 to .67 and .33: ours is handed in, and theirs is close."""
    answers = [
        (str(who), str(n), said)
        for n, unit in enumerate(units)
        for who, said in enumerate(unit)
        if said is not None
    ]
    paired = [said for _, n, said in answers if sum(n == other for _, other, _ in answers) > 1]
    assume(len(set(paired)) > 1)
    frame = pl.DataFrame(answers, schema=["annotator", "unit", "value"], orient="row")
    coded = code(frame)
    found = rows(coded, levels=("nominal", "masi"), distances=masi_distances(coded.values))["masi"]
    triples = [(who, n, members(said)) for who, n, said in answers]
    assert found.value == pytest.approx(AnnotationTask(triples, distance=masi_distance).alpha(), abs=1e-9)
    shown = [(who, n, members(said) or frozenset([""])) for who, n, said in answers]
    assert found.value == pytest.approx(AnnotationTask(shown, distance=nltk_masi).alpha(), abs=0.02)


@settings(deadline=None, max_examples=40)
@given(units=st.lists(st.text(alphabet="01.", min_size=4, max_size=4), min_size=2, max_size=12))
def test_ac1_pabak_and_specific_agreement_are_those_of_counting_pairs(units):
    """An independent count: every ordered pair of answers to a unit, one by one."""
    given_ = [unit.replace(".", "") for unit in units]
    several = [unit for unit in given_ if len(unit) > 1]
    assume(len(set("".join(several))) > 1)
    pairs = [[(a, b) for n, a in enumerate(u) for m, b in enumerate(u) if n != m] for u in several]
    agree = sum(sum(a == b for a, b in p) / len(p) for p in pairs) / len(pairs)
    judged = [unit for unit in given_ if unit]
    yes = sum(unit.count("1") / len(unit) for unit in judged) / len(judged)
    chance = 2 * yes * (1 - yes)
    found = rows(code(long(units), ["0", "1"]), is_yes_no=True, yes=1)
    assert found["gwet_ac1"].value == pytest.approx((agree - chance) / (1 - chance), abs=1e-9)
    assert found["pabak"].value == pytest.approx(2 * agree - 1, abs=1e-9)
    beside_yes = [b for p in pairs for a, b in p if a == "1"]
    assert found["positive_agreement"].value == pytest.approx(beside_yes.count("1") / len(beside_yes))


@settings(deadline=None, max_examples=30)
@given(units=ANSWERS, order=st.permutations(range(4)))
def test_no_figure_depends_on_who_the_annotators_are_but_cohens(units, order):
    swapped = ["".join(unit[n] for n in order) for unit in units]
    before, after = rows(long(units)), rows(long(swapped))
    for name in ("krippendorff_alpha", "fleiss_kappa", "gwet_ac1", "pabak", "raw"):
        assert after[name].value == pytest.approx(before[name].value, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(units=ANSWERS, times=st.lists(st.integers(1, 3), min_size=15, max_size=15))
def test_a_unit_that_weighs_twice_is_as_good_as_two(units, times):
    weighted = long(units).with_columns(
        weight=pl.col("unit").cast(pl.Int64).replace_strict(dict(enumerate(times)))
    )
    copied = [unit for unit, n in zip(units, times, strict=False) for _ in range(n)]
    before, after = rows(weighted), rows(long(copied))
    for name, row in before.items():
        if name != "cohen_kappa":
            assert row.value == pytest.approx(after[name].value, abs=1e-9)


def test_an_annotator_is_compared_with_each_other_one():
    """X says a, a, b; beside y (a, b, b) and z (a, -, a): pairs aa, aa, ab, bb, ba: 3 of 5 agree."""
    found = rows(against_others(code(long(["aaa", "ab.", "bba"])), 0))
    assert found["raw"].value == pytest.approx(3 / 5)
    assert (found["raw"].records, found["raw"].annotators) == (3, 3)
    assert "cohen_kappa" not in found


def test_who_never_judged_what_another_did_is_no_third_side():
    found = rows(long(["ab.", "aa.", "bb.", "..c"]))
    assert found["cohen_kappa"].value == pytest.approx(cohen_kappa_score(["a", "a", "b"], ["b", "a", "b"]))
    assert found["cohen_kappa"].annotators == 2


def test_a_crossed_bootstrap_is_wider_where_annotators_differ():
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.5
    errors = rng.random((200, 6)) < np.array([0.02, 0.02, 0.05, 0.1, 0.4, 0.45])
    units = ["".join("ba"[int(cell)] for cell in row) for row in truth[:, None] ^ errors]
    fixed = alpha(long(units), resamples=300)
    crossed = rows(long(units), Bootstrap(0, 300, crossed=True))["krippendorff_alpha"]
    assert crossed.value == fixed.value
    assert crossed.high - crossed.low > 2 * (fixed.high - fixed.low)


def test_two_annotators_cannot_be_resampled():
    found = rows(long(["ab", "aa", "bb"]), Bootstrap(0, 50, crossed=True))["krippendorff_alpha"]
    assert found.value is not None
    assert found.reason == NO_CROSSED


def test_the_interval_follows_from_the_seed_and_not_from_the_order_of_rows():
    answers = long(WORKED)
    for crossed in (False, True):
        first = rows(answers, Bootstrap(7, 300, crossed))
        assert rows(answers.reverse(), Bootstrap(7, 300, crossed)) == first
        assert rows(answers, Bootstrap(8, 300, crossed))["raw"].low != first["raw"].low


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


def test_drawing_clusters_one_by_one_is_drawing_them_together():
    """Means and variances of how often rows are drawn, of 20,000 resamples."""
    clusters, rng = np.array([1, 2, 5, 1, 3]), np.random.default_rng(0)
    found = [draw(clusters, 12, 20_000, rng) for draw in (_one_by_one, _together)]
    for times in found:
        assert (times.sum(axis=1) == 12).all()
        assert times.mean(axis=0) == pytest.approx(clusters, rel=0.03)
        assert times.var(axis=0) == pytest.approx(clusters * (1 - clusters / 12), rel=0.05)


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


@pytest.mark.slow
@pytest.mark.parametrize(("n", "prevalence", "wrong"), [(200, 0.3, 0.1), (500, 0.05, 0.03)])
def test_intervals_cover_what_another_sample_of_records_would_show(n: int, prevalence: float, wrong: float):
    """95 % intervals of 300 simulated rounds; the truth is that of 400,000 records by the same annotators."""
    rng = np.random.default_rng(1)

    def answers(size: int) -> Coded:
        truth = rng.random(size) < prevalence
        said = (truth[:, None] ^ (rng.random((size, 3)) < wrong)).astype(np.int64).ravel()
        unit, who = np.repeat(np.arange(size), 3), np.tile(np.arange(3), size)
        return Coded(("false", "true"), said, unit, unit, unit, who, who, np.ones(size * 3))

    question = {"is_yes_no": True, "yes": 1}
    truth = {name: row.value for name, row in rows(answers(400_000), **question).items()}
    covered: dict[str, int] = dict.fromkeys(truth, 0)
    for seed in range(300):
        for name, row in rows(answers(n), Bootstrap(seed, 400), **question).items():
            covered[name] += row.low is not None and row.low <= truth[name] <= row.high
    assert all(0.9 < times / 300 < 0.98 for times in covered.values()), covered


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
