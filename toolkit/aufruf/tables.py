"""The tables of a workspace: their columns, types and meaning, declared once.

Null means "unknown" or "not asked", never "no". Ids are strings, positions and counts int64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

TIME = pl.Datetime("us", "UTC")
SPAN = pl.Struct({"start": pl.Int64, "end": pl.Int64})
LABELLED_SPAN = pl.Struct({"label": pl.String, "start": pl.Int64, "end": pl.Int64})
LABEL_VOICE = pl.Struct({"label": pl.String, "voice": pl.String})
LABEL_ATTRIBUTE = pl.Struct({"label": pl.String, "attribute": pl.String, "value": pl.String})
BANDS = 20
VALUE_COUNT = pl.Struct({"value": pl.String, "n": pl.Int64})


@dataclass(frozen=True)
class Column:
    """A column: its Polars type, what it means, and whether it may be null."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the workspace.

    ``key`` identifies a row. ``statistics`` are the columns whose minima and maxima Delta may write
    into its log: ids and dates only, for text in a log outlives its deletion.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    statistics: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> pl.Schema:
        """The Polars schema, columns in their order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        """Return the table without rows."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with this table's columns, order and types.

        Raises:
            ValueError: if a column is missing or unknown, or holds a null that it may not hold: a bug
                in the stage that made the frame. The message holds no value.
        """
        missing = [name for name in self.schema if name not in frame.columns]
        unknown = [name for name in frame.columns if name not in self.schema]
        if missing or unknown:
            raise ValueError(f"table {self.name}: missing columns {missing}, unknown columns {unknown}")
        cast = frame.select(pl.col(column.name).cast(column.dtype) for column in self.columns)
        nulls = [c.name for c in self.columns if not c.nullable and cast.get_column(c.name).null_count()]
        if nulls:
            raise ValueError(f"table {self.name}: null in {nulls}")
        return cast


RECORDS = Table(
    "records",
    "Posts and news excerpts. Append-only: an edited post is a new record that supersedes the old one.",
    ("record_id",),
    (
        Column("record_id", pl.String, "keyed hash of platform, native id and text"),
        Column("post_id", pl.String, "the same without the text: stays when a post is edited"),
        Column("supersedes", pl.String, "record_id of the version before", nullable=True),
        Column("import_id", pl.String, "the import that brought it"),
        Column("source", pl.String, "slug of the source"),
        Column("kind", pl.String, "post or news"),
        Column("language", pl.String, "de, en, other or und (undetermined); an excerpt has its article's"),
        Column("language_confidence", pl.Float64, "0 to 1", nullable=True),
        Column("text", pl.String, "normalised (NFC, LF), personal data masked; spans and quotes count in it"),
        Column(
            "match_sha256", pl.String, "hash of the text, placeholders reduced to their type: needs no key"
        ),
        Column("title", pl.String, "headline of the article", nullable=True),
        Column("teaser", pl.String, "what stands between headline and article, masked", nullable=True),
        Column("outlet", pl.String, "who published the article", nullable=True),
        Column("url", pl.String, "address of the article", nullable=True),
        Column("created_at", TIME, "when it was written, UTC", nullable=True),
        Column("edited_at", TIME, "when this version was written, if it was edited, UTC", nullable=True),
        Column("author", pl.String, "keyed hash of the author", nullable=True),
        Column("conversation", pl.String, "keyed hash of the conversation", nullable=True),
        Column("reply_to", pl.String, "post_id of the post that it answers", nullable=True),
        Column(
            "repost_of", pl.String, "post_id of the post that it passes on without own words", nullable=True
        ),
        Column("quote_of", pl.String, "post_id of the post that it shows below its own words", nullable=True),
        Column("article_id", pl.String, "keyed hash of the article", nullable=True),
        Column(
            "excerpt_start", pl.Int64, "first code point in the normalised, unmasked article", nullable=True
        ),
        Column("excerpt_end", pl.Int64, "code point after the last", nullable=True),
        Column("quotes", pl.List(SPAN), "quoted spans in text, code points, marks excluded"),
        Column(
            "reporting_cue",
            pl.String,
            "first expression outside quotes that renders others, such as sagte or according to",
            nullable=True,
        ),
        Column(
            "indirect_speech",
            pl.Boolean,
            "German indirect speech (Konjunktiv I) outside quotes; null: not German",
            nullable=True,
        ),
        Column("has_media", pl.Boolean, "a picture or video belongs to it", nullable=True),
        Column("truncated", pl.Boolean, "the source cut the text", nullable=True),
        Column("rights", pl.String, "licence or terms it is used under", nullable=True),
        Column("key_id", pl.String, "which pseudonym key made the hashes"),
    ),
    ("record_id", "post_id", "import_id", "created_at"),
)

PLATFORM_IDS = Table(
    "platform_ids",
    "The platform's own ids of posts, kept only for sources whose settings say `keep_ids`: whoever has one "
    "can look the author up. Apart from the records, so that they can go as a whole.",
    ("record_id",),
    (
        Column("record_id", pl.String, "the record"),
        Column("platform_id", pl.String, "what the platform calls the post"),
    ),
    ("record_id",),
)

CLUSTERS = Table(
    "clusters",
    "The duplicate cluster of each record.",
    ("record_id",),
    (
        Column("record_id", pl.String, "the record"),
        Column("cluster", pl.String, "smallest record_id of the cluster when it was made"),
    ),
    ("record_id", "cluster"),
)

DUPLICATES = Table(
    "duplicates",
    "Verified pairs of duplicates, the reason for each cluster.",
    ("left", "right"),
    (
        Column("left", pl.String, "the smaller record_id"),
        Column("right", pl.String, "the larger record_id"),
        Column("similarity", pl.Float64, "Jaccard of byte 5-grams after normalisation; 1 is identical"),
    ),
    ("left", "right"),
)

SIGNATURES = Table(
    "signatures",
    "Band keys of each record: equal in some band where texts may be near-duplicates. They come from the "
    "text and tell of it, so whoever forgets a record deletes its row too.",
    ("record_id",),
    (
        Column("record_id", pl.String, "the record"),
        Column("method", pl.Int32, "how the keys were made; those of another method are made anew"),
        *(
            Column(f"band_{band:02}", pl.Int32, "hash of six MinHash values of the text's byte 5-grams")
            for band in range(BANDS)
        ),
    ),
    ("record_id",),
)

QUARANTINE = Table(
    "quarantine",
    "What was refused, and why; never its text.",
    ("import_id", "file", "item", "reason"),
    (
        Column("import_id", pl.String, "the import or pull that refused it"),
        Column("file", pl.String, "name of the file, or `project N` of Label Studio"),
        Column("item", pl.String, "line, member or annotation in it"),
        Column("reason", pl.String, "code of the reason"),
        Column("message", pl.String, "what was found and what was expected, without content"),
    ),
    ("import_id", "file", "item", "reason"),
)

SAMPLES = Table(
    "samples",
    "Records chosen for a round.",
    ("round", "record_id"),
    (
        Column("round", pl.String, "the round"),
        Column("record_id", pl.String, "the record"),
        Column("stratum", pl.String, "the stratum it was drawn from"),
        Column("strategy", pl.String, "how it was drawn"),
        Column(
            "inclusion_probability", pl.Float64, "in this round, given the earlier ones; above 0, at most 1"
        ),
    ),
    ("round", "record_id"),
)

ASSIGNMENTS = Table(
    "assignments",
    "Who is to judge what: decided by the plan, followed by apply and status.",
    ("task_key",),
    (
        Column("task_key", pl.String, "hash of round, pass, record, annotator and purpose"),
        Column("round", pl.String, "the round"),
        Column("pass", pl.String, "triage, detail or adjudication"),
        Column("record_id", pl.String, "the record"),
        Column("language", pl.String, "language of the interface: de or en"),
        Column("annotator", pl.String, "pseudonym of the annotator"),
        Column("purpose", pl.String, "main, gold_check, repeat, qualification or adjudication"),
        Column("position", pl.Int64, "place in the annotator's queue, from 0"),
        Column("release_day", pl.Int64, "day of the round on which the task is released, from 0"),
        Column("project_id", pl.Int64, "Label Studio's project; null until applied", nullable=True),
        Column("scheme_sha256", pl.String, "the label scheme that the task asks by"),
    ),
    ("task_key", "round", "record_id"),
)

DISPUTES = Table(
    "disputes",
    "What an adjudicator is asked of a record: one row for each label.",
    ("task_key", "label"),
    (
        Column("task_key", pl.String, "the adjudicator's assignment"),
        Column("record_id", pl.String, "the record"),
        Column("label", pl.String, "the label that is to be decided"),
        Column("columns", pl.List(pl.String), "contained, author, voice, an attribute: what is in dispute"),
    ),
    ("task_key", "record_id"),
)

ANNOTATIONS = Table(
    "annotations",
    "Answers, append-only: each change on the server is a new revision; the newest is what holds.",
    ("annotation_uuid", "revision"),
    (
        Column("annotation_uuid", pl.String, "the annotation, for good"),
        Column("revision", pl.Int64, "from 1"),
        Column("state", pl.String, "live, skipped or deleted"),
        Column("task_key", pl.String, "the assignment that it answers"),
        Column("record_id", pl.String, "the record"),
        Column("annotator", pl.String, "pseudonym of the annotator"),
        Column("round", pl.String, "the round, or source:<slug>"),
        Column("pass", pl.String, "triage, detail or adjudication"),
        Column(
            "labels",
            pl.List(pl.String),
            "labels that hold; empty: none of them; null: skipped, cannot judge, or not asked (detail)",
            nullable=True,
        ),
        Column(
            "asked",
            pl.List(pl.String),
            "columns that were asked, such as threat_contained, threat_author, threat_voice; null: all",
            nullable=True,
        ),
        Column("voices", pl.List(LABEL_VOICE), "voices of each label, one or more", nullable=True),
        Column(
            "attributes",
            pl.List(LABEL_ATTRIBUTE),
            "answers to the attributes' questions; in adjudication `error`, too",
            nullable=True,
        ),
        Column("spans", pl.List(LABELLED_SPAN), "code points in text; null in triage", nullable=True),
        Column("flags", pl.List(pl.String), "remarks such as unsure or urgent"),
        Column("comment", pl.String, "the annotator's own words; never released", nullable=True),
        Column("seconds", pl.Float64, "time spent, as Label Studio counts it", nullable=True),
        Column("created_at", TIME, "when it was first submitted"),
        Column("updated_at", TIME, "when this revision was made"),
        Column("scheme_sha256", pl.String, "the label scheme that it answers by"),
        Column("guideline_version", pl.String, "version of the guidelines in force"),
        Column(
            "suggested_by",
            pl.String,
            "the model whose suggestion was shown with the task; null: nobody's",
            nullable=True,
        ),
    ),
    ("annotation_uuid", "task_key", "record_id", "updated_at"),
)

ANSWERS = Table(
    "answers",
    "Label Studio's annotations as they came, beside what was read from them.",
    ("annotation_uuid", "revision"),
    (
        Column("annotation_uuid", pl.String, "the annotation"),
        Column("revision", pl.Int64, "from 1"),
        Column("project_id", pl.Int64, "Label Studio's project"),
        Column("raw", pl.String, "the annotation as JSON"),
    ),
    ("annotation_uuid",),
)

SOURCE_LABELS = Table(
    "source_labels",
    "What labelled data sets say of their records in their own words, and in which official split.",
    ("record_id", "file", "item", "annotator", "column"),
    (
        Column("record_id", pl.String, "the record"),
        Column("source", pl.String, "slug of the data set"),
        Column("file", pl.String, "name of the file that says it"),
        Column("item", pl.String, "line in it"),
        Column("annotator", pl.String, "source:<slug>, or source:<slug>/<id> for one of its annotators"),
        Column("split", pl.String, "the set's official split", nullable=True),
        Column("column", pl.String, "name of the set's category"),
        Column("value", pl.String, "value of the category, as it is written there"),
        Column(
            "candidate_for",
            pl.List(pl.String),
            "labels that the value makes the record worth asking about; no judgement",
        ),
    ),
    ("record_id",),
)

GOLD = Table(
    "gold",
    "Final labels, long: one row a record, label and column, decided column by column.",
    ("gold_run", "record_id", "label", "column"),
    (
        Column("gold_run", pl.String, "which decision it belongs to"),
        Column("record_id", pl.String, "the record"),
        Column("label", pl.String, "the label"),
        Column("column", pl.String, "contained, author, voice, spans or the name of an attribute"),
        Column(
            "value",
            pl.String,
            "true or false; voices joined by +; an attribute's value; spans as start:end joined by +; "
            "null: not asked, or undecided",
            nullable=True,
        ),
        Column(
            "share",
            pl.Float64,
            "share of answers for the value; of `true` for contained and author",
            nullable=True,
        ),
        Column(
            "posterior",
            pl.Float64,
            "probability of `true` by a model of the annotators; null where none was asked",
            nullable=True,
        ),
        Column("n", pl.Int64, "answers counted"),
        Column("distribution", pl.List(VALUE_COUNT), "all answers with their counts"),
        Column(
            "decided_by",
            pl.String,
            "unanimous, majority, adjudicated or model; adjudicated without a value: found truly ambiguous; "
            "null: undecided, for adjudication",
            nullable=True,
        ),
    ),
    ("gold_run", "record_id", "label", "column"),
)

TOMBSTONES = Table(
    "tombstones",
    "What was taken down and must not come back: hashes under a key of their own, never text. Append-only.",
    ("kind", "tombstone"),
    (
        Column("kind", pl.String, "record, post, url, author or text"),
        Column("tombstone", pl.String, "keyed hash of what is refused; of kind record the record_id itself"),
        Column("takedown", pl.String, "the takedown that made it"),
        Column("at", TIME, "when"),
    ),
    ("kind", "at"),
)

EVENTS = Table(
    "events",
    "Who did what when: append-only, each row holds the hash of the one before; never text.",
    ("n",),
    (
        Column("n", pl.Int64, "from 1, without gaps"),
        Column("at", TIME, "when"),
        Column("action", pl.String, "the command, such as import"),
        Column("subject", pl.String, "what it was about: an import_id, a round, a version"),
        Column("details", pl.String, "counts and settings as canonical JSON"),
        Column("previous", pl.String, "hash of the event before; empty for the first"),
        Column("sha256", pl.String, "hash of all the other columns"),
    ),
    ("n", "at"),
)

TABLES: tuple[Table, ...] = (
    RECORDS,
    PLATFORM_IDS,
    CLUSTERS,
    DUPLICATES,
    SIGNATURES,
    QUARANTINE,
    SAMPLES,
    ASSIGNMENTS,
    DISPUTES,
    ANNOTATIONS,
    ANSWERS,
    SOURCE_LABELS,
    GOLD,
    TOMBSTONES,
    EVENTS,
)
