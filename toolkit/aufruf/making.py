"""Make records in several processes: reading stays in one, all cores normalise, mask and identify.

A worker is this module run as a program. Arrow's own format goes through its pipes, one question and one
answer at a time, so nothing has to be importable from the caller's script, and a worker whose caller is
gone reads the end of its input and ends.
"""

from __future__ import annotations

import io
import os
import queue
import subprocess
import sys
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.errors import AufrufError
from aufruf.records import Made, Origin, records_from_items
from aufruf.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Make = Callable[[pl.DataFrame, Origin], Future[Made]]

_WORTHWHILE = 16 << 20
_MOST = 8
_LENGTH = 8


class _Answer(msgspec.Struct):
    residue: dict[str, int]


@contextmanager
def makers(size: int) -> Generator[Make]:
    """Give what makes records of items (see `records_from_items`), in other processes if that is worthwhile.

    Args:
        size: how many bytes are to be read, about.
    """
    n = min(_cores(), _MOST)
    if size < _WORTHWHILE or n == 1 or not sys.executable:
        yield _made_here
        return
    with ExitStack() as stack:
        workers: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        for _ in range(n):
            workers.put(stack.enter_context(_worker()))
        threads = stack.enter_context(ThreadPoolExecutor(n))

        def make(items: pl.DataFrame, origin: Origin) -> Made:
            worker = workers.get()
            try:
                return _asked(worker, items, origin)
            finally:
                workers.put(worker)

        yield lambda items, origin: threads.submit(make, items, origin)


def _made_here(items: pl.DataFrame, origin: Origin) -> Future[Made]:
    done: Future[Made] = Future()
    done.set_result(records_from_items(items, origin))
    return done


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _worker() -> Generator[subprocess.Popen[bytes]]:
    """Run a worker; one core is enough for each, and what the caller's folder holds is none of its code."""
    command = [sys.executable, "-P", "-m", "aufruf.making"]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    with subprocess.Popen(  # noqa: S603 -- our own module, by the interpreter that runs
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    ) as worker:
        try:
            yield worker
        finally:
            worker.kill()
            with suppress(BrokenPipeError):
                _pipes(worker)[0].close()


def _asked(worker: subprocess.Popen[bytes], items: pl.DataFrame, origin: Origin) -> Made:
    questions, answers = _pipes(worker)
    try:
        _send(questions, _origin_bytes(origin), _frame_bytes(items))
        answer, *frames = (_receive(answers) for _ in range(4))
    except (OSError, EOFError) as error:
        raise AufrufError(
            "a process that makes records ended too early; if memory is short, close other programs, and "
            "run the same command again: it goes on from here"
        ) from error
    records, refused, units = (pl.read_ipc_stream(io.BytesIO(frame)) for frame in frames)
    residue = msgspec.json.decode(answer, type=_Answer).residue
    return Made(records, refused, units.to_series(), Counter(residue))


def _pipes(worker: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert worker.stdin
    assert worker.stdout
    return worker.stdin, worker.stdout


def _origin_bytes(origin: Origin) -> bytes:
    return msgspec.json.encode({**asdict(origin), "key": origin.key.reveal()})


def _origin_from(content: bytes) -> Origin:
    given: dict[str, Any] = msgspec.json.decode(content)
    given["key"] = Secret(given["key"])
    given["mask"] = tuple(given["mask"])
    return Origin(**given)


def _frame_bytes(frame: pl.DataFrame) -> bytes:
    return frame.write_ipc_stream(None).getvalue()


def _send(stream: IO[bytes], *parts: bytes) -> None:
    for part in parts:
        stream.write(len(part).to_bytes(_LENGTH))
        stream.write(part)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    """Return the next part.

    Raises:
        EOFError: if there is none.
    """
    head = stream.read(_LENGTH)
    size = int.from_bytes(head)
    content = stream.read(size)
    if len(head) < _LENGTH or len(content) < size:
        raise EOFError
    return content


def _work(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the questions end."""
    while True:
        try:
            origin, items = _receive(questions), _receive(questions)
        except EOFError:
            return
        made = records_from_items(pl.read_ipc_stream(io.BytesIO(items)), _origin_from(origin))
        frames = (made.records, made.refused, made.units.to_frame())
        answer = msgspec.json.encode(_Answer(dict(made.residue)))
        _send(answers, answer, *map(_frame_bytes, frames))


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        _work(sys.stdin.buffer, sys.stdout.buffer)
