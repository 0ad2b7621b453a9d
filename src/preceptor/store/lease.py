"""Who works on a run: one process at a time, and a dead one does not block the next."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.errors import StoreBusy
from preceptor.records import RunInfo
from preceptor.store.schema import runs

__all__ = [
    "HEARTBEAT_S",
    "STALE_AFTER_S",
    "Owner",
    "beat",
    "clock",
    "now_of",
    "refuse_owned",
    "release",
    "take",
    "working",
]

#: Seconds between two signs of life.
HEARTBEAT_S = 5.0
#: Without a sign of life for this long, an owner counts as dead.
STALE_AFTER_S = 60.0
#: Tokens of the leases that this very process holds.
_held: set[str] = set()


class Owner(msgspec.Struct, frozen=True):
    """A process, named so that another can tell whether it still lives.

    ``space`` and ``born`` are the process's namespace of numbers and the moment of its start, by
    the kernel's count, where the system tells: a container has numbers of its own, and a number is
    given again.
    """

    host: str
    pid: int
    token: str
    space: str | None = None
    born: str | None = None

    @classmethod
    def me(cls) -> Owner:
        pid = os.getpid()
        return cls(socket.gethostname(), pid, uuid.uuid4().hex, _space(), _born(pid))

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

    def alive(self, heartbeat: float, now: float) -> bool:
        """False if it shows no sign of life, or ran on this machine and is gone.

        ``heartbeat`` and ``now`` are of one clock, in seconds. Of a process that can be seen from
        here its start says more than a clock that may be put forward or back.
        """
        fresh = now - heartbeat <= STALE_AFTER_S
        if self.host != socket.gethostname() or self.space not in (None, _space()):
            return fresh
        if self.pid == os.getpid():  # ourselves, or in a container one that had our number
            return self.token in _held
        if self.born is not None:
            return _born(self.pid) == self.born
        return fresh and _running(self.pid)


def take(connection: sa.Connection, run: RunInfo, me: Owner) -> None:
    """Make ``me`` the owner of a run. Raises StoreBusy where another is, and lives."""
    refuse_owned(connection, run)
    connection.execute(
        runs.update()
        .where(runs.c.id == run.id)
        .values(owner=me.encode(), heartbeat=clock(connection), status="running")
    )


def refuse_owned(connection: sa.Connection, run: RunInfo) -> None:
    """Raise StoreBusy where a process that lives is the owner of a run."""
    row = runs.c.id == run.id
    # Writing first takes the lock, so that no other process reads the same free lease.
    connection.execute(runs.update().where(row).values(status=runs.c.status))
    if (other := working(connection, run)) is not None:
        raise StoreBusy(
            f"run {run.name}: process {other.pid} on {other.host} is working on it: "
            f"wait for it, or stop it and resume"
        )


def working(connection: sa.Connection, run: RunInfo) -> Owner | None:
    """The living process that works on a run."""
    query = sa.select(runs.c.owner, runs.c.heartbeat, clock(connection)).where(runs.c.id == run.id)
    found = connection.execute(query).one_or_none()
    if found is None or found.owner is None:
        return None
    owner = msgspec.json.decode(found.owner, type=Owner)
    return owner if owner.alive(found.heartbeat, found.now) else None


def beat(connection: sa.Connection, run: RunInfo, me: Owner) -> bool:
    """Give a sign of life; False if the lease is no longer ours."""
    mine = (runs.c.id == run.id, runs.c.owner == me.encode())
    beaten = connection.execute(runs.update().where(*mine).values(heartbeat=clock(connection)))
    return beaten.rowcount == 1


def release(connection: sa.Connection, run: RunInfo, me: Owner) -> None:
    """Give the lease back, if it is still ours."""
    mine = (runs.c.id == run.id, runs.c.owner == me.encode())
    connection.execute(runs.update().where(*mine).values(owner=None, heartbeat=None))


def clock(connection: sa.Connection) -> sa.ColumnElement[Any]:
    """Seconds since 1970 by the one clock that all processes see: a database server's own."""
    if connection.dialect.name == "sqlite":  # all are on one machine
        return sa.literal(time.time(), sa.Float).label("now")
    seconds = sa.extract("epoch", sa.func.clock_timestamp())
    return sa.cast(seconds, sa.Float).label("now")


def now_of(connection: sa.Connection) -> float:
    """What that clock shows."""
    if connection.dialect.name == "sqlite":
        return time.time()
    shown: float = connection.execute(sa.select(clock(connection))).scalar_one()
    return shown


def _space() -> str | None:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        return None


def _born(pid: int) -> str | None:
    """When a process started, in ticks since the machine did: field 22 of proc_pid_stat(5)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may hold spaces and brackets itself. A zombie works on nothing.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
