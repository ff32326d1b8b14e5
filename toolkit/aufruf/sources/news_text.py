"""A news article as plain text: the whole file is one item."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from aufruf.errors import InputError
from aufruf.sources.encoding import encoding_of
from aufruf.sources.items import Batch, Collected, Refusal
from aufruf.text import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.sources.fields import FieldMap


def read_news_text(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read one article.

    Raises:
        InputError: if a field map was given: plain text has no fields.
    """
    if given.columns:
        raise InputError(f"{file}: plain text has no columns that a field map could name")
    gathered = Collected()
    encoding = encoding_of(stream)
    content = stream.read(MAX_BYTES + 1)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = ""
    if len(content) > MAX_BYTES:
        gathered.refusals.append(Refusal("1", "too_long", f"an article of more than {MAX_BYTES:,} bytes"))
    elif content and not text:
        gathered.refusals.append(Refusal("1", "bad_encoding", "neither UTF-8 nor Windows-1252"))
    else:
        gathered.rows.append(("1", text))
    batch = gathered.take(("text",), given.kind or "news")
    yield Batch(batch.items, batch.refusals, () if encoding == "utf-8" else (f"{file}: {encoding}",))
