"""Read the ways in which platforms and editors write times."""

from __future__ import annotations

import polars as pl

from aufruf.tables import TIME

_WITH_ZONE = (
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%dT%H:%M%z",
    "%a %b %d %H:%M:%S %z %Y",
    "%a, %d %b %Y %H:%M:%S %z",
)
_WITHOUT_ZONE = (
    *("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y, %H:%M", "%d.%m.%Y %H:%M"),
    "%Y/%m/%d %H:%M:%S",
)
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d")


def utc_times(written: pl.Expr) -> pl.Expr:
    """Return times in UTC; null where nothing, or nothing known, is written.

    Understood are ISO 8601, RFC 2822, Twitter's form, German dates, and seconds or milliseconds since 1970. A
    time without a zone counts as UTC, a date as its midnight.
    """
    text = (
        written.str.strip_chars()
        .str.replace(r"^(\d{4}-\d\d-\d\d) ", "${1}T")
        .str.replace(r"(?:Z| ?UTC| GMT)$", "+0000")
        .str.replace(r" ([+-]\d\d:?\d\d)$", "$1")
    )
    spaced = written.str.strip_chars().str.replace(r"(?: UTC| GMT)$", " +0000")
    seconds = written.str.extract(r"^\s*(\d{9,10}(?:\.\d+)?)\s*$").cast(pl.Float64) * 1e6
    milliseconds = written.str.extract(r"^\s*(\d{12,13})\s*$").cast(pl.Int64) * 1000
    zoned = [
        form.str.to_datetime(f, time_unit="us", strict=False) for f in _WITH_ZONE for form in (text, spaced)
    ]
    naive = [text.str.to_datetime(f, time_unit="us", strict=False) for f in _WITHOUT_ZONE]
    dates = [text.str.to_date(f, strict=False).cast(pl.Datetime("us")) for f in _DATES]
    epochs = [seconds.round().cast(pl.Int64).cast(pl.Datetime("us")), milliseconds.cast(pl.Datetime("us"))]
    assumed = [form.dt.replace_time_zone("UTC") for form in (*naive, *dates, *epochs)]
    return pl.coalesce(*(form.dt.convert_time_zone("UTC") for form in zoned), *assumed).cast(TIME)


def lacks_zone(written: pl.Expr) -> pl.Expr:
    """Say whether a time of day is written without a zone: UTC is assumed for it."""
    return written.str.contains(r"\d:\d\d") & ~written.str.contains(
        r"(?:Z|UTC|GMT|[+-]\d\d:?\d\d)(?: \d{4})?\s*$"
    )
