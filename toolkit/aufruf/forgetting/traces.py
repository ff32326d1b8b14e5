"""Search files for the words of texts: as they lie there, and unpacked."""

from __future__ import annotations

import bz2
import gzip
import html
import io
import json
import lzma
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING, cast

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_PIECE = 40
_SHORTEST = 12
_BLOCK = 16 << 20
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True)
class Traces:
    """Pieces of texts that stand in no other record: where one is found, a text was left behind."""

    pieces: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str], others: pl.LazyFrame) -> Traces:
        """Cut texts into pieces: the whole, its beginning, middle and end.

        Args:
            texts: what must not be left. Shorter than 12 code points they say nothing, and are left out.
            others: ``text`` of all records that stay: what they say as well is no trace.
        """
        pieces = sorted({piece for text in texts for piece in _pieces(text)})
        if not pieces:
            return cls(())
        staying = others.filter(pl.col("text").str.contains_any(pieces)).select("text").collect()["text"]
        return cls(tuple(piece for piece in pieces if not staying.str.contains(piece, literal=True).any()))

    def in_text(self, column: str) -> pl.Expr:
        """Return whether a column of JSON or plain text holds a trace; never for null."""
        forms = sorted({form for piece in self.pieces for form in _forms(piece)})
        return pl.col(column).str.contains_any(forms).fill_null(value=False) if forms else pl.lit(value=False)

    def search(self, root: Path) -> Iterator[Path]:
        """Yield the files below a folder that hold a trace."""
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and self.in_file(path):
                yield path

    def in_file(self, path: Path) -> bool:
        """Say whether a file holds a trace, as it is or unpacked."""
        if not self.pieces:
            return False
        try:
            with path.open("rb") as handle:
                return self._in_stream(handle) or any(map(self._in_bytes, _unpacked(path)))
        except FileNotFoundError:
            return False

    @cached_property
    def _needles(self) -> list[str]:
        """What is searched for, its bytes written as latin-1, which has a character for each byte."""
        encoded = {form.encode() for piece in self.pieces for form in _forms(piece)}
        encoded |= {piece.encode("utf-16-le") for piece in self.pieces}
        return sorted(each.decode("latin-1") for each in encoded)

    @cached_property
    def _overlap(self) -> int:
        return max(map(len, self._needles)) - 1

    def _in_bytes(self, content: bytes) -> bool:
        return self._in_stream(io.BytesIO(content))

    def _in_stream(self, stream: IO[bytes]) -> bool:
        tail = b""
        while block := stream.read(_BLOCK):
            text = pl.Series([(tail + block).decode("latin-1")])
            if text.str.contains_any(self._needles).item():
                return True
            tail = block[-self._overlap :]
        return False


def _pieces(text: str) -> set[str]:
    if len(text) < _SHORTEST:
        return set()
    if len(text) <= _PIECE:
        return {text}
    middle = (len(text) - _PIECE) // 2
    return {text, text[:_PIECE], text[middle : middle + _PIECE], text[-_PIECE:]}


def _forms(piece: str) -> set[str]:
    """Return how files spell a piece: plain, in JSON with and without escapes, in HTML."""
    escaped = {json.dumps(piece)[1:-1], json.dumps(piece, ensure_ascii=False)[1:-1]}
    return {piece, *escaped, html.escape(piece), html.escape(piece, quote=False)}


def _unpacked(path: Path) -> Iterator[bytes]:
    """Yield what a file holds unpacked: Parquet's values, SQLite's rows, archives' members."""
    with path.open("rb") as handle:
        head = handle.read(16)
    try:
        if head.startswith(b"PAR1"):
            yield _arrow_bytes(path)
        elif head == _SQLITE:
            yield from _rows(path)
        elif head.startswith(b"PK"):
            yield from _members(path)
        elif (content := _decompressed(path, head)) is not None:
            yield content
    except (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, sqlite3.Error, pl.exceptions.PolarsError):
        return  # damaged: only its bytes can be searched


def _arrow_bytes(path: Path) -> bytes:
    target = io.BytesIO()
    pl.read_parquet(path, glob=False, hive_partitioning=False).write_ipc(target, compression="uncompressed")
    return target.getvalue()


def _rows(path: Path) -> Iterator[bytes]:
    """Yield the rows of a database, which long values leave in pieces on its pages."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            table = cast("bytes", name).decode()
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 -- a name from the database's own list
                yield b"\n".join(value for value in row if isinstance(value, bytes))


def _members(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            yield content


def _decompressed(path: Path, head: bytes) -> bytes | None:
    if head.startswith(b"\x1f\x8b"):
        return gzip.decompress(path.read_bytes())
    if head.startswith(b"BZh"):
        return bz2.decompress(path.read_bytes())
    if head.startswith(b"\xfd7zXZ"):
        return lzma.decompress(path.read_bytes())
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        from backports import zstd

        return zstd.decompress(path.read_bytes())
    return None
