"""What was taken down does not come back; what was not, does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.errors import WorkspaceError
from aufruf.importing import import_paths
from aufruf.keys import destroy_key, new_key
from aufruf.tables import PLATFORM_IDS, RECORDS, TOMBSTONES
from aufruf.tombstones import tombstone_key, tombstones_of
from aufruf.workspace import TOMBSTONE_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.importing import ImportReport
    from aufruf.workspace import Workspace

LONG = "Am Samstag um zwei treffen wir uns vor dem Rathaus, {}, und bleiben, bis es dunkel ist."


def posts(tmp_path: Path, *rows: dict[str, str], name: str = "board.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def bury(workspace: Workspace, chosen: pl.Expr, *authors: str) -> None:
    """Leave tombstones of stored records and remove the records, as a takedown does."""
    rows = workspace.store.scan(RECORDS).filter(chosen).collect()
    made = tombstones_of(rows, tombstone_key(workspace), authors, "t1")
    workspace.store.append(TOMBSTONES, made.with_columns(at=datetime.now(UTC)))
    workspace.store.forget(RECORDS, chosen)


def again(workspace: Workspace, tmp_path: Path, *rows: dict[str, str], source: str = "board") -> ImportReport:
    return import_paths(workspace, [posts(tmp_path, *rows, name="again.jsonl")], source=source)


@pytest.fixture
def imported(workspace: Workspace, tmp_path: Path) -> Workspace:
    rows = [
        {"id": str(n), "author": f"nick{n % 2}", "text": LONG.format(name)}
        for n, name in enumerate(("Amsel", "Drossel", "Fink", "Star"))
    ]
    import_paths(workspace, [posts(tmp_path, *rows, {"id": "9", "author": "kurz", "text": "Ja!"})])
    return workspace


def test_the_same_file_does_not_bring_it_back(imported: Workspace, tmp_path: Path):
    bury(imported, pl.col("text").str.contains("Fink"))
    report = import_paths(imported, [tmp_path / "board.jsonl"])
    assert (report.read, report.kept, report.new, report.quarantined) == (5, 4, 0, {"taken_down": 1})
    assert report.damaged == 0
    assert imported.store.scan(RECORDS).filter(pl.col("text").str.contains("Fink")).collect().is_empty()


def test_an_edit_of_it_does_not_come_in_either(imported: Workspace, tmp_path: Path):
    bury(imported, pl.col("text").str.contains("Fink"))
    report = again(imported, tmp_path, {"id": "2", "author": "nick0", "text": "Ein ganz anderer Text nun."})
    assert report.quarantined == {"taken_down": 1}


def test_a_copy_of_a_telling_text_is_refused_and_one_of_a_short_text_is_not(
    imported: Workspace, tmp_path: Path
):
    bury(imported, pl.col("text").str.contains("Fink|Ja!"))
    copies = [{"id": "50", "author": "x", "text": LONG.format("Fink")}, {"id": "51", "text": "Ja!"}]
    report = again(imported, tmp_path, *copies, source="elsewhere")
    assert (report.new, report.quarantined) == (1, {"taken_down": 1})


def test_whoever_asked_for_the_removal_of_all_posts_is_refused_with_new_ones(
    imported: Workspace, tmp_path: Path
):
    author = pl.col("author") == imported.store.scan(RECORDS).filter(
        pl.col("text").str.contains("Fink")
    ).collect().item(0, "author")
    found = imported.store.scan(RECORDS).filter(author).collect()
    bury(imported, author, found.item(0, "author"))
    rows = [{"id": str(60 + n), "author": f"nick{n}", "text": f"Neu, {n}"} for n in range(2)]
    assert again(imported, tmp_path, *rows).quarantined == {"taken_down": 1}
    assert found.height == 2


def test_telling_texts_are_known_again_though_the_pseudonym_key_was_destroyed(
    imported: Workspace, tmp_path: Path
):
    bury(imported, pl.col("text").str.contains("Fink"))
    destroy_key(imported)
    new_key(imported)
    report = import_paths(imported, [posts(tmp_path, {"id": "2", "text": LONG.format("Fink")})])
    assert report.quarantined == {"taken_down": 1}


def test_an_import_is_refused_if_tombstones_cannot_be_compared(imported: Workspace, tmp_path: Path):
    bury(imported, pl.col("text").str.contains("Fink"))
    imported.secrets.update({TOMBSTONE_KEY: None})
    with pytest.raises(WorkspaceError, match="key of the tombstones is gone"):
        again(imported, tmp_path, {"id": "70", "text": "Neu."})


def test_an_article_of_which_a_part_was_taken_down_is_refused_as_a_whole(
    workspace: Workspace, tmp_path: Path
):
    lines = [f"{LONG.format(name)} {LONG.format(name * 2)}" for name in ("Amsel", "Drossel", "Fink")]
    article = tmp_path / "artikel.txt"
    article.write_text("\n\n".join(lines), "utf-8")
    report = import_paths(workspace, [article])
    assert report.kinds == {"news": 3}
    bury(workspace, pl.col("text").str.contains("FinkFink"))
    left = import_paths(workspace, [article], source="elsewhere")
    assert (left.records, left.quarantined) == (0, {"taken_down": 1})


def test_tombstones_hold_no_hash_that_can_be_made_without_the_key(imported: Workspace):
    bury(imported, pl.col("text").str.contains("Fink"))
    rows = imported.store.read(TOMBSTONES)
    assert sorted(rows["kind"]) == ["post", "record", "text"]
    other = imported.store.scan(RECORDS).select("match_sha256", "post_id").collect()
    assert not set(rows["tombstone"]) & {value for row in other.rows() for value in row}


def test_platform_ids_are_kept_only_on_request_and_later_too(workspace: Workspace, tmp_path: Path):
    from aufruf.workspace import open_workspace

    path = posts(tmp_path, {"id": "4711", "text": "Guten Morgen zusammen."})
    import_paths(workspace, [path])
    assert workspace.store.read(PLATFORM_IDS).is_empty()
    settings = workspace.root / "aufruf.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[sources.board]\nkeep_ids = true\n", "utf-8")
    for _ in range(2):
        import_paths(open_workspace(workspace.root), [path])
    kept = workspace.store.read(PLATFORM_IDS)
    assert kept.rows() == [(workspace.store.read(RECORDS).item(0, "record_id"), "4711")]
