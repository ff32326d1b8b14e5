"""The suite that ships with aufruf, in ``baselines/functional``: functionalities, templates, cases."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import polars as pl

from aufruf.assets import asset
from aufruf.baselines.functional.expansion import expand, name_callers
from aufruf.errors import InputError
from aufruf.label_scheme import LANGUAGES, Bilingual

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from aufruf.label_scheme import Language

SHIPPED = "functional"
FUNCTIONALITIES = "functionalities.toml"
COLUMNS = ("functionality", "pair", *LANGUAGES)
CANARY = "canary"
"""Stands as the functionality of the row by which a file of the suite is recognised in training data."""

Gold = Literal["own", "mention", "none"]
_ANSWERS: dict[Gold, tuple[bool, bool]] = {
    "own": (True, True),
    "mention": (True, False),
    "none": (False, False),
}


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Functionality(_Entry, frozen=True):
    """What a group of cases tests.

    ``gold`` says per label that the functionality is about: ``own`` (contained, and the author's),
    ``mention`` (contained, not the author's), ``none``. Nothing is asserted of other labels.
    """

    name: str
    title: Bilingual
    gold: dict[str, Gold]
    callers: bool = False


class Caller(_Entry, frozen=True):
    """Who calls: the forms of a group's name in each language, by the form's name."""

    name: str
    de: dict[str, str]
    en: dict[str, str]


class Declared(_Entry, frozen=True):
    """The file ``functionalities.toml``."""

    version: str
    canary: str
    functionality: tuple[Functionality, ...]
    caller: tuple[Caller, ...] = ()


@dataclass(frozen=True)
class Suite:
    """Cases with what must be answered.

    Attributes:
        name: of the suite.
        cases: a row each: ``case`` (its id), ``functionality``, ``template``, ``unit`` (templates made from
            one another have one, which the bootstrap draws), ``language`` and ``group`` (of people that
            it names, such as who calls; both null where not known), ``text``, and a Boolean column for
            each of ``golds``, null where nothing is asserted.
        golds: names of the columns of right answers, such as ``threat_author``.
        titles: what functionalities test, by name; of those of others nothing is known.
    """

    name: str
    cases: pl.DataFrame
    golds: tuple[str, ...]
    titles: dict[str, Bilingual] = field(default_factory=dict[str, Bilingual])


def read_suite(folder: Path | None = None) -> Suite:
    """Read a suite of our format; by default the one that ships with aufruf.

    Raises:
        InputError: if a file is not what it must be. Names the file and the line.
    """
    folder = folder or asset("baselines", SHIPPED)
    declared = read_functionalities(folder)
    known = {functionality.name: functionality for functionality in declared.functionality}
    labels = sorted({label for functionality in known.values() for label in functionality.gold})
    golds = tuple(f"{label}_{column}" for label in labels for column in ("contained", "author"))
    rows = [row for path in sorted(folder.glob("*.csv")) for row in _rows_of(path, known, declared)]
    if not rows:
        raise InputError(f"{folder}: no cases; a suite holds {FUNCTIONALITIES} and files *.csv")
    schema = dict.fromkeys(
        ("case", "functionality", "language", "template", "unit", "group", "text"), pl.String
    )
    cases = pl.DataFrame(rows, schema=schema | dict.fromkeys(golds, pl.Boolean))
    repeated = cases.filter(pl.col("case").is_duplicated())
    if repeated.height:
        raise InputError(f"{folder}: {repeated['template'][0]} stands there twice; give it another pair")
    titles = {name: functionality.title for name, functionality in known.items()}
    return Suite(SHIPPED, cases, golds, titles)


def read_functionalities(folder: Path) -> Declared:
    """Read what a suite tests, and who calls in it.

    Raises:
        InputError: if the file is missing or is not what it must be.
    """
    path = folder / FUNCTIONALITIES
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Declared)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no suite here") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"{path}: {error}") from error


def _rows_of(path: Path, known: Mapping[str, Functionality], declared: Declared) -> Iterator[dict[str, Any]]:
    marked = False
    with path.open(encoding="utf-8", newline="") as stream:
        lines = csv.DictReader(stream)
        if tuple(lines.fieldnames or ()) != COLUMNS:
            raise InputError(f"{path}: expected the columns {', '.join(COLUMNS)}")
        for line in lines:
            if line["functionality"] == CANARY:
                marked |= declared.canary in line["en"]
                continue
            functionality = known.get(line["functionality"])
            if functionality is None:
                raise InputError(
                    f"{path}, line {lines.line_num}: functionality {line['functionality']!r} is not in "
                    f"{FUNCTIONALITIES}"
                )
            for language in LANGUAGES:
                try:
                    yield from _cases(functionality, line["pair"], language, line[language], declared)
                except ValueError as error:
                    raise InputError(f"{path}, line {lines.line_num}, {language}: {error}") from error
    if not marked:
        raise InputError(f"{path}: lacks the canary of {FUNCTIONALITIES}: a row {CANARY},,,<the string>")


def _cases(
    functionality: Functionality, pair: str, language: Language, text: str, declared: Declared
) -> Iterator[dict[str, Any]]:
    if not text:
        return
    template = f"{functionality.name}/{pair}/{language}"
    if functionality.callers:
        forms = {caller.name: caller.de if language == "de" else caller.en for caller in declared.caller}
        texts = [(name, name, filled) for name, filled in name_callers(text, forms).items()]
    else:
        texts = [(str(number), None, filled) for number, filled in enumerate(expand(text), start=1)]
    for number, group, filled in texts:
        yield {
            "case": f"{template}/{number}",
            "functionality": functionality.name,
            "language": language,
            "template": template,
            "unit": f"{pair}/{language}",
            "group": group,
            "text": filled,
            **_gold(functionality),
        }


def _gold(functionality: Functionality) -> dict[str, bool]:
    answers = {label: _ANSWERS[gold] for label, gold in functionality.gold.items()}
    return {
        f"{label}_{column}": answer
        for label, found in answers.items()
        for column, answer in zip(("contained", "author"), found, strict=True)
    }
