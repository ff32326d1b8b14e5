"""The pieces of which Label Studio's labeling configs are made: elements, conditions, style sheets."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXT = "text"
"""Data field and control of the text that is judged."""


def block(page: Element, name: str) -> Element:
    """Add a part of the page with a class of the style sheet."""
    return SubElement(page, "View", className=name)


def header(page: Element, text: str, size: int = 4) -> None:
    """Add a line of text; sizes as in HTML's headings."""
    SubElement(page, "Header", value=literal(text), size=str(size))


def choices_of(page: Element, name: str, kind: str, *, required: str = "") -> Element:
    """Add a question about the text. ``kind`` is single or multiple; ``required`` says what is missing."""
    choices = SubElement(page, "Choices", name=name, toName=TEXT, choice=kind, layout="inline")
    if required:
        choices.set("required", "true")
        choices.set("requiredMessage", required)
    return choices


def when(page: Element, control: str, values: Iterable[str], color: str = "") -> Element:
    """Add a part that shows while one of the values is chosen, with a bar of that color."""
    view = SubElement(page, "View", visibleWhen="choice-selected", whenTagName=control)
    view.set("whenChoiceValue", ",".join(values))
    if color:
        view.set("style", f"border-left: 4px solid {color}; padding-left: 12px; margin: 8px 0")
    return view


def unless(control: str, values: tuple[str, ...]) -> dict[str, str]:
    """Return the attributes of a part that hides while one of the values is chosen."""
    if not values:
        return {}
    joined = ",".join(values)
    return {"visibleWhen": "choice-unselected", "whenTagName": control, "whenChoiceValue": joined}


def caption(text: str) -> str:
    """Escape a caption, which Label Studio takes for HTML."""
    return escape(text, quote=False)


def literal(text: str) -> str:
    """Keep Label Studio from putting task data where the text has a dollar sign before a word."""
    return text.replace("$", "$\u2060")


STYLE = """
.aufruf { max-width: 60rem; }
.aufruf h3, .aufruf h4 {
  font-size: 16px !important; line-height: 1.3 !important; margin: 8px 0 2px !important;
}
.aufruf .lsf-choices { margin: 0 !important; min-height: 0; }
.aufruf .lsf-choice { margin: 0 14px 2px 0; }
.aufruf sup { color: #555; font-size: 11px !important; }
.aufruf .aufruf-warning * { color: #8a4b08 !important; font-size: 14px !important; margin: 0 !important; }
.aufruf-reading {
  background: #f6f6f4; border: 1px solid #ddd; border-radius: 6px; margin: 8px 0; padding: 10px 14px;
}
.aufruf-text .lsf-htx-richtext { font-size: 17px; line-height: 1.6; padding: 2px 0; white-space: pre-wrap; }
.aufruf .aufruf-context * {
  color: #777 !important; font-size: 15px !important; font-weight: normal !important;
  line-height: 1.6 !important; margin: 0 8px !important; white-space: pre-wrap;
}
.aufruf-reveal { float: right; margin: -4px 0 0 12px; }
.aufruf-reveal * { font-size: 13px; margin: 0 !important; }
.aufruf-settled sup { display: none; }
.aufruf-contradiction * { color: #b00020 !important; }
"""

BLUR = """
.aufruf-text { filter: blur(7px); transition: filter 0.1s; }
.aufruf-text:hover, .aufruf-reading:focus-within .aufruf-text { filter: none; }
.aufruf-reading:has(.aufruf-reveal input:checked) .aufruf-text { filter: none; }
"""

ANSWERS = """
.aufruf-answers { display: flex; flex-wrap: wrap; gap: 8px; margin: 4px 0 10px; }
.aufruf-answer {
  border: 1px solid #ddd; border-radius: 6px; flex: 1 1 14rem; max-width: 28rem; padding: 4px 10px;
}
.aufruf-answer:has(.lsf-richtext__line:only-child:empty) { display: none; }
.aufruf-answers .lsf-htx-richtext { font-size: 14px; line-height: 1.5; white-space: pre-wrap; }
"""
"""Earlier answers stand side by side; fields without one do not show."""

ALONE = """
.lsf-sidepanels { padding-right: 0 !important; }
.lsf-sidepanels__wrapper_align_right { display: none !important; }
"""
"""Nothing is marked in triage: Label Studio's list of marked places only takes room."""

GERMAN = "".join(
    f"""
[data-testid=bottombar-{name}-button] span {{ display: none; }}
[data-testid=bottombar-{name}-button]::after {{ content: "{caption}"; flex: 1; text-align: center; }}
"""
    for name, caption in (("submit", "Absenden"), ("update", "Ändern"), ("skip", "Überspringen"))
)
"""Label Studio speaks English only: its buttons get German captions."""
