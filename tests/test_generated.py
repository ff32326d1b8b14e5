"""What is made from label scheme and tables: that it is in step, and what it says."""

from __future__ import annotations

import json
import shutil
import tomllib
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator, ValidationError
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from aufruf.assets import asset
from aufruf.cli.app import app
from aufruf.errors import GateError, SettingsError
from aufruf.generated import drifted, find_root, generated_files, write_generated
from aufruf.label_scheme import LANGUAGES, load_label_scheme
from aufruf.tables import EVENTS, TABLES
from aufruf.workspace import open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.label_scheme import Language
    from aufruf.workspace import Workspace

ROOT = asset("schemas").parent
SCHEME = load_label_scheme(ROOT / "schemas" / "label_scheme.toml")
TRIAGE = {
    "pass": "triage",
    "labels": ["threat"],
    "voices": [{"label": "threat", "voice": "reported"}],
    "attributes": [{"label": "threat", "attribute": "serious", "value": "joking"}],
    "spans": None,
    "flags": ["unsure"],
    "comment": None,
}
DETAIL = {
    "pass": "detail",
    "labels": None,
    "voices": None,
    "attributes": [{"label": "threat", "attribute": "target", "value": "property"}],
    "spans": [{"label": "threat", "start": 0, "end": 7}],
    "flags": [],
    "comment": None,
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The folders of a checkout that hold generated files, in step."""
    for folder in ("schemas", "annotation"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("sample"))
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")


def schema_of(path: str) -> dict[str, Any]:
    return json.loads((ROOT / "schemas" / path).read_text("utf-8"))


def check(schema: dict[str, Any], value: object) -> None:
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def names(paths: list[Path]) -> list[str]:
    return [path.as_posix() for path in paths]


def test_the_checkout_is_in_step_with_its_label_scheme_and_tables():
    assert drifted(ROOT) == []


def test_a_new_workspace_is_in_step(workspace: Workspace):
    assert drifted(workspace.root) == []


def test_a_changed_title_is_drift_in_everything_that_shows_it(checkout: Path):
    edit(checkout / "schemas" / "label_scheme.toml", 'de = "Drohung"\n', 'de = "Androhung"\n')
    expected = [
        "annotation/guidelines/de.md",
        "annotation/interface.detail.de.xml",
        "annotation/interface.triage.de.xml",
    ]
    assert names(drifted(checkout)) == expected
    assert names(write_generated(checkout)) == expected
    assert drifted(checkout) == write_generated(checkout) == []
    assert "Androhung" in (checkout / expected[0]).read_text("utf-8")


def test_a_new_value_is_drift_in_pages_guidelines_and_the_schema_of_answers(checkout: Path):
    edit(checkout / "schemas" / "label_scheme.toml", 'name = "veiled"', 'name = "hidden"')
    assert names(drifted(checkout)) == [
        "annotation/guidelines/de.md",
        "annotation/guidelines/en.md",
        "annotation/interface.detail.de.xml",
        "annotation/interface.detail.en.xml",
        "schemas/answer.schema.json",
    ]


@pytest.mark.parametrize("path", sorted(map(str, generated_files(ROOT))))
def test_a_generated_file_that_was_edited_or_deleted_is_named_and_made_anew(checkout: Path, path: str):
    before = (checkout / path).read_text("utf-8")
    if path.endswith(".md"):
        edit(checkout / path, "\n<!-- end of labels -->", "mine\n<!-- end of labels -->")
    else:
        (checkout / path).unlink()
    assert names(drifted(checkout)) == [path]
    write_generated(checkout)
    assert (checkout / path).read_text("utf-8") == before


def test_the_schema_of_a_table_that_is_gone_is_removed(checkout: Path):
    gone = checkout / "schemas" / "tables" / "oracle.schema.json"
    gone.write_text("{}\n", "utf-8")
    assert names(drifted(checkout)) == ["schemas/tables/oracle.schema.json"]
    write_generated(checkout)
    assert not gone.exists()


def test_what_was_written_by_hand_stays_as_it_is(checkout: Path):
    path = checkout / "annotation" / "guidelines" / "en.md"
    edit(path, "## Veiled threats\n", "## Hidden threats\n\nOur own rule. | * <b>\n")
    assert drifted(checkout) == []


def test_a_section_that_was_taken_out_stays_out(checkout: Path):
    path = checkout / "annotation" / "guidelines" / "en.md"
    text = path.read_text("utf-8")
    start, end = text.index("<!-- generated: keys"), text.index("<!-- end of keys -->")
    path.write_text(text[:start] + text[end + len("<!-- end of keys -->") :], "utf-8")
    assert drifted(checkout) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<!-- end of labels -->", ""),
        ("<!-- end of labels -->", "<!-- end of flags -->"),
        ("<!-- generated: labels -->", "<!-- generated: lables -->"),
        ("<!-- generated: labels -->", ""),
    ],
)
def test_a_wrong_marker_is_refused_with_file_and_line(checkout: Path, old: str, new: str):
    path = checkout / "annotation" / "guidelines" / "de.md"
    edit(path, old, new)
    with pytest.raises(SettingsError, match=r"de\.md: line \d+: .*expected `<!-- generated: NAME -->`"):
        drifted(checkout)


def test_missing_guidelines_are_an_error_that_names_the_file(checkout: Path):
    (checkout / "annotation" / "guidelines" / "de.md").unlink()
    with pytest.raises(SettingsError, match=r"de\.md: the guidelines are missing"):
        drifted(checkout)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guidelines_show_everything_of_the_scheme_in_their_language(language: Language):
    text = (ROOT / "annotation" / "guidelines" / f"{language}.md").read_text("utf-8")
    shown = shown_text(text)
    labels = [
        wording
        for label in SCHEME.labels
        for wording in (label.title[language], label.definition[language], label.name)
    ]
    examples = [
        example
        for entry in (*SCHEME.labels, *SCHEME.borders)
        for example in (*entry.examples, *getattr(entry, "counter_examples", ()))
    ]
    rules = [wording for b in SCHEME.borders for wording in (b.title[language], b.rule[language])]
    rest = [
        wording
        for entry in (*SCHEME.voices, *SCHEME.flags, *(v for a in SCHEME.attributes for v in a.values))
        for wording in (entry.title[language], entry.definition[language])
    ]
    own = [part for e in examples if e.language == language for part in (e.text, e.why)]
    assert [wording for wording in (*labels, *rules, *rest, *own) if wording not in shown] == []
    assert [e.text for e in examples if e.language != language and e.text in shown] == []


def shown_text(markdown: str) -> str:
    """The text that Markdown shows, without its markup."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    inline = [child for token in tokens for child in token.children or ()]
    return "\n".join(part.content for part in inline if part.content)


def test_markup_in_an_example_is_shown_and_not_followed(checkout: Path):
    payload = "*a* | <b>b</b> [c](d) `e` \\\\ # & _f_"
    edit(checkout / "schemas" / "label_scheme.toml", "Ich will ihm wehtun, und das ist kein Spruch.", payload)
    write_generated(checkout)
    text = (checkout / "annotation" / "guidelines" / "de.md").read_text("utf-8")
    cells = [
        "".join(child.content for child in token.children or ())
        for token in MarkdownIt("commonmark").enable("table").parse(text)
        if token.type == "inline"
    ]
    assert payload.replace("\\\\", "\\") in cells


def test_every_json_schema_is_a_valid_one():
    paths = [path for path in generated_files(ROOT) if path.suffix == ".json"]
    assert len(paths) == len(TABLES) + 2
    for path in paths:
        Draft202012Validator.check_schema(json.loads((ROOT / path).read_text("utf-8")))


def test_the_shipped_scheme_is_valid_by_its_schema_and_an_unknown_key_is_not():
    schema = schema_of("label_scheme.schema.json")
    scheme = tomllib.loads((ROOT / "schemas" / "label_scheme.toml").read_text("utf-8"))
    check(schema, scheme)
    scheme["label"][0]["colour"] = "red"
    with pytest.raises(ValidationError, match="colour"):
        check(schema, scheme)


def test_a_row_of_a_table_is_valid_by_its_schema(workspace: Workspace):
    schema = schema_of("tables/events.schema.json")
    (row,) = json.loads(workspace.store.read(EVENTS).write_json())
    row["at"] = f"{row['at']}Z".replace(" ", "T")
    check(schema, row)
    for broken in ({**row, "n": "1"}, {**row, "n": None}, {**row, "more": 1}, {"n": 1}):
        with pytest.raises(ValidationError):
            check(schema, broken)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_schema_of_a_table_has_its_columns_with_their_meaning_and_null_rule(table: Any):
    schema = schema_of(f"tables/{table.name}.schema.json")
    assert schema["required"] == [column.name for column in table.columns]
    for column in table.columns:
        described = schema["properties"][column.name]
        assert described["description"] == column.meaning
        assert ("null" in described["type"]) == column.nullable
        assert ("array" in described["type"]) == isinstance(column.dtype, pl.List)


@pytest.mark.parametrize(
    "answer",
    [
        TRIAGE,
        DETAIL,
        {**TRIAGE, "labels": []},
        {**TRIAGE, "labels": None, "voices": None, "attributes": None, "flags": ["cannot_judge"]},
    ],
)
def test_an_answer_by_the_scheme_is_valid(answer: dict[str, Any]):
    check(schema_of("answer.schema.json"), answer)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["none"]},
        {"labels": ["threat", "threat"]},
        {"voices": [{"label": "threat", "voice": "loud"}]},
        {"flags": ["bored"]},
        {"spans": []},
        {"attributes": [{"label": "threat", "attribute": "target", "value": "property"}]},
        {"attributes": [{"label": "threat", "attribute": "serious", "value": "veiled"}]},
        {"mood": "bad"},
    ],
)
def test_an_answer_beside_the_scheme_is_not_valid(change: dict[str, Any]):
    with pytest.raises(ValidationError):
        check(schema_of("answer.schema.json"), {**TRIAGE, **change})


def test_an_attribute_is_valid_for_its_own_labels_only():
    wrong = [{"label": "protest_mobilization", "attribute": "target", "value": "property"}]
    with pytest.raises(ValidationError):
        check(schema_of("answer.schema.json"), {**DETAIL, "attributes": wrong})


def test_building_in_a_workspace_is_an_event_and_a_dry_run_is_none(workspace: Workspace):
    edit(workspace.root / "schemas" / "label_scheme.toml", 'en = "Threat"', 'en = "Menace"')
    before = workspace.store.read(EVENTS).height
    assert len(write_generated(workspace.root, dry_run=True)) == 3
    assert workspace.store.read(EVENTS).height == before
    write_generated(workspace.root)
    event = open_workspace(workspace.root).store.read(EVENTS).sort("n").row(-1, named=True)
    assert (event["n"], event["action"], event["details"]) == (before + 1, "scheme build", '{"files":3}')


def test_the_root_is_found_from_below_and_a_named_folder_is_taken_as_it_is(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(checkout / "annotation" / "guidelines")
    assert find_root() == checkout
    with pytest.raises(SettingsError, match=r"there is no schemas/label_scheme\.toml here"):
        find_root(checkout / "annotation")


def test_the_check_fails_with_the_names_of_the_files_and_writes_nothing(checkout: Path):
    path = checkout / "annotation" / "interface.detail.en.xml"
    edit(path, "settled", "fixed")
    edited = path.read_bytes()
    result = CliRunner().invoke(app, ["scheme", "build", "--check", "--workspace", str(checkout)])
    assert isinstance(result.exception, GateError)
    assert result.exception.exit_code == 3
    assert "annotation/interface.detail.en.xml" in str(result.exception)
    assert path.read_bytes() == edited


def test_the_check_passes_and_says_nothing_where_all_is_in_step(checkout: Path):
    result = CliRunner().invoke(app, ["scheme", "build", "--check", "--workspace", str(checkout)])
    assert (result.exit_code, result.output) == (0, "")


def test_build_tells_in_json_what_it_wrote(checkout: Path):
    (checkout / "schemas" / "answer.schema.json").unlink()
    result = CliRunner().invoke(app, ["scheme", "build", "--json", "-w", str(checkout)])
    assert json.loads(result.stdout)["changed"] == ["schemas/answer.schema.json"]
    assert drifted(checkout) == []


def test_show_tells_version_hash_and_labels():
    result = CliRunner().invoke(app, ["scheme", "show", "--json", "-w", str(ROOT)])
    shown = json.loads(result.stdout)
    assert (shown["version"], shown["sha256"]) == (SCHEME.version, SCHEME.sha256)
    assert [label["name"] for label in shown["labels"]] == list(SCHEME.label_names)
    assert shown["labels"][0]["title"] == {"de": "Drohung", "en": "Threat"}
