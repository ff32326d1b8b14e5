"""Rehydration gives back the texts that were judged, and no others, and says what is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from datasets import load_dataset
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.errors import InputError
from aufruf.importing import import_paths
from aufruf.release.build import export
from aufruf.release.rehydrate import rehydrate
from aufruf.tables import GOLD, RECORDS
from aufruf.workspace import create_workspace, open_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

POSTS = [
    {"id": f"90{n}", "author": f"nick{n}", "text": f"Hallo @nick{n + 1}, {word} wird es laut am Platz."}
    for n, word in enumerate(("heute", "morgen", "bald", "nie", "gleich", "später", "Montag", "Dienstag"))
]
SENTENCE = "Der Rat tagte lange und beschloss am Ende wenig. "
ARTICLE = "\n\n".join(f"Absatz {n}. {SENTENCE * 3}Dazu schrieb @rat_{n} etwas." for n in range(4))


def written(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release without any text: posts with their platform's ids, and one article."""
    folder = tmp_path_factory.mktemp("dehydrated")
    workspace = create_workspace(folder / "workspace")
    settings = workspace.root / "aufruf.toml"
    more = '\n[sources.posts]\nkeep_ids = true\nrelease = "dehydrated"\n'
    settings.write_text(settings.read_text("utf-8") + more, "utf-8")
    workspace = open_workspace(workspace.root)
    (folder / "article.txt").write_text(ARTICLE, "utf-8")
    import_paths(workspace, [written(folder / "posts.jsonl", POSTS), folder / "article.txt"])
    gold = [
        {
            **dict.fromkeys(GOLD.schema),
            "gold_run": "gold-1",
            "record_id": record_id,
            "label": "threat",
            "column": column,
            "value": str(number % 2 == 0).lower(),
            "n": 2,
            "distribution": [],
            "share": 1.0,
        }
        for number, record_id in enumerate(workspace.store.read(RECORDS)["record_id"].sort())
        for column in ("contained", "author")
    ]
    workspace.store.append(GOLD, pl.DataFrame(gold, schema=GOLD.schema))
    workspace.record_event("gold", "gold-1", {})
    return Path(export(workspace, "0.1.0").path)


def rows_of(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "data" / "*.parquet")


def test_all_texts_come_back_as_they_were_judged_but_for_the_digits_of_people(release: Path, tmp_path: Path):
    folder = release.parents[2]
    given = [folder / "posts.jsonl", folder / "article.txt"]
    assert rows_of(release)["text"].null_count() == rows_of(release).height
    report = rehydrate(release, given, tmp_path / "out")
    judged = open_workspace(folder / "workspace").store.read(RECORDS).select(id="record_id", judged="text")
    both = rows_of(tmp_path / "out").join(judged, on="id")
    people = pl.col("text", "judged").str.replace_all(r"@user_[0-9a-f]{8}", "@user")
    same = both.select(people)
    assert (report.found, report.changed, report.lost) == (judged.height, 0, 0)
    assert same["text"].equals(same["judged"], check_names=False)
    assert (
        both.select(pl.col("text").str.len_chars())
        .to_series()
        .equals(both.select(pl.col("judged").str.len_chars()).to_series(), check_names=False)
    )
    assert not both["text"].str.contains("@nick").any()


def test_what_is_written_loads_with_datasets(release: Path, tmp_path: Path):
    rehydrate(release, [release.parents[2] / "posts.jsonl"], tmp_path / "out")
    loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    texts = [row["text"] for split in loaded.values() for row in split if row["text"]]
    assert len(texts) == len(POSTS)


def test_a_changed_text_is_not_given_back_and_told_apart_from_a_lost_one(release: Path, tmp_path: Path):
    changed = [POSTS[0] | {"text": "Etwas ganz anderes."}, *POSTS[2:]]
    report = rehydrate(release, [written(tmp_path / "later.jsonl", changed)], tmp_path / "out")
    assert (report.found, report.changed) == (len(POSTS) - 2, 1)
    assert report.found + report.changed + report.lost == report.without_text
    assert "Etwas ganz anderes." not in rows_of(tmp_path / "out")["text"].to_list()


def test_weights_make_up_for_what_is_lost_of_each_answer(release: Path, tmp_path: Path):
    report = rehydrate(release, [written(tmp_path / "few.jsonl", POSTS[:4])], tmp_path / "out")
    rows = pl.concat(
        [
            pl.read_parquet(path).with_columns(split=pl.lit(path.name.split("-")[0]))
            for path in (tmp_path / "out" / "data").iterdir()
        ]
    )
    for loss in report.losses:
        held = rows.filter((pl.col("split") == loss.split) & (pl.col(loss.label) == loss.value))
        assert (loss.wanted, loss.present) == (held.height, held["text"].count())
        assert loss.weight == (held.height / held["text"].count() if held["text"].count() else None)
    assert {loss.label for loss in report.losses} == {"threat_contained", "threat_author"}


def test_an_article_that_is_cut_otherwise_is_found_by_where_its_excerpts_were(release: Path, tmp_path: Path):
    """Beside others of its site, lines that recur are left out, and cuts move."""
    import aufruf.release.rehydrate as module

    article = tmp_path / "article.txt"
    article.write_text(ARTICLE, "utf-8")
    found = rehydrate(release, [article], tmp_path / "out").found
    keys = pl.read_parquet(release / "dehydrated" / "*.parquet").filter(pl.col("article").is_not_null())
    places = module._places(ARTICLE, None, keys, module.Secret("k"), ("mention",))  # noqa: SLF001 -- without a cut of today
    assert sorted(places) == sorted(keys.select("excerpt_start", "excerpt_end").rows())
    assert found == keys.height


def test_nothing_is_written_over_and_a_dry_run_writes_nothing(release: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="something already"):
        rehydrate(release, [], tmp_path / "out")
    arguments = ["rehydrate", str(release), "--from", str(release.parents[2] / "posts.jsonl")]
    arguments += ["-o", str(tmp_path / "new"), "--dry-run", "--json"]
    shown = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert shown["found"] == len(POSTS)
    assert not (tmp_path / "new").exists()
