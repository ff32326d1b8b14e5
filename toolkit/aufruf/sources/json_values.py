"""The values of a JSON file one by one: of lines, of one document of any size, or of several.

A document is never held whole: the arrays that hold its items are cut at their elements, so that a bad
element costs that element, and a document that is cut off keeps what stands before the cut.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from aufruf.sources.items import MAX_LINE, Refusal
from aufruf.sources.jsonl import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Path = tuple[str, ...]

_BLOCK = 1 << 20
_LONGEST_REMARK = 1000
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN = re.compile(rb"\s*+(" + _STRING + rb'|[\[\]{}:,]|[^\s"\[\]{}:,]++|")', re.DOTALL)
_BRACKET = re.compile(_STRING + rb'|[\[\]{}]|"', re.DOTALL)
_OPENING = (b"{", b"[")
_SIGNS = (b"", b"]", b"}", b",", b":")


class Value(NamedTuple):
    """The bytes of a value, or why it is refused, and what the objects around it say before it."""

    item: str
    content: bytes | Refusal
    around: Mapping[str, str]


def values_of(stream: BinaryIO, arrays: frozenset[Path] = frozenset()) -> Iterator[Value]:
    """Yield the values of a file: its lines, or its documents.

    With ``arrays``, documents are cut at them: these are paths of keys to arrays whose elements are
    values of their own; arrays that stand around them are no part of a path. An array that is a whole
    document is always cut. Items are numbered by line or, in documents, by value, from 1.
    """
    if not arrays and is_lines(stream):
        for item, line in lines_of(stream):
            yield Value(item, _too_long(item) if line is None else line, {})
        return
    splitter = _Splitter(_Bytes(stream), arrays)
    try:
        yield from splitter.documents()
    except _BrokenError as error:
        kept = splitter.count - 1
        message = f"{error}; {kept} before it were read" if kept else str(error)
        yield Value(str(splitter.count), Refusal(str(splitter.count), error.reason, message), {})


def is_lines(stream: BinaryIO) -> bool:
    """Say whether each line is a value: not where an array begins, or an object that goes on below.

    Leaves the stream at its start.
    """
    first, second = (stream.readline(_BLOCK).removeprefix(codecs.BOM_UTF8).strip() for _ in range(2))
    stream.seek(0)
    if first.startswith(b"{"):
        return first.endswith(b"}") or len(first) >= _BLOCK - 1 or second.startswith(b"{")
    return not first.startswith(b"[")


class _BrokenError(Exception):
    """The structure of a document is broken: nothing behind it can be read."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Bytes:
    """A window onto a stream. From ``mark`` on, bytes are kept until they are taken."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = stream.read(_BLOCK).removeprefix(codecs.BOM_UTF8)
        self._position = 0
        self._ended = False

    def token(self) -> bytes:
        """Return the next token: a string, a bracket, a sign or a word; empty at the end."""
        while True:
            match = _TOKEN.match(self._buffer, self._position)
            whole = match is not None and match[1] != b'"'
            if match is not None and whole and (match.end() < len(self._buffer) or self._ended):
                self._position = match.end()
                return match[1]
            if self._ended:
                if match is None:
                    return b""
                raise _BrokenError("cut_off", "the file ends within a text")
            self._fill()

    def value(self, first: bytes) -> bytes | None:
        """Return the value that begins with the token ``first``, just read; None if it is too long."""
        if first not in _OPENING:
            return first
        parts = [first]
        length, depth = 1, 1
        while depth:
            depth, part = self._part(depth)
            length += len(part)
            if length <= MAX_LINE:
                parts.append(part)
        return b"".join(parts) if length <= MAX_LINE else None

    def _part(self, depth: int) -> tuple[int, bytes]:
        """Return bytes up to the end of the value, or of what is in memory, and the depth there."""
        start = end = self._position
        for match in _BRACKET.finditer(self._buffer, start):
            sign = match[0]
            if sign == b'"':
                break
            end = match.end()
            if sign in _OPENING:
                depth += 1
            elif sign in (b"}", b"]"):
                depth -= 1
                if not depth:
                    break
        else:
            end = len(self._buffer)
        part = self._buffer[start:end]
        self._position = end
        if depth:
            if self._ended:
                raise _BrokenError("cut_off", "the file ends within an item")
            self._fill()
        return depth, part

    def _fill(self) -> None:
        """Read on; the more, the more of the last text is waiting for its end."""
        waiting = self._buffer[self._position :]
        if len(waiting) > MAX_LINE:
            raise _BrokenError("too_long", f"a text of more than {MAX_LINE:,} bytes")
        more = self._stream.read(max(_BLOCK, len(waiting)))
        self._ended = not more
        self._buffer = waiting + more
        self._position = 0


class _Splitter:
    """Walks the documents of a file. ``count`` is the number of the value under way, from 1."""

    def __init__(self, source: _Bytes, arrays: frozenset[Path]) -> None:
        self._source = source
        self._arrays = arrays
        self._around = {path[:length] for path in arrays for length in range(len(path))}
        self.count = 1

    def documents(self) -> Iterator[Value]:
        while first := self._source.token():
            if first == b"[":
                yield from self._elements({})
            elif first == b"{" and self._around:
                yield from self._object((), {})
            else:
                yield self._value(first, {})

    def _object(self, path: Path, around: Mapping[str, str]) -> Iterator[Value]:
        told = dict(around)
        token = self._source.token()
        while token != b"}":
            key = self._key(token)
            first = self._source.token()
            inner = (*path, key)
            if first == b"[" and inner in self._arrays:
                yield from self._elements(told)
            elif first in _OPENING and inner in self._around:
                yield from self._inside(first, inner, told)
            else:
                self._tell(told, key, first)
            token = self._next(b"}")

    def _inside(self, first: bytes, path: Path, told: Mapping[str, str]) -> Iterator[Value]:
        """Walk an object, or the objects of an array."""
        if first == b"{":
            yield from self._object(path, told)
            return
        token = self._source.token()
        while token != b"]":
            if token == b"{":
                yield from self._object(path, told)
            else:
                self._skip(token)
            token = self._next(b"]")

    def _elements(self, told: Mapping[str, str]) -> Iterator[Value]:
        token = self._source.token()
        while token != b"]":
            yield self._value(token, told)
            token = self._next(b"]")

    def _value(self, first: bytes, told: Mapping[str, str]) -> Value:
        content = self._skip(first)
        item = str(self.count)
        self.count += 1
        return Value(item, _too_long(item) if content is None else content, told)

    def _skip(self, first: bytes) -> bytes | None:
        if first in _SIGNS:
            raise _broken(first)
        return self._source.value(first)

    def _next(self, end: bytes) -> bytes:
        """Read what stands behind a value; return the end, or the first token of the next value."""
        token = self._source.token()
        if token == b",":
            return self._source.token()
        if token != end:
            raise _broken(token)
        return token

    def _key(self, token: bytes) -> str:
        sign = self._source.token() if token.startswith(b'"') else token
        if sign != b":":
            raise _broken(sign)
        return token[1:-1].decode(errors="replace")

    def _tell(self, told: dict[str, str], key: str, first: bytes) -> None:
        content = self._skip(first)
        if content and len(content) <= _LONGEST_REMARK and first not in _OPENING:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                told[key] = str(msgspec.json.decode(content))


def _broken(token: bytes) -> _BrokenError:
    if token:
        return _BrokenError("bad_json", "not valid JSON from here on")
    return _BrokenError("cut_off", "the file ends before its last bracket")


def _too_long(item: str) -> Refusal:
    return Refusal(item, "too_long", f"a value of more than {MAX_LINE:,} bytes")
