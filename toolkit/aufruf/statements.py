"""What people must state about a data set, and no table knows: the fields of ``DATA_CARD.md``.

A field is a heading of second level; what stands under it, up to the next such heading, is its statement.
Comments are for who fills it in.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from aufruf.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DATA_CARD = "DATA_CARD.md"


@dataclass(frozen=True)
class Field:
    """A statement that a final release needs: its name, its heading, and what it is to say."""

    name: str
    title: str
    asks: str


FIELDS = (
    Field("curators", "Curators", "Who made the data set, for whom, and how they are reached."),
    Field("funding", "Funding", "Who paid for it; interests that a reader should know of."),
    Field("motivation", "Motivation", "What it was made for, and what was missing without it."),
    Field("rationale", "Curation rationale", "Why these sources, period and queries; what was left out."),
    Field("speech", "Speech situation", "Where, when and for whom the texts were written; varieties."),
    Field("authors", "Authors of the texts", "What is known of those who wrote them, and what is not."),
    Field(
        "annotators",
        "Annotators",
        "Who judged, as far as they wish it told: how many, languages, training, closeness to the subject.",
    ),
    Field(
        "conditions",
        "Annotators' conditions",
        "Pay an hour, contract, hours a day, breaks, who supports them, how they could refuse.",
    ),
    Field("uses", "Intended uses", "What it is meant for."),
    Field("other_uses", "Excluded uses", "What it must not be used for, beyond what every card says."),
    Field("basis", "Legal basis", "On which legal basis texts are processed and passed on; who checked."),
    Field("terms", "Platform terms", "The terms of each platform that apply, their date, and what follows."),
    Field("protection", "Data protection", "Risks for those concerned, measures, what remains."),
    Field("retention", "Retention", "Until when the data is kept (a date: 2031-12-31), and what then."),
    Field("ethics", "Ethics vote", "Who voted, when, under which number; or why none was needed."),
    Field("works_council", "Works council", "Who agreed to the work, and when; or why nobody had to."),
    Field("defects", "Known defects", "Errors and gaps that are known; what they do to results."),
    Field("maintenance", "Maintenance", "Who answers requests for removal, how to ask, in how many days."),
    Field("gate", "Terms of access", "What a user agrees to before getting the data; shown on the Hub."),
    Field("citation", "Citation", "How to cite it."),
)
_HEADING = re.compile(r"^##[ \t]+(.+?)[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BREAKS_OUT = re.compile(r"^ {0,3}(?:#|[-=*_]{3,}\s*$)|<(?!https?://)[!/?A-Za-z]", re.MULTILINE)
_SAYS_NOTHING = re.compile(r"(?:todo|tbd|tba|fixme|n/?a|xxx|[\W_])*", re.IGNORECASE)
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def template() -> str:
    """Return a ``DATA_CARD.md`` to fill in."""
    fields = "\n".join(f"## {field.title}\n\n<!-- {field.asks} -->\n" for field in FIELDS)
    return f"{_ABOVE}\n{fields}"


def read_statements(path: Path) -> dict[str, str]:
    """Return what is stated, by field; fields without a statement are left out. No file states nothing.

    What is no Markdown of a paragraph or a list is refused: it would change what stands around it.

    Raises:
        SettingsError: if a heading is no field or stands twice, or a statement holds a heading, a rule, HTML
            or an open comment or code fence.
    """
    try:
        text = _COMMENT.sub("", path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is no text in UTF-8; save it as UTF-8") from error
    parts = _HEADING.split(text)
    names = {field.title: field.name for field in FIELDS}
    found: dict[str, str] = {}
    for title, statement in zip(parts[1::2], parts[2::2], strict=True):
        if title not in names:
            raise SettingsError(f"{path}: {title!r} is no field; fields are {', '.join(names)}")
        if names[title] in found:
            raise SettingsError(f"{path}: field {title!r} stands twice")
        if _BREAKS_OUT.search(statement) or statement.count("```") % 2:
            raise SettingsError(
                f"{path}: field {title!r} holds a heading, a rule, HTML, or a comment or code fence that "
                "stays open; write paragraphs and lists"
            )
        found[names[title]] = statement.strip()
    return {name: statement for name, statement in found.items() if not _SAYS_NOTHING.fullmatch(statement)}


def missing_statements(statements: Mapping[str, str]) -> list[Field]:
    """Return the fields that a final release still needs; a retention without a date is not stated."""
    return [
        field
        for field in FIELDS
        if field.name not in statements
        or (field.name == "retention" and retention_date(statements[field.name]) is None)
    ]


def retention_date(statement: str) -> date | None:
    """Return the last date that a statement names; None if it names none."""
    named: list[date] = []
    for found in _DATE.finditer(statement):
        with suppress(ValueError):
            named.append(date.fromisoformat(found[0]))
    return max(named, default=None)


_ABOVE = """\
# Data card

What only people can say of the data set. It goes into the card and the papers of every release; figures
are counted from the tables and need not be written here. A release is final (`aufruf export VERSION --final`)
once every field says something, if only why it does not apply. Headings must stay as they are.
"""
