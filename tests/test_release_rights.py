"""Rights decide whether a text is released; what is not is dehydrated, and loses no label by it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.errors import SettingsError
from aufruf.release.build import export
from aufruf.release.dehydrated import read_masking
from aufruf.release.draft import draft_release
from aufruf.release.features import SPLITS
from aufruf.tables import PLATFORM_IDS, RECORDS
from aufruf.workspace import open_workspace
from filled import BOARD, GAZETTE, WITHOUT_RIGHTS

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


def changed(workspace: Workspace, before: str, after: str) -> Workspace:
    settings = workspace.root / "aufruf.toml"
    content = settings.read_text("utf-8")
    assert before in content
    settings.write_text(content.replace(before, after), "utf-8")
    return open_workspace(workspace.root)


def rows_of(workspace: Workspace, config: str = "default") -> pl.DataFrame:
    frames = draft_release(workspace, "0.1.0", seed=0).frames
    return pl.concat([frames[config, split] for split in SPLITS])


def test_texts_without_rights_are_refused_with_what_to_write_where(filled_workspace: Workspace):
    workspace = changed(filled_workspace, f'[sources.{WITHOUT_RIGHTS}]\nrelease = "dehydrated"\n', "")
    with pytest.raises(SettingsError, match=r"found \(8 records\).*\[sources.found\].*dehydrated"):
        export(workspace, "0.1.0", dry_run=True)


def test_news_are_released_without_text_unless_the_settings_say_otherwise(filled_workspace: Workspace):
    news = pl.col("source") == GAZETTE
    words = ("text", "context_before", "context_after")
    assert rows_of(filled_workspace).filter(news)["text"].null_count() == 0
    workspace = changed(filled_workspace, 'rights = "CC-BY-4.0"\nrelease = "text"', 'rights = "CC-BY-4.0"')
    rows = rows_of(workspace)
    assert rows.filter(news).select(words).null_count().row(0) == (rows.filter(news).height,) * 3
    assert rows.filter(pl.col("source") == BOARD)["text"].null_count() == 0


def test_dehydrated_rows_have_the_labels_of_the_others_and_no_words(released_workspace: Workspace):
    frames = draft_release(released_workspace, "0.1.1", seed=0).frames
    for split in SPLITS:
        default, dehydrated = frames["default", split], frames["dehydrated", split]
        both = [name for name in default.columns if name in dehydrated.columns]
        assert set(default.columns) - set(both) == {"text", "context_before", "context_after"}
        assert default.select(both).equals(dehydrated.select(both))


def test_the_hash_of_a_dehydrated_row_is_that_of_its_text(filled_workspace: Workspace):
    texts = dict(filled_workspace.store.read(RECORDS).select("record_id", "text").rows())
    for record_id, digest, length in rows_of(filled_workspace, "dehydrated")[
        "id", "match_sha256", "length"
    ].rows():
        assert digest == hashlib.sha256(texts[record_id].encode()).hexdigest()
        assert length == len(texts[record_id])


def test_no_text_without_rights_stands_anywhere_in_a_release(
    filled_workspace: Workspace, filled_release: Path
):
    texts = filled_workspace.store.read(RECORDS).filter(pl.col("source") == WITHOUT_RIGHTS)["text"]
    shared = set(filled_workspace.store.read(RECORDS).filter(pl.col("source") != WITHOUT_RIGHTS)["text"])
    released = pl.read_parquet(filled_release / "data" / "*.parquet")["text"].drop_nulls().to_list()
    assert not [text for text in texts if text in released and text not in shared]


def test_platform_ids_are_released_only_where_the_settings_allow_it_now(filled_workspace: Workspace):
    ids = filled_workspace.store.read(RECORDS).filter(pl.col("kind") == "post").select("record_id")
    filled_workspace.store.append(PLATFORM_IDS, ids.with_columns(platform_id=pl.lit("4711")))
    hidden = rows_of(filled_workspace, "dehydrated")["platform_id"]
    assert hidden.null_count() == len(hidden)
    allowed = changed(filled_workspace, f"[sources.{BOARD}]\n", f"[sources.{BOARD}]\nkeep_ids = true\n")
    rows = rows_of(allowed, "dehydrated")
    named = rows.filter(pl.col("platform_id").is_not_null())
    assert set(named["source"]) == {BOARD}
    assert named.height == rows.filter((pl.col("source") == BOARD) & (pl.col("kind") == "post")).height


def test_a_release_says_what_was_masked_in_its_texts(filled_release: Path):
    assert read_masking(filled_release) == ("email", "iban", "mention", "phone", "profile_link")
