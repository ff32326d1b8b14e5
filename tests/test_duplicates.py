"""Duplicates: every pair verified, none missed that an exact join finds."""

from __future__ import annotations

import random
from itertools import combinations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aufruf.clustering import clustered
from aufruf.duplicates import comparable, find_duplicates, folded, rows_in_band
from aufruf.errors import InputError
from aufruf.tables import CLUSTERS, DUPLICATES

WORDS = ["rat", "damm", "brücke", "stadt", "laut", "spät", "abend", "tor", "licht", "wind", "regen", "ufer"]


def grams(text: str) -> set[bytes]:
    content = text.encode()
    return {content[n : n + 5] for n in range(len(content) - 4)} if len(content) > 4 else {content}


def exact_pairs(texts: list[str], threshold: float) -> dict[tuple[int, int], float]:
    sets = [grams(text) for text in folded(pl.Series(texts))]
    found = {}
    for left, right in combinations(range(len(texts)), 2):
        if min(len(sets[left]), len(sets[right])) < threshold * max(len(sets[left]), len(sets[right])):
            continue
        similarity = len(sets[left] & sets[right]) / len(sets[left] | sets[right])
        if similarity >= threshold:
            found[left, right] = similarity
    return found


def corpus(seed: int, n: int) -> list[str]:
    """Sentences of random words, a third of them slightly changed copies of earlier ones."""
    chance = random.Random(seed)
    texts: list[str] = []
    for _ in range(n):
        if texts and chance.random() < 0.35:
            words = chance.choice(texts).split()
            words[chance.randrange(len(words))] = chance.choice(
                [*WORDS, "https://example.org/1", "@anna", "🔥"]
            )
            texts.append(" ".join(words + chance.choice([[], ["#jetzt"], ["RT"]])))
        else:
            texts.append(
                " ".join(
                    chance.choice(WORDS) + str(chance.randrange(50)) for _ in range(chance.randint(3, 25))
                )
            )
    return texts


@pytest.mark.parametrize(
    ("threshold", "n", "at_least"),
    [(0.6, 600, 50), (0.8, 900, 60), (0.9, 600, 5), pytest.param(0.8, 3000, 600, marks=pytest.mark.slow)],
)
def test_an_exact_join_finds_the_same_clusters_and_no_pair_is_wrong(threshold: float, n: int, at_least: int):
    texts = corpus(seed=1, n=n)
    truth = exact_pairs(texts, threshold)
    found = find_duplicates(texts, threshold)
    assert len(truth) >= at_least
    for left, right, similarity in found.pairs.iter_rows():
        assert truth[left, right] == pytest.approx(similarity)
    missed = [pair for pair in truth if found.clusters[pair[0]] != found.clusters[pair[1]]]
    assert len(missed) <= 0.01 * len(truth)


def test_a_pair_at_the_threshold_is_missed_three_times_in_a_thousand_at_most():
    """One band more in 120 hashes: with 7 rows a band, 17 bands, a pair of .8 would be missed in 2 %."""
    assert rows_in_band(0.8) == 6
    assert (1 - 0.8**6) ** 20 < 0.003 < (1 - 0.8**7) ** 17


def test_case_and_space_do_not_count_and_addresses_and_names_do():
    texts = ["Auf zum Tor\n @anna  https://a.example", "auf  zum TOR @anna https://a.example "]
    found = find_duplicates(texts)
    assert found.clusters.to_list() == [0, 0]
    assert found.pairs.rows() == [(0, 1, 1.0)]
    assert (found.n_clusters, found.duplicate_ratio) == (1, 0.5)
    assert find_duplicates([texts[0], "Auf zum Tor @otto https://b.example/x?y"]).n_clusters == 0


def test_records_are_compared_without_addresses_and_names():
    texts = pl.Series(
        ["Zum Tor @user_0a1b2c3d https://a.example", "zum  TOR @user_ffffffff\nwww.b.example/x?y"]
    )
    assert comparable(texts).to_list() == ["zum tor @user [url]"] * 2


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a", "b"], ["ab", "ab", "abc"], ["🔥", "🔥🔥"]])
def test_short_and_empty_texts_are_the_same_only_if_equal(texts: list[str]):
    expected = [texts.index(text) for text in texts]
    assert find_duplicates(texts).clusters.to_list() == expected


@given(st.lists(st.text("ab ", max_size=12), max_size=12))
@settings(deadline=None)
def test_each_cluster_is_held_together_by_its_pairs(texts: list[str]):
    found = find_duplicates(texts)
    assert found.clusters.to_list() == connected_by_hand(len(texts), found.pairs)
    assert (found.pairs["left"] < found.pairs["right"]).all()
    assert found.pairs["similarity"].is_between(0.8, 1).all()


def connected_by_hand(n: int, pairs: pl.DataFrame) -> list[int]:
    names = list(range(n))
    for _ in range(n):
        for left, right in pairs.select("left", "right").iter_rows():
            names[left] = names[right] = min(names[left], names[right])
    return names


def test_within_one_band_all_texts_of_a_key_are_compared_up_to_a_bound():
    """Far texts first: with one more than are compared, a later pair is out of reach, but in its own key."""
    import numpy as np

    from aufruf.duplicate_kernels import MEMBERS
    from aufruf.duplicates import Buffers, Search

    chance = random.Random(3)
    far = ["".join(chance.choices("abcdefgh", k=20)) for _ in range(MEMBERS + 1)]
    texts = pl.Series([*far, far[-1], far[-2]])
    for keys, expected in (
        ([7] * len(texts), [(MEMBERS - 1, MEMBERS + 2)]),
        ([7] * MEMBERS + [8, 8, 7], [(MEMBERS - 1, MEMBERS + 2), (MEMBERS, MEMBERS + 1)]),
    ):
        search = Search(Buffers.of(texts), 0.8)
        search.join(np.array(keys, dtype=np.int32))
        assert search.pairs().select("left", "right").rows() == expected


def test_old_texts_are_not_compared_with_each_other():
    import numpy as np

    from aufruf.duplicates import Buffers, Search

    search = Search(Buffers.of(pl.Series([LONG, LONG + "!", LONG + "?", LONG])), 0.8, old=2)
    search.join(np.zeros(4, dtype=np.int32))
    assert [pair[:2] for pair in search.pairs().rows()] == [(0, 2), (0, 3), (1, 2)]


def test_many_copies_of_one_text_cost_no_square():
    """5,000 near copies: all pairs would be 12 million, enough to connect them are 5,000 and few more."""
    texts = [f"derselbe lange Aufruf, immer wieder, an alle am Ufer und am Markt {n}" for n in range(5000)]
    found = find_duplicates(texts)
    assert found.n_clusters == 1
    assert found.pairs.height < 6000


@pytest.mark.parametrize("threshold", [0, -1, 1.1])
def test_a_threshold_outside_its_range_is_refused(threshold: float):
    with pytest.raises(InputError, match="above 0, at most 1"):
        find_duplicates(["a"], threshold)


def records(**texts: str) -> pl.DataFrame:
    return pl.DataFrame({"record_id": list(texts), "text": list(texts.values())})


LONG = "Am Abend gehen alle mit Lichtern vom Markt bis ans Ufer und wieder zurück"


def test_new_records_join_clusters_that_are_there_and_clusters_keep_their_names():
    first = clustered(records(m=LONG, n=LONG), CLUSTERS.empty(), DUPLICATES.empty())
    assert first.clusters.sort("record_id").rows() == [("m", "m"), ("n", "m")]
    later = clustered(records(m=LONG, n=LONG, a=LONG + "!", z="anderes"), first.clusters, first.new_pairs)
    assert dict(later.clusters.rows()) == {"m": "m", "n": "m", "a": "m", "z": "z"}
    assert all("a" in pair[:2] for pair in later.new_pairs.rows())


def test_two_clusters_joined_by_a_new_record_keep_the_smaller_name():
    old = pl.DataFrame({"record_id": ["m", "p"], "cluster": ["m", "p"]})
    bridge = records(m=LONG, p=LONG + " " + LONG[:20], b=LONG + " " + LONG[:8])
    found = clustered(bridge, old, DUPLICATES.empty())
    assert dict(found.clusters.rows()) == dict.fromkeys("mpb", "m")


def test_a_cluster_stays_whole_when_a_part_of_it_joins_another():
    """Of a, c, d, the last two are one cluster by an earlier pair; d joins a, so c goes along."""
    pairs = pl.DataFrame({"left": ["c"], "right": ["d"], "similarity": [0.9]})
    old = pl.DataFrame({"record_id": ["a", "c", "d"], "cluster": ["a", "c", "c"]})
    texts = records(a=LONG + " heute", c="ganz anders gesagt", d=LONG + " abend", e=LONG)
    found = clustered(texts, old, pairs)
    assert dict(found.clusters.rows()) == dict.fromkeys("acde", "a")
    assert {"c", "d"} not in [{left, right} for left, right, _ in found.new_pairs.rows()]
