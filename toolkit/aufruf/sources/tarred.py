"""Tar archives, compressed or not: members one by one, as streams."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, BinaryIO, cast

from aufruf.errors import InputError
from aufruf.sources.items import Refusal
from aufruf.sources.members import MAX_MEMBERS, Member, is_hidden, opened, unsafe_path
from aufruf.sources.unpacking import Budget

if TYPE_CHECKING:
    from collections.abc import Iterator

_IN_MEMORY = 32_000_000
"""Longest member that is held in memory: going back in a compressed archive begins at its start."""

_LONGEST_HEADER = 1_000_000
_LONG_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


class _Header(tarfile.TarInfo):
    """A header that refuses to be followed by names of any length."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _LONG_HEADERS and header.size > _LONGEST_HEADER:
            raise tarfile.ReadError("a name that is too long")
        return header


def members_of_tar(content: BinaryIO, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the members of an archive; where it breaks off, a refusal (``partial``) stands for the rest.

    Raises:
        InputError: if it is damaged from its beginning, or holds no files.
    """
    read = 0
    try:
        for found in _members(content, name, budget):
            read += 1
            yield found
    except (tarfile.TarError, InputError, OSError, ValueError) as error:
        if not read:
            raise InputError(f"{name}: a damaged or cut off tar archive; get it again") from error
        message = f"the archive is cut off or damaged here; {read:,} files before it were read"
        yield Member(name, Refusal(f"after {read}", "partial", message))
        return
    if not read:
        raise InputError(f"{name}: the archive holds no files")


def _members(content: BinaryIO, name: str, budget: Budget) -> Iterator[Member]:
    with tarfile.open(fileobj=content, mode="r:", tarinfo=_Header) as archive:
        for number, header in enumerate(archive):
            if number >= MAX_MEMBERS:
                message = f"more than {MAX_MEMBERS:,} members; unpack it and import the folder"
                yield Member(name, Refusal(f"after {number}", "partial", message))
                return
            if not header.isdir() and not is_hidden(header.name):
                yield from _member(archive, header, name, budget)
        _check_end(content, archive.offset)


def _member(archive: tarfile.TarFile, header: tarfile.TarInfo, name: str, budget: Budget) -> Iterator[Member]:
    if unsafe_path(header.name):
        yield Member(name, Refusal(header.name, "unsafe_member", "its name leads out of the archive"))
    elif not header.isreg() or header.issparse():
        yield Member(name, Refusal(header.name, "unsafe_member", "a link or a device, no plain file"))
    else:
        member = f"{name}/{header.name}"
        raw = cast("BinaryIO", archive.extractfile(header))
        if header.size <= _IN_MEMORY:
            raw = io.BytesIO(raw.read())
        try:
            yield from opened(raw, member, budget, Budget(member, header.size))
        except InputError as error:
            yield Member(member, Refusal("1", "unreadable", str(error)))


def _check_end(content: BinaryIO, end: int) -> None:
    """See that the archive ends as it must: `tarfile` takes any broken header for the end.

    Raises:
        ReadError: if no block of zeros stands there.
    """
    content.seek(end)
    if content.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("no end")
