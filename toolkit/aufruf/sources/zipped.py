"""Zip archives: members one by one, as streams."""

from __future__ import annotations

import io
import stat
import struct
from typing import TYPE_CHECKING, BinaryIO, cast

from aufruf.errors import InputError
from aufruf.sources.items import Refusal
from aufruf.sources.members import MAX_MEMBERS, Member, is_hidden, opened, unsafe_path
from aufruf.sources.unpacking import Budget, told_damage

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

_MAX_DIRECTORY = 64_000_000
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_BYTES = 20
_LONGEST_COMMENT = 1 << 16


def members_of_zip(stream: BinaryIO, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the members of an archive, all sharing its budget.

    Raises:
        InputError: if it is damaged, holds no files, or too many.
    """
    import zipfile

    _check_directory(stream, name)
    with told_damage(name, 0):
        archive = zipfile.ZipFile(stream)
    members = [info for info in archive.infolist() if not info.is_dir() and not is_hidden(info.filename)]
    if not members:
        raise InputError(f"{name}: the archive holds no files")
    for info in members:
        member = f"{name}/{info.filename}"
        if refusal := _refusal(info):
            yield Member(name, refusal)
            continue
        try:
            with told_damage(member, 0):
                raw = cast("BinaryIO", archive.open(info))
            yield from opened(raw, member, budget)
        except InputError as error:
            yield Member(member, Refusal("1", "unreadable", str(error)))


def _refusal(info: zipfile.ZipInfo) -> Refusal | None:
    """Return why a member is not read: it points elsewhere, is no file, or is locked."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if unsafe_path(info.filename):
        return Refusal(info.filename, "unsafe_member", "its name leads out of the archive")
    if kind not in (0, stat.S_IFREG):
        return Refusal(info.filename, "unsafe_member", "a link or a device, no file")
    if info.flag_bits & 1:
        return Refusal(info.filename, "encrypted", "locked with a password; unlock it and import the result")
    return None


def _check_directory(stream: BinaryIO, name: str) -> None:
    """Refuse an archive whose table of contents would fill the memory, before it is read."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - _LONGEST_COMMENT - _END.size))
    tail = stream.read()
    stream.seek(0)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) < place + _END.size:
        raise InputError(f"{name}: a damaged or cut off zip archive: its table of contents is missing")
    entries, directory = _END.unpack_from(tail, place)[4:6]
    place64 = place - _LOCATOR_BYTES - _END64.size
    if place64 >= 0 and tail.startswith(b"PK\x06\x06", place64):
        entries, directory = _END64.unpack_from(tail, place64)[7:9]
    if entries > MAX_MEMBERS or directory > _MAX_DIRECTORY:
        raise InputError(
            f"{name}: an archive of {entries:,} members, more than {MAX_MEMBERS:,}; unpack it and import the "
            "folder"
        )
