"""Addresses: which ports are free on this machine, and what nobody on the way can read."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

HOST = "127.0.0.1"
"""The address of the embedded server: this machine, and no other."""


def is_free(port: int) -> bool:
    """Whether nobody listens at a port and it may be taken."""
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_private(url: str) -> bool:
    """Whether nobody on the way to an address can read along."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in {"localhost", "127.0.0.1", "::1"}
