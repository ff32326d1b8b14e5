"""The label scheme: labels, voices, attributes and flags, read from ``schemas/label_scheme.toml``.

Whatever repeats them (interface, guidelines, JSON Schemas, dataset features, card) is made from here.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import msgspec

from aufruf.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Language = Literal["de", "en"]
Pass = Literal["triage", "detail"]
TaskPass = Literal["triage", "detail", "adjudication"]
"""What a task belongs to: one of the scheme's passes, or the decision of what triage left open."""
NONE = "none"
"""Stands for "no label holds" wherever one label has to be chosen; no label is called so."""
NONE_HOTKEY = "0"
REVEAL_HOTKEY = "9"
LANGUAGES: tuple[Language, ...] = ("de", "en")
PASSES: tuple[Pass, ...] = ("triage", "detail")


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """An entry of the file: frozen, and an unknown key is an error."""


class Bilingual(_Entry, frozen=True):
    """One wording in both languages."""

    de: str
    en: str

    def __getitem__(self, language: Language) -> str:
        return self.de if language == "de" else self.en


class Example(_Entry, frozen=True):
    """A text with the reason why a label, or no label, holds of it.

    ``voice`` names the voices of the label in this text; empty for a counter-example.
    """

    language: Language
    text: str
    why: str
    voice: tuple[str, ...] = ()


class Label(_Entry, frozen=True):
    """A label. Any number of labels may hold of one record.

    ``auxiliary`` labels keep the borders of the others clean and are reported apart.
    ``voice_hotkeys`` are the keys of this label's voices, in the order of the voices.
    """

    name: str
    hotkey: str
    color: str
    voice_hotkeys: tuple[str, ...]
    title: Bilingual
    definition: Bilingual
    examples: tuple[Example, ...] = msgspec.field(name="example")
    counter_examples: tuple[Example, ...] = msgspec.field(name="counter_example")
    auxiliary: bool = False


class Voice(_Entry, frozen=True):
    """In whose voice a label holds. ``author`` says whether it counts as the author's own."""

    name: str
    author: bool
    title: Bilingual
    definition: Bilingual


class AttributeValue(_Entry, frozen=True):
    """One answer to an attribute's question."""

    name: str
    title: Bilingual
    definition: Bilingual


class Attribute(_Entry, frozen=True):
    """A question with one answer, asked for each chosen label that it is about."""

    name: str
    in_pass: Pass = msgspec.field(name="pass")
    labels: tuple[str, ...]
    title: Bilingual
    definition: Bilingual
    values: tuple[AttributeValue, ...] = msgspec.field(name="value")

    @property
    def value_names(self) -> tuple[str, ...]:
        """The names of the answers, in their order."""
        return tuple(value.name for value in self.values)


class Flag(_Entry, frozen=True):
    """A remark on the whole record in triage. ``missing`` makes the answer a missing value."""

    name: str
    hotkey: str
    title: Bilingual
    definition: Bilingual
    missing: bool = False


class Border(_Entry, frozen=True):
    """A decision rule for a border between labels, or between a label and none."""

    name: str
    title: Bilingual
    rule: Bilingual
    examples: tuple[Example, ...] = msgspec.field(name="example", default=())


class LabelScheme(_Entry, frozen=True):
    """The whole scheme. ``labels`` and ``voices`` are in the order in which they are shown and stored."""

    version: str
    title: Bilingual
    labels: tuple[Label, ...] = msgspec.field(name="label")
    voices: tuple[Voice, ...] = msgspec.field(name="voice")
    attributes: tuple[Attribute, ...] = msgspec.field(name="attribute")
    flags: tuple[Flag, ...] = msgspec.field(name="flag")
    borders: tuple[Border, ...] = msgspec.field(name="border")

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the content: comments and layout of the file do not count."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of all labels, auxiliary ones included."""
        return tuple(label.name for label in self.labels)

    @property
    def voice_names(self) -> tuple[str, ...]:
        """The names of all voices."""
        return tuple(voice.name for voice in self.voices)

    @property
    def author_voices(self) -> tuple[str, ...]:
        """The voices that count as the author's own."""
        return tuple(voice.name for voice in self.voices if voice.author)

    @property
    def flag_names(self) -> tuple[str, ...]:
        """The names of all flags."""
        return tuple(flag.name for flag in self.flags)

    @property
    def missing_flags(self) -> tuple[str, ...]:
        """The flags that make an answer a missing value."""
        return tuple(flag.name for flag in self.flags if flag.missing)

    def label(self, name: str) -> Label:
        """Return the label of that name; KeyError if there is none."""
        for label in self.labels:
            if label.name == name:
                return label
        raise KeyError(name)

    def attributes_of(self, label: str, in_pass: Pass | None = None) -> tuple[Attribute, ...]:
        """Return the attributes asked of a label, in one pass or in both."""
        return tuple(
            attribute
            for attribute in self.attributes
            if label in attribute.labels and in_pass in (None, attribute.in_pass)
        )


def load_label_scheme(path: Path) -> LabelScheme:
    """Read and check a label scheme.

    Raises:
        SettingsError: if the file is missing, is no TOML, has an unknown or missing key, repeats a
            name, or refers to a label or voice that it does not define. Names the file and the key.
    """
    try:
        scheme = msgspec.convert(tomllib.loads(path.read_text("utf-8")), LabelScheme)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: there is no label scheme here; `aufruf init` writes one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
    problems = _problems(scheme)
    if problems:
        raise SettingsError(f"{path}: " + "; ".join(problems))
    return scheme


def _problems(scheme: LabelScheme) -> list[str]:
    return [
        *_wrong_names(scheme),
        *_wrong_keys(scheme),
        *_wrong_references(scheme),
        *([] if scheme.author_voices else ["no voice has `author = true`"]),
    ]


def _wrong_names(scheme: LabelScheme) -> Iterator[str]:
    named = {
        "label": scheme.label_names,
        "voice": scheme.voice_names,
        "attribute": tuple(attribute.name for attribute in scheme.attributes),
        "flag": scheme.flag_names,
        "border": tuple(border.name for border in scheme.borders),
        **{f"value of attribute '{entry.name}':": entry.value_names for entry in scheme.attributes},
    }
    for kind, names in named.items():
        yield from (f"{kind} '{name}' stands twice" for name in _repeated(names))
        yield from (
            f"{kind} '{name}' is no identifier (a-z, 0-9, _)" for name in names if not _NAME.fullmatch(name)
        )
    if NONE in scheme.label_names:
        yield f"label '{NONE}' is a reserved name"
    for attribute in scheme.attributes:
        if attribute.name in _RESERVED:
            column = "_".join([*attribute.labels[:1], attribute.name])
            yield f"attribute '{attribute.name}' is a reserved name: '{column}' means something else"


def _wrong_keys(scheme: LabelScheme) -> Iterator[str]:
    keys = [
        NONE_HOTKEY,
        REVEAL_HOTKEY,
        *(entry.hotkey for entries in (scheme.labels, scheme.flags) for entry in entries),
    ]
    keys += [key for label in scheme.labels for key in label.voice_hotkeys]
    yield from (f"hotkey '{key}' is given twice" for key in _repeated(keys))
    for label in scheme.labels:
        if len(label.voice_hotkeys) != len(scheme.voices):
            yield f"label '{label.name}' needs {len(scheme.voices)} voice_hotkeys, one a voice"
        if not _COLOR.fullmatch(label.color):
            yield f"label '{label.name}' has the color '{label.color}', expected one like '#c0392b'"


def _wrong_references(scheme: LabelScheme) -> Iterator[str]:
    for attribute in scheme.attributes:
        unknown = [name for name in attribute.labels if name not in scheme.label_names]
        yield from (f"attribute '{attribute.name}' names the unknown label '{name}'" for name in unknown)
    for entry in (*scheme.labels, *scheme.borders):
        voices = {voice for example in entry.examples for voice in example.voice}
        unknown = sorted(voices - set(scheme.voice_names))
        yield from (f"an example of '{entry.name}' names the unknown voice '{name}'" for name in unknown)


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COLOR = re.compile(r"#[0-9a-f]{6}")
_RESERVED = ("voice", "contained", "author", "share", "n", "spans", "verdict", "error")
"""Names of attributes that would make a control, a column of gold or a column of a release twice."""
