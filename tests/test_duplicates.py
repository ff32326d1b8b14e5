"""Duplicates: every pair verified, none missed that an exact join finds."""

from __future__ import annotations

import random
from itertools import combinations
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aufruf.band_kernels import METHOD
from aufruf.clustering import clustered, foreseen_clusters, update_clusters
from aufruf.duplicates import comparable, find_duplicates, folded, rows_in_band
from aufruf.errors import InputError
from aufruf.signing import signed
from aufruf.store import Store
from aufruf.tables import CLUSTERS, DUPLICATES, RECORDS, SIGNATURES

if TYPE_CHECKING:
    from pathlib import Path

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
    assert comparable(texts).to_list() == ["zum tor user url"] * 2


def test_records_are_compared_without_what_stands_between_their_words():
    texts = pl.Series(["Genug,  Leute!", "genug Leute ...", "Genug? LEUTE?!", "Genug Leute 🔥", "?!", "..."])
    assert comparable(texts).to_list() == [*["genug leute"] * 3, "genug leute 🔥", "?!", "..."]
    assert find_duplicates(comparable(texts)).clusters.to_list() == [0, 0, 0, 3, 4, 5]


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


def test_a_pair_that_just_meets_the_threshold_counts():
    """Eight runs of five bytes, all among ten: .8, from both sides; among eleven: too few."""
    import numpy as np

    from aufruf.duplicates import Buffers, Search

    eight, ten, eleven = "abcdefghijkl", "abcdefghijklmn", "abcdefghijklmno"
    for texts, expected in (([eight, ten], [0.8]), ([ten, eight], [0.8]), ([eight, eleven], [])):
        search = Search(Buffers.of(pl.Series(texts)), 0.8)
        search.join(np.zeros(2, dtype=np.int32))
        assert search.pairs()["similarity"].to_list() == expected


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
    clusters, pairs = clustered(records(m=LONG, n=LONG), CLUSTERS.empty(), DUPLICATES.empty())
    assert clusters.sort("record_id").rows() == [("m", "m"), ("n", "m")]
    later, more = clustered(records(m=LONG, n=LONG, a=LONG + "!", z="anderes"), clusters, pairs)
    assert dict(later.rows()) == {"m": "m", "n": "m", "a": "m", "z": "z"}
    assert all("a" in pair[:2] for pair in more.join(pairs, on=["left", "right"], how="anti").rows())


def test_two_clusters_joined_by_a_new_record_keep_the_smaller_name():
    old = pl.DataFrame({"record_id": ["m", "p"], "cluster": ["m", "p"]})
    bridge = records(m=LONG, p=LONG + " " + LONG[:20], b=LONG + " " + LONG[:8])
    clusters, _ = clustered(bridge, old, DUPLICATES.empty())
    assert dict(clusters.rows()) == dict.fromkeys("mpb", "m")


def test_a_cluster_stays_whole_when_a_part_of_it_joins_another():
    """Of a, c, d, the last two are one cluster by an earlier pair; d joins a, so c goes along."""
    pairs = pl.DataFrame({"left": ["c"], "right": ["d"], "similarity": [0.9]})
    old = pl.DataFrame({"record_id": ["a", "c", "d"], "cluster": ["a", "c", "c"]})
    texts = records(a=LONG + " heute", c="ganz anders gesagt", d=LONG + " abend", e=LONG)
    clusters, found = clustered(texts, old, pairs)
    assert dict(clusters.rows()) == dict.fromkeys("acde", "a")
    assert found.rows().count(("c", "d", 0.9)) == 1
    assert found.height == 3


def test_records_that_differ_in_addresses_and_names_alone_are_in_one_cluster():
    texts = records(
        a="Heute Abend zum Tor! @user_0a1b2c3d https://a.example/1",
        b="HEUTE Abend zum Tor! @user_ffffffff https://b.example/2",
    )
    clusters, pairs = clustered(texts, CLUSTERS.empty(), DUPLICATES.empty())
    assert dict(clusters.rows()) == {"a": "a", "b": "a"}
    assert pairs.rows() == [("a", "b", 1.0)]


@given(st.integers(0, 10_000), st.lists(st.integers(0, 4), min_size=60, max_size=60))
@settings(max_examples=25)
def test_imports_one_after_the_other_find_the_same_clusters_as_all_at_once(seed: int, import_of: list[int]):
    texts = corpus(seed, 60)
    table = pl.DataFrame(
        {"record_id": [f"{n * 7919 % 1009:04}" for n in range(60)], "text": texts, "import": import_of}
    )
    clusters, pairs = CLUSTERS.empty(), DUPLICATES.empty()
    for number in range(5):
        clusters, pairs = clustered(table.filter(pl.col("import") <= number).drop("import"), clusters, pairs)
    at_once = find_duplicates(comparable(table["text"])).clusters
    assert partition(table.join(clusters, on="record_id", maintain_order="left")["cluster"]) == partition(
        at_once
    )
    places = dict(zip(table["record_id"], range(60), strict=True))
    truth = exact_pairs(comparable(table["text"]).to_list(), 0.8)
    for left, right, similarity in pairs.iter_rows():
        assert left < right
        assert truth[tuple(sorted((places[left], places[right])))] == pytest.approx(similarity)


def partition(names: pl.Series) -> list[int]:
    """Name each cluster by the first of its members."""
    return [names.index_of(name) for name in names]


class StoppedError(Exception):
    """Stands for the end of a process."""


class StoppingStore(Store):
    """A store that stops before a commit, the first having the number 0."""

    def __init__(self, root: Path, commit: int) -> None:
        super().__init__(root)
        object.__setattr__(self, "left", iter(range(commit)))

    def append(self, *args: Any, **options: Any) -> bool:
        if next(self.left, None) is None:
            raise StoppedError
        return super().append(*args, **options)

    def upsert(self, *args: Any, **options: Any) -> bool:
        if next(self.left, None) is None:
            raise StoppedError
        return super().upsert(*args, **options)


def store_records(store: Store, texts: dict[str, str]) -> None:
    blank = {c.name: "" for c in RECORDS.columns if c.dtype == pl.String and not c.nullable}
    rows = [{**blank, "quotes": [], "record_id": name, "text": text} for name, text in texts.items()]
    store.append(RECORDS, pl.DataFrame(rows, schema=RECORDS.schema))


TEXTS = {"m": LONG, "n": LONG + "!", "z": "ganz etwas anderes", "p": LONG + " und dann noch viel weiter"}
MORE = {"b": LONG + " und dann noch", "y": "noch etwas anderes", "a": "ganz etwas anderes!"}
CLUSTERED = {**dict.fromkeys("bmnp", "m"), "y": "y", "a": "z", "z": "z"}


@pytest.mark.parametrize("commit", range(4))
def test_an_update_that_stopped_before_any_commit_is_made_good_by_the_next(tmp_path: Path, commit: int):
    """The commits are signatures, pairs, clusters that join others, and clusters of new records."""
    store = Store(tmp_path)
    store_records(store, TEXTS)
    update_clusters(store)
    store_records(store, MORE)
    with pytest.raises(StoppedError):
        update_clusters(StoppingStore(tmp_path, commit))
    update_clusters(store)
    assert dict(store.read(CLUSTERS).rows()) == CLUSTERED
    assert store.read(SIGNATURES).height == len(TEXTS | MORE)
    pairs = store.read(DUPLICATES)
    assert not pairs.select("left", "right").is_duplicated().any()
    assert pairs.height == 4


def test_nothing_new_means_no_commit_and_what_is_foreseen_is_what_comes(tmp_path: Path):
    store = Store(tmp_path)
    store_records(store, TEXTS)
    told: list[tuple[str, int, int | None]] = []
    update_clusters(store, lambda *step: told.append(step))
    assert told == [("duplicates", n, 40) for n in range(1, 41)]
    before = [store.version(table) for table in (SIGNATURES, DUPLICATES, CLUSTERS)]
    new = pl.LazyFrame({"record_id": list(MORE), "text": list(MORE.values())})
    clusters, pairs = (table.collect() for table in foreseen_clusters(store, new))
    update_clusters(store)
    assert [store.version(table) for table in (SIGNATURES, DUPLICATES, CLUSTERS)] == before
    store_records(store, MORE)
    update_clusters(store)
    assert dict(clusters.rows()) == CLUSTERED == dict(store.read(CLUSTERS).rows())
    assert sorted(pairs.rows()) == sorted(store.read(DUPLICATES).rows())


def test_stored_keys_mean_the_same_in_every_version():
    """If this fails, workspaces have keys that new ones never meet: count up METHOD in band_kernels.py."""
    keys = signed(pl.LazyFrame({"record_id": ["a", "b"], "text": [LONG, "kurz"]})).collect()
    assert keys["method"].to_list() == [2, 2]
    assert keys.select("band_00", "band_07", "band_19").rows() == [
        (1253919486, -1445139879, 452719449),
        (-31902651, 228126237, 2096361029),
    ]


def test_keys_of_another_method_are_made_anew(tmp_path: Path):
    store = Store(tmp_path)
    store_records(store, TEXTS)
    other = signed(store.scan(RECORDS)).collect().with_columns(pl.lit(0).alias("method"), band_00=pl.lit(0))
    store.append(SIGNATURES, other)
    update_clusters(store)
    assert store.read(SIGNATURES)["method"].to_list().count(METHOD) == len(TEXTS)
    assert dict(store.read(CLUSTERS).rows()) == {"m": "m", "n": "m", "z": "z", "p": "p"}


@pytest.mark.parametrize("seed", [3, 4])
def test_the_pairs_are_all_pairs_of_clusters_of_usual_size(seed: int):
    texts = corpus(seed, 400)
    found = find_duplicates(texts)
    sizes = dict(found.clusters.value_counts().iter_rows())
    assert max(sizes.values()) <= 64
    assert max(sizes.values()) > 3
    expected = exact_pairs(texts, 0.8)
    pairs = {(left, right): value for left, right, value in found.pairs.iter_rows()}
    assert set(pairs) <= set(expected)
    assert len(pairs) >= 0.99 * len(expected)
    assert all(pairs[pair] == pytest.approx(expected[pair]) for pair in pairs)
    assert found.pairs.select("left", "right").rows() == sorted(pairs)


def test_a_large_cluster_is_connected_without_all_of_its_pairs():
    found = find_duplicates(["Wir treffen uns am Abend am Ufer"] * 500)
    assert found.n_clusters == 1
    assert found.pairs.height < 2000
