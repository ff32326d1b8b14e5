"""Feeds (RSS, Atom): every entry is an item. Nothing is fetched, no entity outside is read."""
# feedparser has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
import re
import time
from typing import TYPE_CHECKING, Any, BinaryIO

from aufruf.errors import InputError
from aufruf.sources.items import Batch, Collected, Refusal
from aufruf.sources.markup import text_of
from aufruf.sources.pages import host_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.sources.fields import FieldMap

MAX_FEED = 20_000_000
"""Longest feed in bytes: what is longer is refused unread."""

_COLUMNS = ("id", "text", "title", "teaser", "outlet", "url", "created_at")
_END = re.compile(
    rb"</(?:[\w.-]+:)?(?:rss|feed|rdf|xml)\s*>?\s*(?:<!--.*-->\s*)?\Z", re.IGNORECASE | re.DOTALL
)
_LAST = 2000
_ENTRY_END = re.compile(rb"</(?:[\w.-]+:)?(?:item|entry)\s*>", re.IGNORECASE)


def read_feed(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read one feed; authors are left out.

    A feed that breaks off ends with a refused item (``partial``) that stands for the rest, its last entry
    among it if that is not whole.

    Raises:
        InputError: if it is no feed or too long, or a field map was given.
    """
    if given.columns:
        raise InputError(f"{file}: a feed has no columns that a field map could name")
    content = stream.read(MAX_FEED + 1)
    if len(content) > MAX_FEED:
        raise InputError(f"{file}: a feed of more than {MAX_FEED:,} bytes; divide it")
    found = _parsed(content)
    if not found.get("version") and not found.entries:
        raise InputError(f"{file}: not a feed: neither RSS nor Atom")
    gathered = Collected()
    entries: list[Any] = found.entries
    if found.bozo and not _END.search(content.rstrip()[-_LAST:]):
        entries = entries[: len(_ENTRY_END.findall(content))]
        message = "the feed is cut off here; nothing behind it could be read"
        gathered.refusals.append(Refusal(f"after {len(entries)}", "partial", message))
    for number, entry in enumerate(entries, 1):
        fields = _fields(entry, found.feed)
        if fields[_COLUMNS.index("text")]:
            gathered.rows.append((str(number), *fields))
        else:
            gathered.refusals.append(Refusal(str(number), "no_article", "an entry with a title at most"))
    batch = gathered.take(_COLUMNS, given.kind or "news")
    yield Batch(
        batch.items, batch.refusals, (f"{file}: not well-formed, read as far as it goes",) * bool(found.bozo)
    )


def _parsed(content: bytes) -> Any:
    """Parse bytes: given a name or an address instead, feedparser would open it."""
    import feedparser

    return feedparser.parse(io.BytesIO(content), sanitize_html=False, resolve_relative_uris=False)


def _fields(entry: Any, feed: Any) -> tuple[str | None, ...]:
    """Return the values of `_COLUMNS`: the whole text where the feed has it, else the teaser as text."""
    summary = _text(entry.get("summary_detail"))
    text = max((_text(part) for part in entry.get("content", ())), key=len, default="") or summary
    url = entry.get("link") or None
    title = " ".join(_text(entry.get("title_detail")).split())
    outlet = " ".join(_text(feed.get("title_detail")).split()) or host_of(url)
    teaser = " ".join(summary.split()) if summary != text else ""
    return entry.get("id") or None, text, title or None, teaser or None, outlet or None, url, _time(entry)


def _text(part: Any) -> str:
    if not part:
        return ""
    value = part.get("value") or ""
    return value.strip() if part.get("type") == "text/plain" else text_of(value)


def _time(entry: Any) -> str | None:
    """Return when an entry was published, else changed; feedparser gives UTC."""
    written = entry.get("published_parsed") or entry.get("updated_parsed")
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", written) if written else None
