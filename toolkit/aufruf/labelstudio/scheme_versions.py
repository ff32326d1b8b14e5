"""The label schemes that were in force, and how answers by one are read as answers by the next.

The maps lie beside the schemes, see `aufruf.kept_schemes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from aufruf.errors import InputError
from aufruf.files import write_bytes
from aufruf.kept_schemes import kept_version, versions_folder
from aufruf.labelstudio.migration_map import MigrationMap

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
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


def keep_map(workspace: Workspace, old: str, new: str, mapping: MigrationMap) -> None:
    """Record how answers by one version are read as answers by another."""
    content = msgspec.json.encode(mapping, order="deterministic")
    path = versions_folder(workspace) / f"{old}-{new}.json"
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
    for path in sorted(versions_folder(workspace).glob("*.json")):
        old, _, new = path.stem.partition("-")
        try:
            if new:
                maps[old, new] = msgspec.json.decode(path.read_bytes(), type=MigrationMap)
            else:
                schemes[old] = kept_version(path)
        except msgspec.DecodeError as error:
            raise InputError(f"{path}: not what was kept ({error}): restore it from a backup") from error
    return Versions(current, schemes, maps)
