"""The text of posts that platforms write as HTML."""
# lxml has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_BLOCKS = ("p", "div", "li", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4")
_UNSEEN = ("script", "style", "template", "noscript")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MARKUP = re.compile(r"<(?:/?(?:p|br|b|i|s|a|span|div|strong|em|del|code|pre)\b[^<]*|/\w+)>", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|amp|lt|gt|quot|apos|nbsp);", re.IGNORECASE)


def plain_text(fragment: str) -> str:
    """Return what a reader sees of a piece of HTML: paragraphs apart by an empty line, links whole."""
    from lxml import html

    clean = _CONTROL.sub("", fragment)
    if "<" not in clean and "&" not in clean:
        return clean.strip()
    return text_of(cast("HtmlElement", html.fragment_fromstring(clean, create_parent=True)))


def looks_like_html(text: str) -> bool:
    """Say whether a text that may be either is HTML: it holds a tag or an entity."""
    return bool(_MARKUP.search(text) or _ENTITY.search(text))


def text_of(element: HtmlElement) -> str:
    """Return what a reader sees of an element."""
    parts: list[str] = []
    _gather(element, parts)
    lines = [" ".join(line.split()) for line in "".join(parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _gather(element: HtmlElement, parts: list[str]) -> None:
    """Add the text of an element. The parser lets elements stand at most 255 deep."""
    tag = element.tag
    if not isinstance(tag, str) or tag in _UNSEEN:  # comments have a function for a tag
        return
    around = "\n\n" if tag in _BLOCKS else "\n" if tag == "br" else ""
    parts += [around, _SPACE.sub(" ", element.text or "")]
    for child in element:
        _gather(child, parts)
        parts.append(_SPACE.sub(" ", child.tail or ""))
    parts.append(around if tag != "br" else "")
