"""Read the files of a labelled data set: recognised by their header, every row kept or refused."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import polars as pl

from aufruf.crosswalks.conventions import as_written
from aufruf.crosswalks.stored import stored_columns, stored_rows
from aufruf.sources.encoding import encoding_of, is_damaged
from aufruf.sources.items import Refusal
from aufruf.sources.rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from aufruf.crosswalks.definition import Crosswalk, Layout, Singles

_DELIMITERS = "\t;,|"
_HEAD = 20_000
_LONGEST_HEADER = 2_000
_ROWS_WITHOUT_HEADER = 10
_SPLIT = "official split"

SAID = pl.Schema(dict.fromkeys(("item", "annotator", "split", "column", "value"), pl.String))
"""What a file says, long: ``item`` is the line, ``annotator`` null where the set speaks as a whole."""


@dataclass(frozen=True)
class Recognised:
    """The layout of a file, and what stands between its cells: nothing, if it is stored otherwise."""

    layout: Layout
    delimiter: str
    crosswalk: Crosswalk


@dataclass(frozen=True)
class LabelledFile:
    """A file of a labelled set: ``rows`` are its columns as strings, and ``item``; empty cells are null."""

    name: str
    layout: Layout
    rows: pl.DataFrame
    refusals: tuple[Refusal, ...]

    def items(self) -> pl.DataFrame:
        """Return the rows as items: ``item``, ``kind`` and the fields that the file has."""
        fields = {name: getattr(self.layout, name) for name in ("id", "text", "author", "conversation")}
        named = [pl.col(column).alias(name) for name, column in fields.items() if column is not None]
        items = self.rows.select("item", *named, kind=pl.lit("post"))
        if self.layout.id is None:
            return items
        known = ~pl.col("id").is_in(self.layout.missing_ids)
        return items.with_columns(pl.when(known).then("id"))

    def said(self) -> pl.DataFrame:
        """Return what the file says of its rows in the set's own words (see `SAID`)."""
        column = self.layout.split_column
        whole = pl.lit(self.layout.split_of(self.name), pl.String)
        rows = self.rows.with_columns((whole if column is None else pl.col(column)).alias(_SPLIT))
        person = self.layout.annotator
        who = pl.lit(None, pl.String) if person is None else pl.col(person)
        parts = [
            _answers(rows, pl.col(name), who, name=other) for name, other in self.layout.categories.items()
        ]
        parts += [part for singles in self.layout.singles for part in _single_answers(rows, singles)]
        return pl.concat([pl.DataFrame(schema=SAID), *parts])


def sets_of(path: Path, crosswalks: Mapping[str, Crosswalk]) -> list[str]:
    """Return the names of the sets of which a file on the disk, not compressed, has a layout."""
    try:
        with path.open("rb") as stream:
            seen = _Seen(stored_columns(stream), _first_lines(stream))
    except OSError:  # whoever reads the file says so
        return []
    return [name for name, crosswalk in crosswalks.items() if _recognised(seen, crosswalk)]


def recognise(stream: BinaryIO, crosswalk: Crosswalk) -> Recognised | None:
    """Return the layout of a file by its columns or first lines, or None if it is no file of the set.

    Leaves the stream at its start.
    """
    return _recognised(_Seen(stored_columns(stream), _first_lines(stream)), crosswalk)


def read_labelled(stream: BinaryIO, name: str, found: Recognised) -> LabelledFile:
    """Read a file of a set.

    Refused are rows with too few or too many cells, with bytes that are no text, or with an open quote.
    Texts are as they were before the set's own conventions (see `conventions`).
    """
    layout, used = found.layout, list(dict.fromkeys(found.layout.columns))
    if not found.delimiter:
        frame, refused = stored_rows(stream, name, layout)
    else:
        frame, refused = _rows(stream, found)
    frame = frame.select("item", *used)
    if layout.text is not None:
        frame = frame.with_columns(as_written(frame[layout.text], found.crosswalk))
    return LabelledFile(name, layout, frame, tuple(refused))


def _rows(stream: BinaryIO, found: Recognised) -> tuple[pl.DataFrame, list[Refusal]]:
    layout = found.layout
    encoding = encoding_of(stream)
    text = io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline="")
    rows = rows_of(text, found.delimiter, quoted=layout.quoted)
    header = list(layout.header)
    if layout.has_header:
        header = next((row for _, row in rows if not isinstance(row, Refusal)), header)
    kept, refused = _sorted_out(rows, len(header))
    text.detach()
    schema = pl.Schema(dict.fromkeys(("item", *(name.strip() for name in header)), pl.String))
    return pl.DataFrame(kept, schema=schema, orient="row"), refused


def _first_lines(stream: BinaryIO) -> list[str]:
    """Return the first lines, whole ones only; none of a file that is no text."""
    head = stream.read(_HEAD)
    stream.seek(0)
    lines = head.decode("utf-8-sig", errors="replace").splitlines()
    whole = lines[:-1] if len(head) == _HEAD else lines
    return [line for line in whole[:_ROWS_WITHOUT_HEADER] if line] if b"\0" not in head else []


class _Seen(NamedTuple):
    """What a file shows at first sight: the columns of a stored table, else lines of text."""

    columns: tuple[str, ...] | None
    lines: Sequence[str]


def _recognised(seen: _Seen, crosswalk: Crosswalk) -> Recognised | None:
    if seen.columns is None:
        return _layout_of(seen.lines, crosswalk)
    fitting = (layout for layout in crosswalk.layouts if _is_stored(seen.columns, layout))
    found = next(fitting, None)
    return None if found is None else Recognised(found, "", crosswalk)


def _layout_of(lines: Sequence[str], crosswalk: Crosswalk) -> Recognised | None:
    for delimiter in _DELIMITERS if lines else ():
        header = _cells(lines[0], delimiter) if len(lines[0]) <= _LONGEST_HEADER else []
        for layout in crosswalk.layouts:
            if layout.has_header:
                fits = _is_header(header, layout)
            else:
                fits = all(_has_values(_cells(line, delimiter, layout), layout, crosswalk) for line in lines)
            if fits:
                return Recognised(layout, delimiter, crosswalk)
    return None


def _cells(line: str, delimiter: str, layout: Layout | None = None) -> list[str]:
    if layout is not None and not layout.quoted:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except (csv.Error, StopIteration):
        return []


def _is_header(cells: Sequence[str], layout: Layout) -> bool:
    names = {name.strip() for name in cells}
    return len(names) == len(cells) and set(layout.header) <= names <= {*layout.header, *layout.optional}


def _is_stored(columns: Sequence[str], layout: Layout) -> bool:
    """Say whether a stored table has a layout's columns; a nameless one that is not used may be missing."""
    unused = () if "" in layout.columns else ("",)
    return _is_header([*columns, *(name for name in unused if name not in columns)], layout) or _is_header(
        columns, layout
    )


def _has_values(cells: Sequence[str], layout: Layout, crosswalk: Crosswalk) -> bool:
    """Say whether a row has a value of each category that has a closed list."""
    if len(cells) != len(layout.header):
        return False
    row = dict(zip(layout.header, cells, strict=True))
    closed = {
        name: crosswalk.values[category]
        for name, category in layout.categories.items()
        if category in crosswalk.values
    }
    return all(row[name].lower() in {value.lower() for value in values} for name, values in closed.items())


def _sorted_out(
    rows: Iterator[tuple[str, list[str] | Refusal]], width: int
) -> tuple[list[tuple[str | None, ...]], list[Refusal]]:
    kept: list[tuple[str | None, ...]] = []
    refused: list[Refusal] = []
    for item, row in rows:
        if isinstance(row, Refusal):
            refused.append(row)
        elif len(row) != width:
            refused.append(Refusal(item, "wrong_column_count", f"{len(row)} cells, expected {width}"))
        elif any(map(is_damaged, row)):
            refused.append(Refusal(item, "bad_encoding", "bytes that are no text in the file's encoding"))
        else:
            kept.append((item, *(cell or None for cell in row)))
    return kept, refused


def _answers(rows: pl.DataFrame, value: pl.Expr, who: pl.Expr, *, name: str) -> pl.DataFrame:
    said = rows.select(
        "item", annotator=who, split=_SPLIT, column=pl.lit(name), value=value.str.strip_chars()
    )
    return said.filter(pl.col("value") != "")


def _single_answers(rows: pl.DataFrame, singles: Singles) -> Iterator[pl.DataFrame]:
    for number, column in enumerate(singles.columns, 1):
        if not singles.separator:
            who = pl.lit(str(number))
            yield _answers(rows, pl.col(column), who, name=singles.category)
            continue
        cells = pl.col(column).str.strip_chars(singles.brackets or None).str.split(singles.separator)
        places = (
            rows.with_columns(cell=cells)
            .explode("cell")
            .with_columns(place=pl.int_range(1, pl.len() + 1).over("item"))
        )
        value = pl.col("cell").str.strip_chars(singles.brackets or None)
        who = pl.format(singles.person + "-{}", "place")
        yield _answers(places, value, who, name=singles.category)
