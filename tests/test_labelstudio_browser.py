"""An annotator at work: a real browser, a real Label Studio, the page that the label scheme makes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.labelstudio.accounts import logins
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import annotators_of, assignments, plan_round
from aufruf.labelstudio.server import URL
from aufruf.tables import ANNOTATIONS, RECORDS
from labelstudio_fixtures import add_round

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from aufruf.workspace import Workspace

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROUND = "browser"
THREAT = Answer(("threat",), (("threat", "own"),), (("threat", "serious", "serious"),))

pytestmark = [
    pytest.mark.browser,
    pytest.mark.labelstudio,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}: run `make browser`"),
]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: $AUFRUF_SCREENSHOTS, or the test's own folder."""
    folder = Path(os.environ.get("AUFRUF_SCREENSHOTS") or tmp_path / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def browsing(workspace: Workspace, annotator: str) -> Iterator[Page]:
    """A browser in which an annotator is logged in."""
    from playwright.sync_api import sync_playwright

    login = next(
        login for login in logins(workspace, annotators_of(workspace)) if login.annotator == annotator
    )
    url = workspace.secrets.get(URL)
    assert url is not None
    assert login.password is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(base_url=url.reveal(), viewport={"width": 1360, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto("/user/login/")
        page.fill("input[name=email]", login.email)
        page.fill("input[name=password]", login.password.reveal())
        page.click("button[type=submit]")
        page.wait_for_url("**/")
        try:
            yield page
        finally:
            browser.close()


def open_first_task(page: Page, project: int) -> None:
    """Enter the label stream of a project and put the guidelines away."""
    page.goto(f"/projects/{project}/data")
    page.click("text=Label All Tasks")
    page.click('[aria-label="Close modal"]')
    page.wait_for_selector(".lsf-htx-richtext")
    page.wait_for_timeout(500)


def project_of(workspace: Workspace, annotator: str, language: str, in_pass: str = "triage") -> pl.DataFrame:
    rows = assignments(workspace, ROUND).filter(
        (pl.col("annotator") == annotator) & (pl.col("language") == language) & (pl.col("pass") == in_pass)
    )
    return rows.sort("position")


@pytest.fixture
def in_label_studio(live: Workspace) -> Workspace:
    add_round(live, 6, ROUND, ("de", "en"))
    plan_round(live, ROUND, overlap=4, allow_unqualified=True)
    apply(live, ROUND)
    return live


def test_an_annotator_answers_by_keyboard_and_the_pull_brings_what_was_entered(
    in_label_studio: Workspace, pictures: Path
):
    queue = project_of(in_label_studio, "amsel", "de")
    with browsing(in_label_studio, "amsel") as page:
        open_first_task(page, queue.item(0, "project_id"))
        page.hover(".aufruf-text")
        for key in ("1", "w", "Shift+w", "7"):
            page.keyboard.press(key)
            page.wait_for_timeout(200)
        page.screenshot(path=pictures / "triage.de.png", full_page=True)
        with page.expect_response(
            lambda answer: "/annotations" in answer.url and answer.request.method == "POST"
        ) as sent:
            page.keyboard.press("Control+Enter")
        assert sent.value.ok
    report = pull(in_label_studio, ROUND)
    assert (report.new, report.pruned, report.quarantined) == (1, 0, {})
    (row,) = in_label_studio.store.read(ANNOTATIONS).iter_rows(named=True)
    assert (row["task_key"], row["annotator"]) == (queue.item(0, "task_key"), "amsel")
    assert row["labels"] == ["threat"]
    assert row["voices"] == [{"label": "threat", "voice": "endorsed"}]
    assert row["attributes"] == [{"label": "threat", "attribute": "serious", "value": "joking"}]
    assert row["flags"] == ["needed_context"]
    assert row["seconds"] > 0


def test_none_beside_a_label_cannot_be_sent(in_label_studio: Workspace):
    with browsing(in_label_studio, "drossel") as page:
        open_first_task(page, project_of(in_label_studio, "drossel", "de").item(0, "project_id"))
        for key in ("1", "q", "0"):
            page.keyboard.press(key)
            page.wait_for_timeout(200)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".ant-modal button:has-text('OK')")
    assert pull(in_label_studio, ROUND).annotations == 0


def test_a_skipped_task_comes_back_as_skipped(in_label_studio: Workspace, pictures: Path):
    with browsing(in_label_studio, "fink") as page:
        open_first_task(page, project_of(in_label_studio, "fink", "en").item(0, "project_id"))
        page.screenshot(path=pictures / "triage.en.png", full_page=True)
        with page.expect_response(
            lambda answer: "/annotations" in answer.url and answer.request.method == "POST"
        ):
            page.click("[data-testid=bottombar-skip-button]")
    pull(in_label_studio, ROUND)
    (row,) = in_label_studio.store.read(ANNOTATIONS).iter_rows(named=True)
    assert (row["state"], row["labels"]) == ("skipped", None)


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_span_marked_with_the_mouse_comes_back_where_it_was_marked(
    in_label_studio: Workspace, pictures: Path, language: str
):
    keys = assignments(in_label_studio, ROUND).get_column("task_key")
    enter_answers(in_label_studio, ROUND, "triage", dict.fromkeys(keys, THREAT))
    pull(in_label_studio, ROUND)
    plan_round(in_label_studio, ROUND, "detail", allow_unqualified=True)
    apply(in_label_studio, ROUND, "detail")
    queue = project_of(in_label_studio, "star", language, "detail")
    with browsing(in_label_studio, "star") as page:
        open_first_task(page, queue.item(0, "project_id"))
        page.keyboard.press("1")
        text = page.locator(".lsf-htx-richtext").last
        text.hover()
        box = text.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 1, box["y"] + 12)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] - 6, steps=8)
        page.mouse.up()
        page.wait_for_timeout(300)
        page.screenshot(path=pictures / f"detail.{language}.png", full_page=True)
        with page.expect_response(
            lambda answer: "/annotations" in answer.url and answer.request.method == "POST"
        ):
            page.keyboard.press("Control+Enter")
    report = pull(in_label_studio, ROUND, "detail")
    assert (report.new, report.quarantined) == (1, {})
    row = in_label_studio.store.read(ANNOTATIONS).filter(pl.col("pass") == "detail").row(0, named=True)
    record = pl.col("record_id") == row["record_id"]
    text = in_label_studio.store.read(RECORDS).filter(record).item(0, "text")
    (span,) = row["spans"]
    assert span["label"] == "threat"
    assert "😀" in text[span["start"] : span["end"]]
