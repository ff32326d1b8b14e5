"""Read the posts of a platform from JSON: what all such formats share."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, NamedTuple, TypeVar

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.sources.items import BATCH, ITEMS, Batch, Post, Refusal
from aufruf.sources.json_values import values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aufruf.sources.fields import FieldMap
    from aufruf.sources.items import Kind

T = TypeVar("T")

DELETED = ("deleted", "deleted by its author or the platform")
WITHHELD = ("withheld", "withheld by the platform")
NO_POST = ("not_a_post", "something else than a post")
_COLUMNS = pl.Schema({name: ITEMS[name] for name in ("item", *Post._fields)})
_HEAD = 200_000
_REPOST = "reposts, items of their own with the text of their originals"


class Refused(NamedTuple):
    """A value that is no post or none any more: a code of the reason, and a sentence."""

    reason: str
    message: str


class Remark(NamedTuple):
    """Something that a file leaves out or that was assumed; counted, and told once a file."""

    text: str


Found = Post | Refused | Remark


@dataclass(frozen=True)
class Platform(Generic[T]):
    """How the posts of a platform are read.

    ``type`` is what a value is parsed into, ``posts`` turns it, with what stands around it, into posts;
    ``arrays`` are the paths of arrays in large documents whose elements are such values. A document
    without them is one value, unless ``always_cut``.
    """

    type: type[T]
    posts: Callable[[T, Mapping[str, str]], Iterator[Found]]
    arrays: frozenset[tuple[str, ...]] = frozenset()
    always_cut: bool = False

    def read(self, stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
        """Read posts in batches. Of a key that an object has twice, the last value counts.

        Raises:
            InputError: if a field map was given: a platform's fields are known.
        """
        if given.columns:
            raise InputError(f"{file}: a platform's own format has known fields; import it without --map")
        decoder = msgspec.json.Decoder(self.type)
        gathered = PostBatch(file, given.kind or "post")
        for value in values_of(stream, self._cut(stream)):
            found = self._decoded(decoder, value.item, value.content)
            if isinstance(found, Refusal):
                gathered.refusals.append(found)
            else:
                gathered.add(value.item, list(self.posts(found, value.around)))
            if len(gathered) >= BATCH:
                yield gathered.take()
        yield gathered.take(last=True)

    def _cut(self, stream: BinaryIO) -> frozenset[tuple[str, ...]]:
        """Return the arrays at which this file's documents are to be cut, told by its beginning."""
        head = stream.read(_HEAD)
        stream.seek(0)
        keys = b"|".join(path[-1].encode() for path in self.arrays)
        there = self.always_cut or bool(self.arrays and re.search(rb'"(?:%s)"\s*:\s*\[' % keys, head))
        return self.arrays if there else frozenset()

    def _decoded(self, decoder: msgspec.json.Decoder[T], item: str, content: bytes | Refusal) -> T | Refusal:
        if isinstance(content, Refusal):
            return content
        try:
            return decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Refusal(item, *why(error))


@dataclass
class PostBatch:
    """Posts gathered until they make a batch; remarks are gathered until the file ends."""

    file: str
    kind: Kind
    rows: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    remarks: Counter[str] = field(default_factory=Counter[str])

    def add(self, item: str, found: list[Found]) -> None:
        """Add what was found in a value; where it holds several posts, they are numbered within it."""
        several = sum(not isinstance(one, Remark) for one in found) > 1
        number = 0
        for one in found:
            if isinstance(one, Remark):
                self.remarks[one.text] += 1
                continue
            number += 1
            name = f"{item}.{number}" if several else item
            if isinstance(one, Refused):
                self.refusals.append(Refusal(name, *one))
            elif not one.text or not one.text.strip():
                self.refusals.append(Refusal(name, "empty_post", "no words of its own"))
            else:
                self.remarks[_REPOST] += one.repost_of is not None
                self.rows.append((name, *one))

    def take(self, *, last: bool = False) -> Batch:
        """Return what was gathered, at the end with the remarks, and begin anew."""
        items = pl.DataFrame(self.rows, schema=_COLUMNS, orient="row").with_columns(kind=pl.lit(self.kind))
        told = self.remarks.items() if last else ()
        notes = tuple(f"{self.file}: {text}: {n:,}" for text, n in sorted(told) if n)
        batch = Batch(items, tuple(self.refusals), notes)
        self.rows, self.refusals = [], []
        return batch

    def __len__(self) -> int:
        return len(self.rows) + len(self.refusals)


def why(error: Exception) -> tuple[str, str]:
    """Return the code and the sentence for a value that cannot be parsed; neither holds its content."""
    if isinstance(error, RecursionError):
        return "too_deep", "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "bad_encoding", "bytes that are no UTF-8"
    if isinstance(error, msgspec.ValidationError):
        return "bad_field", "a field holds something else than this format has there"
    return "bad_json", "not valid JSON"


def digits(value: str | float | None) -> str | None:
    """Return an id or a time as a string, None where there is nothing."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None or value == "" else str(value)


def unnamed(author: str, text: str) -> str:
    """Return what stands for a post whose id a file does not tell: who wrote it, and a hash of its text."""
    return f"{author} {hashlib.sha256(text.encode(errors='replace')).hexdigest()}"


def unescaped(text: str | None) -> str | None:
    """Decode the three signs that X and Reddit write as HTML entities in plain text."""
    if text is None or "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
