"""Seed terms: what a text is guessed to hold before anybody has judged it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.assets import asset
from aufruf.errors import SettingsError
from aufruf.label_scheme import load_label_scheme
from aufruf.lexicon import Lexicon, Terms, load_lexicon
from aufruf.sample import sample_items, sample_posts
from invented import FRAMES, OPENINGS, PHRASES, PLAIN

if TYPE_CHECKING:
    from pathlib import Path

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
SHIPPED = load_lexicon(asset("schemas", "lexicon.toml"), SCHEME.label_names)


def guessed(lexicon: Lexicon, *texts: str, language: str = "en") -> list[set[str]]:
    """What each text is guessed to hold."""
    rows = [(f"r{number:04}", language, text) for number, text in enumerate(texts)]
    frame = pl.LazyFrame(rows, schema=["record_id", "language", "text"], orient="row")
    found = lexicon.guesses(frame.cast(pl.String)).collect()
    return [set(found.filter(record_id=record).get_column("name")) for record, _, _ in rows]


def of(*words: str) -> Lexicon:
    return Lexicon("1", (Terms("threat", "en", words),))


@pytest.mark.parametrize(
    ("word", "text", "hits"),
    [
        ("watch your back", "You'd better WATCH your\n back.", 1),
        ("watch your back", "watch your backpack", 0),
        ("burn*", "the shed burns", 1),
        ("burn*", "a heartburn", 0),
        ("burn", "burns", 0),
        ("your * burns", "next time your trailer burns", 1),
        ("your * burns", "your burns", 0),
        ("a.b", "a.b", 1),
        ("a.b", "axb", 0),
        ("verprügel*", "VERPRÜGELT ihn", 1),
    ],
)
def test_a_term_is_found_as_whole_words_in_any_case_with_any_ending_where_it_says_so(
    word: str, text: str, hits: int
):
    assert len(guessed(of(word), text)[0]) == hits


def test_a_text_is_only_looked_at_in_its_own_language():
    assert guessed(of("burn"), "burn", language="de") == [set()]
    assert guessed(of("burn"), "burn", language="und") == [set()]


def test_groups_are_found_as_labels_are_and_each_name_once(tmp_path: Path):
    path = tmp_path / "lexicon.toml"
    path.write_text(
        'version = "1"\n'
        + 2 * '[[terms]]\nlabel = "threat"\nlanguage = "en"\nwords = ["burn"]\n'
        + '[[groups]]\nname = "rowers"\nlanguage = "en"\nwords = ["rower*"]\n'
    )
    lexicon = load_lexicon(path, SCHEME.label_names)
    assert lexicon.group_names == ("rowers",)
    assert guessed(lexicon, "burn the boats, rowers!", "boats") == [{"threat", "rowers"}, set()]


def test_a_lexicon_without_terms_guesses_nothing():
    assert guessed(Lexicon("1"), "burn") == [set()]
    assert guessed(of(), "burn") == [set()]


@given(st.lists(st.text(max_size=40), max_size=8), st.sampled_from(["de", "en"]))
def test_any_text_can_be_looked_at(texts: list[str], language: str):
    assert len(guessed(SHIPPED, *texts, language=language)) == len(texts)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('version = "1"\n[[terms]]\nlabel = "menace"\nlanguage = "en"\nwords = ["x"]\n', "'menace'"),
        ('version = "1"\n[[terms]]\nlabel = "threat"\nlanguage = "fr"\nwords = ["x"]\n', "fr"),
        ('version = "1"\n[[terms]]\nlabel = "threat"\nlanguage = "en"\nwords = ["a*b"]\n', "term 'a*b'"),
        ('version = "1"\n[[terms]]\nlabel = "threat"\nlanguage = "en"\nwords = [""]\n', "term ''"),
        ('version = "1"\n[[groups]]\nname = "threat"\nlanguage = "en"\nwords = ["x"]\n', "group 'threat'"),
        ('version = "1"\ncolour = 1\n', "colour"),
        ("[[terms]\n", "not valid TOML"),
    ],
)
def test_a_wrong_lexicon_is_refused_with_its_name_and_what_is_wrong(tmp_path: Path, content: str, said: str):
    path = tmp_path / "lexicon.toml"
    path.write_text(content)
    with pytest.raises(SettingsError) as raised:
        load_lexicon(path, SCHEME.label_names)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)


def test_a_missing_lexicon_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match="there is no lexicon here"):
        load_lexicon(tmp_path / "lexicon.toml", ())


def test_every_label_has_terms_in_both_languages():
    assert {(entry.label, entry.language) for entry in SHIPPED.terms} == {
        (label, language) for label in SCHEME.label_names for language in ("de", "en")
    }


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_shipped_terms_find_most_of_what_tests_invent_and_leave_plain_texts_alone(language: str):
    framed = [
        (label, frame.format(opening=opening, phrase=phrase))
        for label, phrases in PHRASES[language].items()
        for phrase in phrases
        for frame in FRAMES[language].values()
        for opening in OPENINGS[language]
    ]
    found = guessed(SHIPPED, *(text for _, text in framed), language=language)
    hits = [label in names for (label, _), names in zip(framed, found, strict=True)]
    assert sum(hits) / len(hits) >= 0.9
    plain = [text.format(opening=opening) for text in PLAIN[language] for opening in OPENINGS[language]]
    assert not any(guessed(SHIPPED, *plain, language=language))


def test_most_of_the_samples_heavy_posts_have_a_term_of_a_heavy_label():
    """A guess that never sees the bundled sample's threats and calls would plan nothing."""
    heavy = {"threat", "call_to_violence", "violence_approval"}
    posts = {post.id: post for post in sample_posts()}
    share: dict[bool, list[bool]] = {True: [], False: []}
    for item in sample_items():
        if item.contains is None and item.item in posts:
            post = posts[item.item]
            language = "de" if item.item.startswith("de") else "en"
            labels = set(item.of("amsel").labels)
            (names,) = guessed(SHIPPED, post.text, language=language)
            share[bool(labels & heavy)].append(bool(names & heavy))
    assert sum(share[True]) / len(share[True]) >= 0.4
    assert sum(share[False]) / len(share[False]) <= 0.2
