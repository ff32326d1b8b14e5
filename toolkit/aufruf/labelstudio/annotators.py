"""Who annotates: ``annotation/annotators.toml`` as frozen values."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Literal

import msgspec

from aufruf.errors import SettingsError
from aufruf.label_scheme import Language  # noqa: TC001 -- msgspec reads the annotation at run time

if TYPE_CHECKING:
    from pathlib import Path

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Annotator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One annotator, by pseudonym.

    ``daily`` and ``weekly`` are budgets in minutes; None: no budget. ``opt_out`` names labels, sources or
    targets that this person does not want to read.
    """

    id: str
    languages: tuple[Language, ...]
    role: Literal["annotator", "adjudicator"] = "annotator"
    daily: int | None = None
    weekly: int | None = None
    opt_out: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    annotators: tuple[Annotator, ...] = msgspec.field(name="annotator", default=())


def load_annotators(path: Path) -> tuple[Annotator, ...]:
    """Read and check an annotators' file; an empty tuple if it names nobody.

    Raises:
        SettingsError: if the file is missing, is no TOML, has an unknown key or a wrong value, or repeats a
            pseudonym. Names the file and the key.
    """
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).annotators
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: there is no annotators' file here; `aufruf init` writes one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
    problems = _problems(found)
    if problems:
        raise SettingsError(f"{path}: " + "; ".join(problems))
    return found


def _problems(annotators: tuple[Annotator, ...]) -> list[str]:
    ids = [annotator.id for annotator in annotators]
    problems = [f"annotator '{name}' stands twice" for name in sorted({n for n in ids if ids.count(n) > 1})]
    problems += [
        f"annotator '{name}': a pseudonym is made of a-z, 0-9, _ and -, at most 32 of them"
        for name in ids
        if not _ID.fullmatch(name)
    ]
    problems += [
        f"annotator '{a.id}' has no languages: expected de, en or both" for a in annotators if not a.languages
    ]
    for annotator in annotators:
        budgets = {"daily": annotator.daily, "weekly": annotator.weekly}
        problems += [
            f"annotator '{annotator.id}': {name} = {minutes}, expected minutes above 0"
            for name, minutes in budgets.items()
            if minutes is not None and minutes <= 0
        ]
    return problems
