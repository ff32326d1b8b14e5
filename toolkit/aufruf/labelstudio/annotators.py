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

    ``daily`` and ``weekly`` are budgets in minutes, ``daily_heavy`` and ``weekly_heavy`` in heavy records;
    None: no budget; no heavy records at all: 0. ``opt_out`` names what this person does not want to read: a
    label, a source, a target, a group of the lexicon, or ``column=value`` of a labelled source.
    """

    id: str
    languages: tuple[Language, ...]
    role: Literal["annotator", "adjudicator"] = "annotator"
    daily: int | None = None
    weekly: int | None = None
    daily_heavy: int | None = None
    weekly_heavy: int | None = None
    opt_out: tuple[str, ...] = ()

    @property
    def has_budget(self) -> bool:
        """Whether anything limits this person's days or weeks."""
        return any(
            limit is not None for limit in (self.daily, self.weekly, self.daily_heavy, self.weekly_heavy)
        )

    @property
    def reads_heavy(self) -> bool:
        """Whether heavy records may be given to this person at all."""
        return self.daily_heavy != 0 and self.weekly_heavy != 0


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
    return problems + [problem for annotator in annotators for problem in _wrong_budgets(annotator)]


def _wrong_budgets(annotator: Annotator) -> list[str]:
    minutes = {"daily": annotator.daily, "weekly": annotator.weekly}
    heavy = {"daily_heavy": annotator.daily_heavy, "weekly_heavy": annotator.weekly_heavy}
    wrong = [
        f"{name} = {value}, expected minutes above 0"
        for name, value in minutes.items()
        if value is not None and value <= 0
    ]
    wrong += [
        f"{name} = {value}, expected a number of heavy records, or 0 for none at all"
        for name, value in heavy.items()
        if value is not None and value < 0
    ]
    return [f"annotator '{annotator.id}': {said}" for said in wrong]
