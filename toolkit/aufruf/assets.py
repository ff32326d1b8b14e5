"""Find the files that ship beside the code: label scheme, guidelines, sample, recipes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def asset(*parts: str) -> Path:
    """Return the path of a shipped file or folder, such as ``asset("schemas", "label_scheme.toml")``.

    In an installed wheel the folders lie in ``aufruf/_assets``; in a checkout they are the folders
    of the same names at its root.

    Raises:
        FileNotFoundError: if no such file was shipped; a broken installation.
    """
    package = Path(str(files("aufruf")))
    shipped = package / "_assets"
    root = shipped if shipped.is_dir() else package.parents[1]
    path = root.joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"aufruf's own file {'/'.join(parts)} is missing: reinstall the package")
    return path
