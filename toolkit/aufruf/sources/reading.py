"""Read files and folders of files into items."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from aufruf.errors import InputError
from aufruf.sources.containers import members_of
from aufruf.sources.fields import FieldMap, load_field_map
from aufruf.sources.formats import FORMATS, ONE_NAMING, READERS, Format, detect_format
from aufruf.sources.huggingface import is_saved_dataset, read_dataset
from aufruf.sources.items import ITEMS, REFUSALS, Batch, Collected, Refusal, SourceResult
from aufruf.sources.located import located
from aufruf.sources.media import MediaError, refuse_media
from aufruf.sources.times import times_told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def read_source(
    path: Path | str,
    format: Format | None = None,  # noqa: A002 -- as the command line says
    field_map: FieldMap | Path | None = None,
) -> SourceResult:
    """Read a file, or all files of a folder, into raw items: nothing is normalised or masked yet.

    ``-`` is standard input; with the format huggingface, a path may be the id of a dataset on the hub.

    Raises:
        InputError: if there is nothing at the path, if a file is not what it must be, or if no column
            for the text can be found.
    """
    with located(Path(path), format) as there:
        parts = list(read_batches(there, format, given_map(field_map)))
    items = [placed(name, batch) for name, batch in parts]
    refusals = [{"file": name, **refusal._asdict()} for name, batch in parts for refusal in batch.refusals]
    return SourceResult(
        records=pl.concat(items) if items else pl.DataFrame(schema=ITEMS),
        quarantine=pl.DataFrame(refusals, schema=REFUSALS),
        notes=tuple(note for _, batch in parts for note in batch.notes),
    )


def given_map(field_map: FieldMap | Path | None) -> FieldMap:
    """Return a field map, read from its file where it is one."""
    if field_map is None or isinstance(field_map, FieldMap):
        return field_map or FieldMap()
    return load_field_map(field_map)


def read_batches(path: Path, format: Format | None, given: FieldMap) -> Iterator[tuple[str, Batch]]:  # noqa: A002 -- as above
    """Read a file, or a folder's files, in batches, each with the name of its file.

    A file in a folder or a member of an archive that cannot be read is one refused item; what of it was
    read before is kept. A file that was named itself is an error.
    """
    for one in parts_of(path, format, given):
        yield from one.batches()


@dataclass
class Part:
    """A file at a path, or a whole dataset: what is read in one go.

    ``size`` is its length in bytes, 0 where that is not known.
    """

    batches: Callable[[], Iterator[tuple[str, Batch]]]
    size: int = 0
    _stream: BinaryIO | None = None

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return 0 if self._stream is None else self.size if self._stream.closed else self._stream.tell()

    def opened(self, stream: BinaryIO) -> None:
        """Remember the stream that is read."""
        self._stream = stream


def parts_of(path: Path, format: Format | None, given: FieldMap) -> list[Part]:  # noqa: A002 -- as above
    """Return what `read_batches` reads, file by file, so that a reader can leave out what it has.

    Raises:
        InputError: if the format is not known, or there is nothing at the path.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"format {format!r} is not known; expected {', '.join(FORMATS)}")
    if format == "huggingface" or is_saved_dataset(path):
        return [Part(lambda: read_dataset(path, given, read_file))]
    return [_part(name, file, format, given, alone=path.is_file()) for name, file in files_of(path)]


def _part(
    name: str,
    file: Path,
    format: Format | None,  # noqa: A002 -- as above
    given: FieldMap,
    *,
    alone: bool,
) -> Part:
    def batches() -> Iterator[tuple[str, Batch]]:
        try:
            yield from read_file(file, name, format, given, part.opened)
        except InputError as error:
            if alone:
                raise
            yield name, _unreadable(error)

    part = Part(batches, file.stat().st_size)
    return part


def read_file(
    path: Path,
    name: str,
    format: Format | None,  # noqa: A002 -- as above
    given: FieldMap,
    opened: Callable[[BinaryIO], None] = lambda _stream: None,
) -> Iterator[tuple[str, Batch]]:
    """Read one file, compressed or not, or the members of an archive, in a format given or found out.

    ``opened`` is told the file's stream, so that others see how far the reading is.
    """
    try:
        with path.open("rb") as stream:
            opened(stream)
            for member, content in members_of(stream, name):
                if isinstance(content, Refusal):
                    yield member, refused(content)
                else:
                    yield from _read_member(member, content, format, given, alone=member == name)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from error


def _read_member(
    name: str,
    content: BinaryIO,
    format: Format | None,  # noqa: A002 -- as above
    given: FieldMap,
    *,
    alone: bool,
) -> Iterator[tuple[str, Batch]]:
    assumed = lost = 0
    try:
        refuse_media(content, name)
        found = format or detect_format(content, name)
        platform = found if found in ONE_NAMING else None
        for batch in READERS[found](content, name, given):
            if "created_at" in batch.items.columns:
                told = times_told(batch.items["created_at"])
                assumed, lost = assumed + told.assumed, lost + told.lost
            yield name, replace(batch, platform=platform)
    except InputError as error:
        if alone:
            raise
        yield name, _unreadable(error)
    notes = {"times without a zone, taken as UTC": assumed, "unknown or impossible times, left out": lost}
    if any(notes.values()):
        told = tuple(f"{name}: {note}: {count:,}" for note, count in notes.items() if count)
        yield name, replace(refused(), notes=told)


def refused(*refusals: Refusal) -> Batch:
    """Return a batch of refused items."""
    return Collected(refusals=list(refusals)).take(("text",), "post")


def _unreadable(error: InputError) -> Batch:
    reason = "media" if isinstance(error, MediaError) else "unreadable"
    return refused(Refusal("1", reason, str(error)))


def files_of(path: Path) -> list[tuple[str, Path]]:
    """Return the files at a path with the names to report them by: one file, or a folder's, sorted.

    Hidden files and links that lead out of the folder are left out.
    """
    if path.is_file():
        return [(path.name, path)]
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    root = path.resolve()
    found = sorted(
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.resolve().is_relative_to(root)
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not found:
        raise InputError(f"{path}: the folder holds no files")
    return [(file.relative_to(path).as_posix(), file) for file in found]


def placed(name: str, batch: Batch) -> pl.DataFrame:
    """Return a batch's items with all columns of `ITEMS`; what the file does not say is null."""
    full = batch.items.with_columns(file=pl.lit(name))
    missing = [pl.lit(None, dtype).alias(column) for column, dtype in ITEMS.items() if column not in full]
    return full.with_columns(missing).select(ITEMS.names())
