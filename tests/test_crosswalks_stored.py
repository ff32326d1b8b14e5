"""A labelled set stored as Parquet or JSON Lines, and texts as they were before a set's conventions."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pandas as pd
import polars as pl
import pytest

from aufruf.assets import asset
from aufruf.crosswalks.conventions import as_written
from aufruf.crosswalks.definition import Crosswalk, known_crosswalks, load_crosswalk
from aufruf.crosswalks.reading import LabelledFile, read_labelled, recognise, sets_of
from aufruf.errors import InputError, SettingsError
from aufruf.label_scheme import load_label_scheme

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = Path(__file__).parent / "cases" / "crosswalks"
FILES = sorted(path for path in CASES.glob("*/*") if path.suffix != ".json")
REAL = Path(__file__).parents[2] / "shared" / "data"
KNOWN = known_crosswalks()
CITED = {"authors": "A", "year": 2030, "title": "T", "venue": "V"}


def rules(**more: object) -> Crosswalk:
    layout = {"header": ["id", "text", "kind"], "id": "id", "text": "text", "labels": ["kind"]}
    base = {"title": "T", "license": "CC0-1.0", "worth": "nothing", "citation": CITED, "file": [layout]}
    return msgspec.convert(base | more, Crosswalk)


def read(content: bytes, crosswalk: Crosswalk, name: str = "f") -> LabelledFile:
    found = recognise(io.BytesIO(content), crosswalk)
    assert found is not None
    return read_labelled(io.BytesIO(content), name, found)


def as_frame(file: Path) -> pd.DataFrame:
    """The file as pandas takes it: numbers, truth values and lists of its own making."""
    if file.suffix == ".txt":
        return pd.read_csv(file, sep="\t", names=["text", "coarse", "fine"], quoting=3)
    first = file.read_text("utf-8").split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    frame = pd.read_csv(file, sep=separator, na_values=[""], keep_default_na=False)
    if "label_annotated" in frame:
        frame["label_annotated"] = [
            cell.strip("[]").replace("'", "").split(", ") for cell in frame["label_annotated"]
        ]
    return frame


def parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out)
    return out.getvalue()


def lines(frame: pd.DataFrame) -> bytes:
    return frame.to_json(orient="records", lines=True, force_ascii=False).encode()


def plain(file: LabelledFile) -> list[tuple[str | None, ...]]:
    """What a file says, but for the numbers of lines and the spelling of truth and whole numbers."""
    said = file.said().with_columns(pl.col("value").str.to_lowercase().str.replace(r"\.0$", "")).drop("item")
    texts = [] if file.layout.text is None else file.items()["text"].to_list()
    return [*said.rows(), *((text,) for text in texts)]


@pytest.mark.parametrize("store", [parquet, lines])
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_set_that_is_stored_otherwise_says_the_same(file: Path, store: Callable[[pd.DataFrame], bytes]):
    crosswalk = KNOWN[file.parent.name]
    stored = read(store(as_frame(file)), crosswalk, file.name)
    assert plain(stored) == plain(read(file.read_bytes(), crosswalk, file.name))
    assert not stored.refusals


@pytest.mark.parametrize("store", [parquet, lines])
def test_long_ids_keep_their_digits_unless_the_file_has_lost_them(store: Callable[[pd.DataFrame], bytes]):
    frame = pd.DataFrame({"id": [874458912592533001], "text": ["a"], "kind": [True]})
    assert read(store(frame), rules()).rows.rows() == [("1", "a", "874458912592533001", "true")]
    lost = parquet(frame.astype({"id": float}))
    with pytest.raises(InputError, match="lose digits"):
        read(lost, rules())


def test_a_bad_object_or_text_costs_itself():
    good = '{"id": 1, "text": "gut", "kind": 2.0}'
    found = read(f'{good}\n{{"id": 2, "text": NaN}}\n[1]\n{good}\n'.encode(), rules())
    assert found.rows.rows() == [("1", "gut", "1", "2"), ("4", "gut", "1", "2")]
    assert [(one.item, one.reason) for one in found.refusals] == [("2", "bad_json"), ("3", "bad_field")]
    frame = pl.DataFrame({"id": ["1", "2"], "text": [b"gut", b"\xff"], "kind": ["", None]})
    out = io.BytesIO()
    frame.write_parquet(out)
    stored = read(out.getvalue(), rules())
    assert stored.rows.rows() == [("1", "gut", "1", None)]
    assert [(one.item, one.reason) for one in stored.refusals] == [("2", "bad_encoding")]


def test_a_stored_table_with_other_columns_is_no_file_of_the_set():
    other = pd.DataFrame({"id": [1], "text": ["a"]})
    assert recognise(io.BytesIO(parquet(other)), rules()) is None
    assert recognise(io.BytesIO(lines(other)), rules()) is None
    assert recognise(io.BytesIO(b"PAR1 and nothing else"), rules()) is None
    assert recognise(io.BytesIO(b"{"), rules()) is None


def test_a_damaged_parquet_file_of_a_set_is_an_error():
    content = bytearray(parquet(pd.DataFrame({"id": range(500), "text": "a long text", "kind": "x"})))
    content[30:60] = bytes(30)
    with pytest.raises(InputError, match="damaged"):
        read(bytes(content), rules())


def test_a_flipped_bit_in_a_parquet_file_of_a_set_is_an_error_where_the_file_can_show_it():
    out = io.BytesIO()
    texts = [f"a text of its own {number}" for number in range(50)]
    frame = pd.DataFrame({"id": range(50), "text": texts, "kind": "x"})
    frame.to_parquet(out, compression=None, use_dictionary=False, write_page_checksum=True)
    content = bytearray(out.getvalue())
    content[content.index(b"its own 25")] ^= 1
    with pytest.raises(InputError, match="damaged"):
        read(bytes(content), rules())


def test_a_stored_set_is_noticed_by_an_import_without_its_crosswalk(tmp_path: Path):
    file = tmp_path / "train-00000-of-00001.parquet"
    file.write_bytes(parquet(as_frame(CASES / "edos" / "edos_labelled_aggregated.csv")))
    assert sets_of(file, KNOWN) == ["edos"]


def test_entities_are_decoded_once_and_only_where_the_set_has_them():
    texts = pl.Series(["a &amp; b &#128514; &amp;lt; &copy=1 & &nonsense; &#x200B;", None, "plain"])
    expected = ["a & b 😂 &lt; &copy=1 & &nonsense; \u200b", None, "plain"]
    assert as_written(texts, rules(html_entities=True)).to_list() == expected
    assert as_written(texts, rules()).to_list() == texts.to_list()


def test_a_replacement_is_no_pattern_and_they_follow_each_other():
    crosswalk = rules(replace={"|LBR| ": "\n", "|LBR|": "\n", "[@IND]": "@user"})
    texts = pl.Series(["eins |LBR| |LBR| zwei|LBR|[@IND] I N D $1"])
    assert as_written(texts, crosswalk).to_list() == ["eins \n\nzwei\n@user I N D $1"]


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("germeval2018", "Ja |LBR| nein &gt; doch", "Ja \nnein > doch"),
        ("germeval2025", "[@IND] und [@GRP] |LBR| &amp;", "@user und @user \n&"),
        ("edos", "[USER] said [URL]", "@user said [URL]"),
        ("davidson", "RT @a: &#8220;hi&#8221;", "RT @a: “hi”"),
        ("gahd", "a &amp; b", "a &amp; b"),
    ],
)
def test_texts_of_a_known_set_are_as_their_authors_wrote_them(name: str, written: str, meant: str):
    """Whom a set has made anonymous is no person: the same neutral placeholder for all, never a keyed one."""
    assert as_written(pl.Series([written]), KNOWN[name]).to_list() == [meant]


def test_a_replacement_of_nothing_is_an_error(tmp_path: Path):
    path = tmp_path / "own.toml"
    crosswalk = (asset("schemas", "crosswalks", "davidson.toml")).read_text("utf-8")
    path.write_text(crosswalk + '\n[replace]\n"" = "x"\n', "utf-8")
    with pytest.raises(SettingsError, match="replace: nothing"):
        load_crosswalk(path, load_label_scheme(asset("schemas", "label_scheme.toml")))


@pytest.mark.skipif(not REAL.exists(), reason="the real data is not here")
@pytest.mark.parametrize("store", [parquet, lines])
@pytest.mark.parametrize(
    "file",
    ["germeval2025/c2a_train.csv", "gahd/gahd_disaggregated.csv", "hatecheck/test_suite_annotations.csv"],
)
def test_a_real_set_that_is_stored_otherwise_says_the_same(file: str, store: Callable[[pd.DataFrame], bytes]):
    path = REAL / file
    crosswalk = KNOWN[path.parent.name]
    stored = read(store(as_frame(path)), crosswalk, path.name)
    assert plain(stored) == plain(read(path.read_bytes(), crosswalk, path.name))
    assert json.dumps(stored.layout.header) == json.dumps(read(path.read_bytes(), crosswalk).layout.header)
