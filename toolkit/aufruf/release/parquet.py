"""Write and read a release's Parquet files, and hash what they hold.

Two hashes are promised: of a file's bytes, the same as long as pyarrow is the same, and of its content,
the same whatever wrote it.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from aufruf.release.features import FOLDERS, SPLITS, stored_schema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from pathlib import Path

    _Hashed = tuple[pl.Series, Future[bytes]]

ROWS_PER_FILE = 500_000
ROWS_PER_GROUP = 50_000
_HASHERS = 2


def split_files(config: str, split: str, rows: int) -> list[str]:
    """Return the names of a split's files, relative to the release: one for each 500,000 rows.

    A split without rows has no file: `datasets` cannot load one.
    """
    parts = -(-rows // ROWS_PER_FILE)
    return [f"{FOLDERS[config]}/{split}-{part:05d}-of-{parts:05d}.parquet" for part in range(parts)]


def write_split(folder: Path, config: str, split: str, rows: pl.DataFrame, features: Any) -> None:
    """Write a split's rows in their order, with the types and names that ``features`` say."""
    for number, name in enumerate(split_files(config, split, rows.height)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, rows.slice(number * ROWS_PER_FILE, ROWS_PER_FILE), features)


def read_split(folder: Path, config: str, split: str, features: Mapping[str, Any]) -> pl.DataFrame:
    """Return a split's rows from all of its files.

    Raises:
        polars.exceptions.PolarsError: if a file is no Parquet or has other columns or types.
    """
    paths = sorted((folder / FOLDERS[config]).glob(f"{split}-*-of-*.parquet"))
    schema = stored_schema(features)
    return pl.concat([pl.DataFrame(schema=schema), *(pl.read_parquet(path) for path in paths)])


def stored_features(path: Path) -> Any:
    """Return the features that a Parquet file carries, or None if it carries none.

    Raises:
        OSError: if it is no Parquet.
    """
    import datasets

    features: Any = datasets.Features
    schema = _arrow()[1].read_schema(path)
    if b"huggingface" not in (schema.metadata or {}):
        return None
    stored = features.from_arrow_schema(schema)
    return stored if schema.equals(stored.arrow_schema) else None


def content_sha256(frames: Mapping[tuple[str, str], pl.DataFrame]) -> str:
    """Return the hash of what a release's configs and splits hold, whatever wrote the files.

    Args:
        frames: the stored rows of each (config, split), sorted as released.
    """
    whole = hashlib.sha256()
    parts = [(config, split) for config in FOLDERS for split in SPLITS]
    with ThreadPoolExecutor(_HASHERS) as pool:
        first: dict[tuple[str, str], _Hashed] = {}
        found = {part: _hashed(frames[part], part[1], first, pool) for part in parts}
        for part in parts:
            whole.update(f"{part[0]}\0{part[1]}\0{frames[part].height}\0".encode())
            for column, digest in found[part]:
                whole.update(f"{column.name}\0".encode() + digest.result())
    return whole.hexdigest()


def _hashed(
    frame: pl.DataFrame, split: str, first: dict[tuple[str, str], _Hashed], pool: ThreadPoolExecutor
) -> list[_Hashed]:
    """Return the columns with their digests to come; what an earlier config has too is hashed once."""
    found: list[_Hashed] = []
    for column in frame.iter_columns():
        known, digest = first.get((split, column.name), (None, None))
        if known is None or digest is None or not _is_same(column, known):
            digest = pool.submit(_digest, column)
        first.setdefault((split, column.name), (column, digest))
        found.append((column, digest))
    return found


def _is_same(column: pl.Series, other: pl.Series) -> bool:
    """Return whether two columns hash alike: not told of floats, for 0.0 equals -0.0, and of lists.

    Those take longer to compare than to hash.
    """
    is_told = not column.dtype.is_float() and not column.dtype.is_nested()
    return is_told and column.equals(other, check_dtypes=True)


def _digest(column: pl.Series) -> bytes:
    found = hashlib.sha256()
    _hash_column(found, column)
    return found.digest()


def _hash_column(into: Any, column: pl.Series) -> None:
    """Add a column: its kind, where it is null, then its values with nulls as zero or empty."""
    into.update(f"{column.dtype.base_type().__name__}\0{len(column)}\0".encode())
    into.update(column.is_null().cast(pl.UInt8).to_numpy())
    dtype = column.dtype
    if isinstance(dtype, pl.List):
        into.update(_integers(column.list.len()))
        _hash_column(into, column.drop_nulls().explode(empty_as_null=False, keep_nulls=False))
    elif isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            into.update(f"{field.name}\0".encode())
            _hash_column(into, column.struct.field(field.name))
    elif dtype == pl.String:
        into.update(_integers(column.str.len_bytes()))
        into.update(_joined(column))
    elif dtype == pl.Float64:
        into.update(column.fill_null(0.0).to_numpy().astype("<f8", copy=False))
    else:
        into.update(_integers(column))


def _integers(column: pl.Series) -> Any:
    return column.cast(pl.Int64).fill_null(0).to_numpy().astype("<i8", copy=False)


def _joined(column: pl.Series) -> Any:
    """Return the strings' bytes one after the other, as Arrow holds them: joined they would be a copy."""
    array = cast("Any", column.fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest()))
    return array.buffers()[2] or b""


def _write(path: Path, rows: pl.DataFrame, features: Any) -> None:
    pa, pq = _arrow()
    schema = features.arrow_schema
    table = cast("Any", rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
    plain = table.select(schema.names).cast(pa.schema(list(schema)))
    pq.write_table(
        plain.replace_schema_metadata(schema.metadata),
        path,
        compression="zstd",
        row_group_size=ROWS_PER_GROUP,
        write_page_checksum=True,
    )


def _arrow() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet module, which have no types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pa, pq
