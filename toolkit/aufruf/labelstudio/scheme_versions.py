"""Versions of the label scheme that were in force, kept by their hash so that old answers can be read.

Each lies in ``schemas/versions`` as the JSON whose SHA-256 is its name, beside the maps between them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from aufruf.errors import InputError
from aufruf.files import write_bytes
from aufruf.label_scheme import LabelScheme
from aufruf.labelstudio.migration_map import MigrationMap

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


@dataclass(frozen=True)
class Versions:
    """The label scheme in force, older ones by hash, and the recorded maps by (from, to)."""

    current: LabelScheme
    schemes: dict[str, LabelScheme]
    maps: dict[tuple[str, str], MigrationMap]

    def scheme(self, sha256: str) -> LabelScheme:
        """Return the version of that hash.

        Raises:
            InputError: if it was not kept.
        """
        if sha256 not in self.schemes:
            raise InputError(
                f"schemas/versions: the label scheme {sha256[:12]} was not kept here: name its file with "
                "`aufruf annotate migrate --old FILE`"
            )
        return self.schemes[sha256]

    def path(self, start: str) -> list[tuple[LabelScheme, LabelScheme, MigrationMap]]:
        """Return the shortest way by recorded maps from a version to the one in force.

        Without a recorded way it is one step with an empty map; none for the version in force.
        """
        goal = self.current.sha256
        ways: dict[str, list[tuple[str, str]]] = {start: []}
        waiting = [start]
        while waiting and goal not in ways:
            here = waiting.pop(0)
            for pair in sorted(self.maps):
                if pair[0] == here and pair[1] not in ways:
                    ways[pair[1]] = [*ways[here], pair]
                    waiting.append(pair[1])
        steps = ways.get(goal, [(start, goal)])
        return [
            (self.scheme(old), self.scheme(new), self.maps.get((old, new), MigrationMap()))
            for old, new in steps
        ]


def keep_version(workspace: Workspace, scheme: LabelScheme | None = None) -> None:
    """Keep a label scheme by its hash: the one in force, unless another is given."""
    kept = scheme or workspace.label_scheme
    path = _folder(workspace) / f"{kept.sha256}.json"
    if not path.exists():
        write_bytes(path, msgspec.json.encode(kept, order="deterministic"))


def keep_map(workspace: Workspace, old: str, new: str, mapping: MigrationMap) -> None:
    """Record how answers by one version are read as answers by another."""
    content = msgspec.json.encode(mapping, order="deterministic")
    path = _folder(workspace) / f"{old}-{new}.json"
    if not path.exists() or path.read_bytes() != content:
        write_bytes(path, content)


def load_versions(workspace: Workspace) -> Versions:
    """Read all kept versions and maps.

    Raises:
        InputError: if a kept file was changed.
    """
    current = workspace.label_scheme
    schemes = {current.sha256: current}
    maps: dict[tuple[str, str], MigrationMap] = {}
    for path in sorted(_folder(workspace).glob("*.json")):
        old, _, new = path.stem.partition("-")
        try:
            if new:
                maps[old, new] = msgspec.json.decode(path.read_bytes(), type=MigrationMap)
            else:
                schemes[old] = _checked(path)
        except msgspec.DecodeError as error:
            raise InputError(f"{path}: not what was kept ({error}): restore it from a backup") from error
    return Versions(current, schemes, maps)


def _checked(path: Path) -> LabelScheme:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != path.stem:
        raise InputError(f"{path}: the file was changed: its name is its hash; restore it from a backup")
    return msgspec.json.decode(content, type=LabelScheme)


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "schemas" / "versions"
