"""The suite of functional tests: from templates to cases whose right answers follow from what they test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.assets import asset
from aufruf.baselines.features import prepare
from aufruf.baselines.functional.expansion import expand, name_callers
from aufruf.baselines.functional.suite import Suite, read_functionalities, read_suite
from aufruf.errors import InputError
from aufruf.label_scheme import load_label_scheme

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = """
version = "0"
canary = "a bird"
[[functionality]]
name = "announced"
title = { de = "angekündigt", en = "announced" }
gold = { threat = "own" }
[[functionality]]
name = "reported"
title = { de = "berichtet", en = "reported" }
gold = { threat = "mention", call_to_violence = "none" }
[[functionality]]
name = "who_calls"
title = { de = "wer ruft", en = "who calls" }
gold = { protest_mobilization = "mention" }
callers = true
[[caller]]
name = "bakers"
de = { nom = "die Bäcker", dat = "den Bäckern" }
en = { nom = "the bakers" }
[[caller]]
name = "millers"
de = { nom = "die Müller", dat = "den Müllern" }
en = { nom = "the millers" }
"""
HEADER = "functionality,pair,de,en\ncanary,,,a bird\n"


def written(folder: Path, lines: str, declared: str = DECLARED, header: str = HEADER) -> Path:
    (folder / "functionalities.toml").write_text(declared, "utf-8")
    (folder / "cases.csv").write_text(header + lines, "utf-8")
    return folder


@pytest.fixture(scope="module")
def shipped() -> Suite:
    return read_suite()


def test_slots_move_on_together():
    assert expand("Der {Hof|Turm} und {sein|dessen} Tor") == [
        "Der Hof und sein Tor",
        "Der Turm und dessen Tor",
    ]
    assert expand("Das Tor") == ["Das Tor"]


@given(st.lists(st.text(st.characters(exclude_characters="{}|"), max_size=5), min_size=1, max_size=4))
def test_a_slot_gives_a_text_a_fill(fills: list[str]):
    assert expand(f"a {{{'|'.join(fills)}}} b") == [f"a {fill} b" for fill in fills]


@pytest.mark.parametrize("template", ["{a|b} {c}", "a } b", "{a|b} {"])
def test_what_cannot_be_expanded_is_an_error(template: str):
    with pytest.raises(ValueError, match=r"slots have different|a brace stands alone"):
        expand(template)


def test_callers_are_named_in_the_form_that_the_sentence_needs():
    callers = {"bakers": {"nom": "die Bäcker", "dat": "den Bäckern"}}
    assert name_callers("{Nom} mit {dat}", callers) == {"bakers": "Die Bäcker mit den Bäckern"}
    with pytest.raises(ValueError, match="caller 'bakers' has no form 'gen'"):
        name_callers("{gen}", callers)


def test_right_answers_follow_from_what_is_tested(tmp_path: Path):
    lines = 'announced,1,"Ich komme, {heute|morgen}.",\nreported,1,,He said he would come.\n'
    suite = read_suite(written(tmp_path, lines))
    columns = ["case", "unit", "language", "threat_contained", "threat_author", "call_to_violence_author"]
    assert suite.cases.select(columns).rows() == [
        ("announced/1/de/1", "1/de", "de", True, True, None),
        ("announced/1/de/2", "1/de", "de", True, True, None),
        ("reported/1/en/1", "1/en", "en", True, False, False),
    ]


def test_each_caller_makes_a_case(tmp_path: Path):
    suite = read_suite(written(tmp_path, "who_calls,1,{Nom} rufen.,A call by {nom}.\n"))
    assert suite.cases.select("group", "text").rows() == [
        ("bakers", "Die Bäcker rufen."),
        ("millers", "Die Müller rufen."),
        ("bakers", "A call by the bakers."),
        ("millers", "A call by the millers."),
    ]


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (
            "other,1,a,b\n",
            HEADER,
            r"cases\.csv, line 3: functionality 'other' is not in functionalities\.toml",
        ),
        ("reported,1,a,{b\n", HEADER, r"cases\.csv, line 3, en: a brace stands alone"),
        ("reported,1,a,b\nreported,1,c,\n", HEADER, "reported/1/de stands there twice"),
        ("reported,1,a,b\n", HEADER.replace("a bird", "a cat"), "lacks the canary"),
        ("a,b\n", "x,y\n", "expected the columns functionality, pair, de, en"),
        ("", HEADER, "no cases"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, lines: str, header: str, message: str):
    with pytest.raises(InputError, match=message):
        read_suite(written(tmp_path, lines, header=header))


def test_a_folder_without_a_suite_says_so(tmp_path: Path):
    with pytest.raises(InputError, match="there is no suite here"):
        read_suite(tmp_path)
    with pytest.raises(InputError, match="unknown field `titel`"):
        read_suite(written(tmp_path, "", DECLARED.replace("title", "titel", 1)))


def test_no_two_cases_of_the_shipped_suite_are_alike(shipped: Suite):
    cases = shipped.cases.with_columns(text=prepare(shipped.cases["text"]))
    assert cases.filter(pl.col("text").is_duplicated())["case"].to_list() == []


def test_each_functionality_has_eight_templates_in_each_language(shipped: Suite):
    declared = {
        functionality.name
        for functionality in read_functionalities(asset("baselines", "functional")).functionality
    }
    counts = shipped.cases.group_by("functionality", "language").agg(pl.col("template").n_unique())
    assert counts.height == 2 * len(declared)
    assert counts.filter(pl.col("template") < 8).rows() == []


def test_the_shipped_suite_asserts_what_the_label_scheme_knows(shipped: Suite):
    scheme = load_label_scheme(asset("schemas", "label_scheme.toml"))
    assert {gold.rsplit("_", 1)[0] for gold in shipped.golds} == set(scheme.label_names)
    for gold in shipped.golds:
        answers = shipped.cases[gold].drop_nulls()
        assert 0.05 < answers.mean() < 0.8


def test_each_file_of_the_shipped_suite_is_marked():
    folder = asset("baselines", "functional")
    canary = read_functionalities(folder).canary
    files = [path for path in folder.iterdir() if path.suffix in {".csv", ".toml", ".md"}]
    assert len(files) >= 8
    assert [path.name for path in files if canary not in path.read_text("utf-8")] == []


def test_no_case_is_a_text_that_models_may_have_learnt(shipped: Suite):
    """Neither of the bundled sample nor of the label scheme's examples."""
    scheme = load_label_scheme(asset("schemas", "label_scheme.toml"))
    known = {
        example.text for label in scheme.labels for example in (*label.examples, *label.counter_examples)
    }
    for posts in asset("annotation", "sample").glob("posts.*.jsonl"):
        known |= {json.loads(line)["text"] for line in posts.read_text("utf-8").splitlines()}
    assert len(known) > 200
    assert known & set(shipped.cases["text"]) == set()


def test_each_language_has_its_own_quotation_marks(shipped: Suite):
    cases = shipped.cases.select("language", "text")
    foreign = pl.when(pl.col("language") == "de").then(pl.lit("”")).otherwise(pl.lit("„"))
    wrong = cases.filter(
        pl.col("text").str.contains('"') | pl.col("text").str.contains(foreign, literal=True)
    )
    assert wrong["text"].to_list() == []
