"""How long work tells how it goes: a sentence now and then, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable

Note = Callable[[str], None]


def silent(message: str) -> None:
    """Tell nobody."""
    del message
