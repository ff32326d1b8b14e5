"""How names of one label scheme are read in another: renamed, dropped, or to be asked again."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import msgspec

from aufruf.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aufruf.label_scheme import LabelScheme

Target = str | tuple[str, ...]
"""A new name; "" drops the answer; several names split it: each of them is to be asked again."""


class MigrationMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Old names with what becomes of them. ``value`` is by the old name of the attribute."""

    label: dict[str, Target] = {}
    voice: dict[str, Target] = {}
    attribute: dict[str, str] = {}
    flag: dict[str, str] = {}
    value: dict[str, dict[str, Target]] = {}

    def kinds(self) -> Iterator[tuple[str, dict[str, Target]]]:
        """Yield each kind of name with its entries; values as ``value of ATTRIBUTE``."""
        yield "label", self.label
        yield "voice", self.voice
        yield "attribute", {**self.attribute}
        yield "flag", {**self.flag}
        for attribute, entries in self.value.items():
            yield f"value of {attribute}", entries


def load_map(path: Path) -> MigrationMap:
    """Read a map.

    Raises:
        SettingsError: if the file is missing or wrong; names the key.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), MigrationMap)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: there is no such file; --map names a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: no map between label schemes: {error}") from error


def names_in(scheme: LabelScheme) -> dict[str, tuple[str, ...]]:
    """Return the names of a scheme by kind, as `MigrationMap.kinds` calls them."""
    values = {f"value of {attribute.name}": attribute.value_names for attribute in scheme.attributes}
    attributes = tuple(attribute.name for attribute in scheme.attributes)
    named = {"label": scheme.label_names, "voice": scheme.voice_names, "flag": scheme.flag_names}
    return {**named, "attribute": attributes, **values}


def check_map(mapping: MigrationMap, new: LabelScheme) -> None:
    """Refuse a map that the new scheme does not allow.

    A name means the same in every version: one that the new scheme still has stays what it is, and whoever
    changes what it means gives it a new name.

    Raises:
        SettingsError: names all entries that are wrong.
    """
    problems: list[str] = []
    there = names_in(new)
    for kind, entries in mapping.kinds():
        attribute = kind.removeprefix("value of ")
        renamed = mapping.attribute.get(attribute, attribute)
        known = there.get(f"value of {renamed}" if attribute != kind else kind, ())
        for old, target in entries.items():
            wanted = (target,) if isinstance(target, str) else target
            unknown = [name for name in wanted if name and name not in known]
            problems += [f"{kind} '{old}': the new scheme has no '{name}'" for name in unknown]
            if old in known and target != old:
                problems.append(f"{kind} '{old}': the new scheme still has it, with the same meaning")
    if problems:
        raise SettingsError("the map does not fit the label scheme in force: " + "; ".join(problems))
