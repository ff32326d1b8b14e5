"""Delta Lake behind five verbs: append, upsert, scan, version, files."""

# pyarrow has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportUnknownArgumentType=false

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl

from aufruf.errors import WorkspaceError
from aufruf.tables import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

    from aufruf.tables import Table

_ATTEMPTS = 5
_ROOM = 1 << 20
_SLICE = 50_000


@dataclass(frozen=True)
class Past:
    """Which versions of tables to read: None where nothing was written yet; of events, the first so many."""

    versions: Mapping[str, int | None]
    events: int


@dataclass(frozen=True)
class Store:
    """The tables of one workspace, a Delta table in a folder each.

    A write is one commit: a killed process leaves the version before or the version after.
    ``transaction`` is an (id, version) pair: a write with a pair that the table has seen does nothing.
    A store of the ``past`` is read as it was then, and not written.
    """

    root: Path
    past: Past | None = None

    def scan(self, table: Table, version: int | None = None) -> pl.LazyFrame:
        """Return the table's rows, now or as of a version; no rows if nothing was ever written.

        Columns that the table did not have yet when it was written are null.

        Raises:
            WorkspaceError: if the version's files are gone: a takedown removes what was.
        """
        if self.past is None:
            return self._scan(table, version)
        if table is EVENTS:
            return self._scan(table).filter(pl.col("n") <= self.past.events)
        then = self.past.versions.get(table.name)
        return table.empty().lazy() if then is None else self._scan(table, then)

    def _scan(self, table: Table, version: int | None = None) -> pl.LazyFrame:
        delta = self._open(table, version)
        if delta is None:
            return table.empty().lazy()
        is_plain = unquote(delta.table_uri) == delta.table_uri
        files = [] if is_plain else _files(delta)
        if not is_plain and not files:
            return table.empty().lazy()
        rows = pl.scan_delta(delta) if is_plain else _scan(files)
        there = rows.collect_schema()
        return rows.select(
            (pl.col(name) if name in there else pl.lit(None).alias(name)).cast(dtype)
            for name, dtype in table.schema.items()
        )

    def read(self, table: Table, version: int | None = None) -> pl.DataFrame:
        """Return the table's rows as a frame."""
        return self.scan(table, version).collect()

    def version(self, table: Table) -> int | None:
        """Return the newest version's number, or None if nothing was ever written."""
        if self.past is not None:
            return self.past.versions.get(table.name)
        delta = self._open(table)
        return None if delta is None else delta.version()

    def files(self, table: Table, version: int | None = None) -> list[str]:
        """Return the paths of the Parquet files that make up a version."""
        delta = self._open(table, version)
        return [] if delta is None else _files(delta)

    def append(
        self,
        table: Table,
        frame: pl.DataFrame | pl.LazyFrame,
        transaction: tuple[str, int] | None = None,
        size: int | None = None,
    ) -> bool:
        """Add rows in one commit; return False if the transaction was made before.

        A lazy frame is written as it is computed, and never held as a whole; ``size`` is about how many
        bytes it has.

        Raises:
            WorkspaceError: if another process holds on to the table, or the disk refuses.
        """
        from deltalake import write_deltalake

        rows = table.conform(frame) if isinstance(frame, pl.DataFrame) else frame
        self._require_space(
            table, int(rows.estimated_size()) if isinstance(rows, pl.DataFrame) else size or 0
        )

        def write() -> bool:
            if self._was_made(table, transaction):
                return False
            write_deltalake(
                str(self._path(table)),
                rows if isinstance(rows, pl.DataFrame) else _stream(table, rows),
                mode="append",
                schema_mode="merge",
                configuration=_configuration(table),
                commit_properties=_properties(transaction),
            )
            return True

        return _retried(table, write)

    def upsert(self, table: Table, frame: pl.DataFrame, transaction: tuple[str, int] | None = None) -> bool:
        """Insert or replace rows by the table's key in one commit; return False if nothing changed.

        Rows that are already there as they are do not count as a change and make no new version.

        Raises:
            WorkspaceError: if another process holds on to the table, or the disk refuses.
        """
        rows = table.conform(frame)
        if rows.select(table.key).is_duplicated().any():
            raise ValueError(f"table {table.name}: a key stands twice in the rows to write")

        self._require_space(table, int(rows.estimated_size()))

        def write() -> bool:
            if self._was_made(table, transaction):
                return False
            delta = self._open(table)
            if delta is None:
                return rows.height > 0 and self.append(table, rows, transaction)
            changed = _changed(rows, self.read(table), table)
            if changed.is_empty():
                return False
            (
                delta.merge(
                    changed,
                    predicate=" AND ".join(f"old.`{key}` = new.`{key}`" for key in table.key),
                    source_alias="new",
                    target_alias="old",
                    merge_schema=True,
                    commit_properties=_properties(transaction),
                )
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute()
            )
            return True

        return _retried(table, write)

    def delete(self, table: Table, predicate: str) -> None:
        """Delete the rows that meet an SQL predicate, in one commit."""
        delta = self._open(table)
        if delta is not None:
            _retried(table, lambda: bool(delta.delete(predicate)))

    def forget(self, table: Table, gone: pl.Expr) -> int:
        """Remove the rows for which ``gone`` holds, and every trace of any earlier version.

        The rows that stay become a version of their own, even if nothing is removed: the newest log entry may
        name what was deleted; then all data files and log entries before it are
        deleted, so that no earlier version can be read again. Cut off anywhere, doing it again ends it.
        Whoever calls this holds the workspace's lock. Return how many rows were removed.
        """
        from deltalake import write_deltalake

        if self._open(table) is None:
            return 0
        is_gone = gone.fill_null(value=False)
        n = self.scan(table).filter(is_gone).select(pl.len()).collect().item()

        def write() -> bool:
            left = _stream(table, self.scan(table).filter(~is_gone))
            write_deltalake(str(self._path(table)), left, mode="overwrite")
            return True

        _retried(table, write)
        self._drop_history(table)
        return n

    def _drop_history(self, table: Table) -> None:
        """Delete the data files and log entries of all versions but the newest; its number stays."""
        delta = self._open(table)
        if delta is None:
            return
        delta.create_checkpoint()
        newest, kept = delta.version(), {Path(file).name for file in _files(delta)}
        root = self._path(table)
        for file in root.glob("*.parquet"):
            if file.name not in kept:
                file.unlink()
        for entry in (root / "_delta_log").iterdir():
            number = entry.name.split(".")[0]
            if number.isdigit() and int(number) < newest:
                entry.unlink()

    def tidy(self, table: Table) -> None:
        """Remove the data files that no version names: a killed write left them, and what is in them.

        Whoever calls this holds the workspace's lock, so that no write is under way.
        """
        root = self._path(table)
        logs = sorted((root / "_delta_log").glob("*.json"))
        if self._open(table) is not None and not logs:
            return  # what the checkpoint alone names cannot be told
        named = "".join(path.read_text("utf-8") for path in logs)
        if logs and int(logs[0].stem) > 0:
            named += "".join(self.files(table, int(logs[0].stem)))
        for file in root.glob("*.parquet"):
            if file.name not in named:
                file.unlink(missing_ok=True)

    def _require_space(self, table: Table, size: int) -> None:
        """Refuse before the disk does: a full disk inside a write leaves stray files behind."""
        assert self.past is None, "the past is not written"
        self.root.mkdir(parents=True, exist_ok=True)
        needed, free = size + _ROOM, shutil.disk_usage(self.root).free
        if free < needed:
            raise WorkspaceError(
                f"table {table.name}: nothing was written: it needs {needed >> 20} MB, the disk has "
                f"{free >> 20} MB left; make room and run again"
            )

    def _path(self, table: Table) -> Path:
        return self.root / table.name

    def _open(self, table: Table, version: int | None = None) -> DeltaTable | None:
        from deltalake import DeltaTable

        path = str(self._path(table))
        return DeltaTable(path, version=version) if DeltaTable.is_deltatable(path) else None

    def _was_made(self, table: Table, transaction: tuple[str, int] | None) -> bool:
        delta = self._open(table)
        if transaction is None or delta is None:
            return False
        seen = delta.transaction_version(transaction[0])
        return seen is not None and seen >= transaction[1]


def _files(delta: DeltaTable) -> list[str]:
    """Return the paths of a table's files.

    Delta gives them as in an address, with spaces and umlauts encoded; Polars takes them as they are.
    """
    return [unquote(uri) for uri in delta.file_uris()]


def _scan(files: list[str]) -> pl.LazyFrame:
    parts = [pl.scan_parquet(file, glob=False) for file in files]
    return pl.concat(parts, how="diagonal")


def _stream(table: Table, rows: pl.LazyFrame) -> pa.RecordBatchReader:
    """Return the rows as Arrow batches that are computed one after the other."""
    import pyarrow as pa

    schema = table.empty().to_arrow().schema
    slices = rows.collect_batches(chunk_size=_SLICE, engine="streaming")
    batches = (batch for part in slices for batch in table.conform(part).to_arrow().to_batches())
    return pa.RecordBatchReader.from_batches(schema, batches)


def _changed(rows: pl.DataFrame, old: pl.DataFrame, table: Table) -> pl.DataFrame:
    key = list(table.key)
    values = [name for name in table.schema if name not in key]
    both = rows.join(old, on=key, how="inner", suffix="__old", maintain_order="left")
    same = both.filter(
        pl.all_horizontal(
            [pl.col(name).eq_missing(pl.col(f"{name}__old")) for name in values] or [pl.lit(value=True)]
        )
    )
    return rows.join(same.select(key), on=key, how="anti", maintain_order="left")


def _configuration(table: Table) -> dict[str, str | None]:
    return {"delta.dataSkippingStatsColumns": ",".join(table.statistics)}


def _properties(transaction: tuple[str, int] | None) -> CommitProperties | None:
    from deltalake import CommitProperties, Transaction

    return None if transaction is None else CommitProperties(app_transactions=[Transaction(*transaction)])


def _retried(table: Table, write: Callable[[], bool]) -> bool:
    from deltalake.exceptions import CommitFailedError

    for attempt in range(_ATTEMPTS):
        try:
            return write()
        except CommitFailedError as error:
            if attempt == _ATTEMPTS - 1:
                raise WorkspaceError(
                    f"table {table.name}: another process keeps writing to it; run again when it is done"
                ) from error
        except OSError as error:
            raise WorkspaceError(
                f"table {table.name}: cannot write: {error.strerror or 'disk error'}"
            ) from error
    raise AssertionError("unreachable")
