"""Statements of a data card, as people would fill them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aufruf.statements import DATA_CARD, FIELDS
from aufruf.workspace import SETTINGS_FILE, open_workspace

if TYPE_CHECKING:
    from aufruf.workspace import Workspace


def statement(name: str) -> str:
    """Return what is stated in a field: a sentence that no other field has."""
    return "Until 2040-12-31." if name == "retention" else f"What we say of {name} is invented."


def state(workspace: Workspace, *without: str) -> Workspace:
    """Fill in the data card, all fields but some, and the release's settings; return the workspace anew."""
    settings = workspace.root / SETTINGS_FILE
    told = '[release]\ntitle = "Invented"\ncontact = "nobody@example.org"'
    if 'title = "Invented"' not in settings.read_text("utf-8"):
        settings.write_text(settings.read_text("utf-8").replace("[release]", told, 1), "utf-8")
    fields = [
        f"## {field.title}\n\n{statement(field.name)}\n" for field in FIELDS if field.name not in without
    ]
    (workspace.root / DATA_CARD).write_text("\n".join(fields), "utf-8")
    return open_workspace(workspace.root)
