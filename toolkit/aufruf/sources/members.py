"""Members of archives: what each is read as, and which are refused."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

from aufruf.sources.items import Refusal
from aufruf.sources.unpacking import Budget, Unpacked, inflated

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MEMBERS = 200_000
"""Most members of an archive."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_PLACE, _TAR = 257, b"ustar"
_HEAD = _TAR_PLACE + len(_TAR)


class Member(NamedTuple):
    """A file to read, or why a member is refused: its stream at its start, the name to report it by."""

    name: str
    content: BinaryIO | Refusal


def archive_kind(stream: BinaryIO) -> Literal["zip", "tar"] | None:
    """Return what kind of archive a stream is, None if it is none, and leave it at its start."""
    head = stream.read(_HEAD)
    stream.seek(0)
    return "zip" if head.startswith(_ZIP) else "tar" if head.startswith(_TAR, _TAR_PLACE) else None


def opened(raw: BinaryIO, name: str, budget: Budget, own: Budget | None = None) -> Iterator[Member]:
    """Yield a member's content, unpacked where it is compressed itself, and close it.

    ``own`` is the budget of the member as it is, where its bytes cost the archive's nothing.
    """
    plain = io.BufferedReader(Unpacked(raw, name, own or budget))
    with raw, plain, inflated(plain, name, budget) as content:
        nested = archive_kind(content) is not None
        refusal = Refusal("1", "nested_archive", "an archive within an archive; unpack it once")
        yield Member(name, refusal if nested else content)


def unsafe_path(path: str) -> bool:
    """Say whether a member's name leads out of the archive."""
    plain = path.replace("\\", "/")
    return plain.startswith("/") or ".." in plain.split("/") or plain[1:2] == ":"


def is_hidden(path: str) -> bool:
    """Say whether a member is one of those that file systems and archivers add for themselves."""
    parts = path.replace("\\", "/").split("/")
    return any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in parts)
