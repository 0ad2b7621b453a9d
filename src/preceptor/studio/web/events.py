"""For leads: the log of all that happened, and the notes about the guideline. No names."""

from __future__ import annotations

from urllib.parse import urlencode

import sqlalchemy as sa

from preceptor.studio.oversight import log
from preceptor.studio.oversight.log import Entry, Note
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import LEAD, Screen, Visit, Web

__all__ = ["screens"]


class Log(View, frozen=True, kw_only=True):
    """A page of events; ``earlier`` leads to the next one, and is empty on the last."""

    entries: tuple[Entry, ...]
    kinds: tuple[str, ...]
    kind: str
    about: str
    earlier: str


class GuidelineNotes(View, frozen=True, kw_only=True):
    """What reviewers found missing in the guideline."""

    notes: tuple[Note, ...]


def screens(web: Web) -> list[Screen]:
    return [
        Screen("/log", web, get=_log, roles=LEAD),
        Screen("/notes", web, get=_notes, roles=LEAD),
    ]


async def _log(visit: Visit) -> View:
    kind, about, before = (visit.asked(name).strip()[:60] for name in ("kind", "about", "before"))
    place = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None

    def ask(connection: sa.Connection) -> tuple[list[Entry], list[str]]:
        found = log.entries(connection, visit.member, kind=kind, about=about, before=place)
        return found, log.kinds(connection)

    found, kinds = await visit.read(ask)
    shown, more = found[: log.PAGE], len(found) > log.PAGE
    asked = {"kind": kind, "about": about, "before": str(shown[-1].seq)} if more else {}
    return Log(
        title="Log",
        entries=tuple(shown),
        kinds=tuple(kinds),
        kind=kind,
        about=about,
        earlier=f"/log?{urlencode(asked)}" if asked else "",
    )


async def _notes(visit: Visit) -> View:
    found = await visit.read(log.guideline_notes)
    return GuidelineNotes(title="Notes about the guideline", notes=tuple(found))
