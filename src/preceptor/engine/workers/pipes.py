"""Workers in processes on this machine: frames over their standard input and output.

A frame is its length, four bytes with the highest first, and the message. The processes are new
ones and not forks or `multiprocessing` children: a user's script is not run a second time in them,
and a terminal's Ctrl-C reaches the driver alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
import threading
from typing import BinaryIO

from preceptor.engine.workers.driver import Transport

__all__ = ["PipeLine", "hire", "main"]

_LENGTH = struct.Struct(">I")


class PipeLine(Transport):
    """The driver's end of the line to a worker in a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def send(self, frame: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):  # that it is gone, `receive` tells
            self._process.stdin.write(_LENGTH.pack(len(frame)) + frame)
            await self._process.stdin.drain()

    async def receive(self) -> bytes | None:
        assert self._process.stdout is not None
        try:
            head = await self._process.stdout.readexactly(_LENGTH.size)
            return await self._process.stdout.readexactly(*_LENGTH.unpack(head))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> str:
        """End it, if it has not ended; returns how it did."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        code = await self._process.wait()
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


async def hire() -> Transport:
    """A new worker in a process of its own, with this one's environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # what lies in the current folder is nobody's module by accident
        "-m",
        "preceptor.engine.workers.pipes",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    return PipeLine(process)


class _Stdio:
    """The worker's end."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._lock = threading.Lock()

    def send(self, frame: bytes) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._sink.write(_LENGTH.pack(len(frame)) + frame)
            self._sink.flush()

    def receive(self) -> bytes | None:
        head = self._source.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(head)
        frame = self._source.read(length)
        return frame if len(frame) == length else None


def main() -> None:
    """What a worker's process runs."""
    from preceptor.engine.workers.worker import work

    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a user's own code prints or reads is no part of what is said on the line.
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    work(_Stdio(source, sink))
    # A thread of a function that hangs must not keep the process.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
