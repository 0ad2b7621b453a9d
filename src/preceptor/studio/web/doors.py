"""Links that sign a made-up person in without a password: of the demo alone.

They are in memory, so they end with the server. Each works once; then there is another.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from starlette.responses import Response

from preceptor.errors import UnknownName
from preceptor.studio.people import sessions
from preceptor.studio.web.entering import enter
from preceptor.studio.web.render import View
from preceptor.studio.web.screens import NOBODY, Keep, Screen, Visit, Web

__all__ = ["Doors", "screens"]


class Doors:
    """The links of a demo.

    Parameters
    ----------
    people
        Id and name of each person.
    tell
        Called with a name and the path of a new link, where the one before was used.
    """

    def __init__(self, people: Iterable[tuple[str, str]], tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._people: dict[str, tuple[str, str]] = {}
        self.paths = {name: self._open(person, name) for person, name in people}

    def _open(self, person: str, name: str) -> str:
        secret = secrets.token_urlsafe(16)
        self._people[secret] = (person, name)
        return f"/door/{secret}"

    def name(self, secret: str) -> str:
        """Whom a link signs in. Raises UnknownName for one that was used."""
        if secret not in self._people:
            raise UnknownName("link: used already: the terminal has the next one")
        return self._people[secret][1]

    def use(self, secret: str) -> str:
        """The person; the link is used up. Raises UnknownName."""
        name = self.name(secret)
        person, _ = self._people.pop(secret)
        self._tell(name, self._open(person, name))
        return person


class Door(View, frozen=True, kw_only=True):
    """One button that signs a made-up person in."""

    address: str


def screens(web: Web) -> list[Screen]:
    if web.doors is None:
        return []
    return [Screen("/door/{link:str}", web, get=_look, post=_go_in, roles=NOBODY)]


async def _look(visit: Visit) -> View:
    link = visit.place("link")
    return Door(title=f"Sign in as {_doors(visit).name(link)}", address=f"/door/{link}")


async def _go_in(visit: Visit) -> Response:
    person, now, limits = (
        _doors(visit).use(visit.place("link")),
        visit.now,
        visit.web.accounts.limits,
    )
    secret = await visit.write(
        lambda connection: sessions.begin(connection, person, now, limits)[0]
    )
    return await enter(visit, secret, Keep(title="", address="/", fields=()))


def _doors(visit: Visit) -> Doors:
    doors = visit.web.doors
    assert isinstance(doors, Doors)
    return doors
