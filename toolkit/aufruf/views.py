"""What holds now, derived from append-only tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme

QUALIFICATION = "qualification"
"""Import, source and round of the records behind qualification items, and the purpose of their tasks."""
ADJUDICATION: Literal["adjudication"] = "adjudication"
"""Pass and purpose of the tasks in which adjudicators decide; no annotator's answer is among theirs."""


def newest_records(records: pl.LazyFrame) -> pl.LazyFrame:
    """Return the records that no newer version supersedes; those behind qualification items are left out."""
    superseded = records.filter(pl.col("supersedes").is_not_null()).select(record_id="supersedes")
    real = records.filter(pl.col("import_id").ne_missing(QUALIFICATION))
    return real.join(superseded, on="record_id", how="anti")


def qualification_records(records: pl.LazyFrame) -> pl.LazyFrame:
    """Return the records behind qualification items: invented, and never sampled or released."""
    return records.filter(pl.col("import_id") == QUALIFICATION)


def current_annotations(annotations: pl.LazyFrame) -> pl.LazyFrame:
    """Return the newest revision of each annotation, deleted ones left out."""
    newest = pl.col("revision") == pl.col("revision").max().over("annotation_uuid")
    return annotations.filter(newest & (pl.col("state") != "deleted"))


def triage_judgements(annotations: pl.LazyFrame, scheme: LabelScheme) -> pl.LazyFrame:
    """Return one row for each answer in triage and each label, from current annotations.

    Skipped answers and those that cannot judge are missing values and have no rows, nor have labels of
    which nothing was asked.

    Returns:
        ``record_id``, ``annotator``, ``round``, ``label``, ``contained`` (the label holds, in any voice),
        ``author`` (it holds in a voice that counts as the author's own), ``voices`` (a list in the
        scheme's order; null where the label does not hold). Each is null where it was not asked.
    """
    names = pl.DataFrame({"label": scheme.label_names, "order": range(len(scheme.label_names))})
    answered = annotations.filter(
        (pl.col("pass") == "triage") & (pl.col("state") == "live") & pl.col("labels").is_not_null()
    )
    chosen = (
        answered.select("annotation_uuid", "voices")
        .explode("voices")
        .filter(pl.col("voices").is_not_null())
        .unnest("voices")
        .with_columns(pl.col("voice").cast(pl.Enum(scheme.voice_names)))
        .sort("voice")
        .group_by("annotation_uuid", "label", maintain_order=True)
        .agg(
            pl.col("voice").cast(pl.String).alias("voices"),
            own=pl.col("voice").is_in(scheme.author_voices).any(),
        )
    )
    return (
        answered.drop("voices")
        .join(names.lazy(), how="cross")
        .with_columns(contained=pl.col("labels").list.contains(pl.col("label")))
        .join(chosen, on=["annotation_uuid", "label"], how="left")
        .with_columns(author=pl.col("contained") & pl.col("own").fill_null(value=False))
        .with_columns(
            pl.when(_asked("contained")).then("contained"),
            pl.when(_asked("author")).then("author"),
            pl.when(_asked("voice")).then("voices"),
        )
        .filter(pl.any_horizontal(pl.col("contained", "author").is_not_null()))
        .sort("record_id", "annotator", "order")
        .select("record_id", "annotator", "round", "label", "contained", "author", "voices")
    )


def _asked(column: str) -> pl.Expr:
    named = pl.col("asked").list.contains(pl.col("label") + f"_{column}")
    return pl.col("asked").is_null() | named


def first_answers(annotations: pl.LazyFrame) -> pl.LazyFrame:
    """Return each annotator's first live answer to each record and pass, from current annotations.

    One person has one voice: what they answer when a record is shown again measures how steady they are
    and is no second opinion.
    """
    return (
        annotations.filter(pl.col("state") == "live")
        .sort("created_at", "annotation_uuid")
        .unique(["record_id", "annotator", "pass"], keep="first", maintain_order=True)
    )


def main_answers(annotations: pl.LazyFrame, assignments: pl.LazyFrame) -> pl.LazyFrame:
    """Return the answers that agreement and gold count, from all annotations.

    Those are the current ones whose task was planned for the main purpose, and those without a task, such
    as answers imported with a labelled source.
    """
    other = assignments.filter(pl.col("purpose") != "main").select("task_key")
    return current_annotations(annotations).join(other, on="task_key", how="anti")


def question_answers(annotations: pl.LazyFrame, scheme: LabelScheme) -> pl.LazyFrame:
    """Return one row for each question that an annotator answered, from current annotations.

    ``contained`` and ``author`` are asked of every label by answering triage at all, unless the answer says
    what was asked; ``voice`` and the attributes only of the labels that the annotator chose there.

    Returns:
        ``record_id``, ``annotator``, ``round``, ``pass``, ``label``, ``column`` (contained, author, voice
        or the name of an attribute), ``value`` (true or false; voices joined by ``+`` in the scheme's
        order; an attribute's value).
    """
    judged = triage_judgements(annotations, scheme)
    triage = ["record_id", "annotator", "round", pl.lit("triage").alias("pass"), "label"]
    truth = pl.when("value").then(pl.lit("true")).otherwise(pl.lit("false"))
    chosen = judged.filter("contained")
    binary = [
        judged.filter(pl.col(name).is_not_null())
        .select(*triage, column=pl.lit(name), value=pl.col(name))
        .with_columns(value=truth)
        for name in ("contained", "author")
    ]
    voice = chosen.filter(pl.col("voices").is_not_null()).select(
        *triage, column=pl.lit("voice"), value=pl.col("voices").list.join("+")
    )
    return pl.concat([*binary, voice, _attribute_answers(annotations, chosen, scheme)])


def _attribute_answers(annotations: pl.LazyFrame, chosen: pl.LazyFrame, scheme: LabelScheme) -> pl.LazyFrame:
    asked = pl.LazyFrame(
        [(a.in_pass, label, a.name) for a in scheme.attributes for label in a.labels],
        schema=dict.fromkeys(("pass", "label", "attribute"), pl.String),
        orient="row",
    )
    return (
        annotations.filter(pl.col("state") == "live")
        .select("record_id", "annotator", "round", "pass", "attributes")
        .explode("attributes")
        .filter(pl.col("attributes").is_not_null())
        .unnest("attributes")
        .join(asked, on=["pass", "label", "attribute"], how="semi")
        .join(chosen, on=["record_id", "annotator", "label"], how="semi")
        .select(
            "record_id", "annotator", "round", "pass", "label", pl.col("attribute").alias("column"), "value"
        )
    )


def suggested_answers(annotations: pl.LazyFrame) -> int:
    """Return how many current answers were given with a model's suggestion in view."""
    shown = current_annotations(annotations).filter(
        (pl.col("state") == "live") & pl.col("suggested_by").is_not_null()
    )
    return shown.select(pl.len()).collect().item()
