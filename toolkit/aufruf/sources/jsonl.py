"""JSON Lines: one object a line. A line that cannot be used is one refused item."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.sources.fields import FieldMap, choose_columns, kind_of
from aufruf.sources.items import BATCH, MAX_LINE, Batch, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aufruf.sources.items import Kind

_SAMPLE_LINES = 200
_BLOCK = 1 << 22
_LARGE = 1 << 26
_PIECE = 1 << 16
_Scalar = str | int | float | bool | None


def read_jsonl(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read objects in batches. Numbers become their digits, so that 64-bit ids stay exact.

    Of a key that an object has twice, the last value counts.

    Raises:
        InputError: if no line is an object, or no key for the text can be found.
    """
    if given.by_number:
        raise InputError(f"{file}: the field map numbers columns, but JSON has names")
    keys = keys_of(stream)
    if not keys:
        raise InputError(f"{file}: not JSON Lines: none of its first lines is an object")
    chosen = choose_columns(keys, given, file)
    kind = kind_of(chosen, given)
    decoder = _decoder(chosen)
    notes = (f"{file}: " + ", ".join(f"{name} = {column}" for name, column in chosen.items()),)
    names = ("item", *chosen)
    waiting: list[Batch] = []
    size = 0
    damage: InputError | None = None
    blocks = _blocks_of(stream)
    while True:
        try:
            lines = next(blocks, None)
        except InputError as error:
            lines, damage = None, error
        if lines is None:
            break
        waiting.append(_decoded_at_once(decoder, lines, names) or _decoded_one_by_one(decoder, lines, names))
        size += len(lines.content)
        if size >= _LARGE or sum(batch.items.height + len(batch.refusals) for batch in waiting) >= BATCH:
            yield _joined(waiting, kind, notes)
            waiting, notes, size = [], (), 0
    yield _joined([Batch(_frame({}, names)), *waiting], kind, notes)
    if damage is not None:
        raise damage


def _joined(batches: list[Batch], kind: Kind, notes: tuple[str, ...]) -> Batch:
    items = pl.concat([batch.items for batch in batches]).with_columns(kind=pl.lit(kind))
    return Batch(items, [refusal for batch in batches for refusal in batch.refusals], notes)


class _Lines(NamedTuple):
    """Some whole lines of a file, and the number of the first; ``too_long`` says that one more is unread."""

    first: int
    content: bytes
    too_long: bool = False


def _blocks_of(stream: BinaryIO) -> Iterator[_Lines]:
    """Yield a file in blocks of lines; a line that is too long stands at the end of its block, unread."""
    number = 1
    damage: InputError | None = None
    while damage is None:
        block, damage = _block_of(stream)
        if not block:
            break
        if damage is not None:
            block = block[: block.rfind(b"\n") + 1]
        elif not block.endswith(b"\n"):
            block += stream.readline(MAX_LINE)
        if number == 1:
            block = block.removeprefix(codecs.BOM_UTF8)
        whole = block.rfind(b"\n", 0, len(block) - 1) + 1
        too_long = len(block) - whole > MAX_LINE
        if too_long:
            last = block
            while last and not last.endswith(b"\n"):
                last = stream.readline(MAX_LINE)
            block = block[:whole]
        yield _Lines(number, block, too_long)
        number += block.count(b"\n") + too_long
    if damage is not None:
        raise damage


def _block_of(stream: BinaryIO) -> tuple[bytes, InputError | None]:
    """Return about as many bytes as a block has, and the damage that ends them early."""
    pieces: list[bytes] = []
    size = 0
    try:
        while size < _BLOCK and (piece := stream.read(min(_PIECE, _BLOCK))):
            pieces.append(piece)
            size += len(piece)
    except InputError as error:
        return b"".join(pieces), error
    return b"".join(pieces), None


def _decoded_at_once(
    decoder: msgspec.json.Decoder[msgspec.Struct], lines: _Lines, names: Sequence[str]
) -> Batch | None:
    """Return a block without a bad or empty line; None for another."""
    content = lines.content
    try:
        found = decoder.decode_lines(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if lines.too_long or len(found) != content.count(b"\n") + (not content.endswith(b"\n")):
        return None
    columns = zip(*map(msgspec.structs.astuple, found), strict=True)
    numbers = pl.int_range(lines.first, lines.first + len(found), eager=True).cast(pl.String)
    return Batch(_frame(dict(zip(names, (numbers, *map(_as_text, columns)), strict=True)), names))


def _decoded_one_by_one(
    decoder: msgspec.json.Decoder[msgspec.Struct], lines: _Lines, names: Sequence[str]
) -> Batch:
    rows: list[tuple[str | None, ...]] = []
    refusals: list[Refusal] = []
    for number, line in enumerate(lines.content.split(b"\n"), start=lines.first):
        if not line.strip():
            continue
        found = _decoded(decoder, str(number), line)
        if isinstance(found, Refusal):
            refusals.append(found)
        else:
            rows.append((str(number), *map(_digits, msgspec.structs.astuple(found))))
    if lines.too_long:
        number = lines.first + lines.content.count(b"\n")
        refusals.append(Refusal(str(number), "too_long", f"a line of more than {MAX_LINE:,} bytes"))
    columns = zip(*rows, strict=True) if rows else ()
    return Batch(_frame(dict(zip(names, columns, strict=False)), names), refusals)


def _frame(columns: Mapping[str, Any], names: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


def _as_text(values: Sequence[_Scalar]) -> Sequence[str | None] | pl.Series:
    if {*map(type, values)} <= {str, type(None)}:
        return pl.Series(values, dtype=pl.String).replace("", None)
    return [_digits(value) for value in values]


def keys_of(stream: BinaryIO) -> list[str]:
    """Return the keys with plain values in the first objects, in order; leave the stream at its start."""
    keys: dict[str, None] = {}
    decoder = msgspec.json.Decoder(dict[str, Any])
    for item, line in lines_of(stream):
        if int(item) > _SAMPLE_LINES:
            break
        try:
            found = decoder.decode(line or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        keys |= {key: None for key, value in found.items() if isinstance(value, _Scalar)}
    stream.seek(0)
    return list(keys)


def _decoder(chosen: dict[str, str]) -> msgspec.json.Decoder[msgspec.Struct]:
    names = {f"field_{name}": column for name, column in chosen.items()}
    item = msgspec.defstruct("Item", [(name, _Scalar, None) for name in names], rename=names)
    return msgspec.json.Decoder(item)


def _decoded(
    decoder: msgspec.json.Decoder[msgspec.Struct], item: str, line: bytes
) -> msgspec.Struct | Refusal:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(item, *_why(error, line))


def _why(error: Exception, line: bytes) -> tuple[str, str]:
    if isinstance(error, RecursionError):
        return "too_deep", "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "bad_encoding", "bytes that are no UTF-8"
    if not isinstance(error, msgspec.ValidationError):
        return "bad_json", "not valid JSON"
    if not line.lstrip().startswith(b"{"):
        return "not_an_object", "JSON, but no object"
    return "bad_field", "a field holds a list or an object, expected text or a number"


def _digits(value: _Scalar) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return str(value)


def lines_of(stream: BinaryIO) -> Iterator[tuple[str, bytes | None]]:
    """Yield each line that is not empty with its number; None for one that is too long, unread."""
    number = 0
    while line := stream.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE)
            yield str(number), None
            continue
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield str(number), line
