"""From what a user names to a path: standard input, or a dataset on the hub."""
# huggingface_hub has types that pyright cannot read to the end
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Generator

STANDARD_INPUT = Path("-")
_SPOOLED = "stdin-"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@contextmanager
def located(path: Path, format: str | None, scratch: Path | None = None) -> Generator[Path]:  # noqa: A002 -- as the command line says
    """Give the path of what is to be read.

    Standard input (`-`) becomes a file below ``scratch``, a dataset of the hub (format huggingface, no
    such folder) a folder in the hub's own cache. What was made for the reading is gone afterwards.

    Raises:
        InputError: if standard input is a terminal, or the hub cannot be reached or has no such dataset.
    """
    if path == STANDARD_INPUT:
        with _spooled(scratch) as file:
            yield file
    elif format == "huggingface" and not path.exists() and _HUB_ID.fullmatch(path.as_posix()):
        yield _fetched(path.as_posix())
    else:
        yield path


@contextmanager
def _spooled(scratch: Path | None) -> Generator[Path]:
    """Keep standard input in a file: formats are found out, and some read, in two passes."""
    if sys.stdin.isatty():
        raise InputError(
            "-: nothing comes on standard input; use it behind a pipe, as in cat FILE | aufruf …"
        )
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
        forget_spooled(scratch)
    with tempfile.TemporaryDirectory(dir=scratch, prefix=f"{_SPOOLED}{os.getpid()}-") as folder:
        file = Path(folder) / "stdin"
        with file.open("wb") as handle:
            shutil.copyfileobj(sys.stdin.buffer, handle, 1 << 20)
        yield file


def forget_spooled(scratch: Path) -> None:
    """Remove what killed processes had kept of their standard input."""
    for folder in scratch.glob(f"{_SPOOLED}*"):
        process = folder.name.removeprefix(_SPOOLED).split("-")[0]
        if not (process.isdigit() and _runs(int(process))):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _fetched(name: str) -> Path:
    """Fetch the data files of a dataset; offline, those that were fetched before."""
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    from aufruf.sources.huggingface import DATA_FILES

    wanted = [f"*{ending}{more}" for ending in DATA_FILES for more in ("", ".*")]
    try:
        return Path(snapshot_download(name, repo_type="dataset", allow_patterns=wanted))
    except RepositoryNotFoundError as error:
        raise InputError(
            f"{name}: neither a folder here nor a dataset on the hub that may be read; check the name, or "
            "set HF_TOKEN if it is not public"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise InputError(
            f"{name}: the hub cannot be reached, and nothing of this dataset was fetched before; try again "
            "online, or give a folder with its files"
        ) from error
