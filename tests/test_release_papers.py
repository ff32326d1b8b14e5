"""What people must state, and what becomes of it: the data card, the papers, final releases."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pytest

from aufruf.errors import GateError, SettingsError
from aufruf.release.build import export
from aufruf.release.croissant import CROISSANT
from aufruf.release.front_matter import read_front_matter
from aufruf.release.manifest import MANIFEST, canonical_json, list_files, read_manifest, seal
from aufruf.release.papers import PAPERS
from aufruf.release.verify import verify
from aufruf.statements import DATA_CARD, FIELDS, missing_statements, read_statements
from aufruf.tables import RECORDS
from aufruf.workspace import open_workspace
from stated import state, statement

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


BREAKING_OUT = ("# Ours", "### Sub", "---", "<script>alert(1)</script>", "<!-- open", "a\n```\nb", "</td>")


def rows_of(release: Path, config: str = "data") -> pl.DataFrame:
    return pl.read_parquet(release / config / "*.parquet")


def set_release(workspace: Workspace, lines: str) -> Workspace:
    settings = workspace.root / "aufruf.toml"
    settings.write_text(settings.read_text("utf-8").replace("[release]", f"[release]\n{lines}", 1), "utf-8")
    return open_workspace(workspace.root)


def test_a_new_workspace_asks_for_every_statement_and_states_none(workspace: Workspace):
    card = (workspace.root / DATA_CARD).read_text("utf-8")
    assert all(f"## {field.title}\n\n<!-- {field.asks} -->" in card for field in FIELDS)
    assert read_statements(workspace.root / DATA_CARD) == {}
    assert missing_statements({}) == list(FIELDS)


def test_statements_are_read_without_comments_and_spaces(tmp_path: Path):
    path = tmp_path / DATA_CARD
    path.write_text(
        "# Ours\n\nabove\n\n## Funding  \n\n<!-- who -->\nNobody.\n\n- none\n\n## Citation\n<!-- a -->\n"
    )
    assert read_statements(path) == {"funding": "Nobody.\n\n- none"}
    assert read_statements(tmp_path / "nowhere.md") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## Fundings\nx", "'Fundings' is no field; fields are Curators, Funding"),
        ("## Funding\nx\n## Funding\ny", "'Funding' stands twice"),
        *((f"## Funding\nx\n\n{text}", "'Funding' holds a heading") for text in BREAKING_OUT),
    ],
)
def test_a_heading_that_is_no_field_or_stands_twice_is_refused(tmp_path: Path, text: str, said: str):
    (tmp_path / DATA_CARD).write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_statements(tmp_path / DATA_CARD)


def test_a_retention_without_a_date_states_nothing():
    stated = {field.name: "x" for field in FIELDS}
    assert [field.name for field in missing_statements(stated)] == ["retention"]
    assert [field.name for field in missing_statements(stated | {"retention": "2031-02-40"})] == ["retention"]
    assert missing_statements(stated | {"retention": "kept until 2031-02-28"}) == []


def test_a_final_release_is_refused_until_all_is_stated_and_then_says_that_it_is_final(
    filled_workspace: Workspace,
):
    filled_workspace = state(filled_workspace, "ethics", "gate")
    with pytest.raises(GateError, match=r"(?s)2 statements are missing .*Ethics vote \(.*Terms of access"):
        export(filled_workspace, "1.0.0", final=True)
    assert list((filled_workspace.root / "releases").iterdir()) == []
    filled_workspace = state(filled_workspace)
    export(filled_workspace, "1.0.0", final=True)
    release = filled_workspace.root / "releases" / "1.0.0"
    assert read_manifest(release).final
    assert verify(release).ok
    card = (release / "README.md").read_text("utf-8")
    assert "Not final" not in card
    front = read_front_matter(card)
    assert front["extra_gated_prompt"] == statement("gate")
    assert "No decision about a person will rest on it" in front["extra_gated_fields"]


@pytest.mark.parametrize("text", ["TODO", "-", "n/a", "…", "tbd."])
def test_a_placeholder_states_nothing(tmp_path: Path, text: str):
    (tmp_path / DATA_CARD).write_text(f"## Funding\n\n{text}\n", "utf-8")
    assert read_statements(tmp_path / DATA_CARD) == {}


def test_lists_links_and_comparisons_are_statements(tmp_path: Path):
    text = "Nobody, see <https://example.org>.\n\n- 3 < 4\n- **bold**"
    (tmp_path / DATA_CARD).write_text(f"## Funding\n\n{text}\n", "utf-8")
    assert read_statements(tmp_path / DATA_CARD) == {"funding": text}


def test_a_final_release_needs_a_title_a_contact_and_a_retention_that_is_not_over(
    filled_workspace: Workspace,
):
    filled_workspace = state(filled_workspace)
    card, settings = (filled_workspace.root / name for name in (DATA_CARD, "aufruf.toml"))
    told = settings.read_text("utf-8")
    settings.write_text(told.replace('contact = "nobody@example.org"', ""), "utf-8")
    with pytest.raises(GateError, match=r"(?s)1 statements are missing .*contact"):
        export(open_workspace(filled_workspace.root), "1.0.0", final=True)
    settings.write_text(told, "utf-8")
    card.write_text(card.read_text("utf-8").replace("2040-12-31", "2020-12-31"), "utf-8")
    with pytest.raises(GateError, match="the retention ended on 2020-12-31"):
        export(filled_workspace, "1.0.0", final=True)


def test_the_card_says_what_splits_keep_together(filled_workspace: Workspace):
    settings = filled_workspace.root / "aufruf.toml"
    export(filled_workspace, "0.1.0")
    card = (filled_workspace.root / "releases" / "0.1.0" / "README.md").read_text("utf-8")
    assert "in the same split: duplicate cluster, author, conversation" in card
    assert "Not kept together" not in card
    told = settings.read_text("utf-8")
    settings.write_text(re.sub("together = .*", 'together = ["duplicate"]', told), "utf-8")
    shutil.rmtree(filled_workspace.root / "releases" / "0.1.0")
    export(open_workspace(filled_workspace.root), "0.1.0")
    card = (filled_workspace.root / "releases" / "0.1.0" / "README.md").read_text("utf-8")
    assert "in the same split: duplicate cluster." in card
    assert "Not kept together, by setting: author, conversation" in card


def test_without_a_card_a_final_release_is_refused_and_the_card_put_there(filled_workspace: Workspace):
    (filled_workspace.root / DATA_CARD).unlink()
    with pytest.raises(GateError, match="22 statements are missing"):
        export(filled_workspace, "1.0.0", final=True)
    assert read_statements(filled_workspace.root / DATA_CARD) == {}


def test_an_unfinished_card_lists_what_is_still_to_be_stated(filled_workspace: Workspace):
    filled_workspace = state(filled_workspace, "ethics", "terms")
    export(filled_workspace, "0.1.0")
    release = filled_workspace.root / "releases" / "0.1.0"
    card = (release / "README.md").read_text("utf-8")
    assert "> **Not final.** Still to be stated by people: Platform terms, Ethics vote." in card
    assert "**Ethics vote.**" not in card
    assert not read_manifest(release).final
    assert "Ethics: *Not stated.*" in (release / "docs" / "data_protection.md").read_text("utf-8")


def test_every_statement_stands_in_a_paper_and_most_in_the_card(filled_workspace: Workspace):
    filled_workspace = state(filled_workspace)
    export(filled_workspace, "1.0.0", final=True)
    release = filled_workspace.root / "releases" / "1.0.0"
    papers = {name: (release / "docs" / f"{name}.md").read_text("utf-8") for name in PAPERS}
    assert [
        field.name for field in FIELDS if not any(statement(field.name) in text for text in papers.values())
    ] == []
    assert not any("Not stated" in text for text in papers.values())
    card = (release / "README.md").read_text("utf-8")
    assert {field.name for field in FIELDS if statement(field.name) not in card} <= {
        *("rationale", "speech", "protection"),
    }


def test_the_figures_of_papers_are_those_of_the_files(filled_release: Path):
    rows = rows_of(filled_release)
    sheet = (filled_release / "docs" / "datasheet.md").read_text("utf-8")
    months = rows.get_column("month").drop_nulls()
    assert f"from {months.min()} to {months.max()}" in sheet
    told = re.search(r"([\d,]+) of ([\d,]+) records are released without their text", sheet)
    assert told is not None
    assert [int(n.replace(",", "")) for n in told.groups()] == [rows["text"].null_count(), rows.height]
    tex = (filled_release / "docs" / "figures.tex").read_text("utf-8")
    line = next(line for line in tex.splitlines() if line.startswith("Threat, in any voice"))
    expected = [
        pl.read_parquet(filled_release / "data" / f"{split}-*.parquet")["threat_contained"].sum()
        for split in ("train", "validation", "test")
    ]
    assert [int(cell) for cell in line.split(" & ")[1:4]] == expected


def protest_of(workspace: Workspace) -> set[str]:
    """Give all records a time in 2031, and return those that contain a call to protest."""
    records = workspace.store.read(RECORDS)
    times = [datetime(2031, 1 + n % 12, 3, tzinfo=UTC) for n in range(records.height)]
    workspace.store.upsert(
        RECORDS, records.with_columns(created_at=pl.Series(times, dtype=records["created_at"].dtype))
    )
    export(workspace, "0.0.1")
    rows = rows_of(workspace.root / "releases" / "0.0.1")
    return set(rows.filter(pl.col("protest_mobilization_contained"))["id"])


@pytest.mark.parametrize(("told", "length"), [("year", 4), ("none", None)])
def test_calls_to_protest_tell_their_time_as_roughly_as_is_set(
    filled_workspace: Workspace, told: str, length: int | None
):
    calls = protest_of(filled_workspace)
    assert calls
    workspace = set_release(filled_workspace, f'protest_time = "{told}"')
    export(workspace, "0.1.0")
    rows = rows_of(workspace.root / "releases" / "0.1.0").select("id", length=pl.col("month").str.len_bytes())
    assert set(rows.filter(pl.col("id").is_in(calls))["length"]) == {length}
    assert set(rows.filter(~pl.col("id").is_in(calls))["length"]) == {7}
    assert verify(workspace.root / "releases" / "0.1.0").ok


def test_young_calls_to_protest_stay_out_and_are_counted(filled_workspace: Workspace):
    calls = protest_of(filled_workspace)
    records = filled_workspace.store.read(RECORDS)
    young = records.filter(pl.col("created_at").dt.date() >= date(2031, 7, 1)).get_column("record_id")
    late = calls & set(young)
    assert 0 < len(late) < len(calls)
    workspace = set_release(filled_workspace, "protest_before = 2031-07-01")
    report = export(workspace, "0.1.0")
    release = workspace.root / "releases" / "0.1.0"
    before = set(rows_of(workspace.root / "releases" / "0.0.1")["id"])
    assert set(rows_of(release)["id"]) == before - late
    assert report.left_out["a call to protest not from before 2031-07-01"] == len(late)
    assert not late & set(rows_of(release, "annotations")["id"])
    assert verify(release).ok


def test_croissant_is_valid_and_its_reader_finds_every_row_and_every_null(filled_workspace: Workspace):
    filled_workspace = state(filled_workspace)
    export(filled_workspace, "1.0.0", final=True)
    release = filled_workspace.root / "releases" / "1.0.0"
    script = """
import json, sys, mlcroissant
data = mlcroissant.Dataset(sys.argv[1])
found = {each.id: list(data.records(each.id)) for each in data.metadata.record_sets}
train = next(name for name in found if name.startswith("data/train"))
nulls = sum(row[f"{train}/threat_author"] is None for row in found[train])
issues = data.metadata.ctx.issues
print(json.dumps({"rows": {name: len(rows) for name, rows in found.items()}, "nulls": nulls,
    "errors": len(issues.errors), "warnings": len(issues.warnings), "uses": data.metadata.data_use_cases,
    "version": str(data.metadata.ctx.conforms_to)}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(release / CROISSANT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    files = {path.relative_to(release).as_posix(): path for path in release.rglob("*.parquet")}
    assert found["rows"] == {
        name.removesuffix(".parquet"): pl.read_parquet(path).height for name, path in files.items()
    }
    train = pl.read_parquet(release / "data" / "train-*.parquet")
    assert found["nulls"] == train["threat_author"].null_count() > 0
    assert (found["errors"], found["warnings"]) == (0, 0)
    assert found["version"] == "CroissantVersion.V_1_1"
    assert found["uses"] == [statement("uses")]


@pytest.mark.parametrize("key", ["distribution", "recordSet", "version", "rai:annotationsPerItem"])
def test_verify_finds_a_croissant_file_that_does_not_say_what_the_files_hold(filled_release: Path, key: str):
    path = filled_release / CROISSANT
    described = json.loads(path.read_text("utf-8"))
    described[key] = described[key][1:]
    path.write_text(json.dumps(described), "utf-8")
    manifest = msgspec.structs.replace(read_manifest(filled_release), files=list_files(filled_release))
    (filled_release / MANIFEST).write_bytes(canonical_json(seal(manifest)))
    assert verify(filled_release).failures == [f"{CROISSANT}: its {key} is not that of the files"]
