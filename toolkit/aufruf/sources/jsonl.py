"""JSON Lines: one object a line. A line that cannot be used is one refused item."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from aufruf.errors import InputError
from aufruf.sources.fields import FieldMap, choose_columns, kind_of
from aufruf.sources.items import BATCH, MAX_LINE, Batch, Collected, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE_LINES = 200
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
    gathered = Collected()
    for item, line in lines_of(stream):
        found = _decoded(decoder, item, line)
        if isinstance(found, Refusal):
            gathered.refusals.append(found)
        else:
            gathered.rows.append((item, *(_digits(value) for value in msgspec.structs.astuple(found))))
        if len(gathered) >= BATCH:
            batch = gathered.take(tuple(chosen), kind)
            yield Batch(batch.items, batch.refusals, notes)
            notes = ()
    batch = gathered.take(tuple(chosen), kind)
    yield Batch(batch.items, batch.refusals, notes)


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


def _decoded(decoder: msgspec.json.Decoder[Any], item: str, line: bytes | None) -> msgspec.Struct | Refusal:
    if line is None:
        return Refusal(item, "too_long", f"a line of more than {MAX_LINE:,} bytes")
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
