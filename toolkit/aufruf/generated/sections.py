"""The sections of the guidelines that repeat the label scheme.

A section stands between two lines, ``<!-- generated: NAME -->`` and ``<!-- end of NAME -->``. A
guidelines file may leave sections out and order them as it likes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aufruf.errors import SettingsError
from aufruf.label_scheme import NONE_HOTKEY, Bilingual
from aufruf.labelstudio.interface import answer_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from aufruf.label_scheme import Example, Label, LabelScheme, Language

_SECTION = re.compile(
    r"^<!-- generated: (?P<name>\w+) -->\n.*?^<!-- end of (?P<end>\w+) -->$", re.DOTALL | re.MULTILINE
)
_MARKER = re.compile(r"^<!-- (?:generated:|end of) .*$", re.MULTILINE)
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&])")


def with_sections(path: Path, text: str, scheme: LabelScheme, language: Language) -> str:
    """Return the guidelines with each marked section made anew; ``path`` is named in errors.

    Raises:
        SettingsError: if a marker names no section, or has no partner.
    """
    for found in _SECTION.finditer(text):
        if found["name"] not in _SECTIONS or found["name"] != found["end"]:
            raise _wrong_marker(path, text, found.start(), f"section '{found['name']}'")
    stray = _MARKER.search(_SECTION.sub(lambda found: " " * len(found[0]), text))
    if stray:
        raise _wrong_marker(path, text, stray.start(), "marker")

    def section(found: re.Match[str]) -> str:
        content = "\n".join(_SECTIONS[found["name"]](scheme, language)).strip()
        return f"<!-- generated: {found['name']} -->\n\n{content}\n\n<!-- end of {found['name']} -->"

    return _SECTION.sub(section, text)


def _wrong_marker(path: Path, text: str, position: int, what: str) -> SettingsError:
    line = text.count("\n", 0, position) + 1
    return SettingsError(
        f"{path}: line {line}: {what} is unknown or lacks its partner; expected `<!-- generated: NAME -->` … "
        f"`<!-- end of NAME -->` with one of {', '.join(_SECTIONS)}"
    )


def _labels(scheme: LabelScheme, language: Language) -> list[str]:
    lines: list[str] = []
    for label in scheme.labels:
        auxiliary = f" · {_AUXILIARY[language]}" if label.auxiliary else ""
        key = f"{_KEY[language]} {label.hotkey}"
        lines += ["", f"### {_plain(label.title[language])}", ""]
        lines += [f"`{label.name}` · {key}{auxiliary}", "", _plain(label.definition[language]), ""]
        lines += [f"**{_YES[language]}**", "", *_examples(scheme, label.examples, language), ""]
        lines += [f"**{_NO[language]}**", "", *_examples(scheme, label.counter_examples, language)]
    return lines


def _voices(scheme: LabelScheme, language: Language) -> list[str]:
    return [
        f"- **{_plain(voice.title[language])}** (`{voice.name}`): {_plain(voice.definition[language])}"
        for voice in scheme.voices
    ]


def _attributes(scheme: LabelScheme, language: Language) -> list[str]:
    lines: list[str] = []
    for attribute in scheme.attributes:
        titles = [_plain(scheme.label(name).title[language]) for name in attribute.labels]
        lines += ["", f"### {_plain(attribute.title[language])}", ""]
        lines += [f"{_ASKED[attribute.in_pass][language]} {', '.join(titles)}.", ""]
        lines += [_plain(attribute.definition[language]), ""]
        lines += [
            f"- **{_plain(value.title[language])}** (`{value.name}`): {_plain(value.definition[language])}"
            for value in attribute.values
        ]
    return lines


def _flags(scheme: LabelScheme, language: Language) -> list[str]:
    return [
        f"- **{_plain(flag.title[language])}** ({_KEY[language]} {flag.hotkey}): "
        f"{_plain(flag.definition[language])}"
        for flag in scheme.flags
    ]


def _borders(scheme: LabelScheme, language: Language) -> list[str]:
    lines: list[str] = []
    for border in scheme.borders:
        lines += ["", f"### {_plain(border.title[language])}", "", _plain(border.rule[language]), ""]
        lines += _examples(scheme, border.examples, language)
    return lines


def _keys(scheme: LabelScheme, language: Language) -> list[str]:
    voices = [_plain(voice.title[language]) for voice in scheme.voices]
    rows = [[_plain(label.title[language]), label.hotkey, *label.voice_hotkeys] for label in scheme.labels]
    rows.append([_NONE[language], NONE_HOTKEY, *("" for _ in voices)])
    lines = _table(["", _KEY[language], *voices], rows)
    triage = [a for a in scheme.attributes if a.in_pass == "triage"]
    for attribute in triage:
        answers = [_plain(value.title[language]) for value in attribute.values]
        asked = [scheme.label(name) for name in attribute.labels]
        lines += ["", f"{_plain(attribute.title[language])}", ""]
        lines += _table(
            ["", *answers], [_attribute_keys(scheme, label, attribute.name, language) for label in asked]
        )
    flags = [[_plain(flag.title[language]), flag.hotkey] for flag in scheme.flags]
    return [*lines, "", *_table([_REMARK[language], _KEY[language]], flags)]


def _attribute_keys(scheme: LabelScheme, label: Label, wanted: str, language: Language) -> list[str]:
    keys = answer_keys(label, "triage")
    given = {a.name: [next(keys, "") for _ in a.values] for a in scheme.attributes_of(label.name, "triage")}
    return [_plain(label.title[language]), *given[wanted]]


def _examples(scheme: LabelScheme, examples: Iterable[Example], language: Language) -> list[str]:
    voices = {voice.name: voice.title[language] for voice in scheme.voices}
    shown = [example for example in examples if example.language == language]
    if not any(example.voice for example in shown):
        return _table(
            [_TEXT[language], _WHY[language]],
            [[_plain(example.text), _plain(example.why)] for example in shown],
        )
    rows = [
        [_plain(e.text), ", ".join(_plain(voices[name]) for name in e.voice), _plain(e.why)] for e in shown
    ]
    return _table([_TEXT[language], _VOICE[language], _WHY[language]], rows)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


_SECTIONS: dict[str, Callable[[LabelScheme, Language], list[str]]] = {
    "labels": _labels,
    "voices": _voices,
    "attributes": _attributes,
    "flags": _flags,
    "borders": _borders,
    "keys": _keys,
}
_KEY = Bilingual(de="Taste", en="key")
_AUXILIARY = Bilingual(de="Hilfslabel, getrennt berichtet", en="auxiliary, reported apart")
_YES = Bilingual(de="Gehört dazu", en="Counts")
_NO = Bilingual(de="Gehört nicht dazu", en="Does not count")
_TEXT = Bilingual(de="Text", en="Text")
_VOICE = Bilingual(de="Stimme", en="Voice")
_WHY = Bilingual(de="Warum", en="Why")
_NONE = Bilingual(de="nichts davon", en="none of these")
_REMARK = Bilingual(de="Anmerkung", en="Remark")
_ASKED = {
    "triage": Bilingual(de="Im ersten Durchgang gefragt zu:", en="Asked in triage about:"),
    "detail": Bilingual(de="Im zweiten Durchgang gefragt zu:", en="Asked in detail about:"),
}
