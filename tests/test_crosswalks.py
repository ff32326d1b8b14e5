"""Crosswalks: what is written in them, what files they recognise, what follows, what is noticed."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.assets import asset
from aufruf.crosswalks.answers import annotations_of, answered, candidates_of, unknown_values
from aufruf.crosswalks.defects import find_defects
from aufruf.crosswalks.definition import Crosswalk, Layout, crosswalk_names, known_crosswalks, load_crosswalk
from aufruf.crosswalks.reading import LabelledFile, Recognised, read_labelled, recognise
from aufruf.errors import SettingsError
from aufruf.label_scheme import load_label_scheme

if TYPE_CHECKING:
    from pathlib import Path

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
START = """
title = "T"
license = "CC0-1.0"
worth = "nothing"
[citation]
authors = "A"
year = 2030
title = "T"
venue = "V"
[[file]]
header = ["id", "text", "kind"]
id = "id"
text = "text"
labels = ["kind"]
"""


def crosswalk(**more: Any) -> Crosswalk:
    rules = {
        "title": "T",
        "license": "CC0-1.0",
        "worth": "nothing",
        "citation": {"authors": "A", "year": 2030, "title": "T", "venue": "V"},
        "file": [{"header": ["id", "text", "kind"], "id": "id", "text": "text", "labels": ["kind"]}],
    }
    return msgspec.convert(rules | more, Crosswalk)


def said(*rows: tuple[str, str, str]) -> pl.DataFrame:
    """Rows of what a set says: record, annotator, value of `kind`."""
    names = ("record_id", "annotator", "value")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(column=pl.lit("kind"))


def read(content: str, rules: Crosswalk, name: str = "file.csv") -> LabelledFile:
    stream = io.BytesIO(content.encode())
    found = recognise(stream, rules)
    assert found is not None
    return read_labelled(stream, name, found)


@pytest.mark.parametrize("name", crosswalk_names())
def test_a_shipped_crosswalk_is_right_and_says_what_it_is_worth_and_whose_it_is(name: str):
    rules = load_crosswalk(asset("schemas", "crosswalks", f"{name}.toml"), SCHEME)
    assert len(rules.worth.split()) > 20
    assert rules.license
    assert rules.citation.authors
    assert rules.citation.venue


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("colour = 'red'", "unknown field `colour`"),
        ("[answers.kind.a]\nthreats = { contained = true }", "unknown label 'threats'"),
        ("[answers.kind.a]\nthreat = { contained = true, voice = 'loud' }", "unknown voice 'loud'"),
        ("[answers.kind.a]\nthreat = { author = true }", "has an author or voice, but is not contained"),
        (
            "[answers.kind.a]\nthreat = { contained = true, author = false, voice = 'own' }",
            "'threat' in the voice 'own' is the author's own",
        ),
        ("[answers.sort.a]\nthreat = { contained = true }", "no file has the category 'sort'"),
        ("[values]\nkind = ['b']\n[candidates.kind]\na = ['threat']", "'a' is no value of 'kind'"),
        ("[candidates.kind]\na = ['threats']", "candidates: unknown label 'threats'"),
        ("details = ['size']", "file 1: no column 'size' in its header"),
        ("has_header = false", "file 1: without a header it is recognised by values of a category"),
    ],
)
def test_a_wrong_crosswalk_is_an_error_that_names_the_place(tmp_path: Path, added: str, message: str):
    path = tmp_path / "own.toml"
    path.write_text(START + added, "utf-8")
    with pytest.raises(SettingsError, match=r"own\.toml") as raised:
        load_crosswalk(path, SCHEME)
    assert message in str(raised.value)


def test_a_file_is_recognised_by_its_header_in_any_order_and_by_nothing_else():
    rules = crosswalk()
    for header in ("id,text,kind", "kind;id;text", '\ufeff"text"\t"kind"\t"id"'):
        assert recognise(io.BytesIO(header.encode()), rules) is not None
    for header in ("id,text", "id,text,kind,size", "id,text,kind,kind", "id text kind", "", "\0\0"):
        assert recognise(io.BytesIO(header.encode()), rules) is None


def test_columns_that_are_optional_may_be_there():
    rules = crosswalk(file=[{"header": ["id", "text"], "id": "id", "labels": [], "optional": ["size"]}])
    assert recognise(io.BytesIO(b"id,text,size"), rules) is not None
    assert recognise(io.BytesIO(b"id,text,sort"), rules) is None


def test_a_file_without_header_is_recognised_by_values_and_its_quotation_marks_are_text():
    layout = {
        "header": ["text", "kind"],
        "text": "text",
        "labels": ["kind"],
        "has_header": False,
        "quoted": False,
    }
    rules = crosswalk(file=[layout], values={"kind": ["YES", "NO"]})
    file = read('"open\tYES\nclosed" here\tno\n', rules)
    assert file.rows.rows() == [("1", '"open', "YES"), ("2", 'closed" here', "no")]
    assert recognise(io.BytesIO(b"a\tYES\nb\tmaybe\n"), rules) is None


def test_no_two_shipped_crosswalks_take_the_same_file():
    headers = {
        (name, ",".join(layout.header))
        for name, rules in known_crosswalks().items()
        for layout in rules.layouts
        if layout.has_header
    }
    for name, header in headers:
        stream = io.BytesIO(header.encode())
        assert [other for other, rules in known_crosswalks().items() if recognise(stream, rules)] == [name]


def test_the_official_split_is_a_column_or_follows_from_the_name_of_the_file():
    named = Layout(header=("id",), labels=(), id="id", split_by_name={"train": "train", "test": "test"})
    assert named.split_of("Set.TRAINING.csv") == "train"
    assert named.split_of("other.csv") is None
    layout = {"header": ["id", "kind", "part"], "id": "id", "labels": ["kind"], "split_column": "part"}
    rules = crosswalk(file=[layout])
    assert read("id,kind,part\n1,b,dev\n", rules).said()["split"].to_list() == ["dev"]


def test_an_id_that_says_there_is_none_is_missing():
    layout = {"header": ["id", "text"], "id": "id", "text": "text", "labels": [], "missing_ids": ["None"]}
    items = read("id,text\nNone,a\n7,b\n,c\n", crosswalk(file=[layout])).items()
    assert items["id"].to_list() == [None, "7", None]


def test_a_label_that_is_not_contained_is_not_the_authors():
    rules = crosswalk(answers={"kind": {"none": {"threat": {"contained": False}}}})
    row = answered(said(("r", "a", "none")), rules, SCHEME).row(0, named=True)
    assert (row["contained"], row["author"], row["voice"]) == (False, False, None)


@pytest.mark.parametrize(("voice", "author"), [("own", True), ("endorsed", True), ("reported", False)])
def test_a_voice_says_whether_the_label_is_the_authors(voice: str, author: bool):  # noqa: FBT001 -- a parameter of the test
    rules = crosswalk(answers={"kind": {"x": {"threat": {"contained": True, "voice": voice}}}})
    assert answered(said(("r", "a", "X")), rules, SCHEME)["author"].to_list() == [author]


def test_what_is_asked_is_exactly_what_the_set_answers():
    rules = crosswalk(
        answers={
            "kind": {
                "call": {"call_to_violence": {"contained": True}, "threat": {"author": False}},
                "other": {},
            }
        }
    )
    answers = answered(said(("r", "a", "call"), ("s", "a", "other")), rules, SCHEME)
    (row,) = annotations_of(answers, "set", SCHEME).to_dicts()
    assert (row["record_id"], row["round"], row["labels"]) == ("r", "source:set", ["call_to_violence"])
    assert row["asked"] == ["threat_author", "call_to_violence_contained"]
    assert row["voices"] == []


def test_an_author_without_a_voice_is_kept_and_the_voice_is_not_asked():
    rules = crosswalk(answers={"kind": {"x": {"threat": {"contained": True, "author": True}}}})
    (row,) = annotations_of(answered(said(("r", "a", "x")), rules, SCHEME), "set", SCHEME).to_dicts()
    assert row["voices"] == [{"label": "threat", "voice": "own"}]
    assert row["asked"] == ["threat_contained", "threat_author"]


def test_rows_that_contradict_each_other_leave_the_label_open():
    rules = crosswalk(
        answers={"kind": {"y": {"threat": {"contained": True}}, "n": {"threat": {"contained": False}}}}
    )
    answers = answered(said(("r", "a", "y"), ("r", "a", "n"), ("r", "b", "n")), rules, SCHEME)
    assert answers.sort("annotator").select("annotator", "contained", "contradictory").rows() == [
        ("a", None, True),
        ("b", False, False),
    ]
    assert annotations_of(answers, "set", SCHEME)["annotator"].to_list() == ["b"]


@given(
    st.lists(st.tuples(st.sampled_from("rs"), st.sampled_from("ab"), st.sampled_from("ynx")), max_size=8),
    st.integers(),
)
def test_answers_do_not_depend_on_the_order_of_rows(rows: list[tuple[str, str, str]], seed: int):
    rules = crosswalk(
        answers={
            "kind": {
                "y": {"threat": {"contained": True, "author": True}},
                "n": {"threat": {"author": False}, "call_to_violence": {"contained": False}},
            }
        }
    )
    other = random.Random(seed).sample(rows, len(rows))
    both = [annotations_of(answered(said(*order), rules, SCHEME), "set", SCHEME) for order in (rows, other)]
    assert both[0].equals(both[1])


def test_candidates_and_unknown_values_follow_from_the_lists():
    rules = crosswalk(values={"kind": ["Call", "none"]}, candidates={"kind": {"Call": ["threat"]}})
    assert candidates_of(rules).rows() == [("kind", "call", ["threat"])]
    assert unknown_values(said(("r", "a", "CALL"), ("s", "a", "odd")), rules) == {"kind": 1}


def labelled(rows: list[tuple[str, str]], **layout: Any) -> LabelledFile:
    """A file whose rows are text and kind."""
    fields = {"header": ("text", "kind"), "text": "text", "labels": ("kind",)}
    frame = pl.DataFrame(
        [(str(n), *row) for n, row in enumerate(rows)], schema=["item", "text", "kind"], orient="row"
    )
    return LabelledFile("file.csv", Layout(**(fields | layout)), frame, ())


def test_identical_texts_are_counted_in_groups_and_those_that_contradict():
    rows = [("same", "a"), ("same ", "b"), ("twice", "a"), ("twice", "a"), ("once", "a")]
    (found,) = find_defects([labelled(rows)]).contradicting
    assert (found.column, found.groups, found.contradicting) == ("kind", 2, 1)


def test_single_annotators_who_differ_are_no_defect():
    file = labelled([("same", "a"), ("same", "b")], annotator="kind")
    assert find_defects([file]).contradicting == ()


def test_texts_in_several_splits_are_counted_across_files():
    train = labelled([("same", "a"), ("other", "a")], split="train")
    test = labelled([("same", "a"), ("third", "a")], split="test")
    (found,) = find_defects([train, test]).in_several_splits
    assert (found.splits, found.texts) == (("test", "train"), 1)


def many(kind: str, rows: int, having: int, handle: str = "@somebody") -> list[tuple[str, str]]:
    return [(f"{handle} {kind} {n}" if n < having else f"{kind} {n}", kind) for n in range(rows)]


def test_handles_concentrated_in_a_class_are_noticed_with_shares_and_a_test():
    # 40 of 100 and 4 of 100: 44 of 200 overall, expected 22 and 22; Yates' correction takes 0.5 off each
    # difference of 18: chi2 = 2 * 17.5^2 / 22 + 2 * 17.5^2 / 78 = 35.69; p = erfc(sqrt(35.69 / 2)) = 2.3e-9
    (found,) = find_defects([labelled([*many("a", 100, 40), *many("b", 100, 4)])]).handles
    assert {name: (entry.rows, entry.share) for name, entry in found.classes.items()} == {
        "a": (100, 0.4),
        "b": (100, 0.04),
    }
    assert found.p_value == pytest.approx(2.3e-9, rel=0.03)


@pytest.mark.parametrize(
    "rows",
    [
        [*many("a", 100, 40, "[@IND]"), *many("b", 100, 4)],
        [*many("a", 100, 40, "@USER"), *many("b", 100, 4)],
        [*many("a", 100, 40, "name@example.org"), *many("b", 100, 4)],
        [*many("a", 10, 10), *many("b", 100, 4)],
        [*many("a", 1000, 90), *many("b", 1000, 10)],
        [*many("a", 20, 5), *many("b", 20, 2)],
    ],
    ids=["masked by hand", "masked", "mail", "few texts", "small difference", "chance"],
)
def test_what_is_no_handle_or_no_concentration_is_not_noticed(rows: list[tuple[str, str]]):
    assert find_defects([labelled(rows)]).handles == ()


def test_a_long_first_line_is_no_header_and_costs_no_time():
    assert recognise(io.BytesIO(b"id,text,kind," + b"x," * 5000), crosswalk()) is None
    assert isinstance(recognise(io.BytesIO(b"id,text,kind\n" + b"x," * 50_000), crosswalk()), Recognised)
