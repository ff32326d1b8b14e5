"""Keys and tokens: from the environment first, else from the workspace's own file (mode 0600).

The file is part of no export and no backup. Its values are never shown: they come as `Secret`, whose
text is asterisks.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        write_text(self.path, "\n".join(lines) + "\n", mode=0o600)

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
