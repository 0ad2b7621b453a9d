"""Erasing what events say, while the chain stays whole."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from preceptor.errors import InputError
from preceptor.studio.ledger.acts import Act, Event, Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.ledger.rebuild import rebuild
from preceptor.studio.ledger.tables import event, payload

__all__ = ["Erased", "erase"]


class Erased(Act, frozen=True, kw_only=True):
    """The payloads of events were removed for good."""

    seqs: tuple[int, ...] = ()

    def sentence(self, event: Event) -> str:
        """What happened, for people to read."""
        which = ", ".join(map(str, self.seqs))
        return f"What these events said was erased: {which}. Reason: {event.reason}"


def erase(connection: sa.Connection, seqs: Collection[int], by: Who | None, reason: str) -> Event:
    """Remove the payloads of events, and what the projections have from them.

    The events stay, and so do their subjects and reasons. The bytes are gone from the file after
    :meth:`preceptor.studio.database.Studio.scrub`; copies are not touched.

    Raises
    ------
    InputError
        There is no such event, its payload was erased before, or it is an erasure itself.
    """
    wanted = sorted(set(seqs))
    kept = event.join(payload)
    found = connection.execute(
        sa.select(event.c.seq, event.c.subject)
        .select_from(kept)
        .where(event.c.seq.in_(wanted), event.c.kind != Erased.kind)
    ).all()
    if not wanted or len(found) != len(wanted):
        others = sorted(set(wanted) - {seq for seq, _ in found}) or "none"
        raise InputError(
            f"erase: expected numbers of events that have a payload and are no erasures, "
            f"found {others}: see the list of events"
        )
    connection.execute(payload.delete().where(payload.c.seq.in_(wanted)))
    subject = " ".join(dict.fromkeys(subject for _, subject in found if subject))
    made = append(connection, Erased(seqs=tuple(wanted)), by=by, subject=subject, reason=reason)
    rebuild(connection)
    return made
