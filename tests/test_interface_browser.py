"""The page in a real browser: what Label Studio shows, asks for and sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.tables import ANNOTATIONS
from test_labelstudio_browser import (
    CHROMIUM,
    ROUND,
    THREAT,
    browsing,
    in_label_studio,
    open_first_task,
    project_of,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from aufruf.workspace import Workspace

__all__ = ["in_label_studio"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.labelstudio,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}: run `make browser`"),
]


def send(page: Page, *keys: str) -> None:
    """Press keys, submit, and wait until the server has it."""
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(200)
    with page.expect_response(
        lambda answer: "/annotations" in answer.url and answer.request.method == "POST"
    ) as sent:
        page.keyboard.press("Control+Enter")
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


def test_the_text_is_blurred_until_the_pointer_is_on_it(in_label_studio: Workspace):
    with browsing(in_label_studio, "drossel") as page:
        open_first_task(page, project_of(in_label_studio, "drossel", "en").item(0, "project_id"))
        shown = "getComputedStyle(document.querySelector('.aufruf-text')).filter"
        page.mouse.move(5, 900)
        page.wait_for_timeout(400)
        assert page.evaluate(shown) == "blur(7px)"
        page.hover(".aufruf-text")
        page.wait_for_timeout(400)
        assert page.evaluate(shown) == "none"


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
            *("threat", "explicit", "veiled"),
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
