"""Personal data in texts become placeholders; dates, prices and case numbers do not."""

from __future__ import annotations

import re
import time
import tomllib
from pathlib import Path

import phonenumbers
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.masking import CATEGORIES, mask, mask_column, pseudonymise, unkeyed
from aufruf.secrets import Secret

CASES = tomllib.loads((Path(__file__).parent / "cases" / "masking.toml").read_text("utf-8"))
KEY = Secret("a key")
PIECES = [text for text, _ in CASES["masked"].values()] + list(CASES["kept"].values()) + ["", "🔥", "\n", " "]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text("@u/._:+0123 aé(", max_size=8), max_size=4).map(" ".join)


def _parts(text: str) -> list[str]:
    mention, email, *phone, link, iban = text.split()
    return [mention, email, " ".join(phone), link, iban]


def without_digits(text: str) -> str:
    return re.sub(r"@user_[0-9a-f]{8}\b", "@user_#", text)


@pytest.mark.parametrize("name", CASES["masked"])
def test_personal_data_become_placeholders(name: str):
    text, expected = CASES["masked"][name]
    assert without_digits(mask(text, KEY).text) == expected


@pytest.mark.parametrize("name", CASES["kept"])
def test_what_is_no_personal_data_stays(name: str):
    assert mask(CASES["kept"][name], KEY).text == CASES["kept"][name]


def test_the_same_person_has_the_same_placeholder_under_one_key():
    one, two, other = mask("@Anna @anna @ben", KEY).text.split()
    assert one == two != other
    assert mask("@anna", Secret("another key")).text != one


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_can_be_switched_off(category: str):
    text = "@anna a@b.example.org 030 1234567 https://t.me/anna DE89370400440532013000"
    rest = [other for other in CATEGORIES if other != category]
    masked = without_digits(mask(text, KEY, rest).text)
    assert masked.count("[") + masked.count("@user_#") == 4
    assert mask(text, KEY, []).text == text


@given(TEXTS)
def test_masking_a_second_time_changes_nothing(text: str):
    once = mask(text, KEY).text
    assert mask(once, KEY).text == once


@given(TEXTS)
def test_what_is_not_replaced_is_carried_to_the_same_characters(text: str):
    masked = mask(text, KEY)
    bounds = [0, *(bound for piece in masked.pieces for bound in piece[:2]), len(text)]
    for start, end in zip(bounds[::2], bounds[1::2], strict=True):
        first, last = masked.carry(start, end)
        assert masked.text[first:last] == text[start:end]
    for piece in masked.pieces:
        first, last = masked.carry(piece.start, piece.end)
        assert masked.text[first:last] == piece.placeholder


def test_offsets_stay_right_where_it_took_two_rounds():
    """The number at the end shows only once the one before it is replaced."""
    text = "Tel.: 1234567, Fax: 12 34 56 78 030/12345-67 im Büro"
    masked = mask(text, KEY)
    assert [text[start:end] for start, end, _ in masked.pieces] == ["1234567", "12 34 56 78", "030/12345-67"]
    first, last = masked.carry(text.index("im"), len(text))
    assert masked.text[first:last] == "im Büro"


def test_a_span_that_cuts_a_placeholder_is_widened_to_hold_it():
    masked = mask("an @anna heute", KEY)
    first, last = masked.carry(5, 14)
    assert without_digits(masked.text[first:last]) == "@user_# heute"


@given(st.lists(TEXTS | st.none(), max_size=4))
def test_a_column_gives_what_single_texts_give(texts: list[str | None]):
    column = mask_column(pl.Series("text", texts, dtype=pl.String), KEY)
    assert column.to_list() == [None if text is None else mask(text, KEY).text for text in texts]


def test_without_the_key_only_the_type_of_a_placeholder_is_left():
    frame = pl.DataFrame({"text": [mask("@anna a@b.example.org", Secret(key)).text for key in "xy"]})
    assert frame.select(unkeyed(pl.col("text"))).to_series().to_list() == ["@user [email]"] * 2


def test_texts_can_be_pseudonymised_with_a_key_of_ones_own():
    assert pseudonymise(["Hallo @anna"], key="k").to_list() == [mask("Hallo @anna", Secret("k")).text]


@pytest.mark.parametrize("region", ["DE", "AT", "CH", "GB", "US"])
@pytest.mark.parametrize("kind", ["FIXED_LINE", "MOBILE", "TOLL_FREE"])
@pytest.mark.parametrize("writing", ["NATIONAL", "INTERNATIONAL", "E164"])
def test_an_example_number_of_each_country_is_found_in_each_writing(region: str, kind: str, writing: str):
    number = phonenumbers.example_number_for_type(region, getattr(phonenumbers.PhoneNumberType, kind))
    shown = phonenumbers.format_number(number, getattr(phonenumbers.PhoneNumberFormat, writing))
    assert mask(f"Ruf {shown} an.", KEY).text == "Ruf [phone] an."


@given(
    TEXTS,
    st.from_regex(
        r"[a-z0-9]{1,8}([._+-][a-z0-9]{1,5})?@([a-z][a-z0-9]{0,5}\.){1,2}[a-z]{2,4}", fullmatch=True
    ),
)
def test_no_address_is_left_between_other_words(text: str, address: str):
    masked = mask(f"{text} {address} {text}", KEY).text
    assert address not in masked
    assert not re.search(r"[a-z0-9]@[a-z]+\.[a-z]{2,}\b", masked)


@given(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{1,14}", fullmatch=True).filter(lambda name: name.lower() != "user")
)
def test_capitals_and_the_words_around_do_not_change_who_is_meant(name: str):
    expected = mask(f"@{name}", KEY).text
    for shown in (f"@{name.upper()}", f"@{name.lower()}"):
        for text in (f"{shown}: ja", f"({shown})", f"RT {shown}!", f"»{shown}«"):
            assert expected in mask(text, KEY).text


def test_switching_off_all_but_one_leaves_the_others_as_they_are():
    text = "@anna a@b.example.org 030 1234567 https://t.me/anna DE89370400440532013000"
    parts = dict(zip(("mention", "email", "phone", "profile_link", "iban"), _parts(text), strict=True))
    for category, part in parts.items():
        masked = mask(text, KEY, [category]).text
        assert part not in masked.split()
        assert all(other in masked for name, other in parts.items() if name != category and part not in other)
        assert mask_column(pl.Series([text]), KEY, [category]).to_list() == [masked]


@pytest.mark.parametrize(
    "part",
    [
        "@a ",
        "a@",
        "a.b/",
        "http://x.com/@a ",
        "0 ",
        "a (at) ",
        "+49 ",
        "DE00 ",
        "@a-",
        "@a.a-",
        "a.",
        "x.com/",
        "x.com/@(",
        "1-800-",
        "Tel: 12",
        "a at ",
        "/@",
    ],
)
def test_a_text_made_to_be_slow_is_not(part: str):
    started = time.process_time()
    mask(part * (200_000 // len(part)), KEY)
    assert time.process_time() - started < 4
