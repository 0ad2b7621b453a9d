"""Active time: what people are paid by, without keys or screens being watched.

The page says every :data:`BEAT_S` seconds that it is seen and was used within a minute. Time is of
the person: two pages at once count once, and no beat counts more than has passed since the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from preceptor.studio.consensus.commands import KIND as CATEGORISE
from preceptor.studio.items.tables import items, leases
from preceptor.studio.labelling.queue import KIND as LABEL
from preceptor.studio.oversight.tables import active_time

__all__ = ["BEAT_S", "MOST_S", "Slice", "Worked", "beat", "slices", "totals"]

#: Seconds that one beat is good for.
BEAT_S = 15.0
#: First part of a page's address → the work that is done there.
_WORK = {
    "tasks": "writing",
    "reviews": "review",
    "adjudications": "adjudication",
    "answers": "baseline answer",
    "labels": "labelling",
    "categories": "categorising",
}
#: Work that is done on one page for all subjects → the kind of lease that names the subject.
_HELD = {"labelling": LABEL, "categorising": CATEGORISE}
#: Work → seconds that count at most, for one task; of what is of no task, for one day.
MOST_S = {
    "writing": 3 * 3600.0,
    "review": 3600.0,
    "adjudication": 3600.0,
    "baseline answer": 4 * 3600.0,
    "labelling": 900.0,
    "categorising": 1800.0,
    "other": 3600.0,
}


class Slice(msgspec.Struct, frozen=True):
    """Active seconds of a person at one kind of work, on one task and day (UTC)."""

    person: str
    day: str
    work: str
    subject: str
    seconds: float


class Worked(msgspec.Struct, frozen=True):
    """Tasks and active seconds at one kind of work."""

    work: str
    tasks: int
    seconds: float


def beat(connection: sa.Connection, person: str, path: str, now: float) -> None:
    """Count what has passed since a person's last beat, for the work at that address."""
    table = active_time
    last = connection.scalar(sa.select(sa.func.max(table.c.last)).where(table.c.person == person))
    passed = BEAT_S if last is None else min(BEAT_S, max(0.0, now - last))
    work, subject = _work_at(connection, person, path)
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    this = (table.c.person == person) & (table.c.work == work) & (table.c.subject == subject)
    rows = connection.execute(sa.select(table.c.day, table.c.seconds).where(this)).all()
    counted = sum(row.seconds for row in rows if subject or row.day == day)
    more = min(passed, max(0.0, MOST_S[work] - counted))
    today = this & (table.c.day == day)
    values = {"seconds": table.c.seconds + more, "last": now}
    if not connection.execute(table.update().where(today).values(**values)).rowcount:
        row = {"person": person, "work": work, "subject": subject, "day": day}
        connection.execute(table.insert().values(**row, seconds=more, last=now))


def slices(connection: sa.Connection, person: str | None = None) -> list[Slice]:
    """Active time of a person, or of all, by day."""
    table = active_time
    names = Slice.__struct_fields__
    query = sa.select(*(table.c[name] for name in names)).where(table.c.seconds > 0)
    if person is not None:
        query = query.where(table.c.person == person)
    order = (table.c[name] for name in names[:4])
    return [Slice(*row) for row in connection.execute(query.order_by(*order))]


def totals(found: Iterable[Slice]) -> list[Worked]:
    """By kind of work."""
    by_work: dict[str, dict[str, float]] = {}
    for each in found:
        of = by_work.setdefault(each.work, {})
        of[each.subject] = of.get(each.subject, 0.0) + each.seconds
    return [
        Worked(work, sum(map(bool, of)), sum(of.values())) for work, of in sorted(by_work.items())
    ]


def _work_at(connection: sa.Connection, person: str, path: str) -> tuple[str, str]:
    """The work at an address and its task; of a task only where the person has a part in it."""
    place, _, rest = path.strip("/").partition("/")
    subject = rest.partition("/")[0]
    work = _WORK.get(place, "other")
    if (kind := _HELD.get(work)) is not None:
        held = (leases.c.person == person) & (leases.c.kind == kind)
        newest = sa.select(leases.c.subject).where(held).order_by(leases.c.until.desc())
        subject = connection.scalar(newest.limit(1)) or ""
    own = sa.exists().where((items.c.id == subject) & (items.c.author == person))
    seat = sa.exists().where((leases.c.subject == subject) & (leases.c.person == person))
    if work == "other" or not subject or not connection.scalar(sa.select(own | seat)):
        return "other", ""
    return work, subject
