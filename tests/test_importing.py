"""Files become records: counted, private, once, and whole after any crash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.errors import GateError, InputError
from aufruf.importing import import_paths
from aufruf.masking import mask
from aufruf.pseudonyms import keyed_hash
from aufruf.tables import CLUSTERS, DUPLICATES, EVENTS, QUARANTINE, RECORDS, TABLES
from aufruf.text import normalise_text
from aufruf.views import newest_records
from aufruf.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[2] / "shared" / "data"
JSON_KEYS = "import_id read kept new known quarantined records languages kinds clusters".split(" ")  # noqa: SIM905 -- as the interface is written down
ARTICLE = """Der Rat streitet
Der Rat tagt am 3. Mai. „Wir kommen wieder“, sagte @anna. Es war laut. Alle gingen.
Teilen Drucken
„Ruft uns an: 030 1234567“, stand auf dem Zettel.
Kommentar schreiben
"""


def post(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "author": f"name{number % 3}", "text": text, **more}


def write_posts(path: Path, *posts: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in posts), "utf-8")
    return path


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    return write_posts(
        tmp_path / "Forum Übersee.jsonl",
        post(
            1,
            "Wir treffen uns am Samstag vor dem Rathaus, kommt alle",
            created_at="2031-01-04T10:00:00+01:00",
        ),
        post(2, "Ich bin dabei, @name1, bis morgen", reply_to=1, conversation="c1"),
        post(3, "We are meeting at the town hall on Saturday, all of you", conversation="c1"),
        post(4, "Wir treffen uns am Samstag vor dem Rathaus, kommt alle!"),
        post(5, "  "),
    )


def records(workspace: Workspace) -> pl.DataFrame:
    return workspace.store.read(RECORDS).sort("kind", "excerpt_start", "created_at", "text")


def test_items_are_counted_and_what_is_refused_has_its_reason(workspace: Workspace, posts: Path):
    report = import_paths(workspace, [posts], max_bad=0.5)
    assert (report.read, report.kept, report.new, report.known, report.bad) == (5, 4, 4, 0, 1)
    assert report.quarantined == {"empty_text": 1}
    assert (report.records, report.kinds, report.clusters) == (4, {"post": 4}, 1)
    assert report.languages == {"de": 3, "en": 1}
    refused = workspace.store.read(QUARANTINE).to_dicts()
    assert [(row["file"], row["item"], row["reason"]) for row in refused] == [(posts.name, "5", "empty_text")]


def test_names_are_keyed_hashes_by_the_rule_of_the_design(workspace: Workspace, posts: Path):
    import_paths(workspace, [posts])
    key = workspace.pseudonym_key()
    answer = records(workspace).filter(pl.col("reply_to").is_not_null()).row(0, named=True)
    text = "Ich bin dabei, @name1, bis morgen"
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert answer["record_id"] == keyed_hash(key, "record", "forum-uebersee", "id", "2", None, digest)
    assert answer["post_id"] == keyed_hash(key, "post", "forum-uebersee", "id", "2", None, None)
    assert answer["reply_to"] == keyed_hash(key, "post", "forum-uebersee", "id", "1", None, None)
    assert answer["author"] == keyed_hash(key, "author", "forum-uebersee", "name2")
    assert answer["text"] == mask(text, key).text
    unkeyed = "Ich bin dabei, @user, bis morgen"
    assert answer["match_sha256"] == hashlib.sha256(unkeyed.encode()).hexdigest()


def test_an_answer_finds_the_post_that_it_answers(workspace: Workspace, posts: Path):
    import_paths(workspace, [posts])
    rows = records(workspace)
    assert rows.join(rows, left_on="reply_to", right_on="post_id")["text_right"].str.contains("Samstag").all()


def test_no_raw_name_is_left_in_any_table(workspace: Workspace, tmp_path: Path):
    canary = write_posts(
        tmp_path / "p.jsonl",
        {"id": "canaryid", "author": "canaryname", "conversation": "canarythread", "reply_to": "canaryreply"}
        | {"text": "Hallo @canarymention und canarymail@post.example.org"},
    )
    import_paths(workspace, [canary])
    for file in (workspace.root / "tables").rglob("*"):
        assert not file.is_file() or b"canary" not in file.read_bytes()
    for table in TABLES:
        assert "canary" not in str(workspace.store.read(table).to_dicts())


def test_an_article_becomes_excerpts_that_equal_their_masked_slices(workspace: Workspace, tmp_path: Path):
    path = tmp_path / "article.txt"
    path.write_text(ARTICLE, "utf-8")
    report = import_paths(workspace, [path])
    assert (report.read, report.kept, report.new, report.records) == (1, 1, 1, 4)
    article = normalise_text(ARTICLE)
    rows = records(workspace).to_dicts()
    for row in rows:
        raw = article[row["excerpt_start"] : row["excerpt_end"]]
        assert row["text"] == mask(raw, workspace.pseudonym_key()).text
        assert (row["kind"], row["language"], row["title"]) == ("news", "de", "Der Rat streitet")
    assert len({row["article_id"] for row in rows}) == 1
    quoted = [[row["text"][q["start"] : q["end"]] for q in row["quotes"]] for row in rows]
    assert quoted == [[], ["Wir kommen wieder"], [], ["Ruft uns an: [phone]"]]


def test_an_article_of_residue_alone_is_refused(workspace: Workspace, tmp_path: Path):
    (tmp_path / "a.txt").write_text("Kommentar schreiben\nAntworten\n")
    report = import_paths(workspace, [tmp_path / "a.txt"], format="news-text")
    assert report.quarantined == {"only_residue": 1}
    assert report.passed, "a page without an article is no damage"


def test_the_same_files_a_second_time_change_nothing(workspace: Workspace, posts: Path):
    first = import_paths(workspace, [posts])
    before = {table.name: workspace.store.version(table) for table in TABLES}
    again = import_paths(workspace, [posts])
    assert {table.name: workspace.store.version(table) for table in TABLES} == before
    assert again.import_id == first.import_id
    assert (again.kept, again.new, again.known, again.records) == (4, 0, 4, 0)
    assert again.clusters == first.clusters


def test_what_is_known_from_another_file_is_not_made_again(workspace: Workspace, tmp_path: Path):
    one = write_posts(tmp_path / "one.jsonl", post(1, "Das ist der erste Text"))
    two = write_posts(
        tmp_path / "two.jsonl", post(1, "Das ist der erste Text"), post(2, "Und ein zweiter Text")
    )
    import_paths(workspace, [one], source="forum")
    report = import_paths(workspace, [two], source="forum")
    assert (report.kept, report.new, report.known) == (2, 1, 1)
    assert records(workspace).height == 2


def test_an_item_twice_in_one_file_is_new_once_and_known_once(workspace: Workspace, tmp_path: Path):
    same = post(1, "Das ist der erste Text")
    report = import_paths(workspace, [write_posts(tmp_path / "p.jsonl", same, same)])
    assert (report.read, report.new, report.known, report.records) == (2, 1, 1, 1)
    table = tmp_path / "news.csv"
    table.write_text("outlet,text\nBote,Der Rat hat getagt.\nBote,Der Rat hat getagt.\n")
    report = import_paths(workspace, [table])
    assert (report.read, report.new, report.known, report.records) == (2, 1, 1, 1)


def test_an_edited_post_supersedes_the_version_before(workspace: Workspace, tmp_path: Path):
    def texts_after(name: str, *texts: str) -> list[str]:
        import_paths(
            workspace, [write_posts(tmp_path / name, *(post(1, text) for text in texts))], source="s"
        )
        return newest_records(workspace.store.scan(RECORDS)).collect()["text"].to_list()

    assert texts_after("a", "Erste Fassung", "Zweite Fassung") == ["Zweite Fassung"]
    assert texts_after("b", "Dritte Fassung") == ["Dritte Fassung"]
    assert texts_after("c", "Zweite Fassung") == ["Dritte Fassung"]
    assert records(workspace)["post_id"].n_unique() == 1


def test_an_older_version_that_comes_later_is_known_and_the_newer_one_stays(
    workspace: Workspace, tmp_path: Path
):
    new = post(1, "Treffen um 15 Uhr", created_at="2031-01-04", updated_at="2031-01-06T12:00:00Z")
    old = post(1, "Treffen um 14 Uhr", created_at="2031-01-04", updated_at="2031-01-05T12:00:00Z")
    newest = post(1, "Treffen um 16 Uhr", created_at="2031-01-04", updated_at="2031-01-07T12:00:00Z")
    for number, version in enumerate((new, old, newest)):
        report = import_paths(workspace, [write_posts(tmp_path / f"{number}.jsonl", version)], source="forum")
        assert (report.new, report.known) == ((0, 1) if version is old else (1, 0))
    current = newest_records(workspace.store.scan(RECORDS)).collect()
    assert current["text"].to_list() == ["Treffen um 16 Uhr"]


def test_posts_without_an_id_are_told_apart_by_author_time_and_text(workspace: Workspace, tmp_path: Path):
    table = tmp_path / "p.csv"
    table.write_text(
        "user,date,text\nanna,2031-01-01T10:00,Erster Text\nanna,2031-01-01T10:00,Zweiter Text\n"
        "ben,2031-01-01T10:00,Erster Text\n,,Erster Text\n,,Erster Text\n"
    )
    report = import_paths(workspace, [table])
    assert (report.kept, report.new, report.known) == (5, 4, 1)
    rows = records(workspace)
    assert rows["supersedes"].null_count() == 4
    assert rows["post_id"].n_unique() == 3


def test_a_new_import_joins_the_clusters_that_are_there(workspace: Workspace, posts: Path, tmp_path: Path):
    import_paths(workspace, [posts])
    clusters = dict(workspace.store.read(CLUSTERS).rows())
    copy = post(9, "Wir treffen uns am Samstag vor dem Rathaus, kommt alle!!")
    report = import_paths(workspace, [write_posts(tmp_path / "later.jsonl", copy)])
    assert report.clusters == 1
    later = dict(workspace.store.read(CLUSTERS).rows())
    assert {name: later[name] for name in clusters} == clusters
    (added,) = set(later) - set(clusters)
    assert later[added] in clusters.values()
    pairs = workspace.store.read(DUPLICATES)
    assert (pairs["left"] < pairs["right"]).all()
    assert pairs.select("left", "right").is_unique().all()


def test_a_dry_run_says_the_same_and_writes_nothing(workspace: Workspace, posts: Path):
    before = {table.name: workspace.store.version(table) for table in TABLES}
    foreseen = import_paths(workspace, [posts], dry_run=True)
    assert {table.name: workspace.store.version(table) for table in TABLES} == before
    assert foreseen.counts() == import_paths(workspace, [posts]).counts()


def test_a_bad_file_among_good_ones_leaves_nothing_half_done(
    workspace: Workspace, posts: Path, tmp_path: Path
):
    (tmp_path / "bad").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="cut off"):
        import_paths(workspace, [posts, tmp_path / "bad"])
    assert records(workspace).is_empty()


def test_small_files_are_imported_as_one_large_one(workspace: Workspace, tmp_path: Path):
    folder = tmp_path / "posts"
    folder.mkdir()
    rows = [post(number, f"Kommt am Tag {number} zum Platz") for number in range(60)]
    for number in range(0, 60, 3):
        write_posts(folder / f"{number:02}.jsonl", *rows[number : number + 3])
    with (folder / "03.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n{"id": 99, "text": "bald')
    report = import_paths(workspace, [folder])
    assert (report.read, report.new, report.quarantined) == (61, 60, {"bad_json": 1})
    assert records(workspace)["text"].n_unique() == 60
    refused = workspace.store.read(QUARANTINE).select("file", "item", "reason").rows()
    assert refused == [("03.jsonl", "4", "bad_json")]


def tweets(path: Path, *numbers: int) -> Path:
    """Write posts of one author as X has them."""
    lines = [
        {
            "id": str(number),
            "author_id": "7",
            "conversation_id": "1500000000000000001",
            "edit_history_tweet_ids": [str(number)],
            "created_at": "2031-01-04T10:00:00.000Z",
            "text": f"Wir sehen uns am Platz Nummer {number}",
        }
        for number in numbers
    ]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return path


def test_a_person_and_a_post_of_one_platform_are_the_same_in_every_file_and_source(
    workspace: Workspace, tmp_path: Path
):
    first = tweets(tmp_path / "monday.jsonl", 1500000000000000001, 1500000000000000002)
    second = tweets(tmp_path / "tuesday.jsonl", 1500000000000000002, 1500000000000000003)
    import_paths(workspace, [first])
    report = import_paths(workspace, [second], source="another")
    assert (report.new, report.known) == (1, 1)
    found = records(workspace)
    assert found["source"].unique().sort().to_list() == ["another", "monday"]
    assert found["author"].n_unique() == found["conversation"].n_unique() == 1


def test_numbers_of_a_table_name_a_post_within_its_source_only(workspace: Workspace, tmp_path: Path):
    for name in ("one", "two"):
        import_paths(workspace, [write_posts(tmp_path / f"{name}.jsonl", post(1, "Kommt alle zum Platz"))])
    found = records(workspace)
    assert found["post_id"].n_unique() == found["author"].n_unique() == 2


@pytest.mark.parametrize("cell", ["", " ", "nan", "None", "<NA>"])
def test_a_cell_without_a_value_names_neither_post_nor_person(
    workspace: Workspace, tmp_path: Path, cell: str
):
    table = tmp_path / "posts.csv"
    rows = [f'"{cell}","{cell}",Kommt alle {place}' for place in ("heute", "morgen", "bald", "gleich")]
    table.write_text("\n".join(["id,author,text", *rows]), "utf-8")
    report = import_paths(workspace, [table])
    assert report.new == 4
    assert records(workspace)["author"].null_count() == 4
    assert records(workspace)["supersedes"].null_count() == 4


def test_a_newer_aufruf_reads_a_file_again(
    workspace: Workspace, posts: Path, monkeypatch: pytest.MonkeyPatch
):
    first = import_paths(workspace, [posts])
    monkeypatch.setattr("aufruf.importing.version", lambda _name: "99.0")
    second = import_paths(workspace, [posts])
    assert second.import_id != first.import_id
    assert (second.new, second.known) == (0, first.kept)


def test_what_was_refused_is_shown_by_reason_and_item(workspace: Workspace, posts: Path):
    report = import_paths(workspace, [posts])
    here = ["--workspace", str(workspace.root), "--json"]
    counted = json.loads(CliRunner().invoke(app, ["quarantine", *here]).stdout)
    assert counted == [{"import_id": report.import_id, "reason": "empty_text", "items": 1, "files": 1}]
    listed = json.loads(CliRunner().invoke(app, ["quarantine", "--reason", "empty_text", *here]).stdout)
    assert [(row["file"], row["item"]) for row in listed] == [("Forum Übersee.jsonl", "5")]
    assert CliRunner().invoke(app, ["quarantine", "unknown", *here]).stdout.strip() == "[]"


def test_rights_and_outlet_come_from_the_settings_of_the_source(workspace: Workspace, tmp_path: Path):
    settings = workspace.root / "aufruf.toml"
    settings.write_text(
        settings.read_text() + '\n[sources.bote]\nrights = "CC-BY-4.0"\noutlet = "Der Bote"\n'
    )
    (tmp_path / "a.txt").write_text(ARTICLE, "utf-8")
    import_paths(open_workspace(workspace.root), [tmp_path / "a.txt"], source="bote")
    assert set(records(workspace).select("source", "rights", "outlet").rows()) == {
        ("bote", "CC-BY-4.0", "Der Bote")
    }


def test_masking_follows_the_settings(workspace: Workspace, tmp_path: Path):
    settings = workspace.root / "aufruf.toml"
    settings.write_text(settings.read_text().replace('mask = ["mention", ', "mask = ["))
    path = write_posts(tmp_path / "p.jsonl", post(1, "Hallo @anna, schreib an a@post.example.org"))
    import_paths(open_workspace(workspace.root), [path])
    assert records(workspace)["text"].item() == "Hallo @anna, schreib an [email]"


@pytest.mark.parametrize("source", ["Mein Korpus", "a_b", "", "ä"])
def test_a_source_that_is_no_slug_is_refused(workspace: Workspace, posts: Path, source: str):
    with pytest.raises(InputError, match="my-corpus"):
        import_paths(workspace, [posts], source=source)


def test_the_event_holds_counts_and_no_file_name_or_text(workspace: Workspace, posts: Path):
    report = import_paths(workspace, [posts])
    event = workspace.store.read(EVENTS).filter(pl.col("action") == "import").row(0, named=True)
    details = json.loads(event["details"])
    assert (event["subject"], details["read"], details["records"]) == (report.import_id, 5, 4)
    assert details["sources"] == ["forum-uebersee"]
    assert ".jsonl" not in event["details"]


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_prints_one_json_document_with_the_agreed_keys(workspace: Workspace, posts: Path):
    result = run("import", posts, "--json", "-w", workspace.root, "--max-bad", "50%")
    assert list(json.loads(result.stdout)) == JSON_KEYS
    assert "text = text" in result.stderr
    assert result.exit_code == 0


def test_too_many_bad_items_fail_the_gate_after_the_good_ones_were_kept(workspace: Workspace, posts: Path):
    result = run("import", posts, "--json", "-w", workspace.root)
    assert isinstance(result.exception, GateError)
    assert "1 of 5 items" in str(result.exception)
    assert json.loads(result.stdout)["kept"] == records(workspace).height == 4


@pytest.mark.parametrize(("share", "status"), [("0.2", 0), ("20%", 0), ("0.19", 3), ("19%", 3)])
def test_the_gate_opens_at_the_share_that_was_given(
    workspace: Workspace, posts: Path, share: str, status: int
):
    result = run("import", posts, "--max-bad", share, "-w", workspace.root)
    assert getattr(result.exception, "exit_code", 0) == status


@pytest.mark.parametrize("share", ["many", "120%", "-1"])
def test_a_share_that_is_none_is_wrong_usage(workspace: Workspace, posts: Path, share: str):
    assert run("import", posts, f"--max-bad={share}", "-w", workspace.root).exit_code == 2


def state(workspace: Workspace) -> dict[str, Any]:
    """Everything that an import leaves: all tables' rows; of events what holds no time."""
    tables = {t.name: workspace.store.read(t).sort(t.key).to_dicts() for t in TABLES if t is not EVENTS}
    events = workspace.store.read(EVENTS).filter(pl.col("action") == "import")
    return tables | {"events": events.select("subject", "details").sort("subject").rows()}


_IMPORT = """
import sys
from pathlib import Path
from aufruf.importing import import_paths
from aufruf.workspace import open_workspace
print("ready", flush=True)
import_paths(open_workspace(Path(sys.argv[1])), [Path(path) for path in sys.argv[2:]])
"""


@pytest.fixture
def crashing(workspace: Workspace, tmp_path: Path) -> Callable[[int, float | None], Workspace]:
    """Import in a process of its own in a copy of the workspace, killed after some seconds."""
    write_posts(
        tmp_path / "p.jsonl",
        *(post(n, f"Wir treffen uns am Abend am Ufer, Nummer {n % 40}, @name{n}") for n in range(400)),
        *(post(n, "") for n in range(400, 410)),
    )
    (tmp_path / "a.txt").write_text(ARTICLE, "utf-8")

    def start(attempt: int, seconds: float | None) -> Workspace:
        root = tmp_path / f"copy-{attempt}"
        shutil.copytree(workspace.root, root)
        command = [
            sys.executable,
            "-c",
            _IMPORT,
            str(root),
            str(tmp_path / "p.jsonl"),
            str(tmp_path / "a.txt"),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            if seconds is not None:
                time.sleep(seconds)
                os.kill(process.pid, signal.SIGKILL)
        if seconds is not None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return open_workspace(root)

    return start


@pytest.mark.slow
@pytest.mark.campaign
def test_an_import_killed_at_any_moment_and_run_again_ends_as_if_nothing_had_happened(
    crashing: Callable[[int, float | None], Workspace], repetitions: int
):
    started = time.monotonic()
    expected = state(crashing(0, None))
    took = time.monotonic() - started
    assert len(expected["records"]) == 404
    for attempt in range(1, repetitions + 1):
        moment = took * ((attempt * 0.618) % 1)
        assert state(crashing(attempt, moment)) == expected, f"killed after {moment:.2f} s of {took:.2f} s"


def test_a_stopped_import_goes_on_where_it_was(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Posts and articles of twelve files, stopped while the fifth and then while an article is taken in."""
    monkeypatch.setattr("aufruf.staging.BATCH", 1)
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(6):
        write_posts(folder / f"{number}.jsonl", post(number, f"Treffen am {number + 1}. Mai, kommt alle"))
        (folder / f"{number}.txt").write_text(f"Der Rat tagt zum {number}. Mal\n{ARTICLE}", "utf-8")
    copy = tmp_path / "copy"
    shutil.copytree(workspace.root, copy)
    expected = import_paths(open_workspace(copy), [folder])

    def stopping_at(stage: str, n: int) -> list[tuple[str, int]]:
        told: list[tuple[str, int]] = []

        def tell(now: str, done: int, total: int | None) -> None:
            assert total is None or done <= total
            told.append((now, done))
            if [name for name, _ in told].count(stage) == n:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            import_paths(workspace, [folder], progress=tell)
        return told

    first = stopping_at("read", 5)
    assert records(workspace).is_empty()
    second = stopping_at("articles", 3)
    assert second[0][1] > first[-1][1], "what was read is not read again"
    report = import_paths(workspace, [folder])
    assert report.counts() == expected.counts()
    assert report.notes == expected.notes
    assert state(workspace) == state(open_workspace(copy))
    assert not list((workspace.cache / "import").iterdir())


def test_a_stopped_import_is_begun_anew_if_its_files_come_in_another_order(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("aufruf.staging.BATCH", 1)
    one = write_posts(tmp_path / "one.jsonl", post(1, "Treffen am Montag"))
    two = write_posts(tmp_path / "two.jsonl", post(2, "Treffen am Dienstag"))
    told: list[str] = []

    def stop(stage: str, _done: int, _total: int | None) -> None:
        told.append(stage)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_paths(workspace, [one, two], source="forum", progress=stop)
    report = import_paths(workspace, [two, one], source="forum")
    assert (report.read, report.new, report.known) == (2, 2, 0)
    assert set(records(workspace)["text"]) == {"Treffen am Montag", "Treffen am Dienstag"}


def test_a_dry_run_leaves_what_a_stopped_import_has_made(workspace: Workspace, posts: Path):
    def stop(_stage: str, _done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_paths(workspace, [posts], progress=stop)
    left = list((workspace.cache / "import").iterdir())
    import_paths(workspace, [posts], dry_run=True)
    assert list((workspace.cache / "import").iterdir()) == left
    assert not list((workspace.cache / "dry-run").iterdir())


def test_a_file_in_two_spellings_is_read_once(workspace: Workspace, posts: Path):
    again = posts.parent / "." / ".." / posts.parent.name / posts.name
    assert import_paths(workspace, [posts, again]).read == 5


def test_posts_with_the_id_of_others_are_told_of(workspace: Workspace, tmp_path: Path):
    january = write_posts(tmp_path / "1.jsonl", post(1, "Treffen im Januar"), post(2, "Am Ufer"))
    february = write_posts(tmp_path / "2.jsonl", post(1, "Ein ganz anderer Text"), post(2, "Am Ufer"))
    assert not import_paths(workspace, [january], source="forum").notes[1:]
    report = import_paths(workspace, [february], source="forum")
    assert [note for note in report.notes if note.startswith("1 posts have the id of another text")]


def test_files_that_a_killed_write_left_are_gone_after_the_next(workspace: Workspace, posts: Path):
    import_paths(workspace, [posts])
    root = workspace.root / "tables" / "records"
    whole = {path.name for path in root.glob("*.parquet")}
    (root / "part-00001-stray.zstd.parquet").write_bytes(b"texts that no version names")
    import_paths(workspace, [write_posts(posts.parent / "other.jsonl", post(9, "Etwas anderes"))])
    now = {path.name for path in root.glob("*.parquet")}
    assert whole < now
    assert "part-00001-stray.zstd.parquet" not in now
    assert records(workspace).height == 5


def test_another_import_removes_what_a_stopped_one_left(workspace: Workspace, posts: Path, tmp_path: Path):
    def stop(_stage: str, _done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_paths(workspace, [posts], progress=stop)
    assert list((workspace.cache / "import").iterdir())
    import_paths(workspace, [write_posts(tmp_path / "other.jsonl", post(9, "Etwas anderes"))])
    assert not list((workspace.cache / "import").iterdir())


@pytest.mark.parametrize("stop_after", ["quarantine", "records", "duplicates", "clusters"])
def test_an_import_that_ends_after_any_commit_is_taken_up_again(
    workspace: Workspace, posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: str
):
    """The process ends right after a table's commit: the next run brings what is missing."""
    copy = tmp_path / "copy"
    shutil.copytree(workspace.root, copy)
    expected_report = import_paths(open_workspace(copy), [posts])

    from aufruf.store import Store

    def stopping(write: Callable[..., bool]) -> Callable[..., bool]:
        def stopped(store: Store, table: Any, *arguments: Any) -> bool:
            done = write(store, table, *arguments)
            if table.name == stop_after:
                raise KeyboardInterrupt
            return done

        return stopped

    with monkeypatch.context() as patch:
        patch.setattr(Store, "append", stopping(Store.append))
        patch.setattr(Store, "upsert", stopping(Store.upsert))
        with pytest.raises(KeyboardInterrupt):
            import_paths(workspace, [posts])
    report = import_paths(workspace, [posts])
    assert report.counts() == expected_report.counts()
    assert state(workspace) == state(open_workspace(copy))


@pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")
def test_a_real_article_is_in_its_excerpts_but_for_the_comment_form(workspace: Workspace):
    path = DATA / "news" / "000_7e6a38b6c331e23b.txt"
    report = import_paths(workspace, [path])
    article = normalise_text(path.read_text("utf-8"))
    rows = records(workspace).to_dicts()
    assert report.records == len(rows)
    assert {row["language"] for row in rows} == {"de"}
    for row in rows:
        raw = article[row["excerpt_start"] : row["excerpt_end"]]
        assert row["text"] == mask(raw, workspace.pseudonym_key()).text
        assert not {"Kommentar schreiben", "Antworten", "Ihre Antwort schreiben"} & set(
            row["text"].split("\n")
        )
    rest = article
    for row in reversed(rows):
        rest = rest[: row["excerpt_start"]] + rest[row["excerpt_end"] :]
    assert rest.split("\n")[-3:] == ["Kommentar schreiben", "Antworten", "Ihre Antwort schreiben"]
    assert len(rest.split()) == 6
    quoted = [row["text"][q["start"] : q["end"]] for row in rows for q in row["quotes"]]
    assert sum("Rechenzentren" in text for text in quoted) == 1


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")
def test_a_real_table_is_kept_or_quarantined_row_by_row(workspace: Workspace):
    path = DATA / "germeval2025" / "c2a_train.csv"
    report = import_paths(workspace, [path])
    assert report.read == 6840 == report.kept + report.bad
    rows = workspace.store.read(RECORDS)
    ids = pl.read_csv(path, separator=";", schema_overrides={"id": pl.String})["id"]
    key = workspace.pseudonym_key()
    expected = {keyed_hash(key, "post", "c2a-train", "id", number, None, None) for number in ids}
    assert set(rows["post_id"]) == expected
