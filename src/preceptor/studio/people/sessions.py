"""Sessions: a random secret in the browser, its digest here; each can be ended from here."""

from __future__ import annotations

import secrets

import msgspec
import sqlalchemy as sa

from preceptor.store.statements import Question
from preceptor.studio.ids import digest, new_id
from preceptor.studio.people.members import Member, member
from preceptor.studio.people.tables import sessions

__all__ = ["Limits", "Session", "begin", "end", "end_all", "find", "mark", "new_secret", "of"]

#: Seconds between two notes of when a session was last used.
_NOTED_S = 30
#: The clocks of servers of one studio differ by less. A session that begins later is from before
#: the clock was set back, and would last too long.
_APART_S = 300


class Limits(msgspec.Struct, frozen=True):
    """Seconds after which a session ends: unused, and at most."""

    idle_s: int = 30 * 60
    most_s: int = 12 * 3600


class Session(msgspec.Struct, frozen=True):
    """Somebody who is signed in."""

    id: str
    member: Member
    begun: float
    seen: float

    def is_due(self, now: float) -> bool:
        """Whether its use is to be noted."""
        return abs(now - self.seen) >= _NOTED_S  # the clock may have been set back


def new_secret() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


#: Whether a session has not ended; the values are those of :func:`_bounds`.
_LIVES = sa.and_(
    sessions.c.seen > sa.bindparam("unused"),
    sessions.c.begun > sa.bindparam("old"),
    sessions.c.begun <= sa.bindparam("new"),
)
#: Made once: each page asks it.
_FIND = Question(sa.select(sessions).where(sessions.c.digest == sa.bindparam("secret"), _LIVES))


def begin(connection: sa.Connection, person: str, now: float, limits: Limits) -> tuple[str, str]:
    """A new session: the browser's secret, which is nowhere else, and the session's id."""
    connection.execute(sessions.delete().where(~_LIVES), _bounds(now, limits))
    secret, identity = new_secret(), new_id()
    connection.execute(
        sessions.insert().values(
            id=identity, digest=digest(secret), person=person, begun=now, seen=now
        )
    )
    return secret, identity


def find(connection: sa.Connection, secret: str, now: float, limits: Limits) -> Session | None:
    """The session of a browser, where it has not ended and the person has not left."""
    values = _bounds(now, limits)
    row = _FIND.one(connection, {"secret": digest(secret), **values})
    found = None if row is None else member(connection, row.person)
    if row is None or found is None or not found.active:
        return None
    return Session(row.id, found, row.begun, row.seen)


def of(
    connection: sa.Connection, person: str, now: float, limits: Limits
) -> list[sa.Row[tuple[object, ...]]]:
    """The sessions of a person, the latest first."""
    query = sa.select(sessions).where(sessions.c.person == person, _LIVES)
    return list(connection.execute(query.order_by(sessions.c.seen.desc()), _bounds(now, limits)))


def mark(connection: sa.Connection, identity: str, now: float) -> None:
    """Note that a session was used."""
    connection.execute(sessions.update().where(sessions.c.id == identity).values(seen=now))


def end(connection: sa.Connection, person: str, identity: str) -> None:
    """End one of a person's sessions."""
    mine = sa.and_(sessions.c.id == identity, sessions.c.person == person)
    connection.execute(sessions.delete().where(mine))


def end_all(connection: sa.Connection, person: str, *, but: str = "") -> None:
    """End every session of a person, except one."""
    mine = sa.and_(sessions.c.person == person, sessions.c.id != but)
    connection.execute(sessions.delete().where(mine))


def _bounds(now: float, limits: Limits) -> dict[str, float]:
    return {"unused": now - limits.idle_s, "old": now - limits.most_s, "new": now + _APART_S}
