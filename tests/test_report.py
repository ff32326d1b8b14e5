"""The page of a round: right figures, nothing loaded or run, and texts that stay texts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.agreement.bootstrap import NO_SPREAD, ONE_CLUSTER, UNSTABLE
from aufruf.agreement.coefficients import NO_PAIRS, ONE_VALUE
from aufruf.cli.app import app
from aufruf.errors import AufrufError
from aufruf.label_scheme import NONE
from aufruf.report import round_report
from aufruf.report.disagreement import confusion_of, disputed_records
from aufruf.report.page import words_of
from aufruf.report.round_figures import round_figures
from aufruf.report.round_page import round_html
from aufruf.tables import ANNOTATIONS
from filled import ROUND
from test_labelstudio_browser import CHROMIUM, FLAGS

if TYPE_CHECKING:
    from aufruf.label_scheme import Language
    from aufruf.workspace import Workspace

PAYLOADS: list[str] = json.loads((Path(__file__).parent / "cases" / "payloads.json").read_text("utf-8"))


def answers(*rows: tuple[str, str, str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, ["record_id", "annotator", "label", "column", "value"], orient="row")


def test_what_is_said_for_one_another_is_counted_in_both_directions():
    """r1: A says threat, B call: one of the two pairs that hold either. r2: B has nothing for A's call."""
    said = {"r1": ("threat", "call"), "r2": ("threat+call", "threat"), "r3": ("", "")}
    given = pl.DataFrame(
        [
            (record, who, "labels", value)
            for record, two in said.items()
            for who, value in zip("AB", two, strict=True)
        ],
        ["record_id", "annotator", "question", "value"],
        orient="row",
    )
    found = confusion_of(given, ["labels"], ["threat", "call", NONE])
    assert found.counts == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert found.of[0][1] == 2
    assert found.of[1][2] == 3


def test_records_are_disputed_by_the_share_of_pairs_that_differ():
    """Of three answers, one yes: 2 of 3 pairs differ. Of two, one yes: 1 of 1."""
    three = [
        ("r3", name, "threat", "contained", value)
        for name, value in zip("ABC", ("true", "false", "false"), strict=True)
    ]
    two = [
        ("r2", name, "threat", column, value)
        for column in ("contained", "author")
        for name, value in (("A", "true"), ("B", "false"))
    ]
    same = [("r1", name, "threat", "contained", "true") for name in "AB"]
    found = disputed_records(answers(*three, *two, *same), 20)
    assert [(one.record_id, one.disagreement) for one in found] == [("r2", 2.0), ("r3", pytest.approx(2 / 3))]
    assert found[0].answers == [("threat", 1, 1, 2)]
    assert disputed_records(answers(*three, *two), 1)[0].record_id == "r2"


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]


def page_tags(html: str) -> tuple[list[str], list[str]]:
    """Return the names of a page's tags and of their attributes."""
    tags = _Tags(html)
    return tags.names, tags.attributes


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_of_a_round_loads_and_runs_nothing(filled_workspace: Workspace, language: Language):
    html = round_report(filled_workspace, ROUND, language)
    tags = _Tags(html)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(tags.names)
    assert not [
        name for name in tags.attributes if name.startswith("on") or name in ("src", "href", "srcset")
    ]
    assert "url(" not in html
    assert "@import" not in html


def test_progress_adds_up_to_what_was_planned(filled_workspace: Workspace):
    figures = round_figures(filled_workspace, ROUND)
    answered = filled_workspace.store.read(ANNOTATIONS).filter(pl.col("round") == ROUND)
    for line in figures.progress:
        of_pass = answered.filter(pl.col("pass") == line.in_pass)
        assert line.tasks == line.done + line.skipped + line.left
        assert line.done == (of_pass["state"] == "live").sum()
        assert line.skipped == (of_pass["state"] == "skipped").sum()
    for line in figures.seconds:
        assert sum(line.counts) + line.beyond == line.n


def test_a_round_that_is_unknown_or_unanswered_is_an_error(workspace: Workspace):
    with pytest.raises(AufrufError, match="first"):
        round_report(workspace, "first", "en")


def test_the_command_writes_one_file_and_a_dry_run_none(filled_workspace: Workspace, tmp_path: Path):
    path = tmp_path / "page.html"
    given = [
        "report",
        ROUND,
        "--workspace",
        str(filled_workspace.root),
        "-o",
        str(path),
        "--language",
        "de",
        "--json",
    ]
    foreseen = CliRunner().invoke(app, [*given, "--dry-run"])
    assert not path.exists()
    result = CliRunner().invoke(app, given)
    assert json.loads(result.stdout) == {"path": str(path), "bytes": path.stat().st_size, "written": True}
    assert json.loads(foreseen.stdout)["bytes"] == path.stat().st_size
    assert '<html lang="de">' in path.read_text("utf-8")


def with_payloads(filled_workspace: Workspace) -> str:
    figures = round_figures(filled_workspace, ROUND)
    one = figures.disputed[0]
    disputed = [replace(one, record_id=f"r{number}") for number in range(len(PAYLOADS))]
    texts = {record.record_id: text for record, text in zip(disputed, PAYLOADS, strict=True)}
    hostile = replace(figures, disputed=disputed, texts=texts)
    return round_html(hostile, filled_workspace.label_scheme, filled_workspace.settings.agreement, "en")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}: run `make browser`")
def test_what_posts_hold_never_becomes_markup(filled_workspace: Workspace, tmp_path: Path):
    assert len(PAYLOADS) >= 50
    from playwright.sync_api import sync_playwright

    path = tmp_path / "page.html"
    path.write_text(with_payloads(filled_workspace), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shown = browser.new_page()
        asked: list[str] = []
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(path.as_uri())
        texts = shown.locator("blockquote").evaluate_all("all => all.map(one => one.textContent)")
        inner = shown.locator("blockquote *").count()
        ran = shown.evaluate("window.ran ?? null")
        visible = shown.locator("h2").first.is_visible()
        browser.close()
    assert texts == PAYLOADS
    assert (inner, ran, visible) == (0, None, True)
    assert asked == [path.as_uri()]


def test_numbers_are_written_as_the_language_does(filled_workspace: Workspace):
    german, english = (round_report(filled_workspace, ROUND, language) for language in ("de", "en"))
    assert re.search(r">0,\d{3}<", german)
    assert re.search(r">0\.\d{3}<", english)


@pytest.mark.parametrize("reason", [NO_PAIRS, ONE_VALUE, ONE_CLUSTER, UNSTABLE, NO_SPREAD])
def test_why_a_coefficient_is_undefined_is_said_in_german_too(reason: str):
    assert words_of("round", "en")[reason] == reason
    assert words_of("round", "de")[reason] != reason
