"""Work on a task that one person has for a while: getting it, saving it, giving it back.

For reviewing and adjudicating alike. Each save counts the hours of the seat again. A person whose
seat lapsed goes on where nobody has taken it; else what they typed is shown, and kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from preceptor.errors import InputError
from preceptor.studio.ids import digest
from preceptor.studio.items import assignment, commands, drafts
from preceptor.studio.items.assignment import Kind, Lease, Worker
from preceptor.studio.items.content import Content
from preceptor.studio.items.drafts import Draft, Stale
from preceptor.studio.items.tables import items, leases
from preceptor.studio.items.workflow import Standing
from preceptor.studio.people.members import Member
from preceptor.studio.web.fields import body_of, given_of
from preceptor.studio.web.forms import Given
from preceptor.studio.web.middleware import is_autosave, is_scripted
from preceptor.studio.web.render import Link, Saved, View
from preceptor.studio.web.review_fields import Typed, typed
from preceptor.studio.web.screens import Visit, see
from preceptor.studio.web.signing import write_signed

__all__ = [
    "ADDRESSES",
    "Lapsed",
    "Paper",
    "alias_of",
    "brief",
    "lapsed",
    "next_work",
    "paper",
    "posted",
    "under_way",
]

ADDRESSES: dict[Kind, str] = {"review": "/reviews", "adjudicate": "/adjudications"}
_STATES: dict[Kind, str] = {"review": "in_review", "adjudicate": "adjudicating"}

#: Makes the page of a piece of work; after a save that was refused, with what is saved.
Show = Callable[[sa.Connection, Visit, Stale | None], View]
#: Ends the work; the last is its signature.
Command = Callable[[sa.Connection, Visit, str], None]
_MEANINGS: dict[Kind, str] = {"review": "review", "adjudicate": "approval"}


class Lapsed(View, frozen=True, kw_only=True):
    """What a person typed about a task that others have now."""

    typed: tuple[Typed, ...]


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A person's form on a task: what it says, and which save it goes on from.

    ``saved`` is what another window saved meanwhile.
    """

    given: Given
    version: int
    rev: int
    saved: Given | None = None


def under_way(connection: sa.Connection, member: Member, kind: Kind) -> tuple[Link, ...]:
    """Tasks that a person has, or had and has not handed in; the latest first."""
    ids = connection.scalars(
        sa.select(leases.c.subject)
        .join(items, items.c.id == leases.c.subject)
        .where(
            (leases.c.person == member.id)
            & (leases.c.kind == kind)
            & (items.c.state == _STATES[kind])
        )
        .order_by(leases.c.until.desc())
    )
    return tuple(
        Link(brief(commands.version(connection, each).content), f"{ADDRESSES[kind]}/{each}")
        for each in ids
    )


def brief(content: Content) -> str:
    """The beginning of a task, by which people know it again."""
    text = " ".join(content.messages[0].text.split()) if content.messages else "–"
    return text if len(text) <= 60 else f"{text[:59]}…"


def alias_of(item: str) -> str:
    """The name of the system whose answer is shown: drawn per task, so that none is known again."""
    return f"System {'ABCDEFGHJKLMNPRSTUVWXYZ'[int(digest(item)[:8], 16) % 23]}"


async def next_work(visit: Visit, kind: Kind) -> Response:
    """Go on with a task, or with the next that waits; conflicts of interest are declared first."""
    member, now, policy = visit.member, _at(visit), visit.web.project.policy
    if not member.has_declared(visit.now):
        return see("/account", "first")
    worker = Worker.of(member)
    lease = await visit.write(
        lambda connection: assignment.next_item(
            connection, worker, kind, policy=policy, now=now, draw=random.SystemRandom()
        )
    )
    address = ADDRESSES[kind]
    return see(address, "none") if lease is None else see(f"{address}/{lease.subject}")


async def posted(visit: Visit, kind: Kind, show: Show, command: Command) -> View | Response:
    """What a form of work asks for: to save, to go on, to hand in, or to skip the task.

    ``show`` makes the page, and ``command`` does what ends the work; what either raises is raised.
    """
    visit.given = visit.given.pressed()
    doing = visit.given.one("do", ("save", "more", "hand-in", "skip"))
    if doing == "skip":
        return await _skip(visit, kind)
    kept, found = None, None
    try:
        kept = await _save(visit, kind)
    except Stale as stale:
        found = stale
    if kept is None:
        visit.problem = _GONE if found is None else _STALE
        return visit.page(await visit.read(lambda c: show(c, visit, found)), status=409)
    if doing == "hand-in":
        return await _hand_in(visit, kind, command)
    if doing == "save" and not is_scripted(visit.request):
        return see(f"{ADDRESSES[kind]}/{visit.place('item')}", "saved")
    if is_autosave(visit.request):
        return Saved(rev=kept.rev)
    return await visit.read(lambda c: show(c, visit, None))


_STALE = "another window saved this task meanwhile: both texts are below"
_GONE = "this task is with others now, or was handed in: nothing more is taken"


async def _skip(visit: Visit, kind: Kind) -> Response:
    item, who = visit.place("item"), visit.who

    def give_back(connection: sa.Connection) -> None:
        if _seat(connection, visit, kind, commands.standing(connection, item)) is None:
            raise commands.unknown(item)
        reason = visit.given.line("reason", most=1000)
        if not reason:
            raise InputError("reason: say why you skip this task, such as: not my field")
        drafts.discard(connection, item, who.person, kind)
        assignment.skip(connection, who, kind, item, reason)

    await visit.write(give_back)
    return see(ADDRESSES[kind], "skipped")


async def _save(visit: Visit, kind: Kind) -> Draft | None:
    """Save what the form says, and count the hours of the seat again. Raises Stale.

    None where the seat is gone; what was typed is saved then, too, if the person had one.
    """
    item, person, now = visit.place("item"), visit.who.person, _at(visit)
    body, rev = body_of(visit.given), _rev(visit.given)

    def keep(connection: sa.Connection) -> Draft | None:
        seat = _seat(connection, visit, kind, commands.standing(connection, item))
        if seat is None and not _had(connection, kind, item, person):
            return None
        at = now.isoformat(timespec="minutes")
        draft = drafts.save(connection, item, person, kind, rev=rev, body=body, at=at)
        if seat is None:
            return None
        assignment.extend(connection, seat, now)
        return draft

    return await visit.write(keep)


async def _hand_in(visit: Visit, kind: Kind, command: Command) -> View | Response:
    """Do what ends the work on the present version, and free the seat."""
    item, who = visit.place("item"), visit.who

    def end(connection: sa.Connection, signature: str) -> None:
        standing = commands.standing(connection, item)
        if _seat(connection, visit, kind, standing) is None:
            raise commands.unknown(item)
        if visit.given.raw("version") != str(standing.version):
            raise InputError(
                "task: it has changed since you opened it: what you said of the parts that are "
                "the same is below; look at the others"
            )
        command(connection, visit, signature)
        assignment.release(connection, kind, item, who.person)

    sign = await write_signed(visit, _MEANINGS[kind], end)
    return see(f"{ADDRESSES[kind]}/{item}", "handed-in") if sign is None else sign


def paper(
    connection: sa.Connection, visit: Visit, kind: Kind, standing: Standing, stale: Stale | None
) -> tuple[Lease | None, Paper | None]:
    """A person's seat, and their form: what was sent now, else their draft."""
    person = visit.who.person
    seat = _seat(connection, visit, kind, standing)
    draft = drafts.draft_of(connection, standing.item, person, kind)
    given, rev = visit.given, _rev(visit.given)
    if not given.raw("version"):
        if draft is None:
            return seat, None
        given, rev = given_of(draft.body), draft.rev
    elif draft is not None and (stale is not None or draft.body == body_of(given)):
        rev = draft.rev  # what this page goes on from, now that its reader sees what is saved
    elif seat is None and draft is None:
        return None, None
    number = given.raw("version")
    version = int(number) if number.isdecimal() and len(number) < 9 else 0
    saved = None if stale is None else given_of(stale.saved.body)
    return seat, Paper(given=given, version=version, rev=rev, saved=saved)


def lapsed(found: Paper, named: Mapping[str, str]) -> Lapsed:
    """What was typed, where the seat is gone; ``named`` is what each field is called."""
    return Lapsed(title="No longer yours", typed=typed(found.given, named))


def _seat(connection: sa.Connection, visit: Visit, kind: Kind, standing: Standing) -> Lease | None:
    return assignment.seat(
        connection,
        standing,
        visit.who.person,
        kind,
        policy=visit.web.project.policy,
        now=_at(visit),
    )


def _had(connection: sa.Connection, kind: Kind, item: str, person: str) -> bool:
    mine = (leases.c.kind == kind) & (leases.c.subject == item) & (leases.c.person == person)
    return connection.scalar(sa.select(leases.c.until).where(mine)) is not None


def _rev(given: Given) -> int:
    found = given.raw("rev")
    return int(found) if found.isdecimal() and len(found) < 9 else 0


def _at(visit: Visit) -> datetime:
    return datetime.fromtimestamp(visit.now, UTC)
