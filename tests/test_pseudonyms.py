"""Keyed pseudonyms."""

from __future__ import annotations

import hashlib
import hmac

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from aufruf.pseudonyms import key_id, keyed_hash, keyed_hashes, sha256_hashes
from aufruf.secrets import Secret

KEY = Secret("00" * 32)
PARTS = st.lists(st.none() | st.text("ab:1-é", max_size=4), min_size=1, max_size=4)


def test_a_pseudonym_is_the_hmac_of_its_parts_each_after_its_length():
    """`author` has 6 bytes, `é` has 2; a missing part is a dash."""
    expected = hmac.new(("00" * 32).encode(), "6:author2:é-0:".encode(), hashlib.sha256).hexdigest()
    assert keyed_hash(KEY, "author", "é", None, "") == expected[:32]


@given(PARTS, PARTS)
def test_different_parts_never_share_a_pseudonym(left: list[str | None], right: list[str | None]):
    assert (keyed_hash(KEY, *left) == keyed_hash(KEY, *right)) == (left == right)


def test_another_key_gives_other_pseudonyms():
    assert keyed_hash(KEY, "author", "anna") != keyed_hash(Secret("other"), "author", "anna")
    assert key_id(KEY) != key_id(Secret("other"))
    assert key_id(KEY) not in KEY.reveal()


@given(
    st.lists(st.tuples(st.none() | st.text(max_size=4), st.none() | st.integers(0, 2**63 - 1)), max_size=6)
)
def test_columns_give_what_single_values_give(rows: list[tuple[str | None, int | None]]):
    names = pl.Series([name for name, _ in rows], dtype=pl.String)
    ids = pl.Series([number for _, number in rows], dtype=pl.Int64)
    expected = [
        None
        if name is None and number is None
        else keyed_hash(KEY, "x", name, None, None if number is None else str(number))
        for name, number in rows
    ]
    assert keyed_hashes(KEY, "x", names, None, ids).to_list() == expected


def test_what_is_unknown_has_no_pseudonym():
    assert keyed_hashes(KEY, "author", pl.Series([None, "anna"])).is_null().to_list() == [True, False]


@example("k" * 100, ["anna"])
@given(st.text(max_size=200), st.lists(st.none() | st.text(max_size=200), max_size=4))
def test_keys_of_any_length_give_a_column_what_they_give_single_values(secret: str, values: list[str | None]):
    expected = [None if value is None else keyed_hash(Secret(secret), "x", value) for value in values]
    assert keyed_hashes(Secret(secret), "x", pl.Series(values, dtype=pl.String)).to_list() == expected


@given(st.lists(st.none() | st.text(), max_size=4))
def test_plain_hashes_are_those_that_anyone_makes(texts: list[str | None]):
    expected = [None if text is None else hashlib.sha256(text.encode()).hexdigest() for text in texts]
    assert sha256_hashes(pl.Series("text", texts, dtype=pl.String)).to_list() == expected
