"""Appending to the chain of events."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.store.postgres import alone
from preceptor.store.rows import storable
from preceptor.store.statements import Prepared
from preceptor.studio.ids import digest
from preceptor.studio.ledger.acts import Act, Event, Who, body_of, read_act
from preceptor.studio.ledger.tables import event as events
from preceptor.studio.ledger.tables import payload

__all__ = [
    "BLOCK",
    "PAGE",
    "START",
    "STREAM",
    "Head",
    "append",
    "chained",
    "head",
    "now",
    "recorded",
]

#: The ``prev`` of the first event.
START = "0" * 64
#: Hex digits of a salt.
SALT = 32
#: Of statements with very many rows: so many are in memory.
PAGE = 1000
#: Events that are read at once: with their payloads they fit into the cache of a processor.
BLOCK = 200
STREAM = {"yield_per": PAGE}


class Head(msgspec.Struct, frozen=True):
    """The last event: who has it can tell later that none up to it was changed or cut off."""

    seq: int = 0
    hash: str = START


class _Hashed(msgspec.Struct, gc=False):
    """What of an event goes into its hash; the fields in the order of sorted keys."""

    at: str
    kind: str
    outcome: str
    payload_hash: str
    person: str | None
    reason: str
    seq: int
    session: str | None
    signature: str
    subject: str


_encode = msgspec.json.Encoder().encode


def chained(event: Event) -> str:
    """The hash that an event has to have."""
    e = event
    rest = _Hashed(
        *(e.at, e.kind, e.outcome, e.payload_hash, e.person),
        *(e.reason, e.seq, e.session, e.signature, e.subject),
    )
    return sha256(e.prev.encode() + _encode(rest)).hexdigest()


def now() -> str:
    """The time of the server: UTC, to the millisecond."""
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")


#: Made once: making a statement takes longer than SQLite takes for it.
_LAST = sa.select(events.c.seq, events.c.hash).order_by(events.c.seq.desc()).limit(1)
_ADD_EVENT, _ADD_PAYLOAD = Prepared(events.insert()), Prepared(payload.insert())


def head(connection: sa.Connection) -> Head:
    """The last event; of an empty chain, the start."""
    row = connection.execute(_LAST).first()
    return Head() if row is None else Head(*row)


def append(
    connection: sa.Connection,
    act: Act,
    *,
    by: Who | None,
    subject: str,
    outcome: str = "",
    reason: str = "",
    signature: str = "",
) -> Event:
    """Chain an act as the next event, and apply it to the projections.

    ``by`` None is the command line. The reason stays for ever, also where the payload is erased.
    """
    alone(connection)  # on PostgreSQL, else two might continue the same head
    last = head(connection)
    salt, body = secrets.token_hex(SALT // 2), body_of(act)
    event = Event(
        last.seq + 1,
        now(),
        by.person if by else None,
        by.session if by else None,
        act.kind,
        storable(subject),
        outcome,
        digest(salt, body),
        storable(reason),
        signature,
        last.hash,
        "",
    )
    event = msgspec.structs.replace(event, hash=chained(event))
    _ADD_EVENT(connection, msgspec.structs.asdict(event))
    _ADD_PAYLOAD(connection, {"seq": event.seq, "salt": salt, "body": body})
    # As a rebuild will read it.
    read_act(event.kind, body).apply(connection, event)
    return event


def recorded(
    connection: sa.Connection, *where: sa.ColumnElement[bool]
) -> Iterator[tuple[Event, str | None, str | None]]:
    """Events in order, with the salt and body of the payload, or None where it was erased.

    All, or those where the conditions hold.
    """
    for *columns, salt, body in rows_of(connection, *where):
        yield Event(*columns), salt, body


def rows_of(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> Iterator[Any]:
    """The rows of :func:`recorded`: the event's columns, then salt and body.

    In pages, so that a reader who stops early leaves no cursor open on the server.
    """
    both = sa.select(events, payload.c.salt, payload.c.body).select_from(events.outerjoin(payload))
    first = both.where(*where).order_by(events.c.seq).limit(BLOCK)
    following = first.where(events.c.seq > sa.bindparam("last", type_=events.c.seq.type))
    rows = connection.execute(first).all()
    while rows:
        yield from rows
        rows = connection.execute(following, {"last": rows[-1].seq}).all()
