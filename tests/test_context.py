"""What stands around a record."""

from __future__ import annotations

import polars as pl

from aufruf.context import with_context
from aufruf.tables import RECORDS


def record(name: str, text: str, **more: object) -> dict[str, object]:
    return {"record_id": name, "post_id": f"p-{name}", "text": text, "kind": "post", "language": "de", **more}


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    full = [dict.fromkeys(RECORDS.schema) | row for row in rows]
    return pl.DataFrame(full, schema=RECORDS.schema)


def excerpt(name: str, start: int, text: str, article: str = "a") -> dict[str, object]:
    return record(
        name, text, kind="news", article_id=article, excerpt_start=start, excerpt_end=start + len(text)
    )


ARTICLE = [
    excerpt("1", 0, "Der Rat tagt"),
    excerpt("2", 20, "Es war laut. Es war spät. Es war kalt."),
    excerpt("3", 60, "Alle gingen."),
    excerpt("4", 80, "Am Ende schneite es."),
    excerpt("5", 0, "Ein anderer Artikel.", "b"),
]


def contexts(found: pl.DataFrame) -> dict[str, tuple[str, str]]:
    return {
        row["record_id"]: (row["context_before"], row["context_after"]) for row in found.iter_rows(named=True)
    }


def test_an_excerpt_has_the_two_sentences_before_and_after_it():
    found = contexts(with_context(frame(*ARTICLE)))
    assert found["1"] == ("", "Es war laut. Es war spät.")
    assert found["2"] == ("Der Rat tagt", "Alle gingen. Am Ende schneite es.")
    assert found["3"] == ("Es war spät. Es war kalt.", "Am Ende schneite es.")
    assert found["4"] == ("Es war kalt. Alle gingen.", "")
    assert found["5"] == ("", "")


def test_a_headline_keeps_its_own_line():
    short = frame(
        excerpt("1", 0, "Der Rat tagt"), excerpt("2", 20, "Es war laut."), excerpt("3", 40, "Schluss.")
    )
    assert contexts(with_context(short))["3"] == ("Der Rat tagt\nEs war laut.", "")


def test_context_comes_from_all_records_for_those_asked():
    every = frame(*ARTICLE)
    found = with_context(every.filter(pl.col("record_id") == "3"), every)
    assert found.height == 1
    assert contexts(found)["3"][0] == "Es war spät. Es war kalt."


def test_rows_stay_as_many_and_in_their_order():
    backwards = frame(*reversed(ARTICLE))
    assert with_context(backwards)["record_id"].to_list() == ["5", "4", "3", "2", "1"]
    again = with_context(with_context(backwards))
    assert again.equals(with_context(backwards))


def test_a_post_has_the_newest_text_that_it_answers():
    posts = frame(
        record("new", "Zweite Fassung", post_id="p", supersedes="old"),
        record("old", "Erste Fassung", post_id="p"),
        record("answer", "Stimmt nicht", reply_to="p"),
        record("lost", "Worauf?", reply_to="elsewhere"),
    )
    found = contexts(with_context(posts))
    assert found["answer"] == ("Zweite Fassung", "")
    assert found["lost"] == found["new"] == ("", "")
