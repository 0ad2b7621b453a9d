"""Active time: the beats that pages send, and a table of all of it for leads."""

from __future__ import annotations

import csv
import io

from starlette.responses import Response

from preceptor.studio.oversight import active_time
from preceptor.studio.web.screens import LEAD, Screen, Visit, Web

__all__ = ["screens"]


def screens(web: Web) -> list[Screen]:
    return [
        # No use of the session: a page that is read for long still warns before it ends.
        Screen("/active", web, post=_beat, passive=True),
        Screen("/active.csv", web, get=_table, roles=LEAD),
    ]


async def _beat(visit: Visit) -> Response:
    person, path, now = visit.who.person, visit.given.line("path"), visit.now
    await visit.write(lambda connection: active_time.beat(connection, person, path, now))
    return Response(status_code=204)


async def _table(visit: Visit) -> Response:
    found = await visit.read(active_time.slices)
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("day", "person", "work", "task", "active seconds"))
    for each in found:
        ids = (_plain(each.person), each.work, _plain(each.subject))
        rows.writerow((each.day, *ids, round(each.seconds)))
    headers = {"Content-Disposition": 'attachment; filename="active.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _plain(identity: str) -> str:
    """An id that begins with a minus is no formula to a spreadsheet."""
    return f"'{identity}" if identity.startswith("-") else identity
