"""Find what a text quotes, by the quotation marks of German and English.

Marks that pair: „…“ „…” »…« «…» “…” ”…” "…" ‚…‘ ‚…’ ‘…’ ›…‹ ‹…› '…', also nested. A mark opens only
where a word may begin and closes only where one may end, so apostrophes, feet and inches are none.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import polars as pl

from aufruf.tables import SPAN


class Span(NamedTuple):
    """A stretch of text: code points, ``end`` exclusive."""

    start: int
    end: int


_CLOSERS = {
    "„": '“”"‟',
    "“": "”“",
    "”": "”",
    "»": "«",
    "«": "»",
    '"': '"',
    "‚": "‘’'",
    "‘": "’",
    "›": "‹",
    "‹": "›",
    "'": "'",
}
_SINGLE = "’'"
_ACROSS_LINES = "„“»«"
_MARKS = re.compile("[" + "".join(sorted({*_CLOSERS, *"".join(_CLOSERS.values())})) + "]|\n")
_ELISION = re.compile(
    r"['’‘](?:n|s|em|tis|twas|cause|til|bout|cos|ne[nrms]?|rum|raus|ran|rein|\d0e?r?s?)\b['’]?", re.IGNORECASE
)
_NEXT = re.compile(r"\s*(\S)")
_WORD_FOLLOWS = re.compile(r".\s\w")
_DEEPEST = 7
_LOOK_AHEAD = 500
_MARK_CLASS = r"[„“”»«\"‚‘›‹]|(?:^|[\s(\[„“»«])'\S"


def quoted_spans(text: str) -> list[Span]:
    """Return the quoted stretches of a text without their marks, in order of start, outer before inner.

    A quotation that is not closed in its paragraph is dropped, not stretched to the end of the text;
    only where the next paragraph opens again with the same mark does the first one count as quoted to
    its end, as is the custom in long quotations.
    """
    spans: list[Span] = []
    opened: list[tuple[str, int]] = []
    for match in _MARKS.finditer(text):
        mark, position = match.group(), match.start()
        if mark == "\n":
            opened = _at_line_end(text, position, opened, spans)
            continue
        opener = _closed_by(text, position, opened)
        if opener is not None:
            start = opened[opener][1] + 1
            del opened[opener:]
            if text[start:position].strip():
                spans.append(Span(start, position))
        elif mark in _CLOSERS and _may_open(text, position):
            opened = [*opened[-_DEEPEST:], (mark, position)]
    return sorted(spans, key=lambda span: (span.start, -span.end))


def quotes_column(texts: pl.Series) -> pl.Series:
    """Return `quoted_spans` of each text as lists of ``{start, end}``; most texts quote nothing."""
    numbered = pl.DataFrame({"text": texts}).with_row_index("row")
    candidates = numbered.filter(pl.col("text").str.contains(_MARK_CLASS))
    found = [(row, *span) for row, text in candidates.iter_rows() for span in quoted_spans(text)]
    schema = {"row": pl.UInt32, **SPAN.to_schema()}
    spans = pl.DataFrame(found, schema=schema, orient="row")
    lists = spans.group_by("row", maintain_order=True).agg(quotes=pl.struct("start", "end"))
    joined = numbered.select("row").join(lists, on="row", how="left", maintain_order="left")
    return joined.select(pl.col("quotes").fill_null([])).to_series().cast(pl.List(SPAN))


def _closed_by(text: str, position: int, opened: list[tuple[str, int]]) -> int | None:
    """Return the place in ``opened`` of the mark that is closed at ``position``, if any."""
    mark = text[position]
    if not _may_close(text, position):
        return None
    for place in range(len(opened) - 1, -1, -1):
        opener, start = opened[place]
        if mark in _CLOSERS[opener] and not (mark in _SINGLE and _is_genitive(text, position, start)):
            return place
    return None


def _may_open(text: str, position: int) -> bool:
    before, after = text[position - 1 : position], text[position + 1 : position + 2]
    if not after or after.isspace() or before.isalnum():
        return False
    return not (text[position] in "'‘" and _ELISION.match(text, position))


def _may_close(text: str, position: int) -> bool:
    before, after = text[position - 1 : position], text[position + 1 : position + 2]
    if not before or before.isspace():
        return False
    return not after.isalnum() or text[position] in "«»“"


def _is_genitive(text: str, position: int, start: int) -> bool:
    """Say whether »bosses' office« is meant: after an s, a better closing mark comes in the same line."""
    if text[position - 1].lower() != "s" or not _WORD_FOLLOWS.match(text, position):
        return False
    line_end = text.find("\n", position, position + _LOOK_AHEAD)
    rest = text[position + 1 : line_end if line_end >= 0 else None][:_LOOK_AHEAD]
    opening = re.search(r"(?:^|\s)['‘‚]", rest)
    rest = rest[: opening.start()] if opening else rest
    closers = re.escape(_CLOSERS[text[start]])
    return re.search(rf"\S[{closers}](?!\w)", rest) is not None


def _at_line_end(
    text: str, position: int, opened: list[tuple[str, int]], spans: list[Span]
) -> list[tuple[str, int]]:
    """Return the quotations that go on after a line end; add one that the next line opens again.

    What was opened inside that one ends with it, or it would reach beyond.
    """
    goes_on: list[tuple[str, int]] = []
    following = _NEXT.match(text, position) if opened else None
    for mark, start in opened:
        if following and following.group(1) == mark:
            spans.append(Span(start + 1, position))
            break
        if mark in _ACROSS_LINES and not text.startswith("\n\n", position):
            goes_on.append((mark, start))
    return goes_on
