"""The guidelines as Label Studio shows them: its instruction, a page of HTML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_STYLE = """
.aufruf-guidelines h1, .aufruf-guidelines h2, .aufruf-guidelines h3 {
  line-height: 1.3; margin: 1.2em 0 0.4em;
}
.aufruf-guidelines p, .aufruf-guidelines ul, .aufruf-guidelines ol { margin: 0 0 0.7em; }
.aufruf-guidelines ul { list-style: disc; padding-left: 1.4em; }
.aufruf-guidelines ol { list-style: decimal; padding-left: 1.6em; }
.aufruf-guidelines table { margin: 0 0 1em; }
.aufruf-guidelines th, .aufruf-guidelines td {
  border-bottom: 1px solid #ccc; padding: 4px 10px 4px 0; text-align: left; vertical-align: top;
}
"""
"""Label Studio resets the layout of its instruction; without these lists have no bullets."""


def guidelines_html(path: Path) -> str:
    """Return a guidelines file as HTML: comments left out, any markup in it shown and not followed."""
    from markdown_it import MarkdownIt

    text = _COMMENT.sub("", path.read_text("utf-8"))
    page = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return f'<style>{_STYLE}</style>\n<div class="aufruf-guidelines">\n{page}</div>\n'
