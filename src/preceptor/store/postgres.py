"""What is PostgreSQL's own: its addresses, its connections, its complaints."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from preceptor.errors import shorten
from preceptor.installation import MissingExtra

__all__ = ["alone", "explain", "is_passing", "is_postgres", "open_server", "redacted", "retried"]

T = TypeVar("T")

_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")
#: A server that is gone without a word is noticed after about a minute, not after a quarter of an
#: hour. Names of libpq, docs: "Parameter Key Words".
_CONNECTION = {
    "connect_timeout": "15",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": "preceptor",
}
#: Transactions of others came in between: the same again is right. SQLSTATEs of the manual's
#: appendix A: serialization_failure, deadlock_detected.
_PASSING = ("40001", "40P01")
_TRIES = 10
#: Any number will do, if all processes use the same.
_LOCK = 7052_0115
_KEPT = "all that was acknowledged is kept"
#: What a message or SQLSTATE has in it → what to do.
_WHAT_TO_DO = (
    ("password authentication failed|no password supplied", "check user and password"),
    ("53100|No space left", f"free some space on the server and resume; {_KEPT}"),
    ("53300|too many clients|remaining connection slots", "wait, or let it take more connections"),
    ("42501", "the user needs the right to make tables and to write: GRANT it"),
    ("25006", "it takes no writes: name the primary server"),
    ("3D000|database .* does not exist", "make the database first: createdb NAME"),
    (
        "57P0|08006|closed the connection|connection (to server|is lost|failed)|not connect|"
        "consuming input|Connection refused|timeout expired|sending query",
        f"see that the server can be reached, then resume; {_KEPT}",
    ),
)


def is_postgres(url: sa.URL) -> bool:
    """Whether a URL names a PostgreSQL database."""
    return url.drivername in _SCHEMES


def open_server(url: sa.URL) -> sa.Engine:
    """The engine of a PostgreSQL database, through psycopg 3. Nothing is connected yet.

    Raises MissingExtra where that driver is not installed.
    """
    url = url.set(drivername="postgresql+psycopg")
    given = {name: value for name, value in _CONNECTION.items() if name not in url.query}
    try:
        # Where a reader's transaction has several statements, all see the same state.
        return sa.create_engine(
            url, connect_args=given, hide_parameters=True, isolation_level="REPEATABLE READ"
        )
    except ImportError:
        raise MissingExtra("--store: PostgreSQL needs psycopg", "postgres") from None


def redacted(where: str) -> str:
    """A store's address without any password, for messages."""
    scheme, mark, rest = where.partition("://")
    if not mark:
        return where
    user, at, tail = rest.rpartition("@")
    name, colon, _ = user.partition(":")
    rest = f"{name}:***@{tail}" if at and colon else rest
    return scheme + mark + re.sub(r"(?i)(password=)[^&]*", r"\1***", rest)


def alone(connection: sa.Connection) -> None:
    """Until the transaction ends, no other process is where this was called: it waits.

    On SQLite that is so for every transaction that writes.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def is_passing(error: BaseException) -> bool:
    """Whether others' transactions were in the way, and the same again is right."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _PASSING


def retried(work: Callable[[], T]) -> T:
    """Do a transaction again that others' transactions were in the way of."""
    for _ in range(_TRIES - 1):
        try:
            return work()
        except sa.exc.DBAPIError as error:
            if not is_passing(error):
                raise
            # The others first, and not all at the same moment.
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311
    return work()


def explain(error: sa.exc.DBAPIError) -> str:
    """The server's complaint on one line, without the row that it is about, and what to do."""
    state = getattr(error.orig, "sqlstate", None) or ""
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    said = " ".join(str(primary or error.orig).split())
    words = shorten(said, 200)
    for pattern, advice in _WHAT_TO_DO:
        if re.search(pattern, f"{state} {said}"):
            return f"{words}: {advice}"
    return f"{words} ({state})" if state else words
