"""What every format is read into: items, refusals, and notes on what was assumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["post", "news"]
FIELDS = (
    *("id", "author", "conversation", "reply_to", "repost_of", "quote_of", "created_at", "edited_at"),
    *("title", "teaser", "outlet", "url", "text"),
)
"""What an item may say of itself, as strings, exactly as the file has them."""

FLAGS = ("has_media", "truncated")
"""What a platform says of a post with yes or no; null where it says nothing."""

ITEMS = pl.Schema(
    {
        "file": pl.String,
        "item": pl.String,
        "kind": pl.String,
        **dict.fromkeys(FIELDS, pl.String),
        **dict.fromkeys(FLAGS, pl.Boolean),
    }
)
"""One row a post or article. ``item`` is its line, row or member in ``file``."""

REFUSALS = pl.Schema(dict.fromkeys(("file", "item", "reason", "message"), pl.String))
"""One row an item that was refused, with a code and a sentence; never its content."""

DAMAGE: Mapping[str, str] = {
    "unreadable": "a file or member of an archive that is damaged, or of no known format",
    "cut_off": "a document ends in the middle; what stands before the cut was read",
    "partial": "a feed or archive breaks off; this one item stands for the rest",
    "truncated": "a web archive holds a part of the response only",
    "bad_digest": "a web archive's content is not what its digest says",
    "bad_record": "a web archive's record is no readable answer of a server",
    "bad_encoding": "bytes that are no text in the file's encoding",
    "bad_json": "not valid JSON",
    "bad_field": "a field holds something else than this format has there",
    "not_an_object": "JSON, but no object",
    "too_deep": "nested too deeply",
    "empty_text": "nothing to read where the text should be: perhaps another column holds it",
    "too_long": "longer than a line, page or text may be",
    "wrong_column_count": "a row of a table with too few or too many cells",
    "unclosed_quote": "a quotation mark in a table that is never closed",
    "nested_archive": "an archive within an archive",
    "unsafe_member": "a member of an archive that is a link or a device, or leads out of it",
    "encrypted": "a member of an archive that is locked with a password",
    "unknown_platform": "captured for 4CAT from a platform that is not read",
    "no_record": "labels of a text that was never imported",
}
"""Why an item is refused that should have been good, by the code of the reason."""

LEAVINGS: Mapping[str, str] = {
    "not_a_post": "something else than a post, such as someone joining a chat",
    "deleted": "deleted by its author or the platform",
    "withheld": "withheld by the platform, in one country at least",
    "not_public": "addressed to some people only",
    "empty_post": "a platform's post without words, such as a picture alone",
    "media": "a picture, sound, video or document that lies beside posts or pages",
    "not_a_response": "a record of a web archive that is no answer of a server, such as a request",
    "revisit": "a page that had not changed since the archive's earlier visit",
    "not_ok": "a server's answer that is no page, such as 404",
    "not_html": "an answer of a server that is no page, such as a picture",
    "no_article": "a page, or an entry of a feed, without the text of an article",
    "only_residue": "an article of nothing but comment forms and the like",
    "taken_down": "taken down from this workspace earlier, or a copy of what was",
}
"""Why an item is refused that was not to be expected to be good, by the code of the reason."""

BATCH = 50_000
"""Items of a batch: what a reader holds at a time."""

MAX_LINE = 64_000_000
"""Longest line of a file, in bytes: what is longer is refused unread."""


class Refusal(NamedTuple):
    """An item that was refused: where it is, a code of the reason, what was found and expected."""

    item: str
    reason: str
    message: str


def is_damage(reason: str) -> bool:
    """Say whether items of a reason count against an import: all but the leavings that any source has."""
    return reason not in LEAVINGS


class Post(NamedTuple):
    """A post as its platform tells it, ids and times as strings; None where it says nothing.

    A repost has the text of its original where the file holds it. ``edited_at`` orders the versions of
    one post.
    """

    text: str | None
    id: str | None = None
    author: str | None = None
    conversation: str | None = None
    reply_to: str | None = None
    repost_of: str | None = None
    quote_of: str | None = None
    created_at: str | None = None
    edited_at: str | None = None
    has_media: bool | None = None
    truncated: bool | None = None


@dataclass(frozen=True)
class Batch:
    """A part of a file: items (columns ``item``, ``kind`` and fields) and refusals.

    ``platform`` is given where its ids name the same post or person in every file; else they hold within
    a source.
    """

    items: pl.DataFrame
    refusals: Sequence[Refusal] = ()
    notes: tuple[str, ...] = ()
    platform: str | None = None


@dataclass(frozen=True)
class SourceResult:
    """What was read from files: ``records`` (see `ITEMS`), ``quarantine`` (see `REFUSALS`).

    ``read`` = rows of ``records`` + rows of ``quarantine``. ``notes`` say what was assumed.
    """

    records: pl.DataFrame
    quarantine: pl.DataFrame
    notes: tuple[str, ...] = ()
    format: str = ""

    @property
    def read(self) -> int:
        """How many items the files hold."""
        return self.records.height + self.quarantine.height


@dataclass
class Collected:
    """Items gathered one by one until they make a batch; memory for a reader's loop."""

    rows: list[tuple[str | None, ...]] = field(default_factory=list[tuple[str | None, ...]])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def take(self, columns: Sequence[str], kind: Kind) -> Batch:
        """Return what was gathered, the values of a row in the order of ``columns``, and begin anew."""
        schema = dict.fromkeys(("item", *columns), pl.String)
        items = pl.DataFrame(self.rows, schema=schema, orient="row").with_columns(kind=pl.lit(kind))
        batch = Batch(items, tuple(self.refusals))
        self.rows, self.refusals = [], []
        return batch

    def __len__(self) -> int:
        return len(self.rows) + len(self.refusals)
