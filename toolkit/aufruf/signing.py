"""Band keys of records: which texts may be near-duplicates, without the texts."""

from __future__ import annotations

import polars as pl

from aufruf.duplicates import THRESHOLD, Buffers, band_keys, comparable, rows_in_band
from aufruf.tables import BANDS, SIGNATURES

_BAND_COLUMNS = tuple(name for name in SIGNATURES.schema if name.startswith("band_"))


def signed(records: pl.LazyFrame) -> pl.LazyFrame:
    """Return the signatures (see `SIGNATURES`) of records (``record_id``, ``text``), made in slices."""
    return records.select("record_id", text=comparable(pl.col("text"))).map_batches(
        _signatures, schema=SIGNATURES.schema, streamable=True
    )


def valid(signatures: pl.LazyFrame) -> pl.LazyFrame:
    """Return the signatures that were made by this version's method."""
    from aufruf.band_kernels import METHOD

    return signatures.filter(pl.col("method") == METHOD)


def band_column(band: int) -> str:
    """Return the name of the column of a band, counted from 0."""
    return _BAND_COLUMNS[band]


def _signatures(records: pl.DataFrame) -> pl.DataFrame:
    from aufruf.band_kernels import METHOD

    keys = band_keys(Buffers.of(records.get_column("text")), BANDS, rows_in_band(THRESHOLD))
    columns = {name: keys[band] for band, name in enumerate(_BAND_COLUMNS)}
    return pl.DataFrame(
        {"record_id": records.get_column("record_id"), **columns},
        schema_overrides=dict.fromkeys(_BAND_COLUMNS, pl.Int32),
    ).select("record_id", pl.lit(METHOD, pl.Int32).alias("method"), *_BAND_COLUMNS)
