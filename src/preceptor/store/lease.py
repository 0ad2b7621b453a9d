"""Who works on a run: one process at a time, and a dead one does not block the next."""

from __future__ import annotations

import os
import socket
import time
import uuid

import msgspec

__all__ = ["STALE_AFTER_S", "Owner"]

#: Without a sign of life for this long, an owner counts as dead.
STALE_AFTER_S = 60.0


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

    def alive(self, heartbeat: float) -> bool:
        """False if it shows no sign of life, or ran on this machine and is gone."""
        if time.time() - heartbeat > STALE_AFTER_S:
            return False
        return self.host != socket.gethostname() or _running(self.pid)


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
