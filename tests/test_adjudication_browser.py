"""An adjudicator at work in a real browser: earlier answers without names, a verdict by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.gold.verdicts import read_verdicts
from aufruf.labelstudio.accounts import ensure_named
from aufruf.labelstudio.adjudication import adjudicate
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.views import ADJUDICATION
from labelstudio_fixtures import add_round, lend
from test_adjudication import NOTHING, THREAT, appoint
from test_labelstudio_browser import CHROMIUM, browsing, open_first_task, pictures

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

__all__ = ["pictures"]
ROUND = "verdicts"
PAYLOAD = "<script>document.title='x'</script> <img src=x onerror=alert(1)> {{text}}"
ANSWERS = {
    "amsel": THREAT,
    "drossel": Answer(
        ("threat", "violence_approval"),
        (("threat", "reported"), ("violence_approval", "own")),
        (("threat", "serious", "unclear"),),
        flags=("unsure",),
    ),
    "fink": NOTHING,
    "star": Answer((), comment=PAYLOAD),
}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.labelstudio,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}: run `make browser`"),
]


@pytest.fixture
def disputed(live: Workspace, label_studio: Workspace) -> Workspace:
    """A workspace with one German and one English record that an adjudicator has before them."""
    add_round(live, 2, ROUND, ("de", "en"))
    plan_round(live, ROUND, overlap=4, allow_unqualified=True)
    apply(live, ROUND)
    planned = assignments(live, ROUND)
    given = {key: ANSWERS[name] for key, name in planned.select("task_key", "annotator").iter_rows()}
    enter_answers(live, ROUND, "triage", given)
    pull(live, ROUND)
    with connect(label_studio) as api:
        ensure_named(label_studio, api, ["zeisig"])
    lend(label_studio, live)
    appoint(live, "zeisig")
    adjudicate(live, ROUND)
    return live


@pytest.mark.parametrize("language", ["de", "en"])
def test_an_adjudicator_sees_the_answers_without_names_and_decides_by_keyboard(
    disputed: Workspace, pictures: Path, language: str
):
    planned = assignments(disputed, ROUND, ADJUDICATION).filter(pl.col("language") == language)
    label = disputed.label_scheme.label("threat")
    with browsing(disputed, "zeisig") as page:
        open_first_task(page, planned.item(0, "project_id"))
        page.screenshot(path=pictures / f"verdict-asked.{language}.png", full_page=True)
        shown = page.inner_text(".aufruf")
        assert PAYLOAD in shown
        assert not any(name in shown for name in ANSWERS)
        assert page.locator(".aufruf-answer:visible").count() == len(ANSWERS)
        page.click("[data-testid=bottombar-submit-button]")
        page.click('.ant-modal button:has-text("OK")')
        page.wait_for_timeout(500)
        page.keyboard.press(label.hotkey)
        page.keyboard.press(label.voice_hotkeys[1])
        page.keyboard.press(f"Alt+Shift+{label.voice_hotkeys[1].upper()}")
        page.wait_for_timeout(500)
        page.screenshot(path=pictures / f"verdict-given.{language}.png", full_page=True)
        page.click("[data-testid=bottombar-submit-button]")
        page.wait_for_timeout(1500)
    pulled = pull(disputed, ROUND)
    assert (pulled.new, pulled.quarantined) == (1, {})
    (row,) = read_verdicts(disputed).iter_rows(named=True)
    assert (row["label"], row["error"], row["contained"]) == ("threat", "guideline_gap", True)
    assert row["voices"] == [disputed.label_scheme.voice_names[1]]
