"""The project's settings, for leads: systems, spending, previews, qualification, signatures."""

from __future__ import annotations

import sqlalchemy as sa
from msgspec.structs import replace
from starlette.responses import Response

from preceptor.studio.people.project import Project, change, project, spent
from preceptor.studio.people.roles import PREVIEWS
from preceptor.studio.web.forms import Given
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import LEAD, Screen, Visit, Web, see

__all__ = ["screens"]

_SAID = {"saved": "The settings are saved. They hold from now on."}
_PREVIEWS = {
    "all": "All tasks",
    "half": "Half of the tasks, drawn: so that rubrics with and without it can be compared",
    "none": "No task",
}
#: Days of spending that are listed.
_DAYS = 31


class ProjectSettings(View, frozen=True, kw_only=True):
    """The settings as texts of a form, and what was spent: day, dollars."""

    systems: str
    grader: str
    grader_params: str
    previews: str
    choices: dict[str, str]
    cap: str
    qualify: str
    pass_percent: str
    signatures: bool
    spent: tuple[tuple[str, str], ...]
    total: str


def screens(web: Web) -> list[Screen]:
    return [Screen("/project", web, get=_open, post=_save, roles=LEAD, said=_SAID)]


async def _open(visit: Visit) -> View:
    def ask(connection: sa.Connection) -> tuple[Project, dict[str, float]]:
        return project(connection), spent(connection)

    found, days = await visit.read(ask)
    given = visit.given
    return ProjectSettings(
        title="Project",
        systems=given.raw("systems", "\n".join(found.systems)),
        grader=given.raw("grader", found.grader),
        grader_params=given.raw("grader_params", "\n".join(found.grader_params)),
        previews=given.raw("previews", found.previews),
        choices=_PREVIEWS,
        cap=given.raw("cap", "" if found.cap_usd is None else f"{found.cap_usd:g}"),
        qualify=given.raw("qualify", str(found.qualify)),
        pass_percent=given.raw("pass_percent", f"{100 * found.pass_share:g}"),
        signatures=bool(given.raw("signatures")) if given else found.signatures,
        spent=tuple((day, _dollars(sum_)) for day, sum_ in list(days.items())[:_DAYS]),
        total=_dollars(sum(days.values())),
    )


async def _save(visit: Visit) -> Response:
    given, who = visit.given, visit.who
    values = {
        "systems": given.lines("systems"),
        "grader": given.line("grader"),
        "grader_params": given.lines("grader_params", label="parameters"),
        "previews": given.one("previews", PREVIEWS),
        "cap_usd": _cap(given),
        "qualify": given.whole("qualify", 0, 500, label="units"),
        "pass_share": given.number("pass_percent", 0, 100, label="share") / 100,
        "signatures": bool(given.raw("signatures")),
    }
    await visit.write(
        lambda connection: change(connection, replace(project(connection), **values), who)
    )
    return see("/project", "saved")


def _cap(given: Given) -> float | None:
    return given.number("cap", 0, 1e9) if given.raw("cap").strip() else None


def _dollars(value: float) -> str:
    return f"${value:,.2f}" if value >= 1 or not value else f"${value:.2g}"
