"""Who works on what next: work that nobody else has, of a person's specialty and language.

A person asks for the next task and gets a lease on a seat of it. A lease lapses when nobody saves
for :data:`LEASE` hours; the draft is kept, and the seat is free for others. Leases are not events:
they hold nothing that is worth keeping.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec
import sqlalchemy as sa

from preceptor.studio.items.acts import Skipped
from preceptor.studio.items.commands import standing
from preceptor.studio.items.tables import decisions, items, leases, skips
from preceptor.studio.items.workflow import Policy, Standing
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.ledger.tables import event as events
from preceptor.studio.people.members import Member

__all__ = [
    "LEASE",
    "Lease",
    "Worker",
    "extend",
    "held",
    "hold",
    "is_free",
    "lease_of",
    "may_work",
    "next_item",
    "release",
    "seat",
    "skip",
    "taken",
]

Kind = Literal["review", "adjudicate"]
#: The longest lease.
LEASE = timedelta(hours=4)
#: The clocks of servers of one studio differ by less.
_APART = timedelta(minutes=5)


class Lease(msgspec.Struct, frozen=True):
    """A seat on a task, until a time (UTC, ISO 8601)."""

    kind: str
    subject: str
    person: str
    until: str
    seed: int


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """What the choice of a task depends on.

    ``specialties`` and ``languages`` are empty for a person who takes any. ``vendors`` are those
    whose systems' answers the person must not judge, for a conflict of interest.
    """

    person: str
    specialties: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()

    @classmethod
    def of(cls, member: Member) -> Worker:
        """Of a member."""
        return cls(
            person=member.id,
            specialties=frozenset(member.offer.specialties),
            languages=frozenset(member.offer.languages),
            vendors=frozenset(member.conflicts.vendors),
        )

    def takes(self, specialty: str, language: str, system: str = "") -> bool:
        """Whether work of this kind is for the person. What is not known (empty) keeps nobody.

        A specialty may stand behind its parents: ``internal medicine / cardiology`` is for those of
        either, and for those of both together.
        """
        fields = {_plain(each) for each in self.specialties}
        languages = {each.casefold() for each in self.languages}
        language = language.casefold()
        return (
            (
                not (fields and specialty)
                or not fields.isdisjoint({_plain(specialty), *_plain(specialty).split("/")})
            )
            # Who reads pt reads pt-BR.
            and (
                not (languages and language)
                or not languages.isdisjoint({language, language.split("-")[0]})
            )
            and not any(each.casefold() in system.casefold() for each in self.vendors)
        )


def next_item(
    connection: sa.Connection,
    worker: Worker,
    kind: Kind,
    *,
    policy: Policy,
    now: datetime,
    draw: random.Random,
) -> Lease | None:
    """The task that a person goes on with, or the oldest that waits for one; None without any.

    Ties are broken by ``draw``. The caller is in a transaction that writes, so no two people are
    given one seat.
    """
    mine = lease_of(connection, worker.person, kind, now)
    if mine is not None:
        return extend(connection, mine, now)
    waiting = [
        (since, draw.random(), item)
        for item, since in _candidates(connection, worker, kind)
        if is_free(
            connection, standing(connection, item), worker.person, kind, policy=policy, now=now
        )
    ]
    if not waiting:
        return None
    return hold(connection, worker.person, kind, min(waiting)[2], now=now, draw=draw)


def is_free(
    connection: sa.Connection,
    task: Standing,
    person: str,
    kind: Kind,
    *,
    policy: Policy,
    now: datetime,
) -> bool:
    """Whether the task has a seat for this person: the work is theirs to do, and not all taken."""
    others = connection.scalar(taken(kind, task.item, person, now))
    seats = task.needed - len(task.reviewers) if kind == "review" else 1
    return may_work(connection, task, person, kind, policy) and (others or 0) < seats


def taken(
    kind: str, subject: str | sa.ColumnElement[str], person: str, now: datetime
) -> sa.Select[int]:
    """How many others have a seat."""
    return (
        sa.select(sa.func.count())
        .select_from(leases)
        .where(
            (leases.c.kind == kind)
            & (leases.c.subject == subject)
            & (leases.c.person != person)
            & _runs(now)
        )
    )


def may_work(
    connection: sa.Connection, task: Standing, person: str, kind: Kind, policy: Policy
) -> bool:
    """Whether a person can have this part in a task, seats aside."""
    if person == task.author or _answered(connection, task.item, person):
        return False
    if kind == "adjudicate":
        return task.state == "adjudicating" and (policy == "small" or person not in task.reviewed)
    decided = sa.select(decisions.c.seq).where(
        (decisions.c.item == task.item) & (decisions.c.person == person)
    )
    has_decided = policy != "small" and connection.scalar(decided.limit(1)) is not None
    return task.state == "in_review" and person not in task.reviewers and not has_decided


def _answered(connection: sa.Connection, item: str, person: str) -> bool:
    """Whether a person wrote the physician's answer to a task, which was reopened since."""
    # By the kind of event: `baselines` comes after this room, which may not import it.
    wrote = (events.c.kind == "baseline-written") & (events.c.subject == item)
    query = sa.select(events.c.seq).where(wrote, events.c.person == person)
    return connection.scalar(query.limit(1)) is not None


def hold(
    connection: sa.Connection,
    person: str,
    kind: str,
    subject: str,
    *,
    now: datetime,
    draw: random.Random,
    length: timedelta = LEASE,
) -> Lease:
    """Give a person a seat; one that lapsed makes room."""
    release(connection, kind, subject, person)
    lease = Lease(kind, subject, person, _text(now + length), draw.getrandbits(31))
    connection.execute(leases.insert().values(msgspec.structs.asdict(lease)))
    return lease


def extend(
    connection: sa.Connection, lease: Lease, now: datetime, length: timedelta = LEASE
) -> Lease:
    """Count the hours of a lease again: its person saved something."""
    longer = msgspec.structs.replace(lease, until=_text(now + length))
    connection.execute(
        leases.update()
        .where(_key(lease.kind, lease.subject, lease.person))
        .values(until=longer.until)
    )
    return longer


def seat(
    connection: sa.Connection,
    task: Standing,
    person: str,
    kind: Kind,
    *,
    policy: Policy,
    now: datetime,
) -> Lease | None:
    """A person's seat on a task, also one that lapsed and nobody has taken since.

    None where they had none, others have it, or the task has gone on.
    """
    row = connection.execute(sa.select(leases).where(_key(kind, task.item, person))).mappings()
    lease = next((Lease(**each) for each in row), None)
    free = is_free(connection, task, person, kind, policy=policy, now=now)
    return lease if free else None


def skip(connection: sa.Connection, who: Who, kind: str, subject: str, reason: str) -> None:
    """Give a task back for good; the person is not offered it again."""
    release(connection, kind, subject, who.person)
    append(connection, Skipped(work=kind), by=who, subject=subject, reason=reason)


def release(connection: sa.Connection, kind: str, subject: str, person: str) -> None:
    """Free a seat: the work is handed in, or the person skips it."""
    connection.execute(leases.delete().where(_key(kind, subject, person)))


def held(
    connection: sa.Connection, person: str, kind: str, subject: str, now: datetime
) -> Lease | None:
    """A person's seat on a task; None where there is none, or it lapsed."""
    query = sa.select(leases).where(_key(kind, subject, person) & _runs(now))
    row = connection.execute(query).mappings().first()
    return None if row is None else Lease(**row)


def lease_of(connection: sa.Connection, person: str, kind: str, now: datetime) -> Lease | None:
    """The seat of this kind that a person has; None where there is none, or it lapsed."""
    query = sa.select(leases).where(
        (leases.c.person == person) & (leases.c.kind == kind) & _runs(now)
    )
    row = connection.execute(query.order_by(leases.c.until).limit(1)).mappings().first()
    return None if row is None else Lease(**row)


def _candidates(connection: sa.Connection, worker: Worker, kind: Kind) -> Iterator[tuple[str, int]]:
    """Tasks in the state for it, of the person's specialty and language, with their age."""
    state = "in_review" if kind == "review" else "adjudicating"
    skipped = sa.select(skips.c.item).where(
        (skips.c.person == worker.person) & (skips.c.work == kind)
    )
    query = sa.select(items).where(
        (items.c.state == state) & (items.c.author != worker.person) & items.c.id.not_in(skipped)
    )
    for row in connection.execute(query):
        if worker.takes(row.specialty, row.language, row.system):
            yield row.id, row.since


def _plain(specialty: str) -> str:
    """In lower case, without spaces around slashes."""
    return "/".join(each.strip() for each in specialty.casefold().split("/"))


def _key(kind: str, subject: str, person: str) -> sa.ColumnElement[bool]:
    return (leases.c.kind == kind) & (leases.c.subject == subject) & (leases.c.person == person)


def _runs(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a lease still holds; one made before the clock was set back does not."""
    return (leases.c.until > _text(now)) & (leases.c.until <= _text(now + LEASE + _APART))


def _text(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds")
