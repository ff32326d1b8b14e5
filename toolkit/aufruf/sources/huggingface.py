"""Datasets of Hugging Face: a folder that `datasets` saved, or one with a dataset's files in it.

Files are read by the readers of their own formats, never by `datasets` itself: its JSON reader ends the
whole process on deep nesting. Scripts are not run.
"""
# datasets and pyarrow have no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING

from aufruf.errors import InputError
from aufruf.sources.items import BATCH
from aufruf.sources.parquet import batches_of, columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from datasets import Dataset

    from aufruf.sources.fields import FieldMap
    from aufruf.sources.items import Batch

    ReadFile = Callable[[Path, str, None, FieldMap], Iterator[tuple[str, Batch]]]

DATA_FILES = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".json")
"""How the names of a dataset's data files end, before what says that they are compressed."""

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_ABOUT = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")


def is_saved_dataset(path: Path) -> bool:
    """Say whether `datasets` saved a folder: it holds what describes a dataset or several splits."""
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def read_dataset(path: Path, given: FieldMap, read_file: ReadFile) -> Iterator[tuple[str, Batch]]:
    """Read a dataset in batches, each with the name of its split or file.

    Raises:
        InputError: if the folder holds no dataset, or a damaged one.
    """
    if is_saved_dataset(path):
        for name, dataset in _saved(path):
            schema = dataset.data.schema
            chosen = columns_of(schema, name, given)
            parts = dataset.data.to_reader(max_chunksize=BATCH)
            for batch in batches_of(parts, chosen, name, given):
                yield name, batch
        return
    for file in data_files(path):
        yield from read_file(file, file.relative_to(path).as_posix(), None, given)


def data_files(path: Path) -> list[Path]:
    """Return the data files of a dataset's folder, sorted.

    Raises:
        InputError: if there are none.
    """
    if not path.is_dir():
        raise InputError(
            f"{path}: no folder of a dataset; expected a folder, or the id of a dataset on the hub such as "
            "owner/name"
        )
    found = sorted(file for file in path.rglob("*") if file.is_file() and _is_data(file))
    if not found:
        raise InputError(f"{path}: no data files; expected some of {', '.join(DATA_FILES)}")
    return found


def _is_data(file: Path) -> bool:
    suffixes = [suffix for suffix in file.suffixes if suffix not in _COMPRESSED]
    return bool(suffixes) and suffixes[-1] in DATA_FILES and file.name not in _ABOUT


def _saved(path: Path) -> list[tuple[str, Dataset]]:
    import pyarrow as pa
    from datasets import Dataset, DatasetDict, load_from_disk

    try:
        loaded = load_from_disk(path)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: a folder that `datasets` saved, but damaged; save it again") from error
    if isinstance(loaded, DatasetDict):
        return [(str(name), dataset) for name, dataset in loaded.items()]
    assert isinstance(loaded, Dataset)
    return [(path.name, loaded)]
