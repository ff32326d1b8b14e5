"""What stands around a record: neighbouring sentences of an article, or the post that is answered."""

from __future__ import annotations

import polars as pl

from aufruf.articles import sentences

CONTEXT_SENTENCES = 2
_NEIGHBOURS = range(1, CONTEXT_SENTENCES + 1)
_SENTENCE_ENDS = (".", "!", "?", "…", "“", "”", "«", '"', "’")


def with_context(records: pl.DataFrame, every: pl.DataFrame | None = None) -> pl.DataFrame:
    """Add ``context_before`` and ``context_after`` to records; an empty string where there is nothing.

    An excerpt gets the two sentences before and after it in its article, from the masked texts of the
    neighbouring excerpts: what was cut out as residue is skipped. A post gets the text that it answers
    as context before. ``every`` holds the records to take context from, such as all of the workspace;
    left out, the records themselves. Rows and their order stay.
    """
    others = records if every is None else every
    around = _around_excerpts(records, others)
    answered = _answered(records, others)
    return (
        records.drop("context_before", "context_after", strict=False)
        .join(around, on="record_id", how="left", maintain_order="left")
        .join(answered, on="record_id", how="left", maintain_order="left")
        .with_columns(
            context_before=pl.coalesce("context_before", "answered", pl.lit("")),
            context_after=pl.col("context_after").fill_null(""),
        )
        .drop("answered")
    )


def _around_excerpts(records: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return the context of each excerpt: its neighbours in the article, sentence by sentence."""
    text = pl.col("text")
    placed = (
        others.filter(pl.col("article_id").is_not_null())
        .unique("record_id")
        .sort("article_id", "excerpt_start")
        .select(
            "record_id",
            "language",
            *(text.shift(n).over("article_id").alias(f"before{n}") for n in _NEIGHBOURS),
            *(text.shift(-n).over("article_id").alias(f"after{n}") for n in _NEIGHBOURS),
        )
        .join(records.select("record_id").unique(), on="record_id", how="semi")
    )
    rows = [
        (row["record_id"], _last([row[f"before{n}"] for n in _NEIGHBOURS], row), _first(row))
        for row in placed.iter_rows(named=True)
    ]
    schema = {"record_id": pl.String, "context_before": pl.String, "context_after": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _answered(records: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return the text that each post answers, in its newest version."""
    replaced = others.filter(pl.col("supersedes").is_not_null()).select(record_id="supersedes")
    newest = others.join(replaced, on="record_id", how="anti").filter(pl.col("kind") == "post")
    texts = newest.unique("post_id", keep="last", maintain_order=True).select("post_id", answered="text")
    asking = records.select("record_id", "reply_to").drop_nulls().unique("record_id")
    return asking.join(texts, left_on="reply_to", right_on="post_id").select("record_id", "answered")


def _last(nearest_first: list[str | None], row: dict[str, str]) -> str:
    found = [part for text in reversed(nearest_first) for part in _sentences(text, row["language"])]
    return _joined(found[-CONTEXT_SENTENCES:])


def _first(row: dict[str, str]) -> str:
    found = [part for n in _NEIGHBOURS for part in _sentences(row[f"after{n}"], row["language"])]
    return _joined(found[:CONTEXT_SENTENCES])


def _sentences(text: str | None, language: str) -> list[str]:
    line = text.replace("\n", " ") if text else ""
    return [line[start:end] for start, end in sentences(line, language)]


def _joined(parts: list[str]) -> str:
    """Join sentences by spaces; a headline, which ends no sentence, stays on its own line."""
    text = "".join(part + (" " if part.endswith(_SENTENCE_ENDS) else "\n") for part in parts)
    return text.strip()
