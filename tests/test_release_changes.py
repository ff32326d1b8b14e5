"""What changed between releases, which number says so, and making one again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.assets import asset
from aufruf.cli.app import app
from aufruf.errors import GateError, InputError, WorkspaceError
from aufruf.label_scheme import load_label_scheme
from aufruf.release.build import export
from aufruf.release.changes import Labelled, Relabelled, compare
from aufruf.release.manifest import read_manifest
from aufruf.release.rebuild import rebuild
from aufruf.release.verify import verify
from aufruf.release.versions import least_version
from aufruf.tables import GOLD
from aufruf.workspace import open_workspace
from test_release_versions import add_records, decide_anew

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
LABEL = "threat_contained"


def released(*rows: tuple[str, str, str, bool | None], scheme: Any = SCHEME) -> Labelled:
    """Rows of id, text, split and whether a threat is contained."""
    columns = ["id", "text", "split", LABEL]
    frame = pl.DataFrame(rows, columns, orient="row", schema_overrides={LABEL: pl.Boolean})
    return Labelled(frame.with_columns(language=pl.lit("de")), scheme)


BEFORE = released(
    ("a", "x", "train", True), ("b", "x", "train", None), ("c", "x", "test", False), ("d", "x", "test", True)
)


def test_records_are_added_removed_moved_and_have_other_texts():
    after = released(
        ("a", "y", "train", True),
        ("b", "x", "test", None),
        ("c", "x", "test", False),
        ("e", "x", "test", None),
    )
    found = compare(BEFORE, after)
    assert (found.added, found.removed, found.moved, found.changed_text) == (["e"], ["d"], ["b"], ["a"])
    assert found.relabelled == []
    assert found.level == "minor"


def test_other_answers_are_counted_by_column_language_from_and_to():
    after = released(
        ("a", "x", "train", False),
        ("b", "x", "train", True),
        ("c", "x", "test", False),
        ("d", "x", "test", None),
    )
    found = compare(BEFORE, after)
    assert set(found.relabelled) == {
        Relabelled(LABEL, "de", "not asked", "yes", 1),
        Relabelled(LABEL, "de", "yes", "no", 1),
        Relabelled(LABEL, "de", "yes", "not asked", 1),
    }
    assert found.level == "patch"


def scheme_with(tmp_path: Path, *changes: tuple[str, str]) -> Any:
    text = asset("schemas", "label_scheme.toml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "label_scheme.toml"
    path.write_text(text, "utf-8")
    return load_label_scheme(path)


def test_a_definition_that_changed_is_major_and_a_colour_is_nothing(tmp_path: Path):
    definition = SCHEME.labels[0].definition.en.split("\n")[0]
    other = scheme_with(tmp_path, (definition, f"Not so: {definition}"))
    found = compare(BEFORE, Labelled(BEFORE.rows, other))
    assert found.meanings == [f"label {SCHEME.label_names[0]}: is defined otherwise"]
    assert found.level == "major"
    painted = scheme_with(tmp_path, (SCHEME.labels[0].color, "#000001"))
    assert compare(BEFORE, Labelled(BEFORE.rows, painted)).level == "patch"


@pytest.mark.parametrize(
    ("earlier", "level", "least"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("0.2.3", "major", "0.3.0"),
        ("0.2.3", "minor", "0.3.0"),
        ("0.2.9", "patch", "0.2.10"),
    ],
)
def test_the_least_version_raises_the_number_that_the_change_asks_for(earlier: str, level: Any, least: str):
    assert least_version(earlier, level) == least


def test_added_records_need_a_minor_version_and_a_larger_one_will_do(released_workspace: Workspace):
    add_records(released_workspace, 3)
    with pytest.raises(InputError, match=r"0\.1\.1 does not fit: .* added: 0\.2\.0 would"):
        export(released_workspace, "0.1.1", dry_run=True)
    with pytest.raises(InputError, match=r"0\.2\.0 would"):
        export(released_workspace, "0.1.1")
    assert not (released_workspace.root / "releases" / "0.1.1").exists()
    assert export(released_workspace, "1.0.0", dry_run=True).least_version == "0.2.0"
    assert export(released_workspace, "0.1.1", dry_run=True, any_version=True).least_version == "0.2.0"


def flip(workspace: Workspace, label: str) -> str:
    """Turn one record's answer from no to yes and return the record."""
    gold = workspace.store.read(GOLD)
    cell = (pl.col("label") == label) & (pl.col("column") == "contained") & (pl.col("value") == "false")
    record = gold.filter(cell).sort("record_id").item(0, "record_id")
    turned = pl.when(cell & (pl.col("record_id") == record)).then(pl.lit("true")).otherwise("value")
    decide_anew(workspace, gold.with_columns(value=turned))
    return record


def test_a_correction_is_a_patch_that_changelog_and_diff_tell(released_workspace: Workspace):
    flip(released_workspace, "threat")
    second = Path(export(released_workspace, "0.1.1").path)
    log = (second / "CHANGELOG.md").read_text("utf-8")
    assert "no → yes: 1" in log
    first = released_workspace.root / "releases" / "0.1.0"
    told = CliRunner().invoke(app, ["diff", str(first), str(second), "--json"])
    found = json.loads(told.stdout)
    assert (found["added"], found["removed"], found["moved"], found["level"]) == (0, 0, 0, "patch")
    (changed,) = found["relabelled"]
    assert (changed["column"], changed["before"], changed["after"], changed["n"]) == (LABEL, "no", "yes", 1)
    root = ["--workspace", str(released_workspace.root)]
    assert "no" in CliRunner().invoke(app, ["diff", "0.1.0", "0.1.1", *root]).stdout
    assert CliRunner().invoke(app, ["diff", "0.1.0", "0.9.9", *root]).exit_code == 1


def test_diff_lists_the_ids_when_asked(released_workspace: Workspace):
    added = add_records(released_workspace, 2)
    export(released_workspace, "0.2.0")
    arguments = ["diff", "0.1.0", "0.2.0", "--records", "--workspace", str(released_workspace.root)]
    lines = CliRunner().invoke(app, arguments).stdout.splitlines()
    assert {line for line in lines if line.startswith("added\t")} == {f"added\t{each}" for each in added}
    assert json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["added"] == sorted(added)


def test_a_release_is_made_again_from_the_tables_as_they_were(released_workspace: Workspace, tmp_path: Path):
    first = released_workspace.root / "releases" / "0.1.0"
    add_records(released_workspace, 20)
    export(released_workspace, "0.2.0")
    flip(released_workspace, "threat")
    report = rebuild(released_workspace, "0.1.0", tmp_path / "again")
    assert report.content_sha256 == read_manifest(first).content_sha256
    assert report.differing == []
    assert verify(tmp_path / "again").ok
    second = rebuild(released_workspace, "0.2.0", tmp_path / "second")
    assert second.differing == []


def test_what_would_come_out_otherwise_is_refused(released_workspace: Workspace, tmp_path: Path):
    settings = released_workspace.root / "aufruf.toml"
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="exists already"):
        rebuild(released_workspace, "0.1.0", tmp_path / "there")
    with pytest.raises(InputError, match="no such release"):
        rebuild(released_workspace, "0.3.0", tmp_path / "again")
    settings.write_text(settings.read_text("utf-8").replace('rights = "', 'rights = "other '), "utf-8")
    changed = open_workspace(released_workspace.root)
    with pytest.raises(InputError, match="not as they were"):
        rebuild(changed, "0.1.0", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_without_the_tables_of_then_nothing_is_made_again(released_workspace: Workspace, tmp_path: Path):
    for path in (released_workspace.root / "tables" / "gold").glob("*.parquet"):
        path.unlink()
    with pytest.raises(WorkspaceError, match="no longer there"):
        rebuild(released_workspace, "0.1.0", tmp_path / "again")


def test_another_content_is_a_failure_and_leaves_nothing(
    released_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = read_manifest(released_workspace.root / "releases" / "0.1.0")
    other = type(found)(**{**{f: getattr(found, f) for f in found.__struct_fields__}, "seed": 5})
    monkeypatch.setattr("aufruf.release.rebuild.read_manifest", lambda _: other)
    with pytest.raises(GateError, match="something else comes out"):
        rebuild(released_workspace, "0.1.0", tmp_path / "again")
    assert list(tmp_path.glob("*again*")) == []


def test_the_command_makes_a_release_again(released_workspace: Workspace, tmp_path: Path):
    target = tmp_path / "again"
    arguments = ["export", "0.1.0", "--rebuild", str(target), "--workspace", str(released_workspace.root)]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    assert "the same came out" in told.stdout
    shutil.rmtree(target)
    assert json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["differing"] == []
