"""Inflate gzip as it is read, and say at its end whether it was whole.

The standard library raises in the middle and loses what came before; here all that can be read is.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO

_BLOCK = 1 << 16
_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_TAIL = 4


class Inflated:
    """The content of a stream, inflated where it is gzip (one member or many), else as it is.

    ``damaged`` says that it broke off or was corrupt; ``tail`` are the last bytes read so far.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        head = stream.read(len(_MAGIC))
        self._compressed = head == _MAGIC
        self._pending = head
        self._inflater = zlib.decompressobj(_GZIP)
        self._ended = False
        self._position = 0
        self.damaged = False
        self.tail = b""

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        wanted = _BLOCK if size < 0 else size
        content = self._inflated(wanted) if self._compressed else self._plain(wanted)
        self.tail = (self.tail + content[-_TAIL:])[-_TAIL:]
        self._position += len(content)
        return content

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._position

    def _plain(self, size: int) -> bytes:
        content, self._pending = self._pending[:size], self._pending[size:]
        return content or self._stream.read(size)

    def _inflated(self, size: int) -> bytes:
        while not self._ended:
            if not self._pending:
                self._pending = self._stream.read(_BLOCK)
            if self._inflater.eof:
                self._next_member()
                continue
            at_end = not self._pending
            try:
                content = self._inflater.decompress(self._pending, size)
            except zlib.error:
                self._stop(damaged=True)
                break
            self._pending = self._inflater.unconsumed_tail or self._inflater.unused_data
            if content:
                return content
            if at_end and not self._inflater.eof:
                self._stop(damaged=True)
        return b""

    def _next_member(self) -> None:
        """Go on with the next member; zeros at the end are padding."""
        self._pending = self._pending.lstrip(b"\0")
        if self._pending:
            self._inflater = zlib.decompressobj(_GZIP)
        elif not (more := self._stream.read(_BLOCK)):
            self._stop(damaged=False)
        else:
            self._pending = more

    def _stop(self, *, damaged: bool) -> None:
        self._ended = True
        self.damaged = damaged
