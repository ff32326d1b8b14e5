"""A saved page of a news site: the whole file is one item."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from aufruf.errors import InputError
from aufruf.sources.items import Batch, Collected, Refusal
from aufruf.sources.pages import MAX_PAGE, Page, page_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.sources.fields import FieldMap


def read_news_html(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read one page. Refused are pages that are too long or hold no article.

    Raises:
        InputError: if a field map was given: a page has no fields.
    """
    if given.columns:
        raise InputError(f"{file}: a page has no columns that a field map could name")
    gathered = Collected()
    content = stream.read(MAX_PAGE + 1)
    if len(content) > MAX_PAGE:
        gathered.refusals.append(Refusal("1", "too_long", f"a page of more than {MAX_PAGE:,} bytes"))
    else:
        add_page(gathered, "1", page_of(content))
    yield gathered.take(Page._fields, given.kind or "news")


def add_page(gathered: Collected, item: str, page: Page | None) -> None:
    """Add a page's article to what was gathered, or its refusal if it has none."""
    if page is None:
        gathered.refusals.append(Refusal(item, "no_article", "a page on which no article was found"))
    else:
        gathered.rows.append((item, *page))
