"""Compressed files and archives, read as streams: nothing of them is ever written to the disk.

What a file is follows from its first bytes. A member of an archive may itself be compressed; an archive
within an archive is refused. Web archives are left as they are: their reader knows their compression.
"""

from __future__ import annotations

import io
import stat
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from aufruf.errors import InputError
from aufruf.sources.items import Refusal
from aufruf.sources.web_signatures import web_format_of

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Generator, Iterator

MAX_RATIO = 200
"""How many times its size a file may unpack to; not checked before `FREE_BYTES`."""

FREE_BYTES = 32_000_000
MAX_UNPACKED = 1_000_000_000_000
MAX_MEMBERS = 200_000
"""Most members of an archive."""

_MAX_DIRECTORY = 64_000_000
_LARGEST_WINDOW = 31
_HEAD = 4096
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TAR = (257, b"ustar")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_BYTES = 20
_LONGEST_COMMENT = 1 << 16


class Member(NamedTuple):
    """A file to read, or why a member is refused: its stream at its start, the name to report it by."""

    name: str
    content: BinaryIO | Refusal


def members_of(stream: BinaryIO, name: str) -> Iterator[Member]:
    """Yield what a file holds: itself, itself unpacked, or the members of an archive one by one.

    A member's stream is closed when the next one is asked for.

    Raises:
        InputError: if an archive is damaged, has too many members, or unpacks to more than is plausible;
            reading a stream raises it too.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    budget = _Budget(name, size)
    with _inflated(stream, name, budget) as content:
        head = content.read(_TAR[0] + len(_TAR[1]))
        content.seek(0)
        if head[_TAR[0] :] == _TAR[1]:
            raise InputError(f"{name}: a tar archive; unpack it and import the folder")
        if not head.startswith(_ZIP):
            yield Member(name, content)
        elif content is not stream:
            raise InputError(f"{name}: an archive within a compressed file; unpack it once")
        else:
            yield from _zipped(stream, name, budget)


class _Budget:
    """What a file may unpack to, all its members together."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._most = min(MAX_UNPACKED, max(FREE_BYTES, size * MAX_RATIO))
        self._spent = 0

    def spend(self, count: int) -> None:
        self._spent += count
        if self._spent > self._most:
            raise InputError(
                f"{self._name}: unpacks to more than {MAX_RATIO} times its size, as made to fill a disk; "
                "if it is to be trusted, unpack it and import the result"
            )


class _Unpacked(io.RawIOBase):
    """An unpacked stream that spends its budget, and whose damage is an error of the input."""

    def __init__(self, inner: BinaryIO, name: str, budget: _Budget) -> None:
        super().__init__()
        self._inner = inner
        self._name = name
        self._budget = budget
        self._position = 0
        self._furthest = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] -- BufferedReader gives no other
        with _told(self._name, self._furthest):
            content = self._inner.read(len(buffer))
        buffer[: len(content)] = content
        self._moved(self._position + len(content))
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _told(self._name, self._furthest):
            self._moved(self._inner.seek(offset, whence))
        return self._position

    def tell(self) -> int:
        return self._position

    def _moved(self, position: int) -> None:
        """Note a new position; bytes that are read again cost nothing."""
        self._position = position
        if position > self._furthest:
            self._budget.spend(position - self._furthest)
            self._furthest = position


@contextmanager
def _told(name: str, position: int) -> Generator[None]:
    """Turn what the libraries raise about damaged content into an error of the input."""
    import lzma
    import zipfile
    import zlib

    from backports.zstd import ZstdError

    damage = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ZstdError)
    try:
        yield
    except (*damage, NotImplementedError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{name}: damaged, cut off or of an unknown kind after {position:,} unpacked bytes; get it "
            "again, or unpack what can be unpacked and import that"
        ) from error


@contextmanager
def _inflated(stream: BinaryIO, name: str, budget: _Budget) -> Generator[BinaryIO]:
    """Open a stream unpacked where it is compressed.

    As it is it stays where it is not, and a web archive in gzip: its own reader unpacks it as far as it goes.
    """
    head = stream.read(_HEAD)
    stream.seek(0)
    opener = next((opener for magic, opener in _OPENERS if head.startswith(magic)), None)
    if opener is None or web_format_of(head) == "warc":
        yield stream
        return
    yield io.BufferedReader(_Unpacked(opener(stream), name, budget), 1 << 20)


def _gzip(stream: BinaryIO) -> BinaryIO:
    import gzip

    return cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))


def _bzip2(stream: BinaryIO) -> BinaryIO:
    import bz2

    return cast("BinaryIO", bz2.BZ2File(stream))


def _xz(stream: BinaryIO) -> BinaryIO:
    import lzma

    return cast("BinaryIO", lzma.LZMAFile(stream))


def _zstandard(stream: BinaryIO) -> BinaryIO:
    """Open Zstandard; large archives of posts are packed with the largest window there is."""
    from backports.zstd import DecompressionParameter, ZstdFile

    options = {int(DecompressionParameter.window_log_max): _LARGEST_WINDOW}
    return cast("BinaryIO", ZstdFile(stream, options=options))


_OPENERS: tuple[tuple[bytes | tuple[bytes, ...], Callable[[BinaryIO], BinaryIO]], ...] = (
    (b"\x1f\x8b", _gzip),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\x00", _xz),
    ((b"\x28\xb5\x2f\xfd", *(bytes([sign]) + b"\x2a\x4d\x18" for sign in range(0x50, 0x60))), _zstandard),
)


def _zipped(stream: BinaryIO, name: str, budget: _Budget) -> Iterator[Member]:
    import zipfile

    _check_directory(stream, name)
    with _told(name, 0):
        archive = zipfile.ZipFile(stream)
    members = [info for info in archive.infolist() if not info.is_dir() and not _is_hidden(info.filename)]
    if not members:
        raise InputError(f"{name}: the archive holds no files")
    for info in members:
        member = f"{name}/{info.filename}"
        if refusal := _refusal(info):
            yield Member(name, refusal)
            continue
        try:
            with _told(member, 0):
                raw = cast("BinaryIO", archive.open(info))
            yield from _opened(raw, member, budget)
        except InputError as error:
            yield Member(member, Refusal("1", "unreadable", str(error)))


def _opened(raw: BinaryIO, name: str, budget: _Budget) -> Iterator[Member]:
    plain = io.BufferedReader(_Unpacked(raw, name, budget))
    with raw, plain, _inflated(plain, name, budget) as content:
        nested = content.read(4).startswith(_ZIP)
        content.seek(0)
        refusal = Refusal("1", "nested_archive", "an archive within an archive; unpack it once")
        yield Member(name, refusal if nested else content)


def _refusal(info: zipfile.ZipInfo) -> Refusal | None:
    """Return why a member is not read: it points elsewhere, is no file, or is locked."""
    path = info.filename.replace("\\", "/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if path.startswith("/") or ".." in path.split("/") or path[1:2] == ":":
        return Refusal(info.filename, "unsafe_member", "its name leads out of the archive")
    if kind not in (0, stat.S_IFREG):
        return Refusal(info.filename, "unsafe_member", "a link or a device, no file")
    if info.flag_bits & 1:
        return Refusal(info.filename, "encrypted", "locked with a password; unlock it and import the result")
    return None


def _is_hidden(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")
    return any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in parts)


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
