"""Tables as text: comma, semicolon, tab or bar between the cells, line ends inside quotes allowed."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from aufruf.errors import InputError
from aufruf.sources.encoding import encoding_of, is_damaged
from aufruf.sources.fields import FieldMap, choose_columns, kind_of, looks_like_header
from aufruf.sources.items import BATCH, MAX_LINE, Batch, Collected, Refusal
from aufruf.text import MAX_BYTES

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Generator, Iterator

_DELIMITERS = ",;\t|"
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE_ROWS = 50
_SAMPLE_CHARACTERS = 200_000
_MIN_AGREEING = 0.8
_MIN_ROWS_WITHOUT_HEADER = 5


class Layout(NamedTuple):
    """How a table is laid out: what stands between cells, and whether the first line has names."""

    delimiter: str
    has_header: bool


def read_csv(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read a table in batches. A row with too few or too many cells is refused.

    Raises:
        InputError: if it is empty, no table, or no column for the text can be found.
    """
    encoding = encoding_of(stream)
    text = io.TextIOWrapper(stream, encoding, errors=_ERRORS.get(encoding, "surrogateescape"), newline="")
    lines = _Lines(text)
    layout = layout_of(text.read(_SAMPLE_CHARACTERS))
    text.seek(0)
    if layout is None:
        raise InputError(f"{file}: not a table: no delimiter divides its lines into the same number of cells")
    with _long_fields():
        rows = csv.reader(lines, delimiter=layout.delimiter)
        header = _header(rows, given, file)
        chosen = choose_columns(header, given, file)
        notes = _notes(file, encoding, layout, chosen)
        if given.by_number:
            text.seek(0)
            rows = csv.reader(_Lines(text), delimiter=layout.delimiter)
        for batch in _batches(rows, header, chosen, given):
            yield Batch(batch.items, batch.refusals, notes)
            notes = ()
    text.detach()


def layout_of(sample: str) -> Layout | None:
    """Return the layout of a table from its first characters, or None if it is none."""
    best: tuple[float, int, Layout] | None = None
    for delimiter in _DELIMITERS:
        rows = _sample_rows(sample, delimiter)
        width = len(rows[0]) if rows else 0
        if width < 2:  # noqa: PLR2004 -- a table has two columns at least, or the one case below
            continue
        agreeing = sum(len(row) == width for row in rows) / len(rows)
        has_header = looks_like_header(rows[0])
        enough = len(rows) >= (1 if has_header else _MIN_ROWS_WITHOUT_HEADER)
        found = (agreeing, width, Layout(delimiter, has_header))
        if agreeing >= _MIN_AGREEING and enough and (best is None or found[:2] > best[:2]):
            best = found
    if best is None and _is_one_column(sample):
        return Layout(",", has_header=True)
    return best[2] if best else None


def _is_one_column(sample: str) -> bool:
    first = sample.lstrip("\ufeff").split("\n", 1)[0].strip().strip('"').lower()
    return first in ("text", "body", "content", "message", "description", "tweet", "comment")


def _sample_rows(sample: str, delimiter: str) -> list[list[str]]:
    lines = io.StringIO(sample.lstrip("\ufeff"), newline="")
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) > _SAMPLE_ROWS:
                break
    except csv.Error:
        return []
    cut = len(sample) == _SAMPLE_CHARACTERS and len(rows) <= _SAMPLE_ROWS
    return rows[:-1] if cut else rows


def _header(rows: Iterator[list[str]], given: FieldMap, file: str) -> list[str]:
    first = next((row for row in rows if row), None)
    if first is None:
        raise InputError(f"{file}: the file is empty")
    if given.by_number:
        return [str(number) for number in range(1, len(first) + 1)]
    return first


def _batches(rows: Reader, header: list[str], chosen: dict[str, str], given: FieldMap) -> Iterator[Batch]:
    places = {name: header.index(column) for name, column in chosen.items()}
    gathered = Collected()
    kind = kind_of(chosen, given)
    for item, row in _numbered(rows):
        if isinstance(row, Refusal):
            gathered.refusals.append(row)
        elif len(row) != len(header):
            message = f"{len(row)} cells, the header has {len(header)}"
            gathered.refusals.append(Refusal(item, "wrong_column_count", message))
        elif any(is_damaged(row[place]) for place in places.values()):
            gathered.refusals.append(
                Refusal(item, "bad_encoding", "bytes that are no text in the file's encoding")
            )
        else:
            gathered.rows.append((item, *(row[place] or None for place in places.values())))
        if len(gathered) >= BATCH:
            yield gathered.take(tuple(places), kind)
    yield gathered.take(tuple(places), kind)


def _numbered(rows: Reader) -> Iterator[tuple[str, list[str] | Refusal]]:
    """Yield each row with the number of its first line; after a bad row go on with the next line."""
    while True:
        item = str(rows.line_num + 1)
        try:
            row = next(rows)
        except StopIteration:
            return
        except (csv.Error, _LineTooLongError):
            yield item, Refusal(item, "too_long", f"a cell is longer than {MAX_BYTES:,} characters")
        else:
            if row:
                yield item, row


def _notes(file: str, encoding: str, layout: Layout, chosen: dict[str, str]) -> tuple[str, ...]:
    columns = ", ".join(f"{name} = {column}" for name, column in chosen.items())
    return (f"{file}: {encoding}, {_NAMES[layout.delimiter]} between cells; {columns}",)


@contextmanager
def _long_fields() -> Generator[None]:
    """Let cells be as long as texts may be: csv's own limit is 131,072 characters, and global."""
    before = csv.field_size_limit(MAX_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


class _LineTooLongError(Exception):
    """A line longer than `MAX_LINE`: it was skipped, not read."""


class _Lines:
    """The lines of a file. One that is too long raises, and the next call goes on behind it."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE)
        if not line:
            raise StopIteration
        if len(line) < MAX_LINE or line.endswith("\n"):
            return line
        while line and not line.endswith("\n"):
            line = self._text.readline(MAX_LINE)
        raise _LineTooLongError


_ERRORS = {"utf-16": "replace"}
