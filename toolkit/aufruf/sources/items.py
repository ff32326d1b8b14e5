"""What every format is read into: items, refusals, and notes on what was assumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

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

BATCH = 50_000
"""Items of a batch: what a reader holds at a time."""

MAX_LINE = 64_000_000
"""Longest line of a file, in bytes: what is longer is refused unread."""


class Refusal(NamedTuple):
    """An item that was refused: where it is, a code of the reason, what was found and expected."""

    item: str
    reason: str
    message: str


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
    """A part of a file: items (columns ``item``, ``kind`` and fields) and refusals."""

    items: pl.DataFrame
    refusals: Sequence[Refusal] = ()
    notes: tuple[str, ...] = ()


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
