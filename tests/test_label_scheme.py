"""The label scheme: what the shipped one holds, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from aufruf.assets import asset
from aufruf.errors import SettingsError
from aufruf.label_scheme import LANGUAGES, Bilingual, Language, load_label_scheme

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = asset("schemas", "label_scheme.toml")
SCHEME = load_label_scheme(SHIPPED)
EXAMPLES = [
    example
    for entry in (*SCHEME.labels, *SCHEME.borders)
    for example in (*entry.examples, *getattr(entry, "counter_examples", ()))
]


def changed(tmp_path: Path, old: str, new: str, count: int = 1) -> Path:
    """A copy of the shipped scheme in which ``old`` is replaced."""
    content = SHIPPED.read_text("utf-8")
    assert old in content
    path = tmp_path / "label_scheme.toml"
    path.write_text(content.replace(old, new, count), "utf-8")
    return path


def wordings(value: object) -> list[Bilingual]:
    """Every wording in both languages, wherever it stands."""
    if isinstance(value, Bilingual):
        return [value]
    if isinstance(value, msgspec.Struct):
        return [found for name in value.__struct_fields__ for found in wordings(getattr(value, name))]
    return [found for item in value for found in wordings(item)] if isinstance(value, tuple) else []


def test_labels_voices_attributes_and_flags_are_the_contract_of_all_parts():
    assert SCHEME.label_names == ("threat", "call_to_violence", "protest_mobilization", "violence_approval")
    assert SCHEME.voice_names == ("own", "endorsed", "reported", "condemned", "fictional", "unclear")
    assert SCHEME.author_voices == ("own", "endorsed")
    assert SCHEME.flag_names == ("unsure", "cannot_judge", "needed_context", "urgent")
    assert SCHEME.missing_flags == ("cannot_judge",)
    assert [label.name for label in SCHEME.labels if label.auxiliary] == ["violence_approval"]
    asked = {label: [a.name for a in SCHEME.attributes_of(label)] for label in SCHEME.label_names}
    assert asked == {
        "threat": ["serious", "explicitness", "target"],
        "call_to_violence": ["serious", "explicitness", "target", "agent"],
        "protest_mobilization": ["serious", "form", "time_place"],
        "violence_approval": ["serious", "explicitness", "target"],
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("label", SCHEME.labels, ids=lambda label: label.name)
@pytest.mark.parametrize("kind", ["examples", "counter_examples"])
def test_each_label_has_four_examples_and_counter_examples_in_each_language(
    label: object, kind: str, language: Language
):
    assert sum(example.language == language for example in getattr(label, kind)) >= 4


def test_every_example_of_a_label_names_its_voices_and_no_counter_example_does():
    for label in SCHEME.labels:
        assert all(example.voice for example in label.examples)
        assert not any(example.voice for example in label.counter_examples)


def test_the_examples_show_every_voice_in_each_language_but_unclear():
    for language in LANGUAGES:
        shown = {voice for e in EXAMPLES if e.language == language for voice in e.voice}
        assert shown >= {"own", "endorsed", "reported", "condemned"}
    assert "fictional" in {voice for example in EXAMPLES for voice in example.voice}


def test_every_border_has_a_rule_with_examples_in_each_language():
    assert [border.name for border in SCHEME.borders] == [
        "wish_or_threat",
        "warning_or_threat",
        "call_or_solicitation",
        "mention_or_call",
        "blockade_or_violence",
        "state_or_mob",
        "joking",
    ]
    for border in SCHEME.borders:
        assert {example.language for example in border.examples} == set(LANGUAGES)


def test_no_wording_is_empty_or_a_placeholder_or_the_same_in_both_languages():
    found = wordings(SCHEME)
    assert len(found) > 80
    assert all(len(words[language].strip()) > 1 for words in found for language in LANGUAGES)
    same = {words.de for words in found if words.de == words.en}
    assert same <= {"Text"}


def test_no_example_stands_twice_or_in_the_bundled_sample():
    texts = [example.text for example in EXAMPLES]
    assert len(set(texts)) == len(texts)
    sample = [
        json.loads(line)["text"]
        for language in LANGUAGES
        for line in asset("annotation", "sample", f"posts.{language}.jsonl").read_text("utf-8").splitlines()
    ]
    runs = {run for text in sample for run in runs_of_six_words(text)}
    assert not [text for text in texts if runs_of_six_words(text) & runs]


def runs_of_six_words(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[i : i + 6]) for i in range(len(words) - 5)}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('version = "0.1.0"', 'version = "0.1.0"\ncolour = 1', "colour"),
        ('hotkey = "1"\n', "", "hotkey"),
        ('name = "call_to_violence"', 'name = "threat"', "label 'threat' stands twice"),
        ('name = "reported"', 'name = "own"', "voice 'own' stands twice"),
        (
            'name = "veiled"',
            'name = "explicit"',
            "value of attribute 'explicitness': 'explicit' stands twice",
        ),
        ('name = "urgent"', 'name = "Very urgent"', "flag 'Very urgent' is no identifier"),
        ('name = "threat"', 'name = "dröhung"', "label 'dröhung' is no identifier"),
        ('name = "threat"', 'name = "none"', "label 'none' is a reserved name"),
        ('name = "target"', 'name = "voice"', "attribute 'voice' is a reserved name: 'threat_voice'"),
        ('labels = ["call_to_violence"]', 'labels = ["call"]', "names the unknown label 'call'"),
        ('voice = ["condemned"]', 'voice = ["regretted"]', "names the unknown voice 'regretted'"),
        ('"q", "w", "e", "r", "t", "z"', '"q", "w", "e"', "label 'threat' needs 6 voice_hotkeys"),
        ('hotkey = "8"', 'hotkey = "0"', "hotkey '0' is given twice"),
        ('hotkey = "8"', 'hotkey = "q"', "hotkey 'q' is given twice"),
        ('color = "#c0392b"', 'color = "red"', "expected one like '#c0392b'"),
        ('language = "en"', 'language = "fr"', "'fr'"),
        ('pass = "detail"', 'pass = "later"', "'later'"),
        ("[[label]]", "[[label]", "not valid TOML"),
    ],
)
def test_a_wrong_scheme_is_refused_with_its_file_and_what_is_wrong(
    tmp_path: Path, old: str, new: str, says: str
):
    path = changed(tmp_path, old, new)
    with pytest.raises(SettingsError) as error:
        load_label_scheme(path)
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_a_wrong_voice_in_the_example_of_a_border_is_refused(tmp_path: Path):
    content = SHIPPED.read_text("utf-8")
    before, mark, after = content.partition("[[border]]")
    path = tmp_path / "label_scheme.toml"
    path.write_text(before + mark + after.replace('voice = ["own"]', 'voice = ["mine"]', 1), "utf-8")
    with pytest.raises(SettingsError, match="example of 'wish_or_threat' names the unknown voice 'mine'"):
        load_label_scheme(path)


def test_all_problems_are_told_at_once(tmp_path: Path):
    path = changed(tmp_path, "author = true", "author = false", count=-1)
    path.write_text(path.read_text("utf-8").replace('hotkey = "8"', 'hotkey = "7"'), "utf-8")
    with pytest.raises(SettingsError, match="hotkey '7' is given twice; no voice has `author = true`"):
        load_label_scheme(path)


def test_a_missing_scheme_says_how_to_get_one(tmp_path: Path):
    with pytest.raises(SettingsError, match="aufruf init"):
        load_label_scheme(tmp_path / "label_scheme.toml")


def test_comments_and_layout_do_not_change_the_hash(tmp_path: Path):
    path = changed(tmp_path, 'hotkey = "1"', '\n# a remark\nhotkey   =   "1"')
    assert load_label_scheme(path).sha256 == SCHEME.sha256


@pytest.mark.parametrize(
    ("old", "new"),
    [('version = "0.1.0"', 'version = "0.1.1"'), ("nicht beim Reifen", "nicht bei dem Reifen")],
)
def test_content_changes_the_hash(tmp_path: Path, old: str, new: str):
    assert load_label_scheme(changed(tmp_path, old, new)).sha256 != SCHEME.sha256


def test_the_version_is_below_one_until_a_pilot_on_real_records():
    assert SCHEME.version.startswith("0.")


def test_looking_up_an_unknown_label_is_an_error():
    with pytest.raises(KeyError, match="riot"):
        SCHEME.label("riot")
