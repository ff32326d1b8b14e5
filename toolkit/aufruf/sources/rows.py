"""Rows of a table as text, whatever is wrong with it: a bad row costs that row and no other."""

from __future__ import annotations

import csv
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from aufruf.sources.items import MAX_LINE, Refusal
from aufruf.text import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


def rows_of(
    text: TextIO, delimiter: str, *, quoted: bool = True
) -> Iterator[tuple[str, list[str] | Refusal]]:
    """Yield each row that is not empty with the number of its first line, or why it is refused.

    A quotation mark that is never closed takes in everything behind it, up to the longest cell or the
    end of the file. Then the line with the mark is refused, and the lines behind it are read again.
    Where cells are not ``quoted``, quotation marks are part of the text.
    """
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    while True:
        lines.begin_row()
        item = str(lines.number + 1)
        try:
            with _long_cells():
                row = next(reader)
        except StopIteration:
            return
        except _LineTooLongError:
            yield item, Refusal(item, "too_long", f"a line of more than {MAX_LINE:,} characters")
        except csv.Error:
            yield item, _given_up(item, lines)
        else:
            if quoted and lines.ended and _is_unclosed(lines.row, delimiter):
                yield item, _given_up(item, lines)
            elif row:
                yield item, row


def _given_up(item: str, lines: _Lines) -> Refusal:
    if len(lines.row) == 1:
        return Refusal(item, "too_long", f"a cell of more than {MAX_BYTES:,} characters")
    lines.read_again()
    return Refusal(item, "unclosed_quote", "a quotation mark that is not closed in reasonable distance")


def _is_unclosed(row: list[str], delimiter: str) -> bool:
    """Say whether the last row of a file ends inside quotation marks."""
    try:
        with _long_cells():
            list(csv.reader(row, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


@contextmanager
def _long_cells() -> Generator[None]:
    """Let cells be as long as texts may be: csv's own limit is 131,072 characters, and global."""
    before = csv.field_size_limit(MAX_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


class _LineTooLongError(Exception):
    """A line longer than `MAX_LINE`: it was skipped, not read."""


class _Lines:
    """The lines of a file; those of the row under way can be read again.

    ``number`` counts the lines given out, ``row`` holds those of the row under way, ``ended`` says that
    the file ended in it.
    """

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._waiting: deque[str] = deque()
        self.number = 0
        self.row: list[str] = []
        self.ended = False

    def begin_row(self) -> None:
        self.row = []
        self.ended = False

    def read_again(self) -> None:
        """Give out the lines behind the first of this row once more."""
        self._waiting.extendleft(reversed(self.row[1:]))
        self.number -= len(self.row) - 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else self._text.readline(MAX_LINE)
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        if len(line) == MAX_LINE and not line.endswith("\n"):
            while line and not line.endswith("\n"):
                line = self._text.readline(MAX_LINE)
            raise _LineTooLongError
        self.row.append(line)
        return line
