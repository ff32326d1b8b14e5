"""Pictures, sound, films and documents: what lies beside posts in the folders that platforms export."""

from __future__ import annotations

import re
from typing import BinaryIO

from aufruf.errors import InputError

_HEAD = 16
_SIGNATURE = re.compile(
    rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|RIFF.{4}(?:WEBP|WAVE|AVI )|.{4}ftyp|OggS|fLaC|ID3[\x02-\x04]"
    rb"|\x1a\x45\xdf\xa3|%PDF-",
    re.DOTALL,
)


class MediaError(InputError):
    """A file is a picture, sound, film or document: nothing is damaged, and nothing is to be read."""


def refuse_media(stream: BinaryIO, file: str) -> None:
    """Leave a stream at its start, unless it is a picture or the like by its first bytes.

    Raises:
        MediaError: if it is.
    """
    head = stream.read(_HEAD)
    stream.seek(0)
    if _SIGNATURE.match(head):
        raise MediaError(f"{file}: a picture, sound, film or document, expected text")
