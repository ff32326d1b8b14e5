"""Compressed files and archives, read as streams: nothing of them is ever written to the disk.

What a file is follows from its first bytes. A member of an archive may itself be compressed; an archive
within an archive is refused. Web archives are left as they are: their reader knows their compression.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from aufruf.errors import InputError
from aufruf.sources.members import Member, archive_kind
from aufruf.sources.tarred import members_of_tar
from aufruf.sources.unpacking import Budget, inflated
from aufruf.sources.zipped import members_of_zip

if TYPE_CHECKING:
    from collections.abc import Iterator


def members_of(stream: BinaryIO, name: str) -> Iterator[Member]:
    """Yield what a file holds: itself, itself unpacked, or the members of an archive one by one.

    A member's stream is closed when the next one is asked for. A tar archive that breaks off ends with a
    refused member (``partial``) that stands for the rest; of a zip archive the table of contents is at its
    end, so nothing of it can be read then.

    Raises:
        InputError: if an archive is damaged, has too many members, or unpacks to more than is plausible;
            reading a stream raises it too.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    budget = Budget(name, size)
    with inflated(stream, name, budget) as content:
        kind = archive_kind(content)
        if kind is None:
            yield Member(name, content)
        elif kind == "tar":
            yield from members_of_tar(content, name, budget)
        elif content is not stream:
            raise InputError(f"{name}: an archive within a compressed file; unpack it once")
        else:
            yield from members_of_zip(stream, name, budget)
