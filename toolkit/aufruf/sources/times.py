"""Read the ways in which platforms and editors write times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from aufruf.tables import TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WITH_ZONE = (
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%dT%H:%M%z",
    "%a %b %d %H:%M:%S %z %Y",
    "%a, %d %b %Y %H:%M:%S %z",
    "%d %b %Y %H:%M:%S %z",
)
_WITHOUT_ZONE = (
    *("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y, %H:%M", "%d.%m.%Y %H:%M"),
    "%Y/%m/%d %H:%M:%S",
)
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d")
_EPOCHS = ((r"^(\d{9,10}(?:\.\d+)?)$", 1e6), (r"^(\d{13}(?:\.0)?)$", 1e3), (r"^(\d{16})$", 1.0))
"""Seconds, milliseconds and microseconds since 1970, and how many microseconds each is."""

_EARLIEST = datetime(1905, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_ZERO = (datetime(1969, 12, 31, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))


def utc_times(written: pl.Expr) -> pl.Expr:
    """Return times in UTC; null where nothing, or nothing known or possible, is written.

    Understood are ISO 8601, RFC 2822, Twitter's form, German dates, and seconds, milliseconds or
    microseconds since 1970. A time without a zone counts as UTC, a date as its midnight. Impossible is what
    programs write for no time at all, the zeros of their calendars (the year 1, 1601, 1900, 1904, the turn of
    1970), and whatever is after 2099.
    """
    return written.map_batches(_utc, return_dtype=TIME, is_elementwise=True)


def lacks_zone(written: pl.Expr) -> pl.Expr:
    """Say whether a time of day is written without a zone: UTC is assumed for it."""
    return written.str.contains(r"\d:\d\d") & ~written.str.contains(
        r"(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)(?: \d{4})?\s*$"
    )


class TimesTold(NamedTuple):
    """How many times were assumed to be UTC, and how many written ones are no time or no possible one."""

    assumed: int
    lost: int


def times_told(written: pl.Series) -> TimesTold:
    """Count what is to be told of a column of times as they are written."""
    unread = pl.col("utc").is_null()
    counts = (
        written.to_frame("written")
        .select("written", utc=utc_times(pl.col("written")))
        .select(
            (lacks_zone(pl.col("written")) & ~unread).sum(),
            lost=((pl.col("written").str.strip_chars() != "") & unread).sum(),
        )
    )
    return TimesTold(*counts.row(0))


def _utc(written: pl.Series) -> pl.Series:
    """Try one form after the other on what none before has fitted."""
    left = pl.DataFrame({"row": pl.int_range(len(written), eager=True), "text": written}).drop_nulls()
    left = left.with_columns(_spelt_alike(pl.col("text").str.strip_chars())).filter(pl.col("text") != "")
    found = [left.clear().select("row", time=pl.lit(None, TIME))]
    for form in _forms():
        if left.is_empty():
            break
        tried = left.with_columns(time=form(pl.col("text")).cast(TIME))
        found.append(tried.drop_nulls("time").select("row", "time"))
        left = tried.filter(pl.col("time").is_null()).drop("time")
    times = pl.concat(found).filter(_is_possible(pl.col("time"))).sort("row")
    empty = pl.Series(written.name, [None], dtype=TIME).new_from_index(0, len(written))
    return empty.scatter(times["row"], times["time"]) if len(written) else empty


def _spelt_alike(text: pl.Expr) -> pl.Expr:
    """Return times with a T before the time of day, and with a zone that has digits."""
    return (
        text.str.replace(r"^(\d{4}-\d\d-\d\d) ", "${1}T")
        .str.replace(r" ?(?:Z|UTC|GMT)$", " +0000")
        .str.replace(r"^(\d{4}-\S+) ([+-]\d\d(?::?\d\d)?)$", "$1$2")
        .str.replace(r"(T\S*[+-]\d\d)$", "${1}00")
    )


def _forms() -> Iterator[Callable[[pl.Expr], pl.Expr]]:
    for form in _WITH_ZONE:
        yield lambda text, form=form: text.str.to_datetime(form, time_unit="us", strict=False)
    for form in _WITHOUT_ZONE:
        yield lambda text, form=form: _assumed(text.str.to_datetime(form, time_unit="us", strict=False))
    for form in _DATES:
        yield lambda text, form=form: _assumed(text.str.to_date(form, strict=False).cast(pl.Datetime("us")))
    for pattern, factor in _EPOCHS:
        yield lambda text, pattern=pattern, factor=factor: _assumed(
            (text.str.extract(pattern).cast(pl.Float64) * factor)
            .round()
            .cast(pl.Int64)
            .cast(pl.Datetime("us"))
        )


def _assumed(time: pl.Expr) -> pl.Expr:
    return time.dt.replace_time_zone("UTC")


def _is_possible(time: pl.Expr) -> pl.Expr:
    return time.is_between(_EARLIEST, _LATEST, closed="left") & ~time.is_between(*_ZERO)
