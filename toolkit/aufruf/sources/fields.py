"""Which column of a file is which field: by a map, or by names that everyone uses."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from aufruf.errors import InputError
from aufruf.sources.items import FIELDS, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_USUAL: dict[str, tuple[str, ...]] = {
    "id": (
        "id",
        "id_str",
        "post_id",
        "tweet_id",
        "comment_id",
        "commentid",
        "status_id",
        "message_id",
        "uid",
    ),
    "text": (
        *("text", "full_text", "description", "body", "content", "message", "tweet", "comment", "post"),
        *("post_text", "tweet_text", "comment_text", "selftext", "originaltext", "sentence"),
    ),
    "author": ("author", "author_id", "user", "user_id", "username", "user_name", "screen_name", "account"),
    "conversation": ("conversation", "conversation_id", "thread", "thread_id"),
    "reply_to": (
        *("reply_to", "reply_to_id", "in_reply_to", "in_reply_to_id", "in_reply_to_status_id", "parent_id"),
    ),
    "created_at": (
        *("created_at", "created", "created_utc", "date", "datetime", "timestamp", "time", "published"),
        *("published_at", "publication_date"),
    ),
    "repost_of": ("repost_of", "reblog_of_id", "retweeted_status_id", "retweet_id"),
    "quote_of": ("quote_of", "quoted_status_id", "quote_id"),
    "edited_at": ("edited_at", "updated_at"),
    "title": ("title", "headline"),
    "teaser": ("teaser", "abstract", "summary"),
    "outlet": ("outlet", "publisher", "newspaper", "publication"),
    "url": ("url", "link", "permalink"),
}
_LONGEST_NAME = 40
_NAME = re.compile(r"[\w#:/()-]+(?:[ .][\w#:/()-]+){0,3}")
_SHOWN_NAMES = 40


@dataclass(frozen=True)
class FieldMap:
    """Names of columns by field, or their numbers from 1 in a file without a header.

    An empty name says that there is no such column. Fields that are left out are found by usual names.
    """

    columns: Mapping[str, str | int] = field(default_factory=dict[str, str | int])
    kind: Kind | None = None

    @property
    def by_number(self) -> bool:
        """Whether columns are numbered: the file has no header."""
        return any(isinstance(column, int) for column in self.columns.values())


def load_field_map(path: Path) -> FieldMap:
    """Read a field map: TOML with lines such as ``text = "description"``, and ``kind = "news"``.

    Raises:
        InputError: if it is missing or no TOML, names an unknown field, or mixes names and numbers.
    """
    try:
        content = msgspec.convert(tomllib.loads(path.read_text("utf-8")), dict[str, str | int])
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such field map") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InputError(f'{path}: not a field map: {error}; expected lines such as text = "body"') from error
    kind = content.pop("kind", None)
    if kind not in (None, "post", "news"):
        raise InputError(f"{path}: kind = {kind!r}; expected 'post' or 'news'")
    unknown = sorted(set(content) - set(FIELDS))
    if unknown:
        raise InputError(f"{path}: unknown fields {unknown}; expected some of {', '.join(FIELDS)}")
    kinds = {type(column) for column in content.values() if column != ""}
    if len(kinds) > 1 or any(isinstance(column, int) and column < 1 for column in content.values()):
        raise InputError(f"{path}: columns are either named or numbered from 1, not both")
    return FieldMap(content, kind)


def choose_columns(found: Sequence[str], given: FieldMap, file: str) -> dict[str, str]:
    """Return the column of each field that the file has, by the map first, then by usual names.

    Raises:
        InputError: if a column that the map names is missing, or no column for the text can be found;
            shows the columns and how to write a map.
    """
    chosen = {name: str(column) for name, column in given.columns.items() if column != ""}
    missing = sorted({column for column in chosen.values() if column not in found})
    if missing:
        raise InputError(f"{file}: no column {', '.join(missing)}; {_shown(found)}")
    plain = {column.strip().lower(): column for column in reversed(found)}
    for name in FIELDS:
        if name in given.columns:
            continue
        usual = [plain[other] for other in _USUAL[name] if other in plain]
        usual = [column for column in usual if column not in chosen.values()]
        if usual:
            chosen[name] = usual[0]
    if "text" not in chosen:
        raise InputError(
            f"{file}: no column with the text; {_shown(found)}. Name it in a file of fields, such as "
            f"map.toml with the line {_example(found)}, and give it with --map map.toml"
        )
    return chosen


def kind_of(chosen: Mapping[str, str], given: FieldMap) -> Kind:
    """Return what a table's rows are: news where the map says so or there is an outlet, else posts."""
    return given.kind or ("news" if "outlet" in chosen else "post")


def looks_like_header(names: Sequence[str]) -> bool:
    """Say whether the cells of a first line may be names: short, different, no sentences."""
    filled = [name.strip() for name in names if name.strip()]
    plain = all(_NAME.fullmatch(name) and len(name) <= _LONGEST_NAME for name in filled)
    no_values = not any(name.replace(".", "").replace("-", "").isdigit() for name in filled)
    return bool(filled) and plain and no_values and len(set(filled)) == len(filled)


def _shown(found: Sequence[str]) -> str:
    if not looks_like_header(found):
        return f"the first line is no header (columns found: {len(found)})"
    names = ", ".join(name or "(no name)" for name in found[:_SHOWN_NAMES])
    return f"columns found: {names}" + (", …" if len(found) > _SHOWN_NAMES else "")


def _example(found: Sequence[str]) -> str:
    if not looks_like_header(found):
        return "text = 1 (the number of the column)"
    return f'text = "{found[-1]}"'
