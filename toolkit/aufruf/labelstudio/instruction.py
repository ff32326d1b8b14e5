"""The guidelines as Label Studio shows them: its instruction, a page of HTML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)


def guidelines_html(path: Path) -> str:
    """Return a guidelines file as HTML: comments left out, any markup in it shown and not followed."""
    from markdown_it import MarkdownIt

    text = _COMMENT.sub("", path.read_text("utf-8"))
    return MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
