"""Who works on a run: one process at a time, and a dead one does not block the next."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from collections.abc import Iterator

import msgspec

__all__ = ["STALE_AFTER_S", "Owner"]

#: Without a sign of life for this long, an owner counts as dead.
STALE_AFTER_S = 60.0
#: Tokens of the leases that this very process holds.
_held: set[str] = set()


class Owner(msgspec.Struct, frozen=True):
    """A process, named so that another can tell whether it still lives."""

    host: str
    pid: int
    token: str

    @classmethod
    def me(cls) -> Owner:
        return cls(socket.gethostname(), os.getpid(), uuid.uuid4().hex)

    def encode(self) -> str:
        return msgspec.json.encode(self).decode()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """While this process does hold the lease."""
        _held.add(self.token)
        try:
            yield
        finally:
            _held.discard(self.token)

    def alive(self, heartbeat: float) -> bool:
        """False if it shows no sign of life, or ran on this machine and is gone."""
        if self.host != socket.gethostname():
            return time.time() - heartbeat <= STALE_AFTER_S
        if self.pid == os.getpid():  # ourselves, or in a container one that had our number
            return self.token in _held
        return time.time() - heartbeat <= STALE_AFTER_S and _running(self.pid)


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
