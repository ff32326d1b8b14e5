"""Compressed streams, unpacked as they are read, within bounds: nothing is ever written to the disk."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from aufruf.errors import InputError
from aufruf.sources.web_signatures import web_format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

MAX_RATIO = 200
"""How many times its size a file may unpack to; not checked before `FREE_BYTES`."""

FREE_BYTES = 32_000_000
MAX_UNPACKED = 1_000_000_000_000

_LARGEST_WINDOW = 31
_HEAD = 4096


class Budget:
    """What a file may unpack to, all its members together."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._most = min(MAX_UNPACKED, max(FREE_BYTES, size * MAX_RATIO))
        self._spent = 0

    def spend(self, count: int) -> None:
        """Count bytes.

        Raises:
            InputError: if they are more than is plausible.
        """
        self._spent += count
        if self._spent > self._most:
            raise InputError(
                f"{self._name}: unpacks to more than {MAX_RATIO} times its size, as made to fill a disk; "
                "if it is to be trusted, unpack it and import the result"
            )


class Unpacked(io.RawIOBase):
    """An unpacked stream that spends its budget, and whose damage is an error of the input."""

    def __init__(self, inner: BinaryIO, name: str, budget: Budget) -> None:
        super().__init__()
        self._inner = inner
        self._name = name
        self._budget = budget
        self._position = 0
        self._furthest = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes; going back reads again from the start."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] -- BufferedReader gives no other
        """Fill a buffer with unpacked bytes."""
        with told_damage(self._name, self._furthest):
            content = self._inner.read(len(buffer))
        buffer[: len(content)] = content
        self._moved(self._position + len(content))
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of the unpacked content."""
        with told_damage(self._name, self._furthest):
            self._moved(self._inner.seek(offset, whence))
        return self._position

    def tell(self) -> int:
        """Return the place in the unpacked content."""
        return self._position

    def _moved(self, position: int) -> None:
        """Note a new position; bytes that are read again cost nothing."""
        self._position = position
        if position > self._furthest:
            self._budget.spend(position - self._furthest)
            self._furthest = position


@contextmanager
def told_damage(name: str, position: int) -> Generator[None]:
    """Turn what the libraries raise about damaged content into an error of the input."""
    import lzma
    import tarfile
    import zipfile
    import zlib

    from backports.zstd import ZstdError

    damage = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, ZstdError)
    try:
        yield
    except (*damage, NotImplementedError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{name}: damaged, cut off or of an unknown kind after {position:,} unpacked bytes; get it "
            "again, or unpack what can be unpacked and import that"
        ) from error


@contextmanager
def inflated(stream: BinaryIO, name: str, budget: Budget) -> Generator[BinaryIO]:
    """Open a stream unpacked where it is compressed.

    As it is it stays where it is not, and a web archive in gzip: its own reader unpacks it as far as it goes.
    """
    head = stream.read(_HEAD)
    stream.seek(0)
    opener = next((opener for magic, opener in _OPENERS if head.startswith(magic)), None)
    if opener is None or web_format_of(head) == "warc":
        yield stream
        return
    yield io.BufferedReader(Unpacked(opener(stream), name, budget), 1 << 20)


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
