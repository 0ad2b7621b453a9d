"""What is not handed in yet: saved at every pause, and never overwritten by an older page."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError
from preceptor.store.statements import Prepared, Question
from preceptor.studio.items.tables import drafts

__all__ = ["Draft", "Stale", "discard", "draft_of", "save"]


#: Made once: each pause in typing is a save.
_MINE = (
    (drafts.c.item == sa.bindparam("of"))
    & (drafts.c.person == sa.bindparam("whose"))
    & (drafts.c.kind == sa.bindparam("what"))
)
_SAVED = Question(sa.select(drafts.c.rev, drafts.c.at, drafts.c.body).where(_MINE))
_FIRST, _GONE = Prepared(drafts.insert()), Prepared(drafts.delete().where(_MINE))
_AGAIN = Prepared(drafts.update().where(_MINE))


class Draft(msgspec.Struct, frozen=True):
    """A draft as it is saved. ``rev`` counts its saves; ``body`` is JSON of what the page asks."""

    rev: int
    at: str
    body: str


class Stale(InputError):
    """Another window saved meanwhile; nothing is overwritten.

    Attributes
    ----------
    saved
        What that window saved.
    mine
        What this one sent.
    """

    def __init__(self, saved: Draft, mine: str) -> None:
        super().__init__(
            f"draft: another window saved it at {saved.at}: nothing was overwritten; compare both"
        )
        self.saved, self.mine = saved, mine


def draft_of(connection: sa.Connection, item: str, person: str, kind: str) -> Draft | None:
    """A person's draft on a task; None before the first save."""
    found = _SAVED.one(connection, {"of": item, "whose": person, "what": kind})
    return None if found is None else Draft(*found)


def save(
    connection: sa.Connection,
    item: str,
    person: str,
    kind: str,
    *,
    rev: int,
    body: str,
    at: str,
) -> Draft:
    """Save over revision ``rev``, 0 for the first. Raises Stale where that is not the latest.

    A page that sends the same text again, because it never saw the reply, is no conflict.
    """
    saved = draft_of(connection, item, person, kind)
    if saved is not None and saved.body == body:
        return saved
    if rev != (0 if saved is None else saved.rev):
        raise Stale(saved or Draft(0, at, ""), body)
    draft = Draft(rev + 1, at, body)
    values = msgspec.structs.asdict(draft)
    if saved is None:
        values |= {"item": item, "person": person, "kind": kind}
        _FIRST(connection, values)
    else:
        _AGAIN(connection, values | {"of": item, "whose": person, "what": kind})
    return draft


def discard(connection: sa.Connection, item: str, person: str, kind: str) -> None:
    """Delete a draft: it was handed in, or its task is gone."""
    _GONE(connection, {"of": item, "whose": person, "what": kind})
