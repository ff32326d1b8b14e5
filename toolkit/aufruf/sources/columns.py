"""Read any table's columns as strings: CSV with any delimiter, TSV, JSON Lines or Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from aufruf.errors import InputError
from aufruf.sources.csv import layout_of
from aufruf.sources.encoding import encoding_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_YES = ("true", "yes", "ja", "wahr", "1", "1.0", "y", "j", "t")
_NO = ("false", "no", "nein", "falsch", "0", "0.0", "n", "n", "f")
_EXPECTED = "CSV, TSV, JSON Lines or Parquet"
_PARQUET = b"PAR1"
_SAMPLE = 200_000


def read_columns(path: Path, *, join_lists: str | None = None) -> pl.DataFrame:
    """Return a table's plain columns as strings, so that ids and answers stay as they are written.

    What the file is is found out from its content, not from its name.

    Args:
        path: the file.
        join_lists: what to write between the members of lists of plain values; None: their columns are
            left out.

    Raises:
        InputError: if the file is missing or cannot be read as what it is.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(_SAMPLE).lstrip(b"\xef\xbb\xbf \t\r\n")
            stream.seek(0)
            if not start.startswith((_PARQUET, b"{")):
                return _read_csv(path, stream)
        lines = start.startswith(b"{")
        frame = pl.read_ndjson(path, infer_schema_length=None) if lines else pl.read_parquet(path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{path}: there is no such file") from error
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read to its end; expected {_EXPECTED}") from error
    if join_lists is not None:
        lists = [name for name, dtype in frame.schema.items() if _is_plain_list(dtype)]
        frame = frame.with_columns(pl.col(lists).cast(pl.List(pl.String)).list.join(join_lists))
    plain = [name for name, dtype in frame.schema.items() if not dtype.is_nested()]
    return frame.select(pl.col(plain).cast(pl.String))


def yes_of(values: Sequence[str]) -> str | None:
    """Return the value that means yes of two that mean yes and no, in German or English, else None."""
    folded = {value.casefold(): value for value in values}
    pairs = [(yes, no) for yes, no in zip(_YES, _NO, strict=True) if {yes, no} == set(folded)]
    return folded[pairs[0][0]] if pairs else None


def _is_plain_list(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.List) and not pl.Series(dtype=dtype.inner).dtype.is_nested()


def _read_csv(path: Path, stream: BinaryIO) -> pl.DataFrame:
    encoding = encoding_of(stream)
    sample = stream.read(4 * _SAMPLE).decode(encoding, errors="ignore")[:_SAMPLE]
    layout = None if "\0" in sample else layout_of(sample)
    if layout is None or not layout.has_header:
        raise InputError(f"{path}: no table whose first line names its columns; expected {_EXPECTED}")
    stream.seek(0)
    plain = stream if encoding.startswith("utf-8") else stream.read().decode(encoding).encode()
    return pl.read_csv(plain, separator=layout.delimiter, infer_schema=False)
