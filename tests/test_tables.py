"""The tables, declared once."""

from __future__ import annotations

import polars as pl
import pytest

from aufruf.tables import DUPLICATES, TABLES, Table


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_table_has_a_key_of_its_own_columns_that_is_never_null(table: Table):
    assert set(table.key) <= set(table.schema)
    assert not any(column.nullable for column in table.columns if column.name in table.key)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_column_is_unsigned_or_without_meaning(table: Table):
    assert all(column.meaning for column in table.columns)
    assert not any(dtype.is_unsigned_integer() for dtype in table.schema.dtypes())


def test_a_frame_gets_the_tables_order_and_types():
    frame = pl.DataFrame({"similarity": [1], "right": ["b"], "left": ["a"]})
    assert DUPLICATES.conform(frame).schema == DUPLICATES.schema


def test_a_missing_or_unknown_column_is_named():
    frame = pl.DataFrame({"left": ["a"], "right": ["b"], "likeness": [1.0]})
    with pytest.raises(ValueError, match=r"missing columns \['similarity'\], unknown columns \['likeness'\]"):
        DUPLICATES.conform(frame)
