"""Tables as text: comma, semicolon, tab or bar between the cells, line ends inside quotes allowed."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from aufruf.errors import InputError
from aufruf.sources.encoding import encoding_of, is_damaged
from aufruf.sources.fields import FieldMap, choose_columns, kind_of, looks_like_header
from aufruf.sources.items import BATCH, Batch, Collected, Refusal
from aufruf.sources.rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_TABLE = "not a table: no delimiter divides its lines into the same number of cells"
_DELIMITERS = "\t;|,"  # those that texts hold seldom come first
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
    errors = "replace" if encoding == "utf-16" else "surrogateescape"
    text = io.TextIOWrapper(stream, encoding, errors=errors, newline="")
    layout = layout_of(text.read(_SAMPLE_CHARACTERS))
    text.seek(0)
    if layout is None:
        raise InputError(f"{file}: {NO_TABLE}")
    rows = rows_of(text, layout.delimiter)
    header = _header(rows, file)
    if given.by_number:
        text.seek(0)
        rows = rows_of(text, layout.delimiter)
        header = [str(number) for number in range(1, len(header) + 1)]
    chosen = choose_columns(header, given, file)
    notes = _notes(file, encoding, layout, chosen)
    for batch in _batches(rows, header, chosen, given):
        yield Batch(batch.items, batch.refusals, notes)
        notes = ()
    text.detach()


def header_of(sample: str) -> list[str]:
    """Return the names in the first line of a table, from its first characters; none if it has none."""
    layout = layout_of(sample)
    rows = _sample_rows(sample, layout.delimiter) if layout and layout.has_header else []
    return rows[0] if rows else []


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
        enough = has_header or delimiter == "\t" or len(rows) >= _MIN_ROWS_WITHOUT_HEADER
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
        return rows
    cut = len(sample) == _SAMPLE_CHARACTERS and len(rows) <= _SAMPLE_ROWS
    return rows[:-1] if cut else rows


def _header(rows: Iterator[tuple[str, list[str] | Refusal]], file: str) -> list[str]:
    first = next(rows, None)
    if first is None or isinstance(first[1], Refusal):
        raise InputError(f"{file}: its first line cannot be read as the names of columns")
    return first[1]


def _batches(
    rows: Iterator[tuple[str, list[str] | Refusal]],
    header: list[str],
    chosen: dict[str, str],
    given: FieldMap,
) -> Iterator[Batch]:
    places = {name: header.index(column) for name, column in chosen.items()}
    gathered = Collected()
    kind = kind_of(chosen, given)
    for item, row in _until_damage(rows):
        if isinstance(row, InputError):
            yield gathered.take(tuple(places), kind)
            raise row
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


def _until_damage(
    rows: Iterator[tuple[str, list[str] | Refusal]],
) -> Iterator[tuple[str, list[str] | Refusal | InputError]]:
    """Yield rows and, where the file turns out to be damaged, the error: what waits is taken first."""
    try:
        yield from rows
    except InputError as error:
        yield "", error


def _notes(file: str, encoding: str, layout: Layout, chosen: dict[str, str]) -> tuple[str, ...]:
    columns = ", ".join(f"{name} = {column}" for name, column in chosen.items())
    return (f"{file}: {encoding}, {_NAMES[layout.delimiter]} between cells; {columns}",)
