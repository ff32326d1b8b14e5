"""Files as they come: each item is read or refused, and a bad file is a clear error."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.errors import InputError
from aufruf.sources.fields import FieldMap
from aufruf.sources.items import ITEMS, MAX_LINE, SourceResult
from aufruf.sources.reading import read_source
from aufruf.sources.times import lacks_zone, times_told, utc_times

DATA = Path(__file__).parents[2] / "shared" / "data"
CANARY = "canary-4711"


def source(path: Path, content: bytes | str, **options: object) -> SourceResult:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_source(path, **options)


def reasons(result: SourceResult) -> list[tuple[str, str]]:
    return result.quarantine.select("item", "reason").rows()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a file without a telling name"


TABLE = [
    {"id": "9007199254740993", "text": 'Eine Zeile\nund "noch" eine; mit, allem\tdrin'},
    {"id": "18446744073709551615", "text": "Zweiter ‚Text‘ 🔥"},
    {"id": "3", "text": "Dritter"},
]


def as_csv(delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["id", "text"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(TABLE)
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_read_with_any_delimiter_and_with_line_ends_in_quotes(file: Path, delimiter: str):
    result = source(file, as_csv(delimiter))
    assert result.records.select("id", "text").to_dicts() == TABLE
    assert result.records["item"].to_list() == ["2", "4", "5"]
    assert result.records.schema == ITEMS


def test_json_lines_keep_the_digits_of_long_numbers(file: Path):
    lines = [json.dumps({"id": int(row["id"]), "text": row["text"], "extra": [1, {}]}) for row in TABLE]
    result = source(file, "\n\n".join(lines))
    assert result.records.select("id", "text").to_dicts() == TABLE
    assert result.records["item"].to_list() == ["1", "3", "5"]


def test_parquet_keeps_the_digits_of_long_numbers(file: Path):
    pl.DataFrame(TABLE).with_columns(pl.col("id").cast(pl.UInt64)).write_parquet(file)
    assert read_source(file).records.select("id", "text").to_dicts() == TABLE


def test_parquet_ids_that_lost_digits_are_refused(file: Path):
    pl.DataFrame({"id": [1.0, None], "text": ["a", "b"]}).write_parquet(file)
    with pytest.raises(InputError, match=r"column id holds floating-point numbers"):
        read_source(file)


def test_times_in_parquet_come_with_their_zone(file: Path):
    naive = pl.Series(["2031-01-04T12:00:00"]).str.to_datetime()
    frame = pl.DataFrame({"text": ["a"], "created_at": naive.dt.replace_time_zone("Europe/Berlin")})
    frame.write_parquet(file)
    read = read_source(file).records
    assert read.select(utc_times(pl.col("created_at"))).item().isoformat() == "2031-01-04T11:00:00+00:00"


def test_plain_text_is_one_article(file: Path):
    article = "Der Rat streitet\nDer Rat hat getagt, lange, laut und ohne Ergebnis.\nAm Ende gingen alle.\n"
    result = source(file, article)
    assert result.records.select("kind", "text").rows() == [("news", article)]


@pytest.mark.parametrize("name", ["posts.csv", "posts.TSV", "posts.csv.gz"])
def test_a_damaged_table_is_no_article(tmp_path: Path, name: str):
    damaged = b'text,label\neins,1\n"zwei'
    file = tmp_path / name
    file.write_bytes(gzip.compress(damaged) if name.endswith(".gz") else damaged)
    with pytest.raises(InputError, match=r"not a table: .*--format news-text"):
        read_source(file)
    assert read_source(file, "news-text").records.height == 1


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("cp1252", "cp1252"), ("utf-16", "utf-16")],
)
def test_the_encoding_is_found_out_and_reported(file: Path, encoding: str, expected: str):
    result = source(file, "id;text\n1;„Grüße“ und Küsse\n2;ähnlich\n".encode(encoding))
    assert result.records["text"].to_list() == ["„Grüße“ und Küsse", "ähnlich"]
    assert f"{expected}, semicolon" in result.notes[0]


def test_a_damaged_line_in_a_good_table_is_one_refused_item(file: Path):
    content = "id,text\n1,Grüße\n2,Küsse\n".encode() + b"3,k\xe4putt\n" + "4,Übrig\n".encode()
    result = source(file, content)
    assert reasons(result) == [("4", "bad_encoding")]
    assert result.records["id"].to_list() == ["1", "2", "4"]


def test_a_row_with_another_number_of_cells_is_refused_with_its_line(file: Path):
    result = source(file, "id,text\n1,eins\n2,zwei,zu viel\n\n3\n4,vier\n5,fünf\n6,sechs\n7,7\n8,8\n9,9\n")
    assert reasons(result) == [("3", "wrong_column_count"), ("5", "wrong_column_count")]
    assert result.quarantine["message"][0] == "3 cells, the header has 2"
    assert result.read == 9


def test_each_bad_line_of_json_is_one_refused_item(file: Path):
    lines = [
        b'{"id": 1, "text": "gut"}',
        b'{"id": 2, "text": "ohne Ende"',
        b"[1, 2]",
        b'{"id": {"a": 1}, "text": "x"}',
        b'{"id": 3, "text": "\xff"}',
        b'{"id": 4, "text": "\\ud800"}',
        b'{"id": NaN, "text": "x"}',
        b'{"id": 5, "text": "x", "deep": ' + b"[" * 1_000_000,
        b'{"id": 6, "text": "x", "deep": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"id": 7, "text": "eins", "text": "zwei"}',
        b'{"id": 8, "text": "\\u0000"}',
        b"null",
        b'"' + CANARY.encode() + b'"',
    ]
    result = source(file, b"\n".join(lines))
    assert reasons(result) == [
        ("2", "bad_json"),
        ("3", "not_an_object"),
        ("4", "bad_field"),
        ("5", "bad_encoding"),
        ("6", "bad_json"),
        ("7", "bad_json"),
        ("8", "too_deep"),
        ("9", "too_deep"),
        ("12", "not_an_object"),
        ("13", "not_an_object"),
    ]
    assert result.records["text"].to_list() == ["gut", "zwei", "\x00"]
    assert CANARY not in str(result.quarantine.to_dicts())


def test_a_line_that_is_too_long_is_refused_unread_and_the_next_one_read(file: Path):
    with file.open("wb") as handle:
        handle.write(b'{"text": "a"}\n{"text": "')
        for _ in range(MAX_LINE // 1_000_000 + 1):
            handle.write(b"x" * 1_000_000)
        handle.write(b'"}\n{"text": "b"}\n')
    result = read_source(file)
    assert reasons(result) == [("2", "too_long")]
    assert result.records["text"].to_list() == ["a", "b"]


def test_a_cell_that_is_too_long_is_refused_and_reading_goes_on(file: Path):
    result = source(file, 'id,text\n1,a\n2,"' + "x" * 1_000_001 + '"\n3,b\n')
    assert ("3", "too_long") in reasons(result)
    assert result.records["id"].to_list() == ["1", "3"]
    assert csv.field_size_limit() == 131_072


def test_a_quote_without_end_costs_its_own_line_alone(file: Path):
    rows = [f"{n},Text Nummer {n}" for n in range(60_000)]
    rows[10] = '10,"ohne Ende'
    rows[-2] = '59998,"auch ohne Ende'
    result = source(file, "id,text\n" + "\n".join(rows) + "\n")
    assert reasons(result) == [("12", "unclosed_quote"), ("60000", "unclosed_quote")]
    assert result.records.height == 59_998
    assert result.records["item"].tail(2).to_list() == ["59999", "60001"]


@pytest.mark.parametrize("cut", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_parquet_file_cut_off_anywhere_is_a_clear_error(file: Path, cut: float):
    pl.DataFrame({"id": range(1000), "text": [f"Text {n}" for n in range(1000)]}).write_parquet(file)
    content = file.read_bytes()
    with pytest.raises(InputError, match="cut off"):
        source(file, content[: max(4, int(cut * len(content)))])


def test_a_flipped_byte_in_parquet_is_an_input_error_at_worst(file: Path):
    pl.DataFrame({"id": range(300), "text": [f"Text {n}" for n in range(300)]}).write_parquet(file)
    content = file.read_bytes()
    for place in range(4, len(content), 37):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        with contextlib.suppress(InputError):
            source(file, bytes(damaged))


def test_text_in_parquet_that_is_no_utf8_is_refused_row_by_row(file: Path):
    frame = pl.DataFrame({"id": ["1", "2"], "text": [b"gut", b"k\xe4putt"]})
    frame.write_parquet(file)
    result = read_source(file)
    assert reasons(result) == [("2", "bad_encoding")]
    assert result.records["text"].to_list() == ["gut"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00" * 9, "damaged"),
        (b"\x00\x01\x02\x03" * 9, "binary file"),
        (b"\x89PNG\x00\x01\x02\x03" * 9, "a picture"),
        (b'[{"text": "a"}]', "one JSON document"),
        (b'{\n "text": "a"\n}\n', "one JSON document"),
        (b"[" * 100_000, "one JSON document"),
    ],
)
def test_a_file_of_another_kind_is_told_what_was_expected(file: Path, content: bytes, complaint: str):
    with pytest.raises(InputError, match=complaint):
        source(file, content)


@pytest.mark.parametrize("given", ["jsonl", "parquet"])
def test_a_file_that_is_not_what_it_is_said_to_be_is_an_error(file: Path, given: str):
    with pytest.raises(InputError, match=file.name):
        source(file, as_csv(","), format=given)


def test_an_unknown_format_or_path_is_told_with_what_there_is(file: Path):
    with pytest.raises(InputError, match="csv, jsonl, parquet, news-text"):
        source(file, "a", format="docx")
    with pytest.raises(InputError, match="no such file or folder"):
        read_source(file.parent / "nothing")


def test_where_the_text_cannot_be_found_the_columns_and_the_way_out_are_shown(file: Path):
    with pytest.raises(InputError, match=r"columns found: key, wording\..*text = \"wording\".*--map"):
        source(file, "key,wording\n1,eins\n2,zwei\n")


@pytest.mark.parametrize("height", [1, 2, 9])
def test_a_table_without_header_asks_for_numbers_and_shows_no_text(file: Path, height: int):
    rows = "\n".join(f"Das ist der Satz {n}, {CANARY}.\tOTHER" for n in range(height))
    with pytest.raises(InputError, match=r"no header \(columns found: 2\).*text = 1") as caught:
        source(file, rows)
    assert CANARY not in str(caught.value)
    result = source(file, rows, field_map=FieldMap({"text": 1}))
    assert result.records.height == height
    assert result.records["item"][0] == "1"


def test_a_field_map_names_columns_and_the_kind(file: Path, tmp_path: Path):
    given = tmp_path / "map.toml"
    given.write_text('kind = "news"\ntext = "wording"\nid = ""\n')
    result = source(file, "id,wording,date\n1,eins,2031-01-01\n2,zwei,2031-01-02\n", field_map=given)
    assert result.records.select("kind", "id", "text", "created_at").rows() == [
        ("news", None, "eins", "2031-01-01"),
        ("news", None, "zwei", "2031-01-02"),
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("text = 'nothing'", "no column nothing; columns found: id, text"),
        ("words = 'text'", r"unknown fields \['words'\]"),
        ("kind = 'tweet'\ntext = 'text'", "'post' or 'news'"),
        ("text = 0", "numbered from 1"),
        ("text = 1\nid = 'id'", "not both"),
        ("text = [1]", "not a field map"),
        ("= nothing", "not a field map"),
    ],
)
def test_a_wrong_field_map_is_told(file: Path, tmp_path: Path, content: str, complaint: str):
    given = tmp_path / "map.toml"
    given.write_text(content)
    with pytest.raises(InputError, match=complaint):
        source(file, as_csv(","), field_map=given)


def test_an_outlet_makes_news(file: Path):
    result = source(file, "title,outlet,text\nA,B,C\nD,E,F\n")
    assert result.records["kind"].to_list() == ["news", "news"]


def test_a_folder_is_read_file_by_file_and_one_that_cannot_be_is_one_item(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "posts").write_text(as_csv(","))
    (tmp_path / "article").write_text("Der Rat streitet\nEs war laut und spät.\n")
    (tmp_path / "picture").write_bytes(b"\x89PNG\x00\x01\x02\x03")
    (tmp_path / ".hidden").write_text("x")
    result = read_source(tmp_path)
    assert result.quarantine.select("file", "reason").rows() == [("picture", "media")]
    assert result.records["file"].to_list() == ["article", *["sub/posts"] * 3]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no files"):
        read_source(tmp_path / "empty")


def test_a_link_that_leads_out_of_a_folder_is_not_followed(tmp_path: Path):
    (tmp_path / "secret").write_text("Geheim ist das alles hier.")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("Der Rat streitet, es war laut.")
    (tmp_path / "folder" / "b").symlink_to(tmp_path / "secret")
    assert read_source(tmp_path / "folder").records["file"].to_list() == ["a"]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_any_table_that_can_be_written_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], delimiter: str
):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("id", "text"), *rows])
    path = tmp_path_factory.mktemp("table") / "t"
    assert source(path, out.getvalue(), format="csv").records.select("id", "text").rows() == rows


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2031-01-04T17:50:59+01:00", "2031-01-04T16:50:59"),
        ("2031-01-04 17:50:59.250Z", "2031-01-04T17:50:59.250"),
        ("2031-01-04 17:50", "2031-01-04T17:50:00"),
        ("Wed Oct 10 20:19:24 +0200 2018", "2018-10-10T18:19:24"),
        ("Tue, 22 Oct 2019 09:28:31 GMT", "2019-10-22T09:28:31"),
        ("4.3.2031 18:00", "2031-03-04T18:00:00"),
        ("04.03.2031", "2031-03-04T00:00:00"),
        ("1539206364", "2018-10-10T21:19:24"),
        ("1539206364000", "2018-10-10T21:19:24"),
        ("1539206364000250", "2018-10-10T21:19:24.000250"),
        ("2031-01-04 17:50:59+01", "2031-01-04T16:50:59"),
        ("22 Oct 2019 09:28:31 +0200", "2019-10-22T07:28:31"),
        ("1968-05-02", "1968-05-02T00:00:00"),
        ("gestern", None),
        ("", None),
        ("2031-13-45", None),
    ],
)
def test_a_time_becomes_utc(written: str, utc: str | None):
    found = pl.DataFrame({"t": [written]}).select(utc_times(pl.col("t"))).item()
    assert (found and found.replace(tzinfo=None)) == (utc and datetime.fromisoformat(utc))


@pytest.mark.parametrize(
    "written",
    [
        *("0", "0001-01-01T00:00:00", "1601-01-01T00:00:00Z", "1899-12-30", "1904-01-01", "253402300799"),
        *("1970-01-01", "1970-01-01T01:00:00+01:00", "1969-12-31T16:00:00-0800", "9999-12-31", "2100-01-01"),
    ],
)
def test_what_programs_write_for_no_time_is_none(written: str):
    assert pl.DataFrame({"t": [written]}).select(utc_times(pl.col("t"))).item() is None
    assert times_told(pl.Series([written, "2031-01-04", "1968-05-02", "", None])) == (0, 1)


def test_forms_of_time_may_be_mixed_in_a_column():
    written = [None, "1539206364", "2031-01-04 17:50:59+01", "", "gestern", "2031-01-04T17:50:59.5Z", None]
    found = pl.DataFrame({"t": written}).select(utc_times(pl.col("t"))).to_series()
    assert [time and time.strftime("%d %H:%M") for time in found] == [
        *(None, "10 21:19", "04 16:50", None, None, "04 17:50", None)
    ]


def test_the_file_is_told_how_many_times_were_assumed_or_lost(file: Path):
    rows = "1,eins,2031-01-01 10:00\n2,zwei,gestern\n3,drei,1970-01-01T00:00:00Z\n4,vier,\n"
    result = source(file, "id,text,date\n" + rows)
    assert [note.split(": ", 1)[1] for note in result.notes][1:] == [
        "times without a zone, taken as UTC: 1",
        "unknown or impossible times, left out: 2",
    ]


def test_it_is_known_where_a_zone_was_assumed():
    frame = pl.DataFrame({"t": ["2031-01-04 17:50", "2031-01-04T17:50Z", "2031-01-04", "04.03.2031 18:00"]})
    assert frame.select(lacks_zone(pl.col("t"))).to_series().to_list() == [True, False, False, True]
    zoned = pl.DataFrame(
        {"t": ["2031-01-04 17:50+01", "2031-01-04 17:50 UTC", "Wed Oct 10 20:19:24 +0200 2018"]}
    )
    assert not zoned.select(lacks_zone(pl.col("t"))).to_series().any()


@pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")
def test_a_real_table_with_line_ends_in_quotes_keeps_all_rows_and_ids():
    path = DATA / "germeval2025" / "c2a_train.csv"
    result = read_source(path)
    with path.open(encoding="utf-8", newline="") as handle:
        truth = [(row["id"], row["description"]) for row in csv.DictReader(handle, delimiter=";")]
    assert result.records.select("id", "text").rows() == truth
    assert result.read == len(truth) == 6840


@pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("edos/edos_labelled_aggregated.csv", 20_000),
        ("davidson/labeled_data.csv", 24_783),
        ("gahd/gahd.csv", 10_996),
        ("collective_action/train_set.csv", 1_817),
    ],
)
def test_real_tables_are_read_whole(name: str, rows: int):
    result = read_source(DATA / name)
    assert (result.records.height, result.quarantine.height) == (rows, 0)


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 22])
def test_json_lines_are_the_same_in_blocks_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
):
    """Empty, broken, listed and numbered values stay on their lines, with and without a last line end."""
    monkeypatch.setattr("aufruf.sources.jsonl._BLOCK", block)
    good = b'{"id": 12345678901234567890, "text": "am Ufer"}'
    lines = [good, b"", good, b'{"text": ""}', b"{", b'{"text": ["x"]}', b"   ", b"7", good, b'{"text": 1.5}']
    for end in (b"", b"\n", b"\n\n"):
        (tmp_path / "p.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines) + end)
        found = read_source(tmp_path / "p.jsonl")
        assert found.records.select("item", "id", "text").rows() == [
            ("1", "12345678901234567890", "am Ufer"),
            ("3", "12345678901234567890", "am Ufer"),
            ("4", None, None),
            ("9", "12345678901234567890", "am Ufer"),
            ("10", None, "1.5"),
        ]
        assert found.quarantine.select("item", "reason").rows() == [
            ("5", "bad_json"),
            ("6", "bad_field"),
            ("8", "not_an_object"),
        ]


@pytest.mark.parametrize("block", [7, 30])
def test_a_line_that_is_too_long_costs_that_line_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
):
    monkeypatch.setattr("aufruf.sources.jsonl._BLOCK", block)
    monkeypatch.setattr("aufruf.sources.jsonl.MAX_LINE", 40)
    for length in (41, 60, 200):
        long = '{"text": "' + "x" * (length - 12) + '"}'
        (tmp_path / "p.jsonl").write_text(f'{{"text": "a"}}\n{long}\n{{"text": "b"}}\n', "utf-8")
        found = read_source(tmp_path / "p.jsonl")
        assert found.records.select("item", "text").rows() == [("1", "a"), ("3", "b")]
        assert found.quarantine.select("item", "reason").rows() == [("2", "too_long")]
