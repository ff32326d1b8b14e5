"""Find out how a file's bytes are to be read as text."""

from __future__ import annotations

import codecs
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 1 << 20


def encoding_of(stream: BinaryIO) -> str:
    """Return utf-8, utf-8-sig, utf-16 or cp1252, and leave the stream at its start.

    A file that is not UTF-8 counts as cp1252 (Windows, Western European), unless most of its lines with
    other than ASCII are good UTF-8: then it is UTF-8 with damaged lines.
    """
    head = stream.read(4)
    stream.seek(0)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    good, bad = 0, 0
    for line in _lines_until_damage(stream):
        if line.isascii() or len(line) == _BLOCK:
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            bad += 1
        else:
            good += 1
    stream.seek(0)
    return "utf-8" if bad == 0 or good > bad else "cp1252"


def _lines_until_damage(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines; what is damaged is told when the file is read for good."""
    with suppress(InputError):
        while line := stream.readline(_BLOCK):
            yield line


def is_damaged(text: str) -> bool:
    """Say whether a text read with ``surrogateescape`` holds bytes that could not be read."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
