"""Who annotates: the file that people edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aufruf.assets import asset
from aufruf.errors import SettingsError
from aufruf.labelstudio.annotators import Annotator, load_annotators

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "annotators.toml"


def test_a_full_entry_is_read_as_it_stands(file: Path):
    file.write_text(
        '[[annotator]]\nid = "amsel"\nlanguages = ["de"]\nrole = "adjudicator"\n'
        'daily = 60\nweekly = 240\nopt_out = ["threat"]\n'
    )
    assert load_annotators(file) == (
        Annotator("amsel", ("de",), "adjudicator", daily=60, weekly=240, opt_out=("threat",)),
    )


def test_the_shipped_file_names_nobody_and_the_samples_four():
    assert load_annotators(asset("annotation", "annotators.toml")) == ()
    sample = load_annotators(asset("annotation", "sample", "annotators.toml"))
    assert [annotator.id for annotator in sample] == ["amsel", "drossel", "fink", "star"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[[annotator]]\nid = "a"\nlanguages = ["de"]\ncolour = "red"\n', "colour"),
        ('[[annotator]]\nid = "a"\nlanguages = ["fr"]\n', "fr"),
        ('[[annotator]]\nid = "a"\nlanguages = []\n', "has no languages"),
        ('[[annotator]]\nid = "A B"\nlanguages = ["de"]\n', "a pseudonym is made of"),
        ('[[annotator]]\nid = "a"\nlanguages = ["de"]\ndaily = 0\n', "daily = 0, expected minutes above 0"),
        (2 * '[[annotator]]\nid = "a"\nlanguages = ["de"]\n', "'a' stands twice"),
        ("[[annotator]\n", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_what_is_wrong(file: Path, content: str, said: str):
    file.write_text(content)
    with pytest.raises(SettingsError) as raised:
        load_annotators(file)
    assert str(file) in str(raised.value)
    assert said in str(raised.value)


def test_a_missing_file_is_named(file: Path):
    with pytest.raises(SettingsError, match="there is no annotators' file here"):
        load_annotators(file)
