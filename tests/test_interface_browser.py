"""The page in a real browser: what Label Studio shows, asks for and sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.tables import ANNOTATIONS, RECORDS
from labelstudio_fixtures import add_round
from test_labelstudio_browser import (
    CHROMIUM,
    ROUND,
    THREAT,
    browsing,
    in_label_studio,
    open_first_task,
    pictures,
    project_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from aufruf.workspace import Workspace

__all__ = ["in_label_studio", "pictures"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.labelstudio,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}: run `make browser`"),
]


def send(page: Page, *keys: str, submit: str = "Control+Enter") -> None:
    """Press keys, submit, and wait until the server has it."""
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(200)
    with page.expect_response(
        lambda answer: "/annotations" in answer.url and answer.request.method == "POST"
    ) as sent:
        page.keyboard.press(submit)
    assert sent.value.ok


@pytest.mark.parametrize(
    ("keys", "labels", "flags"),
    [
        (("0",), [], []),
        (("1", "6"), None, ["cannot_judge"]),
    ],
    ids=["none of these", "cannot judge after all"],
)
def test_none_of_these_takes_two_keys_and_cannot_judge_asks_for_no_label(
    in_label_studio: Workspace, keys: tuple[str, ...], labels: list[str] | None, flags: list[str]
):
    with browsing(in_label_studio, "amsel") as page:
        open_first_task(page, project_of(in_label_studio, "amsel", "de").item(0, "project_id"))
        send(page, *keys)
    assert pull(in_label_studio, ROUND).quarantined == {}
    (row,) = in_label_studio.store.read(ANNOTATIONS).iter_rows(named=True)
    assert (row["labels"], row["flags"]) == (labels, flags)


def test_the_text_is_blurred_until_pointer_key_or_focus_is_on_it(in_label_studio: Workspace):
    with browsing(in_label_studio, "drossel") as page:
        open_first_task(page, project_of(in_label_studio, "drossel", "en").item(0, "project_id"))
        page.mouse.move(5, 900)
        assert is_blurred(page)
        page.hover(".aufruf-text")
        assert not is_blurred(page)
        page.mouse.move(5, 900)
        page.keyboard.press("9")
        assert not is_blurred(page)
        page.keyboard.press("9")
        assert is_blurred(page)
        page.focus(".aufruf-reveal input")
        assert not is_blurred(page)
        page.keyboard.press("Tab")
        assert is_blurred(page)


def is_blurred(page: Page) -> bool:
    """Whether the text is blurred, once it has come to rest."""
    page.wait_for_timeout(400)
    filters = page.evaluate("getComputedStyle(document.querySelector('.aufruf-text')).filter")
    assert filters in {"none", "blur(7px)"}
    return filters != "none"


@pytest.mark.parametrize(
    ("language", "said", "missing"),
    [
        ("de", "Aufruf zum Protest: Bitte angeben, in wessen Stimme.", "Absenden"),
        ("en", "Protest mobilisation: please say in whose voice.", "Submit"),
    ],
)
def test_a_queue_is_answered_by_keyboard_and_pulled_as_it_was_entered(
    in_label_studio: Workspace, pictures: Path, language: str, said: str, missing: str
):
    """None of these in two keys; a skip; a label whose voice is missing at first, in six keys all told."""
    queue = project_of(in_label_studio, "fink", language)
    with browsing(in_label_studio, "fink") as page:
        open_first_task(page, queue.item(0, "project_id"))
        assert caption_of(page, "submit") == missing
        send(page, "0")
        next_task(page)
        send(page, submit="Control+Space")
        next_task(page)
        page.keyboard.press("3")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(f".ant-modal:has-text('{said}')")
        page.screenshot(path=pictures / f"stopped.{language}.png")
        page.click(".ant-modal button:has-text('OK')")
        page.wait_for_timeout(500)
        send(page, "v", "Shift+c", "5")
    report = pull(in_label_studio, ROUND)
    assert (report.new, report.pruned, report.quarantined) == (3, 0, {})
    rows = {row["task_key"]: row for row in in_label_studio.store.read(ANNOTATIONS).iter_rows(named=True)}
    none, skipped, label = (rows[key] for key in queue.get_column("task_key")[:3])
    assert (none["state"], none["labels"], none["flags"]) == ("live", [], [])
    assert (skipped["state"], skipped["labels"]) == ("skipped", None)
    assert label["labels"] == ["protest_mobilization"]
    assert label["voices"] == [{"label": "protest_mobilization", "voice": "condemned"}]
    assert label["attributes"] == [
        {"label": "protest_mobilization", "attribute": "serious", "value": "unclear"}
    ]
    assert label["flags"] == ["unsure"]


def caption_of(page: Page, button: str) -> str:
    """What a button shows: Label Studio's own caption, or the one that the style puts in its place."""
    found = page.locator(f"[data-testid=bottombar-{button}-button]")
    content = found.evaluate("button => getComputedStyle(button, '::after').content")
    return found.inner_text() if content in {"none", "normal"} else content.strip('"')


def next_task(page: Page) -> None:
    """Wait until the next task is there to be answered."""
    page.wait_for_function("!document.querySelector('.aufruf input:checked')")
    page.wait_for_selector(".lsf-htx-richtext")
    page.wait_for_timeout(500)


PAYLOAD = (
    "<script>window.ran = 1; alert(1); console.log('ran')</script>"
    "<img src=/ran.png onerror=\"window.ran = 1; alert(2); console.log('ran')\">"
    "<svg onload=\"window.ran = 1; alert(3); console.log('ran')\"></svg>"
)


def put(workspace: Workspace, text: str, context: str = "") -> None:
    """Add a German post that answers another and is the only one of the round."""
    add_round(workspace, 1, ROUND, ("de",))
    (row,) = workspace.store.read(RECORDS).filter(record_id=f"{ROUND}-0000").to_dicts()
    answered = row | {"record_id": "answered", "post_id": "answered", "text": context}
    rows = [answered, row | {"text": text, "reply_to": "answered"}]
    workspace.store.upsert(RECORDS, pl.DataFrame(rows, schema=RECORDS.schema))
    plan_round(workspace, ROUND, overlap=4, allow_unqualified=True)
    apply(workspace, ROUND)


def watched(page: Page) -> list[str]:
    """What runs in the page that should not: dialogs, messages, requests of the payload."""
    seen: list[str] = []
    page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda line: seen.append(line.text) if "ran" in line.text.split() else None)
    page.on("request", lambda request: seen.append(request.url) if "ran.png" in request.url else None)
    return seen


def test_code_in_text_context_and_quotation_is_shown_and_never_run(live: Workspace, pictures: Path):
    text = f"{PAYLOAD} „{PAYLOAD}“ 😀 Ende\nzweite  Zeile\n\n\tletzte 👍🏽"
    put(live, text, context=f"vorher {PAYLOAD}")
    with browsing(live, "star") as page:
        seen = watched(page)
        open_first_task(page, project_of(live, "star", "de").item(0, "project_id"))
        page.hover(".aufruf-text")
        page.wait_for_timeout(1000)
        page.screenshot(path=pictures / "payload.png")
        assert page.locator(".lsf-htx-richtext").last.inner_text() == text
        assert f"vorher {PAYLOAD}" in page.locator(".aufruf-context").first.inner_text()
        send(page, "1", "q")
        assert page.evaluate("window.ran") is None
        assert seen == []
    assert pull(live, ROUND).quarantined == {}
    keys = assignments(live, ROUND).filter(pl.col("annotator") != "star").get_column("task_key")
    enter_answers(live, ROUND, "triage", dict.fromkeys(keys, THREAT))
    pull(live, ROUND)
    plan_round(live, ROUND, "detail", allow_unqualified=True)
    apply(live, ROUND, "detail")
    with browsing(live, "star") as page:
        seen = watched(page)
        open_first_task(page, project_of(live, "star", "de", "detail").item(0, "project_id"))
        mark(page, "1")
        page.screenshot(path=pictures / "payload.detail.png")
        send(page, "q")
        assert page.evaluate("window.ran") is None
        assert seen == []
    assert pull(live, ROUND, "detail").quarantined == {}
    row = live.store.read(ANNOTATIONS).filter(pl.col("pass") == "detail").row(0, named=True)
    (span,) = row["spans"]
    assert "😀 Ende\nzweite  Zeile\n\n\tletzte" in text[span["start"] : span["end"]]


def mark(page: Page, key: str) -> None:
    """Choose a label by its key and drag over the whole text."""
    page.keyboard.press(key)
    text = page.locator(".lsf-htx-richtext").last
    text.hover()
    box = text.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 8, steps=8)
    page.mouse.up()
    page.wait_for_timeout(300)


def test_detail_shows_the_questions_of_settled_labels_only(in_label_studio: Workspace):
    keys = assignments(in_label_studio, ROUND).get_column("task_key")
    enter_answers(in_label_studio, ROUND, "triage", dict.fromkeys(keys, THREAT))
    pull(in_label_studio, ROUND)
    plan_round(in_label_studio, ROUND, "detail", allow_unqualified=True)
    apply(in_label_studio, ROUND, "detail")
    project = project_of(in_label_studio, "star", "en", "detail").item(0, "project_id")
    with browsing(in_label_studio, "star") as page:
        open_first_task(page, project)
        (settled,) = page.locator(".aufruf-settled input").all()
        assert settled.get_attribute("name") == "threat"
        assert settled.is_checked()
        assert settled.is_disabled()
        asked = [box.get_attribute("name") for box in page.locator(".aufruf input:visible").all()]
        assert asked == [
            *("threat", "shown", "explicit", "veiled"),
            *("person", "group", "institution", "property", "state", "self", "none_named"),
        ]
        send(page, "w", "t")
    pull(in_label_studio, ROUND, "detail")
    row = next(
        r for r in in_label_studio.store.read(ANNOTATIONS).iter_rows(named=True) if r["pass"] == "detail"
    )
    assert row["attributes"] == [
        {"label": "threat", "attribute": "explicitness", "value": "veiled"},
        {"label": "threat", "attribute": "target", "value": "institution"},
    ]
