"""Formats. Each case is a folder: a file, and what is to be read from it; a new one needs no code."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.errors import InputError
from aufruf.importing import import_paths
from aufruf.sources.fields import FieldMap
from aufruf.sources.formats import FORMATS, detect_format
from aufruf.sources.reading import read_source
from aufruf.tables import RECORDS

if TYPE_CHECKING:
    from aufruf.sources.items import SourceResult
    from aufruf.workspace import Workspace

CASES = sorted(
    case for case in (Path(__file__).parent / "cases").glob("*/*/expected.json") if case.parts[-3] in FORMATS
)
REAL = Path(__file__).parents[2] / "shared" / "data" / "platforms"
real = pytest.mark.skipif(not REAL.exists(), reason="the real data is not here")


def content_of(case: Path) -> bytes:
    (file,) = (file for file in case.parent.iterdir() if file.name != "expected.json")
    return file.read_bytes()


def told(result: SourceResult) -> dict[str, object]:
    items = result.records.drop("file").to_dicts()
    return {
        "items": [{name: value for name, value in item.items() if value is not None} for item in items],
        "refused": result.quarantine.select("item", "reason").to_dicts(),
        "notes": [note.split(": ", 1)[1] for note in result.notes],
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: "/".join(case.parts[-3:-1]))
def test_a_case_is_recognised_by_its_content_and_read_as_expected(case: Path, tmp_path: Path):
    file = tmp_path / "a file without a telling name"
    file.write_bytes(content_of(case))
    with file.open("rb") as stream:
        assert detect_format(stream, "file") == case.parts[-3]
        assert stream.tell() == 0
    assert told(read_source(file)) == json.loads(case.read_text("utf-8"))


def test_there_are_cases_for_each_format():
    others = {"parquet", "huggingface"}  # no files that one writes by hand: tested elsewhere
    assert {case.parts[-3] for case in CASES} >= set(FORMATS) - others


COUNTS = {
    "x_api_v2/brexit.jsonl": ("x", 100, {}),
    "x_api_v2/edited.jsonl": ("x", 1, {}),
    "x_api_v2/flat.jsonl": ("x", 100, {}),
    "x_api_v2/mentions_tweet.jsonl": ("x", 1, {}),
    "x_api_v2/noflat.jsonl": ("x", 100, {}),
    "telegram_desktop/akarsh1995_full_account_2019.json": ("telegram", 10, {"not_a_post": 2}),
    "telegram_desktop/channel_text_link_fixture.json": ("telegram", 1, {}),
    "telegram_desktop/chatpack_fixture_2024.json": ("telegram", 7, {}),
    "bluesky/extended_post_record.json": ("bluesky", 1, {}),
    "bluesky/feed_record.json": ("bluesky", 0, {"not_a_post": 1}),
    "bluesky/post_record.json": ("bluesky", 1, {}),
    "bluesky/thread_view_post_with_embed_media.json": ("bluesky", 0, {"empty_post": 1}),
    "reddit/TestComment.test_parent__chain.json": ("reddit", 55, {"not_a_post": 1}),
    "reddit/pushshift_RC_2018-10_2rows.ndjson": ("reddit", 2, {}),
    "youtube/comment_thread_single.json": ("youtube", 1, {}),
    "youtube/comment_threads_all_to_me.json": ("youtube", 4, {}),
    "youtube/comment_threads_by_channel.json": ("youtube", 2, {}),
    "youtube/comment_threads_by_video_paged_2.json": ("youtube", 5, {}),
    "youtube/comment_threads_multi.json": ("youtube", 2, {}),
    "youtube/comment_threads_with_search.json": ("youtube", 1, {}),
    "youtube/comments_by_parent_paged_1.json": ("youtube", 2, {}),
    "youtube/comments_by_parent_paged_2.json": ("youtube", 1, {}),
    "youtube/comments_multi.json": ("youtube", 2, {}),
    "youtube/comments_single.json": ("youtube", 1, {}),
    "youtube/insert_response.json": ("youtube", 1, {}),
    "parler/echo--parent-no-comment.html": ("parler", 1, {}),
}


@real
@pytest.mark.parametrize("name", COUNTS)
def test_each_real_file_of_a_platform_is_read_whole(name: str):
    expected, kept, refused = COUNTS[name]
    with (REAL / name).open("rb") as stream:
        assert detect_format(stream, name) == expected
    result = read_source(REAL / name)
    assert result.records.height == kept
    assert Counter(result.quarantine["reason"]) == refused
    assert result.records["text"].str.strip_chars().str.len_chars().min() != 0


@real
def test_no_real_file_of_a_platform_is_left_out_of_the_counts():
    folders = ("x_api_v2", "telegram_desktop", "bluesky", "reddit", "youtube", "parler")
    found = {
        file.relative_to(REAL).as_posix()
        for folder in folders
        for file in (REAL / folder).iterdir()
        if not file.name.startswith("LICENSE")
    }
    assert found == set(COUNTS)


@real
def test_pages_and_flat_tweets_of_one_query_are_read_alike():
    """The two files are the same kind of query; every relation that one form tells, the other does too."""
    for name in ("noflat", "flat"):
        posts = read_source(REAL / "x_api_v2" / f"{name}.jsonl").records
        assert posts.select("repost_of", "quote_of", "reply_to").count().row(0) == (47, 8, 31)
        assert not posts["truncated"].any()
        assert posts["id"].n_unique() == 100


def test_a_field_map_is_refused_where_the_fields_are_known(tmp_path: Path):
    file = tmp_path / "f"
    file.write_bytes(content_of(next(case for case in CASES if case.parts[-3] == "telegram")))
    with pytest.raises(InputError, match="without --map"):
        read_source(file, field_map=FieldMap({"text": "text"}))


def test_a_large_document_is_cut_at_its_items(tmp_path: Path):
    file = tmp_path / "result"
    messages = [
        {"id": n, "type": "message", "date_unixtime": "1925311859", "text": f"Nachricht {n} 🔥"}
        for n in range(40_000)
    ]
    file.write_text(
        json.dumps({"name": "Deich", "type": "public_channel", "id": 1, "messages": messages}), "utf-8"
    )
    posts = read_source(file).records
    assert posts["id"].to_list() == [f"1/{n}" for n in range(40_000)]
    assert posts["text"][-1] == "Nachricht 39999 🔥"


def test_what_an_import_keeps_of_a_repost_and_of_a_quote(workspace: Workspace, tmp_path: Path):
    """Links are names of posts as `post_id` has them, never ids; an older version does not win."""
    for name in ("v2_page", "v2_edited", "v1"):
        (case,) = (case for case in CASES if case.parent.name == name)
        (tmp_path / name).write_bytes(content_of(case))
    import_paths(workspace, [tmp_path / "v1"], source="x", max_bad=1)
    rows = workspace.store.read(RECORDS)
    joined = rows.join(rows, left_on="quote_of", right_on="post_id")
    assert joined["text_right"].to_list() == ["Classic: 3 < 4"]
    assert rows.join(rows, left_on="repost_of", right_on="post_id")["text_right"].to_list() == [
        "Extended, mit Bild"
    ]
    assert rows.filter("truncated")["text"].to_list() == ["Cut, and the rest is nowh…"]
    import_paths(workspace, [tmp_path / "v2_edited"], source="x")
    edited = workspace.store.read(RECORDS).filter(pl.col("text").str.starts_with("Treffpunkt"))
    (newest,) = edited.filter(pl.col("supersedes").is_not_null())["text"]
    assert newest == "Treffpunkt ist der Markt, nicht der Hafen"
