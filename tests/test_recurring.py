"""Lines that recur on the pages of a site are told from those that belong to articles."""

from __future__ import annotations

import random

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from aufruf.articles import excerpts
from aufruf.recurring import MIN_PAGES, line_key, recurring_lines, site_of

BOX = "Das Neueste aus Hollbruck jeden Morgen in Ihrem Postfach, kostenlos und ohne Haken"
DATE = "Zuletzt besprochen: {n}.{n}.2031, {n} Stimmen"


def site(pages: list[str], name: str = "blatt.example") -> pl.DataFrame:
    return pl.DataFrame({"site": [name] * len(pages), "text": pages})


def pages(count: int, *lines: str) -> list[str]:
    return [
        "\n".join([f"Der Rat beriet über Punkt {chr(65 + n)}.", *(line.format(n=n) for line in lines)])
        for n in range(count)
    ]


def test_a_line_on_many_pages_of_a_site_recurs():
    assert recurring_lines(site(pages(6, BOX))) == {"blatt.example": {BOX}}


def test_a_line_on_few_pages_does_not():
    assert recurring_lines(site(pages(MIN_PAGES - 1, BOX))) == {}
    assert (
        recurring_lines(site([*pages(6, BOX), *(f"Etwas anderes: {chr(97 + n)}" * 4 for n in range(25))]))
        == {}
    )


def test_numbers_in_a_line_may_differ():
    found = recurring_lines(site(pages(6, DATE)))
    assert line_key(DATE.format(n=77)) in found["blatt.example"]


def test_each_site_has_its_own_lines():
    both = pl.concat([site(pages(6, BOX)), site(pages(6, "Nur hier", "Und das"), "post.example")])
    assert recurring_lines(both) == {"blatt.example": {BOX}, "post.example": {"Nur hier", "Und das"}}


def test_versions_of_one_article_do_not_make_its_lines_recur():
    article = ["Der Damm brach am Abend, und niemand war auf der Brücke.", "Es regnete.", "Der Rat tagt."]
    versions = ["\n".join([*article, f"Nachtrag {chr(65 + n)}"]) for n in range(9)]
    assert recurring_lines(site(versions)) == {}


def test_a_long_notice_does_not_hide_a_short_one():
    notice = (
        "Alle Angaben ohne Gewähr, die Redaktion prüft nichts davon nach, und Hollbruck bleibt Hollbruck."
    )
    assert recurring_lines(site(pages(6, notice, "Kurz"))) == {"blatt.example": {notice, "Kurz"}}


def test_what_is_quoted_never_counts():
    assert recurring_lines(site(pages(9, "„Das Tor fällt am Montag“, stand an der Wand."))) == {}


def test_the_order_of_pages_does_not_matter():
    given = [*pages(7, BOX, "Kurz"), *(f"Anderes {chr(97 + n)}\nKurz" for n in range(9))]
    shuffled = random.Random(4).sample(given, len(given))
    assert recurring_lines(site(given)) == recurring_lines(site(shuffled)) != {}


def test_recurring_lines_are_residue_and_no_excerpt_bridges_them():
    article = f"Der Rat tagt. Er tagt lange.\n{BOX}\nDanach gingen alle heim."
    cut = excerpts(article, recurring={BOX})
    assert [(article[line.start : line.end], line.reason) for line in cut.residue] == [(BOX, "recurring")]
    assert [article[start:end] for start, end in cut.excerpts] == [
        "Der Rat tagt. Er tagt lange.",
        "Danach gingen alle heim.",
    ]


def test_a_site_is_the_host_else_the_outlet_else_the_source():
    frame = pl.DataFrame(
        {"url": ["https://www.Blatt.example:80/a?b", None, None], "outlet": ["Blatt", "Blatt", None]}
    )
    found = frame.select(site_of(pl.col("url"), pl.col("outlet"), pl.lit("quelle"))).to_series()
    assert found.to_list() == ["blatt.example", "Blatt", "quelle"]


@given(st.text("a 1²٣\t\u00a0\u2003.", max_size=12))
def test_a_key_is_the_same_by_line_and_by_column(line: str):
    found = recurring_lines(site([f"Punkt {chr(65 + n)}, ganz allein für sich\n{line}" for n in range(6)]))
    assert found == ({"blatt.example": {line_key(line)}} if line_key(line) else {})
