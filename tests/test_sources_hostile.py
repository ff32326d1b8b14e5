"""Input made to do harm: the item or the file is refused, nothing else happens, and memory stays small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aufruf.errors import InputError
from aufruf.sources import json_values
from aufruf.sources.formats import READERS, detect_format
from aufruf.sources.json_values import values_of
from aufruf.sources.reading import read_source

CASES = Path(__file__).parent / "cases"
JSON_FORMATS = ("x", "telegram", "mastodon", "bluesky", "reddit", "youtube", "4cat", "labelstudio", "jsonl")
MOST_MEMORY = 500_000_000
CANARY = "canary-4711"

MEASURED = r"""
import re, sys
from pathlib import Path
from aufruf.errors import InputError
from aufruf.sources.reading import read_source
try:
    result = read_source(Path(sys.argv[1]), sys.argv[2] or None)
    print(result.records.height, *sorted(set(result.quarantine["reason"])))
except InputError as error:
    print("error", error)
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024)
"""


def read_apart(file: Path, format_: str = "") -> tuple[str, int]:
    """Read a file in a process of its own; return what it said and the most memory that it held."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(file), format_], capture_output=True, text=True, check=True
    )
    said, memory = done.stdout.rsplit("\n", 2)[:2]
    return said, int(memory)


def line_of(format_: str) -> dict:
    """A good line of each format, from its cases."""
    if format_ == "jsonl":
        return {"id": 1, "text": "Gut"}
    lines = {
        "x": {"id": "1", "text": "Gut", "possibly_sensitive": False},
        "telegram": {"name": "a", "type": "public_channel", "id": 1, "messages": [{"id": 1, "text": "Gut"}]},
        "mastodon": {"id": "1", "content": "<p>Gut</p>", "account": {"acct": "a"}},
        "bluesky": {
            "uri": "at://d/app.bsky.feed.post/1",
            "value": {"$type": "app.bsky.feed.post", "text": "Gut"},
        },
        "reddit": {"kind": "t1", "data": {"id": "1", "body": "Gut"}},
        "youtube": {"kind": "youtube#comment", "id": "1", "snippet": {"textDisplay": "Gut"}},
        "4cat": {"id": "1", "thread_id": "1", "timestamp": "2031-01-04 17:50:59", "body": "Gut"},
        "labelstudio": {"id": 1, "data": {"text": "Gut"}, "annotations": []},
    }
    return lines[format_]


@pytest.mark.parametrize("format_", JSON_FORMATS)
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"deep": ' + "[" * 20_000 + "]" * 20_000 + "}", "too_deep"),
        ('{"deep": ' + '{"a":' * 1_000_000 + "1" + "}" * 1_000_000 + "}", "too_deep"),
        ('{"nul": "a\x00b"}', "bad_json"),
        ('{"surrogate": "\\ud800x"}', "bad_json"),
        ('{"number": NaN}', "bad_json"),
        ('{"open": "', "bad_json"),
        ('{"open": ' + "[" * 100, "bad_json"),
        (f"{CANARY}", "bad_json"),
    ],
    ids=["20k", "1M", "nul", "surrogate", "nan", "open", "brackets", "word"],
)
def test_a_bad_line_costs_itself_and_tells_nothing_of_its_content(
    tmp_path: Path, format_: str, bad: str, reason: str
):
    """Telegram's documents are cut, not read by lines: what is broken there ends the reading."""
    file = tmp_path / "f"
    good = json.dumps(line_of(format_))
    file.write_text(f"{good}\n{bad}\n{good}\n", "utf-8")
    result = read_source(file, format_)
    assert result.records.height >= 1
    if format_ != "telegram":
        assert (result.records.height, result.quarantine["reason"].to_list()) == (2, [reason])
        assert result.quarantine["item"].to_list() == ["2"]
    assert CANARY not in str(result.quarantine.to_dicts())


def message(extra: str, text: str = "Gut") -> str:
    return f'{{"id": 1, "type": "message", {extra} "text": "{text}"}}'


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (message('"deep": ' + "[" * 20_000 + "]" * 20_000 + ","), "too_deep"),
        (message('"deep": ' + "[" * 1_000_000 + "]" * 1_000_000 + ","), "too_deep"),
        (message("", "a\x00b"), "bad_json"),
        (message("", "\\ud800"), "bad_json"),
        (message('"photo": NaN,'), "bad_json"),
        ('{"id": 1, "type": "message", "text": 7}', "bad_field"),
        ("7", "bad_field"),
    ],
    ids=["20k", "1M", "nul", "surrogate", "nan", "number", "no object"],
)
def test_a_bad_item_of_a_document_costs_itself(tmp_path: Path, bad: str, reason: str):
    file = tmp_path / "f"
    messages = ", ".join([message(""), bad, message("")])
    file.write_text(f'{{"name": "Deich", "type": "public_channel", "id": 1, "messages": [{messages}]}}')
    result = read_source(file)
    assert result.records.height == 2
    assert result.quarantine.select("item", "reason").rows() == [("2", reason)]


@pytest.mark.parametrize("format_", JSON_FORMATS)
def test_depth_900_is_read_or_refused(tmp_path: Path, format_: str):
    file = tmp_path / "f"
    line = {**line_of(format_), "deep": json.loads("[" * 900 + "]" * 900)}
    file.write_text(json.dumps(line) + "\n")
    assert read_source(file, format_).read == 1


@pytest.mark.parametrize("format_", JSON_FORMATS)
def test_of_a_key_that_stands_twice_the_last_counts(tmp_path: Path, format_: str):
    file = tmp_path / "f"
    good = json.dumps(line_of(format_), ensure_ascii=False)
    for key in ('"text": "', '"body": "', '"content": "', '"textDisplay": "'):
        good = good.replace(key, f'{key}Schlecht", {key}')
    file.write_text(good + "\n")
    assert read_source(file, format_).records["text"].to_list() == ["Gut"]


DOCUMENTS = (
    "telegram/one_chat",
    "mastodon/outbox",
    "youtube/threads",
    "bluesky/feed",
    "x/v2_page",
    "reddit/listing",
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_cut_off_anywhere_is_an_error_or_a_part_that_says_so(tmp_path: Path, name: str):
    """No text is shorter than it was: what is kept is whole."""
    (source,) = (file for file in (CASES / name).iterdir() if file.name != "expected.json")
    content = source.read_bytes().strip()
    whole = set(read_source(source).records["text"])
    format_ = name.split("/", maxsplit=1)[0]
    file = tmp_path / "f"
    for hundredth in range(1, 100):
        file.write_bytes(content[: len(content) * hundredth // 100])
        result = read_source(file, format_)
        assert set(result.records["text"]) <= whole
        last = result.quarantine.row(-1, named=True)
        assert last["reason"] in ("cut_off", "bad_json")
        kept = int(last["item"].split(".", maxsplit=1)[0]) - 1
        assert last["reason"] == "bad_json" or not kept or f"; {kept} before it were read" in last["message"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "format_", ["x", "telegram", "jsonl", "labelstudio", "csv", "news-text", "feed", "parler"]
)
def test_a_line_of_a_gigabyte_is_refused_in_little_memory(tmp_path: Path, format_: str):
    file = tmp_path / "f"
    with file.open("wb") as handle:
        handle.write(b'{"name": "a", "type": "b", "messages": [{"id": 1, "text": "Gut"}, {"id": 2, "text": "')
        for _ in range(1000):
            handle.write(b"x" * 1_000_000)
        handle.write(b'"}]}\n')
    said, memory = read_apart(file, format_)
    assert "too_long" in said or "error" in said
    assert memory < MOST_MEMORY


@pytest.mark.slow
def test_a_large_document_is_read_in_little_memory(tmp_path: Path):
    """Half a gigabyte of what surrounds the messages, and an item of 100 megabytes, go by."""
    file = tmp_path / "f"
    with file.open("wb") as handle:
        handle.write(b'{"name": "a", "type": "public_channel", "id": 1, "about": [')
        for _ in range(600):
            handle.write(b'["' + b"x" * 1_000_000 + b'", {}],')
        handle.write(b'""], "messages": [{"id": 1, "text": "Gut"}, {"id": 2, "photo": [')
        for _ in range(100):
            handle.write(b"1," * 500_000)
        handle.write(b'1], "text": "Zu lang"}, {"id": 3, "text": "Gut"}]}')
    said, memory = read_apart(file, "telegram")
    assert said == "2 too_long"
    assert memory < MOST_MEMORY


def test_brackets_without_end_are_an_error(tmp_path: Path):
    file = tmp_path / "f"
    for content in (b"[" * 1_000_000, b'{"a":' * 1_000_000, b'{"messages": [' * 100_000):
        file.write_bytes(content)
        with pytest.raises(InputError), file.open("rb") as stream:
            detect_format(stream, "f")
        for format_ in ("x", "telegram", "reddit"):
            result = read_source(file, format_)
            assert (result.records.height, result.read) == (0, 1)


def test_markup_in_posts_is_text_and_reads_no_file(tmp_path: Path):
    """Entities of XML are no entities of HTML; deep nesting and control signs do no harm."""
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + "<p>&b;</p>" * 1000
    outside = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{secret}">]><p>&a;</p>'
    contents = [
        laughs,
        outside,
        "<div>" * 100_000 + "tief",
        "<p>a\x00b\ud800c</p>",
        "<script>x</script><p>y</p>",
    ]
    file = tmp_path / "f"
    lines = [
        json.dumps(
            {"id": str(n), "content": content, "account": {"acct": "a"}}, ensure_ascii=content.isascii()
        )
        for n, content in enumerate(contents)
    ]
    lines[3] = lines[3].replace("\ud800", "")
    file.write_text("\n".join(lines), "utf-8")
    result = read_source(file)
    assert CANARY not in str(result.records.to_dicts())
    assert result.records["text"].str.len_chars().max() < 10_000
    assert "x" not in result.records["text"][-1]


def test_a_saved_page_of_entities_reads_no_file(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    (source,) = (file for file in (CASES / "parler/post").iterdir() if file.name != "expected.json")
    page = source.read_text("utf-8").replace(
        "<!DOCTYPE html>", f'<!DOCTYPE html [<!ENTITY a SYSTEM "file://{secret}">]>'
    )
    file = tmp_path / "f"
    file.write_text(page.replace("Kommt alle", "&a; Kommt alle"), "utf-8")
    posts = read_source(file, "parler").records
    assert posts.height == 2
    assert CANARY not in str(posts.to_dicts())


@pytest.mark.parametrize("format_", [*JSON_FORMATS, "parler", "csv", "news-text"])
def test_noise_is_refused_by_every_reader(tmp_path: Path, format_: str):
    import random

    file = tmp_path / "f"
    for seed in range(5):
        file.write_bytes(random.Random(seed).randbytes(20_000))
        try:
            result = read_source(file, format_)
        except InputError as error:
            assert "f" in str(error)  # noqa: PT017 -- either end is good
        else:
            assert result.quarantine.height or result.records.height
    assert format_ in READERS


def test_a_value_tells_where_it_stood(tmp_path: Path):
    file = tmp_path / "f"
    first = b'{"list": [{"id": 7, "in": [1, {"x": "]}\\""}]}, {"in": [[2], "a"], "id": 8}], "in": [9]}'
    file.write_bytes(first + b' {"in": [3]}')
    with file.open("rb") as stream:
        values = values_of(stream, frozenset({("list", "in"), ("in",)}))
        found = [(value.item, value.content, value.around.get("id")) for value in values]
    assert found == [
        ("1", b"1", "7"),
        ("2", b'{"x": "]}\\""}', "7"),
        ("3", b"[2]", None),
        ("4", b'"a"', None),
        ("5", b"9", None),
        ("6", b"3", None),
    ]


def test_an_item_that_is_too_long_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_values, "MAX_LINE", 1000)
    file = tmp_path / "f"
    messages = ", ".join([message(""), message('"photo": [' + "1," * 600 + "1],"), message("")])
    file.write_text(f'{{"name": "Deich", "type": "public_channel", "id": 1, "messages": [{messages}]}}')
    result = read_source(file)
    assert result.records.height == 2
    assert result.quarantine.select("item", "reason").rows() == [("2", "too_long")]
