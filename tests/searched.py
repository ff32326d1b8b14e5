"""Search a folder for a text in every way that a curious person could: raw, unpacked, decoded."""

from __future__ import annotations

import gzip
import html
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Iterator


def places_of(text: str, root: Path) -> list[str]:
    """Return the files below a folder that hold a text."""
    return sorted({str(path.relative_to(root)) for path in files(root) if _holds(path, text)})


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def _holds(path: Path, text: str) -> bool:
    spelled = [text, json.dumps(text)[1:-1], html.escape(text)]
    needles = [each.encode(code) for each in spelled for code in ("utf-8", "utf-16-le")]
    return any(needle in content for content in _contents(path) for needle in needles)


def _contents(path: Path) -> Iterator[bytes]:
    raw = path.read_bytes()
    yield raw
    if raw.startswith(b"PAR1"):
        for row in pq.ParquetFile(path).read().to_pylist():
            yield str(row).encode()
            yield repr(row).encode("unicode_escape")
    elif raw.startswith(b"SQLite format 3"):
        with closing(sqlite3.connect(path)) as database:
            yield "\n".join(database.iterdump()).encode()
    elif raw.startswith(b"\x1f\x8b"):
        yield gzip.decompress(raw)
    elif raw.startswith(b"\x28\xb5\x2f\xfd"):
        yield zstd.decompress(raw)
    elif raw.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive, TemporaryDirectory() as folder:
            archive.extractall(folder)
            for member in files(Path(folder)):
                yield from _contents(member)
