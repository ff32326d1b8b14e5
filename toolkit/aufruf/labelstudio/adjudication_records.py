"""A list of records that somebody wants an adjudicator to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.gold.decide import decide
from aufruf.gold.disputes import disputes, triage_columns
from aufruf.settings import Adjudication
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, RECORDS
from aufruf.views import main_answers

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

_ROWS = {"record_id": pl.String, "label": pl.String, "column": pl.String}


def named_disputes(workspace: Workspace, path: Path) -> pl.DataFrame:
    """Return what an adjudicator is to be asked about the records of a file.

    The file is CSV with the column ``record_id``, JSON (a list of objects or ids, or an object whose ``ties``
    or ``suspicious`` is one, as `aufruf gold` gives), or plain text with an id a line. Where ``label`` is
    given, it is asked about; otherwise the labels about which any two answers differ, or all where none do.
    Where ``column`` is given, rows about what triage does not ask are left out.

    Returns:
        ``record_id``, ``label``, ``columns``, sorted by record, labels in the scheme's order.

    Raises:
        InputError: if the file cannot be read, or names a label or records that the workspace does not have.
    """
    rows = _read(path)
    scheme = workspace.label_scheme
    _check(workspace, path, rows)
    columns = triage_columns(scheme)
    named = rows.filter(
        pl.col("label").is_not_null() & (pl.col("column").is_null() | pl.col("column").is_in(columns))
    )
    bare = rows.filter(pl.col("label").is_null()).select("record_id").unique()
    wanted = named.with_columns(
        column=pl.when(pl.col("column").is_null()).then(pl.lit(columns)).otherwise(pl.concat_list("column"))
    ).select("record_id", "label", column="column")
    differing = (
        _differing(workspace, bare)
        .explode("columns")
        .select("record_id", "label", column=pl.concat_list("columns"))
    )
    unanimous = bare.join(differing, on="record_id", how="anti").join(
        pl.DataFrame({"label": scheme.label_names}), how="cross"
    )
    every = pl.concat([wanted, differing, unanimous.with_columns(column=pl.lit(columns))])
    order = pl.Enum(columns)
    return (
        every.explode("column")
        .unique()
        .sort("record_id", pl.col("label").cast(pl.Enum(scheme.label_names)), pl.col("column").cast(order))
        .group_by("record_id", "label", maintain_order=True)
        .agg(columns="column")
    )


def _differing(workspace: Workspace, records: pl.DataFrame) -> pl.DataFrame:
    store = workspace.store
    answers = main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS))
    mine = answers.join(records.lazy(), on="record_id", how="semi")
    rows = decide(mine, workspace.label_scheme, "")
    return disputes(rows, workspace.label_scheme, Adjudication(rule="any"))


def _check(workspace: Workspace, path: Path, rows: pl.DataFrame) -> None:
    known = workspace.label_scheme.label_names
    other = rows.filter(pl.col("label").is_not_null() & ~pl.col("label").is_in(known))
    if not other.is_empty():
        raise InputError(
            f"{path}: {other.height} rows name a label that the label scheme does not have; expected "
            f"{', '.join(known)}"
        )
    there = workspace.store.scan(RECORDS).select("record_id").collect()
    missing = rows.select("record_id").unique().join(there, on="record_id", how="anti")
    if rows.is_empty() or not missing.is_empty():
        raise InputError(
            f"{path}: {missing.height} of {rows.get_column('record_id').n_unique()} records are not in the "
            "workspace: expected record ids, one a line or in the column record_id"
        )


class _Row(msgspec.Struct, frozen=True):
    """What is needed of an entry."""

    record_id: str
    label: str | None = None
    column: str | None = None


class _Report(msgspec.Struct, frozen=True):
    """What `aufruf gold` writes with --json."""

    ties: tuple[_Row, ...] = ()
    suspicious: tuple[_Row, ...] = ()


def _read(path: Path) -> pl.DataFrame:
    try:
        content = path.read_bytes()
        if path.suffix == ".json":
            return _frame(_listed(content))
        lines = content.decode("utf-8-sig").split()
        if lines and "record_id" in lines[0].split(","):
            found = pl.read_csv(content, infer_schema=False)
            return found.select(
                pl.col(n) if n in found.columns else pl.lit(None, t).alias(n) for n, t in _ROWS.items()
            )
        return _frame([_Row(line) for line in lines])
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{path}: no list of records: expected CSV with record_id, an id a line, or the JSON of "
            "`aufruf gold --ties --json`"
        ) from error


def _listed(content: bytes) -> list[_Row]:
    found = msgspec.json.decode(content, type=list[_Row | str] | _Report)
    if isinstance(found, _Report):
        return [*found.ties, *found.suspicious]
    return [_Row(entry) if isinstance(entry, str) else entry for entry in found]


def _frame(rows: list[_Row]) -> pl.DataFrame:
    return pl.DataFrame([msgspec.structs.astuple(row) for row in rows], schema=_ROWS, orient="row")
