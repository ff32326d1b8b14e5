"""Keys and tokens: from the environment first, else from the workspace's own file (mode 0600).

The file is part of no export and no backup. Its values are never shown: they come as `Secret`, whose
text is asterisks.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from aufruf.errors import SettingsError
from aufruf.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Secret:
    """A value that does not show in messages, logs or tracebacks; ``reveal`` gives it."""

    _value: str

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__


@dataclass(frozen=True)
class Secrets:
    """The secrets of one workspace, read anew at each call: another process may have written."""

    path: Path

    def get(self, name: str) -> Secret | None:
        """Return a secret, or None if it was never set or was destroyed."""
        value = self._load().get(name)
        return None if value is None else Secret(value)

    def names(self) -> tuple[str, ...]:
        """Return which secrets are set."""
        return tuple(sorted(self._load()))

    def update(self, changes: Mapping[str, str | None]) -> None:
        """Set secrets, or forget those whose value is None, in one step."""
        content = {**self._load(), **changes}
        kept = {name: value for name, value in sorted(content.items()) if value is not None}
        lines = [
            f"{msgspec.json.encode(name).decode()} = {msgspec.json.encode(value).decode()}"
            for name, value in kept.items()
        ]
        write_text(self.path.resolve(), "\n".join(lines) + "\n", mode=0o600)

    def destroy(self, name: str) -> bool:
        """Forget a secret and overwrite the bytes of the file that held it, and of what a crash left of it.

        At any moment the file is the old one or the new one, whole. Return False if the old file has another
        name on the disk: it is then left as it is, for it holds other secrets too. A disk may keep what was
        overwritten.
        """
        path = self.path.resolve()
        if not path.exists():
            return True
        with path.open("r+b") as old:
            self.update({name: None})
            for leftover in path.parent.glob(f".{path.name}.*"):
                with leftover.open("r+b") as handle:
                    _overwrite(handle)
                leftover.unlink()
            if os.fstat(old.fileno()).st_nlink > 0:
                return False
            _overwrite(old)
        return True

    def _load(self) -> dict[str, str]:
        try:
            return msgspec.convert(tomllib.loads(self.path.read_text("utf-8")), dict[str, str])
        except FileNotFoundError:
            return {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
            raise SettingsError(
                f"{self.path}: the secrets file is damaged; restore it from your own copy, or move it away "
                "and accept that old pseudonyms cannot be made again"
            ) from error


def _overwrite(handle: BinaryIO) -> None:
    handle.write(bytes(os.fstat(handle.fileno()).st_size))
    handle.flush()
    os.fsync(handle.fileno())
