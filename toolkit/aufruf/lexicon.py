"""Seed terms by label: a guess what a record may hold, before anybody has judged it.

A guess is no answer: it plans the reading, keeps opt-outs and gives strata, and goes into no release.
"""

from __future__ import annotations

import re
import tomllib
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import msgspec
import polars as pl

from aufruf.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WORDS = re.compile(r"[^\s*]+\*?(?: (?:[^\s*]+\*?|\*))*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of a label in one language.

    A term is one word or several; ``*`` at a word's end stands for any ending, ``*`` alone for any word.
    """

    label: str
    language: Literal["de", "en"]
    words: tuple[str, ...]


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Terms by which a text is taken to be about some people."""

    name: str
    language: Literal["de", "en"]
    words: tuple[str, ...]


class Lexicon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """All seed terms. A label or a group may stand several times: its terms add up."""

    version: str
    terms: tuple[Terms, ...] = ()
    groups: tuple[Group, ...] = ()

    @cached_property
    def group_names(self) -> tuple[str, ...]:
        """The names of the groups, each once."""
        return tuple(dict.fromkeys(group.name for group in self.groups))

    def guesses(self, records: pl.LazyFrame) -> pl.LazyFrame:
        """Return which labels and groups a text has a term of, in its own language.

        Args:
            records: ``record_id``, ``language``, ``text``; other columns are ignored.

        Returns:
            ``record_id``, ``name`` (a label's or a group's), sorted; no row where nothing was found.
        """
        wanted = [(entry.label, entry.language, entry.words) for entry in self.terms]
        wanted += [(entry.name, entry.language, entry.words) for entry in self.groups]
        found = [
            pl.when((pl.col("language") == language) & pl.col("text").str.contains(term_pattern(words))).then(
                pl.lit(name)
            )
            for name, language, words in wanted
            if words
        ]
        if not found:
            return records.select("record_id", name=pl.lit("")).clear()
        return (
            records.select("record_id", name=pl.concat_list(found).list.drop_nulls().list.unique())
            .explode("name")
            .filter(pl.col("name").is_not_null())
            .sort("record_id", "name")
        )


def load_lexicon(path: Path, labels: Iterable[str]) -> Lexicon:
    """Read and check a lexicon.

    Args:
        path: the file.
        labels: the names that the label scheme defines.

    Raises:
        SettingsError: if the file is no TOML, has an unknown key, an unknown label, a term that is empty or
            has its ``*`` inside a word, or a group that is called as a label is. Names the file and the key.
    """
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Lexicon)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: there is no lexicon here; `aufruf init` writes one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
    problems = _problems(found, set(labels))
    if problems:
        raise SettingsError(f"{path}: " + "; ".join(problems))
    return found


def _problems(lexicon: Lexicon, labels: set[str]) -> list[str]:
    unknown = sorted({entry.label for entry in lexicon.terms} - labels)
    problems = [f"terms of the unknown label '{name}'" for name in unknown]
    problems += [
        f"group '{name}': expected a-z, 0-9 and _, and no name of a label"
        for name in lexicon.group_names
        if not _NAME.fullmatch(name) or name in labels
    ]
    return problems + [
        f"term '{word}': expected words with single spaces, `*` at a word's end or alone"
        for entry in (*lexicon.terms, *lexicon.groups)
        for word in entry.words
        if not _WORDS.fullmatch(word)
    ]


def term_pattern(words: Iterable[str]) -> str:
    """Return one regular expression for Polars: its engine takes time linear in the text."""
    alternatives = "|".join(_term(word) for word in words)
    return rf"(?i)(?:^|[^\w])(?:{alternatives})(?:[^\w]|$)"


def _term(word: str) -> str:
    parts = [r"\w+" if part == "*" else _escaped(part) for part in word.split(" ")]
    return r"\s+".join(parts)


def _escaped(part: str) -> str:
    return re.escape(part.removesuffix("*")) + (r"\w*" if part.endswith("*") else "")
