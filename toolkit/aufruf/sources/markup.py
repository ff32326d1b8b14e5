"""Markup as trees and as lines of text."""
# lxml has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ELEMENTS = 100_000
"""Most elements of a page or fragment: the time that reading it takes grows with them."""

_BLOCKS = frozenset(
    (
        *("p", "head", "item", "quote", "cell", "row", "table", "list", "div", "body", "code"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "li", "ul", "ol", "dl", "dt", "dd", "blockquote", "pre", "hr"),
        *("td", "th", "tr", "tbody", "thead", "section", "article", "header", "footer", "figure"),
        *("figcaption", "address", "aside", "main", "form", "html"),
    )
)
_BREAKS = frozenset(("lb", "br"))
_UNSEEN = ("script", "style", "template", "noscript", "iframe", "object")
_SPACE = re.compile(r"[^\S\n]+")
_BROKEN = re.compile(r" ?\n[ \n]*")
_UNPARSABLE = re.compile(r"[\x00-\x08\x0B\x0C\x0E-\x1F\uFFFE\uFFFF\uD800-\uDFFF]")


class Line(NamedTuple):
    """The text of a block without those in it, on one line; ``kind`` is the block's element."""

    text: str
    kind: str


def tree_of(page: str) -> Any | None:
    """Parse a page of HTML; None if it holds nothing, or too much."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(
        collect_ids=False, default_doctype=False, encoding="utf-8", remove_comments=True, remove_pis=True
    )
    try:
        tree = document_fromstring(_UNPARSABLE.sub("", page).encode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None
    return None if sum(1 for _ in tree.iter()) > MAX_ELEMENTS else tree


def text_of(fragment: str) -> str:
    """Return a fragment of HTML as text, one block a line; plain text stays as it is."""
    if "<" not in fragment and "&" not in fragment:
        return fragment
    tree = tree_of(f"<div>{fragment}</div>")
    if tree is None:
        return ""
    for unseen in list(tree.iter(*_UNSEEN)):
        unseen.drop_tree()
    return "\n".join(line.text for line in lines_of(tree))


def lines_of(tree: Any) -> Iterator[Line]:
    """Yield the lines of a tree of HTML, or of the one that trafilatura makes of an article, in order.

    Break elements end a line; white space counts as one space, and so do line ends in the markup.
    """
    from lxml import etree

    parts: list[str] = []
    blocks: list[str] = []
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""  # comments have a function for a tag
        if tag in _BLOCKS:
            yield from _flushed(parts, blocks)
        if event == "start":
            blocks += [tag] if tag in _BLOCKS else []
            parts.append("\n" if tag in _BREAKS else _spaced(element.text) if tag else "")
        else:
            del blocks[len(blocks) - (tag in _BLOCKS) :]
            parts.append(_spaced(element.tail) if element is not tree else "")
    yield from _flushed(parts, blocks)


def _flushed(parts: list[str], blocks: list[str]) -> Iterator[Line]:
    text = _SPACE.sub(" ", "".join(parts))
    parts.clear()
    for part in _BROKEN.split(text):
        if part.strip():
            yield Line(part.strip(), blocks[-1] if blocks else "")


def _spaced(text: str | None) -> str:
    return text.replace("\n", " ") if text else ""
