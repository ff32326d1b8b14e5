"""The language of texts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aufruf.assets import asset
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


NOISE = [
    "@the_and_is",
    "@user_0a1b2c3d",
    "[email]",
    "https://the.example/and/is/the/of/withYou",
    "www.und.example/der/die/das",
    "🔥",
    "&times;",
    "RT",
    "12.30",
    "???",
    "\n",
]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(NOISE)), st.lists(st.sampled_from(NOISE)))
def test_links_mentions_placeholders_and_emoji_do_not_count(before: list[str], after: list[str]):
    texts = [*GERMAN, *ENGLISH, *OTHER]
    noisy = [" ".join([*before, text, *after]) for text in texts]
    assert identify_language(noisy)["language"].to_list() == identify_language(texts)["language"].to_list()


@settings(max_examples=30)
@given(st.lists(st.sampled_from(NOISE)))
def test_noise_alone_has_no_language(noise: list[str]):
    assert identify_language([" ".join(noise)]).rows() == [("und", None)]


@settings(max_examples=30)
@given(st.lists(st.text(max_size=30), max_size=8))
def test_a_text_has_its_language_whatever_stands_beside_it(texts: list[str]):
    together = identify_language(texts)
    assert together.rows() == [identify_language([text]).row(0) for text in texts]
    assert together.filter(pl.col("language") == "und")["confidence"].null_count() == (
        together["confidence"].null_count()
    )


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Treffpunkt Rathaus Samstag #we #will #not #be #moved"),
        ("en", "See you there #wir #sind #mehr #und #bleiben #hier"),
        ("de", "#WirBleibenAlleHier"),
        ("en", "#WeWillNotBeMoved"),
    ],
)
def test_hashtags_count_only_where_there_is_little_else(language: str, text: str):
    assert identify_language([text])["language"].item() == language


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "My teacher said »das ist mir doch egal« and that is what the whole class said to her"),
        (
            "de",
            "Der Trainer rief immer nur »come on, you can do it« und ich bin trotzdem nicht weiter gelaufen",
        ),
        ("de", "Das war doch nicht so gemeint, ihr habt mich falsch verstanden. Sorry to all of you!"),
        ("en", "Sorry, that was not what we had planned for all of you. Das war doch nicht so gemeint!"),
    ],
)
def test_a_text_that_mixes_both_has_the_language_of_most_of_it(language: str, text: str):
    assert identify_language([text])["language"].item() == language


def test_half_of_each_is_less_certain_than_either():
    german, english = "Wir haben das schon immer so gemacht.", "We have always done that in our own way."
    both, *alone = identify_language([f"{german} {english}", german, english])["confidence"]
    assert both < min(alone)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "dat bus late again lol"),
        ("en", "y'all ain't gonna make it home tonight"),
        ("en", "im so done wit dis weather"),
        ("de", "Danke, genau!"),
        ("de", "Ja"),
        ("de", "echte Unverschämtheit"),
        ("de", "Ich find's super, geht's noch?"),
        ("en", "That’s what we’re here for"),
    ],
)
def test_short_and_colloquial_posts_have_their_language(language: str, text: str):
    assert identify_language([text])["language"].item() == language


def test_a_line_end_parts_words_as_a_space_does():
    text = "das\nist\r\nQuark\tund\nein\u00a0Witz"
    assert identify_language([text]).rows() == identify_language([" ".join(text.split())]).rows()


def test_of_a_long_text_the_beginning_decides():
    assert identify_language([" ".join([*GERMAN * 10, *ENGLISH * 40])])["language"].item() == "de"


def test_confidence_is_above_two_fifths_or_null_where_nothing_is_known():
    found = identify_language([*GERMAN, *ENGLISH, *OTHER, *UNDETERMINED])
    known = found.filter(pl.col("language") != "und")["confidence"]
    assert known.is_between(0.42, 1).all()
    assert found.filter(pl.col("language") == "und")["confidence"].null_count() == len(UNDETERMINED)


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_post_of_the_sample_has_its_language(language: str):
    posts = pl.read_ndjson(asset("annotation", "sample", f"posts.{language}.jsonl"))["text"]
    found = identify_language(posts)["language"]
    assert posts.filter(found != language).to_list() == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "das ist Quark"),
        ("de", "ist's das?"),
        ("en", "that's you"),
        (
            "en",
            "the purple elephants and quiet rivers of far valleys remember that evening beside tall trees",
        ),
        ("other", "Мы встречаемся в субботу перед ратушей."),
    ],
)
def test_clear_texts_need_no_model(language: str, text: str):
    """What words or letters alone decide has the one confidence that was measured of such texts."""
    assert identify_language([text]).row(0) == (language, 0.995)


@pytest.mark.parametrize("text", ["of vi", "is het", "per me", "på for", "in de stad is het"])
def test_a_word_or_two_that_several_languages_have_decide_nothing(text: str):
    assert identify_language([text])["language"].item() != "en"


@pytest.mark.parametrize(("language", "text"), [("de", "süß"), ("de", "Hö?"), ("other", "café")])
def test_letters_tell_where_words_do_not(language: str, text: str):
    assert identify_language([text])["language"].item() == language


@pytest.mark.parametrize("text", ["asdf jkl", "hmm", "pfff"])
def test_what_could_be_anything_has_no_language(text: str):
    assert identify_language([text]).row(0) == ("und", None)


def test_null_and_no_texts_are_allowed():
    assert identify_language(pl.Series(["das ist es nicht", None]))["language"].to_list() == ["de", "und"]
    assert identify_language([]).shape == (0, 2)


@pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")
@pytest.mark.parametrize(
    ("file", "column", "separator", "language", "least"),
    [
        ("gahd/gahd.csv", "text", ",", "de", 0.99),
        ("hatecheck/test_suite_cases.csv", "test_case", ",", "en", 0.995),
        ("davidson/labeled_data.csv", "tweet", ",", "en", 0.965),
        ("germeval2025/c2a_train.csv", "description", ";", "de", 0.95),
    ],
)
def test_real_posts_have_their_language(file: str, column: str, separator: str, language: str, least: float):
    """A text without words has none; of the last set, about 2 % are English posts."""
    texts = pl.read_csv(DATA / file, separator=separator, infer_schema=False)[column]
    words = texts.filter(texts.str.replace_all(r"https?://\S+|[@#]\w+|\PL", "").str.len_chars() > 0)
    assert (identify_language(words)["language"] == language).mean() >= least
