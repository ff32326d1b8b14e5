"""Agreement on anybody's long table: one row an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.agreement.coefficients import (
    MASI,
    NOMINAL,
    ORDINAL,
    AgreementRow,
    Bootstrap,
    Question,
    coefficients,
)
from aufruf.agreement.distances import SEPARATOR, masi_distances
from aufruf.agreement.groups import groups_of
from aufruf.agreement.sums import MOST_ORDERED
from aufruf.errors import InputError
from aufruf.sources.columns import read_columns, yes_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aufruf.agreement.groups import Grouping

_MOST_VALUES = 500
_FEWEST_ORDERED = 3
TABLE_GROUPINGS: tuple[Grouping, ...] = ("annotator", "pair")


def agreement_of_table(  # noqa: PLR0913 -- the command's options, in the same words
    path: Path,
    *,
    unit: str,
    annotator: str,
    value: str,
    cluster: str | None = None,
    order: Sequence[str] | None = None,
    positive: str | None = None,
    separator: str | None = None,
    by: Sequence[Grouping] = TABLE_GROUPINGS,
    seed: int = 0,
    resamples: int = 1000,
    crossed: bool = False,
) -> list[AgreementRow]:
    """Return the agreement of a table that holds one answer in each row.

    Rows without a value are missing answers. Alpha is given at level nominal; at level ordinal too where
    ``order`` is given or all values are numbers, three at least; at level masi too where values are sets:
    lists, or texts with a ``separator``.

    Args:
        path: the file: CSV with any delimiter, TSV, JSON Lines or Parquet.
        unit: column of what was judged.
        annotator: column of who judged.
        value: column of the answer.
        cluster: column of what the bootstrap draws as one; None: the unit.
        order: all values from lowest to highest.
        positive: of two values, the one that counts as yes; not needed for such as true and false.
        separator: what stands between the members of a set.
        by: annotator, pair, or both.
        seed: of the bootstrap.
        resamples: of the bootstrap; 0: no intervals.
        crossed: whether annotators are resampled too.

    Raises:
        InputError: if the file cannot be read, lacks a column, holds two answers of one annotator to one
            unit, or has so many values that the column is hardly one of labels.
    """
    names = {"unit": unit, "annotator": annotator, "value": value}
    if cluster is not None:
        names["cluster"] = cluster
    table = read_columns(path)
    are_lists = value not in table.columns
    if are_lists:
        table = read_columns(path, join_lists=separator or SEPARATOR)
    are_sets = are_lists or separator is not None
    answers = _answers(table, names, path, keep_empty=are_sets)
    found = _ordered(answers, order, value, path)
    if are_sets:
        question = Question(value, (NOMINAL, MASI), masi_distances(found, separator or SEPARATOR))
    else:
        question = _question(value, found, path, ordered=order is not None, positive=positive)
    bootstrap = Bootstrap(seed=seed, resamples=resamples, crossed=crossed)
    rows: list[AgreementRow] = []
    for group, coded in groups_of(answers, by, found):
        rows += coefficients(coded, question, bootstrap, group=group)
    return rows


def _answers(table: pl.DataFrame, names: dict[str, str], path: Path, *, keep_empty: bool) -> pl.DataFrame:
    missing = [name for name in names.values() if name not in table.columns]
    if missing:
        raise InputError(
            f"{path}: no column {', '.join(map(repr, missing))}; columns are {', '.join(table.columns)}"
        )
    answers = table.select(pl.col(name).alias(key) for key, name in names.items()).drop_nulls("value")
    if not keep_empty:
        answers = answers.filter(pl.col("value") != "")
    twice = answers.filter(pl.struct("unit", "annotator").is_duplicated()).height
    if twice or answers.drop("value").null_count().sum_horizontal().item():
        raise InputError(
            f"{path}: {twice} rows share unit and annotator with another, or one of these is empty: each row "
            "must be one annotator's only answer to one unit"
        )
    return answers


def _ordered(answers: pl.DataFrame, order: Sequence[str] | None, name: str, path: Path) -> list[str]:
    """Return the values in their order: as given, as numbers, else as texts."""
    found: list[str] = answers.get_column("value").unique().sort().to_list()
    if len(found) > _MOST_VALUES:
        raise InputError(
            f"{path}: column '{name}' has {len(found):,} different values, {_MOST_VALUES} at most are "
            "compared: name the column that holds the labels"
        )
    if order is not None:
        unknown = len(set(found) - set(order))
        if unknown or len(set(order)) != len(order):
            raise InputError(
                f"{path}: column '{name}' has {unknown} values that the order does not name, or it names one "
                "twice; name all of them from lowest to highest"
            )
        return list(order)
    numbers = pl.Series(found, dtype=pl.String).cast(pl.Float64, strict=False)
    is_numeric = bool(found) and numbers.null_count() == 0
    return [value for _, value in sorted(zip(numbers, found, strict=True))] if is_numeric else found


def _question(name: str, values: list[str], path: Path, *, ordered: bool, positive: str | None) -> Question:
    if positive is not None and positive not in values:
        raise InputError(f"{path}: no answer in column '{name}' is '{positive}'")
    numeric = pl.Series(values, dtype=pl.String).cast(pl.Float64, strict=False).null_count() == 0
    levels = (NOMINAL,)
    if _FEWEST_ORDERED <= len(values) <= MOST_ORDERED and (ordered or numeric):
        levels = (NOMINAL, ORDINAL)
    yes = positive if positive is not None else yes_of(values)
    return Question(name, levels, is_yes_no=True, yes=None if yes is None else values.index(yes))
