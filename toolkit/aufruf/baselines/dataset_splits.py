"""Read the splits of a dataset's folder, as `datasets` finds them."""
# datasets has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
import tempfile
from typing import TYPE_CHECKING, cast

import polars as pl

from aufruf.errors import InputError
from aufruf.files import sha256_of
from aufruf.sources.huggingface import data_files, is_saved_dataset
from aufruf.sources.reading import files_of

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset


def read_splits(path: Path) -> dict[str, pl.DataFrame]:
    """Return the plain columns of each split as strings, answers of a ClassLabel by their names.

    Raises:
        InputError: if `datasets` cannot read the folder.
    """
    with tempfile.TemporaryDirectory() as cache:
        return {name: _columns(dataset) for name, dataset in _loaded(path, cache).items()}


def sha256_of_split(path: Path, split: str) -> str:
    """Return a hash of a folder's data files, their names, and which split is meant."""
    files = [file for _, file in files_of(path)] if is_saved_dataset(path) else data_files(path)
    content = "".join(f"{sha256_of(file)} {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256(f"{content}{split}".encode()).hexdigest()


def _loaded(path: Path, cache: str) -> dict[str, Dataset]:
    from datasets import Dataset, load_dataset, load_from_disk
    from datasets.exceptions import DatasetGenerationError
    from pyarrow import ArrowException

    try:
        found = load_from_disk(path) if is_saved_dataset(path) else load_dataset(str(path), cache_dir=cache)
    except (ArrowException, DatasetGenerationError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no folder that `datasets.load_dataset` can read") from error
    if isinstance(found, Dataset):
        return {"train": found}
    return {str(name): dataset for name, dataset in found.items()}


def _columns(dataset: Dataset) -> pl.DataFrame:
    from datasets import ClassLabel

    frame = cast("pl.DataFrame", dataset.with_format("polars")[:])
    named = {
        name: dict(enumerate(feature.names))
        for name, feature in dataset.features.items()
        if isinstance(feature, ClassLabel)
    }
    plain = [name for name, dtype in frame.schema.items() if not dtype.is_nested()]
    return frame.select(
        pl.col(name).replace_strict(named[name], default=None, return_dtype=pl.String)
        if name in named
        else pl.col(name).cast(pl.String)
        for name in plain
    )
