"""A proxy on this machine between client and server that goes wrong by a seeded plan, and keeps a list."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FAULTS = {"none": 12.0, "no request": 1.0, "no answer": 1.0, "late": 1.0, "twice": 1.0, "cut": 1.0}
"""How often each happens: the request is lost, its answer is, it is late, comes twice, or ends early."""


@contextmanager
def faulty_proxy(
    upstream: str, seed: int = 0, faults: Mapping[str, float] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Yield the proxy's address and what went through it so far: `METHOD path: fault`."""
    weights = {"none": 1.0} if faults is None else faults
    rng, lock, seen = Random(seed), threading.Lock(), list[str]()

    server = httpx.Client(base_url=upstream, timeout=60, trust_env=False)

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                (fault,) = rng.choices(list(weights), list(weights.values()))
                seen.append(f"{self.command} {self.path}: {fault}")
            if fault == "late":
                time.sleep(0.2)
            answer = None
            for _ in range({"no request": 0, "twice": 2}.get(fault, 1)):
                answer = self._forward(body)
            self.close_connection = True
            if answer is not None and fault != "no answer":
                self._give(answer, cut=fault == "cut")

        def _forward(self, body: bytes) -> httpx.Response:
            kept = ("Authorization", "Content-Type", "Cookie", "Referer")
            headers = {name: self.headers[name] for name in kept if name in self.headers}
            return httpx.request(
                self.command, upstream + self.path, headers=headers, content=body, timeout=60
            )

        def _give(self, answer: httpx.Response, *, cut: bool) -> None:
            self.send_response_only(answer.status_code)
            for name in ("Content-Type", "Date", "Location"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content[: len(answer.content) // 2] if cut else answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = pass_on  # noqa: N815 -- the server calls them so

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", seen
    finally:
        listening.shutdown()
        listening.server_close()
        server.close()
