"""Cut an article into excerpts of one to three sentences, and set aside what is no article.

Excerpts and residue together are the whole article but for white space; nothing overlaps. No excerpt
crosses a paragraph or residue, and a quotation is cut only where it is too long for one excerpt.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aufruf.quotes import Span, quoted_spans
from aufruf.recurring import line_key
from aufruf.residue import residue_reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MAX_SENTENCES = 3
_RECURRING = "recurring"
_TITLE_LINES = 3
_TITLE_CHARACTERS = 150
_LONG = 450
_CUT_QUOTE = 10.0
_WRAPPED_AT = range(40, 101)
_LONGEST_STRETCH = 10_000
_CLOSING = tuple("“”\"«»‘’‹›')]")
_MAY_END_A_SENTENCE = re.compile(r"[^\w\s,:;()–-]\s*\S")
_SENTENCE_END = re.compile(r"[.!?…:;][“”\"«»‘’')\]]*$")


class Residue(NamedTuple):
    """A line of the web page around an article, and what it was recognised as."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class Excerpts:
    """Excerpts and residue of one article, in order, offsets in code points of the article."""

    excerpts: tuple[Span, ...]
    residue: tuple[Residue, ...]
    title: Span | None = None


def excerpts(article: str, language: str = "de", recurring: Collection[str] = ()) -> Excerpts:
    """Cut a normalised article. A line without the end of a sentence is an excerpt of its own.

    ``language`` is de, en, other or und and decides about abbreviations and dates; German rules also
    fit English, so they are the default. ``recurring`` are keys of lines that the article's site has on
    many pages (see `aufruf.recurring`): they are residue.
    """
    residue: list[Residue] = []
    cut: list[Span] = []
    quotes = _outermost(quoted_spans(article))
    lines: list[Span] = []
    for paragraph in _paragraphs(article, recurring):
        reason = _residue_reason(article[paragraph.start : paragraph.end], recurring)
        if reason:
            residue.append(Residue(*paragraph, reason))
        else:
            lines.append(paragraph)
            cut += _cut(article, paragraph, quotes, language)
    return Excerpts(tuple(cut), tuple(residue), _title(article, lines))


def sentences(text: str, language: str = "de") -> list[Span]:
    """Return the sentences of a text without white space around them.

    A quotation counts as part of its sentence, unless it holds more than three sentences itself.
    """
    rules = "en" if language == "en" else "de"
    found: list[Span] = []
    for stretch in _stretches(text):
        for start, end in _boundaries(text[stretch.start : stretch.end], rules):
            first = stretch.start + start
            while found and found[-1].end == first and text[first : first + 1] in _CLOSING:
                first += 1
                found[-1] = Span(found[-1].start, first)
            found += _trimmed(text, first, stretch.start + end)
    return [part for sentence in found for part in _parts_of_long_quote(text, sentence, rules)]


def _boundaries(text: str, rules: str) -> list[tuple[int, int]]:
    if not _MAY_END_A_SENTENCE.search(text):
        return [(0, len(text))]
    import sentencex

    found = cast("list[dict[str, int]]", cast("Any", sentencex).get_sentence_boundaries(rules, text))
    return [(boundary["start_index"], boundary["end_index"]) for boundary in found]


def _stretches(text: str) -> Iterator[Span]:
    """Yield lines, and parts of one that is too long: finding sentences takes the square of its length."""
    for line in _lines(text):
        start = line.start
        while line.end - start > _LONGEST_STRETCH:
            space = text.rfind(" ", start, start + _LONGEST_STRETCH)
            end = space if space > start else start + _LONGEST_STRETCH
            yield Span(start, end)
            start = end
        yield Span(start, line.end)


def _parts_of_long_quote(text: str, sentence: Span, rules: str) -> list[Span]:
    quotes = quoted_spans(text[sentence.start : sentence.end])
    for quote in quotes:
        start = sentence.start + quote.start
        inner = _boundaries(text[start : sentence.start + quote.end], rules)
        if len(inner) > MAX_SENTENCES:
            cuts = [start + first for first, _ in inner[1:]]
            bounds = pairwise([sentence.start, *cuts, sentence.end])
            return [part for bound in bounds for part in _trimmed(text, *bound)]
    return [sentence]


def _cut(article: str, paragraph: Span, quotes: list[Span], language: str) -> list[Span]:
    found = sentences(article[paragraph.start : paragraph.end].replace("\n", " "), language)
    placed = [Span(paragraph.start + start, paragraph.start + end) for start, end in found]
    return _grouped(placed, quotes)


def _grouped(parts: list[Span], quotes: list[Span]) -> list[Span]:
    """Join sentences to excerpts at the least cost.

    Few excerpts are better than many, two sentences better than one or three, short ones better than
    long ones, and a cut through a quotation is worse than all of that.
    """
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(parts) + 1):
        choices: list[tuple[float, int]] = []
        for start in range(max(0, end - MAX_SENTENCES), end):
            length = parts[end - 1].end - parts[start].start
            cost = 1 + 0.1 * abs(end - start - 2) + (max(0, length - _LONG) / _LONG if end - start > 1 else 0)
            cost += _CUT_QUOTE * (end < len(parts) and _is_inside(parts[end].start, quotes))
            choices.append((best[start][0] + cost, start))
        best.append(min(choices))
    groups: list[Span] = []
    end = len(parts)
    while end:
        start = best[end][1]
        groups.append(Span(parts[start].start, parts[end - 1].end))
        end = start
    return groups[::-1]


def _is_inside(offset: int, outer: list[Span]) -> bool:
    """Say whether an offset lies within one of the spans, which are in order and apart."""
    place = bisect_left(outer, offset, key=lambda span: span.start) - 1
    return place >= 0 and offset < outer[place].end


def _outermost(quotes: list[Span]) -> list[Span]:
    outer: list[Span] = []
    for quote in quotes:
        if not outer or quote.start >= outer[-1].end:
            outer.append(quote)
    return outer


def _residue_reason(line: str, recurring: Collection[str]) -> str | None:
    return residue_reason(line) or (_RECURRING if line_key(line) in recurring else None)


def _paragraphs(article: str, recurring: Collection[str]) -> list[Span]:
    """Return the paragraphs: lines, or blocks between empty lines where lines are wrapped."""
    lines = _lines(article)
    if not _is_wrapped(article, lines):
        return lines
    blocks: list[Span] = []
    for line in lines:
        joined = blocks and article[blocks[-1].end : line.start].count("\n") == 1
        if joined and not _residue_reason(article[line.start : line.end], recurring):
            blocks[-1] = Span(blocks[-1].start, line.end)
        else:
            blocks.append(line)
    return blocks


def _is_wrapped(article: str, lines: list[Span]) -> bool:
    """Say whether line ends stand within sentences, as in text wrapped at a fixed width."""
    inner = [
        line for line, following in pairwise(lines) if article[line.end : following.start].count("\n") == 1
    ]
    if len(inner) <= MAX_SENTENCES or max(line.end - line.start for line in lines) >= _WRAPPED_AT.stop:
        return False
    wrapped = [
        line
        for line in inner
        if line.end - line.start in _WRAPPED_AT and not _SENTENCE_END.search(article[line.start : line.end])
    ]
    return len(wrapped) * 2 > len(inner)


def _lines(text: str) -> list[Span]:
    bounds = [0, *(match.end() for match in re.finditer("\n", text)), len(text)]
    return [line for bound in pairwise(bounds) for line in _trimmed(text, *bound)]


def _trimmed(text: str, start: int, end: int) -> list[Span]:
    part = text[start:end]
    first = start + len(part) - len(part.lstrip())
    last = start + len(part.rstrip())
    return [Span(first, last)] if first < last else []


def _title(article: str, paragraphs: list[Span]) -> Span | None:
    """Return the headline: the first of the first lines that is short and ends no sentence."""
    for line in paragraphs[:_TITLE_LINES]:
        text = article[line.start : line.end]
        short = len(text) <= _TITLE_CHARACTERS and "\n" not in text
        if short and len(paragraphs) > 1 and not re.search(r"[.:;,…][“”\"«»]?$", text):
            return line
    return None
