"""The language of texts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from aufruf.language import identify_language

DATA = Path(__file__).parents[2] / "shared" / "data"

GERMAN = [
    "Wir treffen uns am Samstag um 14 Uhr vor dem Rathaus.",
    "das war doch klar, oder nicht?",
    "Unfassbar, was dort wieder beschlossen wurde",
]
ENGLISH = [
    "We are meeting in front of the town hall on Saturday.",
    "that was obvious, wasn't it?",
    "Unbelievable decisions by the council again",
]
OTHER = [
    "Nous nous retrouvons samedi devant la mairie avec nos amis.",
    "Ci vediamo sabato davanti al municipio con tutti gli amici.",
    "Spotykamy się w sobotę przed ratuszem razem z przyjaciółmi.",
    "Cumartesi günü hepimiz belediye önünde bekliyoruz.",
    "We zien elkaar zaterdag voor het stadhuis met al onze vrienden.",
    "Vi ses på lørdag foran rådhuset sammen med alle vores venner.",
    "buenas noches",
    "tack så mycket",
    "Мы встречаемся в субботу перед ратушей.",
    "نلتقي يوم السبت أمام مبنى البلدية.",
]
UNDETERMINED = [
    "",
    "   ",
    "😀🔥",
    "https://example.org/der/und/die",
    "@user_0a1b2c3d [email]",
    "123 ?!",
    "???",
]


@pytest.mark.parametrize(
    ("language", "texts"), [("de", GERMAN), ("en", ENGLISH), ("other", OTHER), ("und", UNDETERMINED)]
)
def test_a_text_has_its_language(language: str, texts: list[str]):
    assert identify_language(texts)["language"].to_list() == [language] * len(texts)


def test_links_mentions_placeholders_and_emoji_do_not_count():
    noise = "@the_and_is [email] https://the.example/and/is/the/of/with 🔥 &amp; "
    assert identify_language([noise + "Das ist doch nicht wahr"])["language"].item() == "de"


def test_a_text_that_mixes_both_has_the_language_of_most_of_it():
    english = "My teacher said »das ist mir doch egal« and that is what the whole class said to her"
    assert identify_language([english])["language"].item() == "en"


def test_confidence_lies_between_a_half_and_one_or_is_null_where_nothing_is_known():
    found = identify_language([*GERMAN, *ENGLISH, *OTHER, *UNDETERMINED])
    known = found.filter(pl.col("language") != "und")["confidence"]
    assert known.is_between(0.5, 1).all()
    assert found.filter(pl.col("language") == "und")["confidence"].null_count() == len(UNDETERMINED)


def test_null_and_no_texts_are_allowed():
    assert identify_language(pl.Series(["das ist es nicht", None]))["language"].to_list() == ["de", "und"]
    assert identify_language([]).shape == (0, 2)


@pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")
@pytest.mark.parametrize(
    ("file", "column", "separator", "language", "least"),
    [
        ("gahd/gahd.csv", "text", ",", "de", 0.985),
        ("hatecheck/test_suite_cases.csv", "test_case", ",", "en", 0.985),
        ("germeval2025/c2a_train.csv", "description", ";", "de", 0.91),
    ],
)
def test_real_posts_have_their_language(file: str, column: str, separator: str, language: str, least: float):
    """The third set holds links without words and English posts: 7 % of it."""
    texts = pl.read_csv(DATA / file, separator=separator, schema_overrides={"id": pl.String})[column]
    assert (identify_language(texts)["language"] == language).mean() >= least
