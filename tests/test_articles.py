"""Articles are cut into excerpts that partition them."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.articles import MAX_SENTENCES, excerpts, sentences
from aufruf.quotes import quoted_spans
from aufruf.residue import residue_reason
from aufruf.text import normalise_text

CASES = Path(__file__).parent / "cases"
RESIDUE = tomllib.loads((CASES / "residue.toml").read_text("utf-8"))
REAL = Path(__file__).parents[2] / "shared" / "data" / "news" / "000_7e6a38b6c331e23b.txt"

SENTENCES = st.sampled_from(
    [
        "Der Rat tagt am 3. Mai.",
        "„Wir kommen wieder“, sagte Dr. Lind.",
        "„Erst das! Dann das. Nie wieder?“, rief sie.",
        "Wer zahlt das?",
        "Zwei 🔥 Feuer z. B. am Ufer!",
        "„Eins. Zwei. Drei. Vier. Fünf.“",
        'Sie rief: „Erst das. Dann dies." Und ging.',
        "Er las: ‚Kommt alle. Bringt Licht.‘ Dann schwieg er.",
        "“We stay,” he said.",
        "No end",
    ]
)
LINES = st.one_of(
    st.lists(SENTENCES, min_size=1, max_size=7).map(" ".join),
    st.sampled_from(["Kommentar schreiben", "Teilen", "Read more: something else", "Ein Zwischentitel", ""]),
)
ARTICLES = st.lists(LINES, max_size=6).map("\n".join).map(normalise_text)


def texts(article: str) -> list[str]:
    return [article[start:end] for start, end in excerpts(article).excerpts]


@given(ARTICLES)
def test_excerpts_and_residue_are_the_whole_article_but_for_white_space(article: str):
    cut = excerpts(article)
    parts = sorted([*cut.excerpts, *(line[:2] for line in cut.residue)])
    end = 0
    for first, last in parts:
        assert end <= first < last
        assert not article[end:first].strip()
        assert article[first:last] == article[first:last].strip()
        end = last
    assert not article[end:].strip()


@given(ARTICLES)
def test_no_excerpt_crosses_a_paragraph_or_holds_more_than_three_sentences(article: str):
    found = sentences(article)
    for start, end in excerpts(article).excerpts:
        assert "\n" not in article[start:end]
        assert 1 <= sum(start <= sentence.start < end for sentence in found) <= MAX_SENTENCES


@given(ARTICLES)
def test_a_quotation_of_up_to_three_sentences_stays_in_one_excerpt(article: str):
    cut = excerpts(article).excerpts
    for quote in quoted_spans(article):
        if len(sentences(article[quote.start : quote.end])) <= MAX_SENTENCES:
            touched = [span for span in cut if span.start < quote.end and quote.start < span.end]
            assert len(touched) <= 1


def test_sentences_end_where_german_sentences_end():
    text = "Am 19. Januar kam Dr. Lind z. B. um 18 Uhr. „Na los! Jetzt.“, rief sie. Und dann?"
    assert [text[a:b] for a, b in sentences(text)] == [
        "Am 19. Januar kam Dr. Lind z. B. um 18 Uhr.",
        "„Na los! Jetzt.“, rief sie.",
        "Und dann?",
    ]


def test_a_closing_mark_stays_with_its_sentence():
    text = "Er las: ‚Kommt alle. Bringt Licht.‘ Dann schwieg er."
    assert [text[a:b] for a, b in sentences(text)][1:] == ["Bringt Licht.‘", "Dann schwieg er."]


def test_four_sentences_become_two_and_two():
    assert texts("Eins ist da. Zwei ist da. Drei ist da. Vier ist da.") == [
        "Eins ist da. Zwei ist da.",
        "Drei ist da. Vier ist da.",
    ]


def test_a_long_quotation_is_cut_at_its_sentences():
    article = "„Erstens kommt dies. Zweitens das. Drittens jenes. Viertens nichts. Fünftens Schluss.“"
    assert len(texts(article)) == 2
    assert "".join(texts(article)).replace(" ", "") == article.replace(" ", "")


def test_the_headline_is_the_first_short_line_that_ends_no_sentence():
    article = "Ein Satz geht voran.\nDer Rat streitet\nDer Rat hat getagt. Es war laut."
    title = excerpts(article).title
    assert title is not None
    assert article[slice(*title)] == "Der Rat streitet"
    assert excerpts("Nur ein Satz.").title is None


def test_lines_wrapped_at_a_fixed_width_are_one_paragraph():
    article = (
        "Der Stadtrat von Hollbruck hat am Dienstag lange über den neuen\n"
        "Damm gestritten, ohne dass es zu einer Entscheidung gekommen\n"
        "wäre. Am Ende gingen alle nach Hause, und der Bürgermeister\n"
        "schloss die Sitzung mit einem Seufzer, den niemand mehr hörte.\n\n"
        "Am Mittwoch wird weiter gestritten, diesmal im großen Saal des\nTheaters."
    )
    assert len(texts(article)) == 2
    assert texts(article)[0].startswith("Der Stadtrat")
    assert texts(article)[1].endswith("Theaters.")


@pytest.mark.parametrize(
    ("reason", "line"), [(reason, line) for reason in RESIDUE for line in RESIDUE[reason]]
)
def test_residue_is_told_from_the_article(reason: str, line: str):
    assert residue_reason(line) == (None if reason == "article" else reason)


@pytest.mark.parametrize("part", ["„", "a\n", "Er geht. ", "„Er geht.“ Nein. ", "x", "teilen "])
def test_an_article_made_to_be_slow_is_not(part: str):
    started = time.process_time()
    excerpts(part * (200_000 // len(part)))
    assert time.process_time() - started < 6


@pytest.mark.skipif(not REAL.exists(), reason="the real article is not here")
def test_a_real_article_loses_its_comment_form_and_nothing_else():
    article = normalise_text(REAL.read_text("utf-8"))
    cut = excerpts(article)
    assert [line.reason for line in cut.residue] == ["comment_form"] * 3
    assert cut.residue[0].start > cut.excerpts[-1].end
    assert len(article) - sum(end - start for start, end, *_ in (*cut.excerpts, *cut.residue)) < 40
    threat = article.index("AWS-Rechenzentren einen Besuch")
    assert any(quote.start <= threat < quote.end for quote in quoted_spans(article))
