"""A studio with people of every role, one client for each, and a crawl of all pages as each."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import argon2
import sqlalchemy as sa
import uvicorn
from starlette.routing import Route
from starlette.testclient import TestClient

from preceptor.studio.database import Studio
from preceptor.studio.ids import new_id
from preceptor.studio.ledger.chain import append
from preceptor.studio.people import invitations, sessions
from preceptor.studio.people.accounts import Accounts
from preceptor.studio.people.acts import Declared, ProjectMade
from preceptor.studio.people.passwords import Passwords
from preceptor.studio.people.project import allow
from preceptor.studio.people.roles import ROLES, Conflicts, Offer, Policy
from preceptor.studio.web.app import application
from preceptor.web.serving import listen, url_of
from studio_places import place

ADDRESS = "http://localhost:8712"
#: What a browser says of a form of the page's own site.
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "correct horse battery"
#: As good as real ones, and made in a millisecond.
CHEAP = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
TOKEN = re.compile(r'data-token="([0-9a-f]{64})"')


def _trial(policy: Policy) -> Callable[[sa.Connection], dict[str, str]]:
    """A project without people."""

    def begin(connection: sa.Connection) -> dict[str, str]:
        made = ProjectMade(name="Trial <of> رعاية", policy=policy)
        append(connection, made, by=None, subject=new_id())
        return {}

    return begin


class House:
    """A studio in a folder, its clock, and its people: one of each role, and a second author.

    ``people`` has the id of each by name: ``author``, ``reviewer``, …, ``author-2``. With ``begin``
    the project and its people are what that makes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        policy: Policy = "default",
        address: str = ADDRESS,
        systems: tuple[str, ...] = (),
        begin: Callable[[sa.Connection], dict[str, str]] | None = None,
        **options: Any,
    ) -> None:
        self.now = 1_800_000_000.0
        self.studio = Studio.open(place(folder), create=True)
        self.people = self.studio.write_now(begin or _trial(policy))
        if systems:
            self.studio.write_now(lambda connection: allow(connection, systems, None))
        self.told: list[str] = []
        self.accounts = Accounts(self.studio, passwords=CHEAP, clock=lambda: self.now)
        self.app = application(self.accounts, address=address, tell=self.told.append, **options)
        self.address = address
        if begin is None:
            self.people = {name: self.join(name) for name in (*ROLES, "author-2")}

    def close(self) -> None:
        self.studio.close()

    def join(self, name: str, offer: Offer | None = None) -> str:
        """A new person, whose e-mail address is ``NAME@example.org``; the id."""
        offer = offer or Offer(roles=(name.partition("-")[0],))
        kept = CHEAP.hash(PASSWORD)

        def enter(connection: sa.Connection) -> str:
            link = invitations.invite(connection, offer, by=None, now=self.now)
            person = invitations.join(
                connection,
                link,
                name=f"Canary-name {name}",
                email=f"{name}@example.org",
                password=kept,
                now=self.now,
            )
            append(connection, Declared(conflicts=Conflicts()), by=None, subject=person)
            return person

        return self.studio.write_now(enter)

    def invite(self, *roles: str) -> str:
        """The path of an invitation."""
        offer = Offer(roles=roles)
        secret = self.studio.write_now(
            lambda connection: invitations.invite(connection, offer, by=None, now=self.now)
        )
        return f"/join/{secret}"

    def client(self) -> TestClient:
        """A browser that nobody has signed in with."""
        return TestClient(self.app, base_url=self.address, follow_redirects=False)

    def signed_in(self, name: str) -> TestClient:
        """A browser of that person, without the page for signing in."""
        person = self.people[name]
        secret, _ = self.studio.write_now(
            lambda connection: sessions.begin(connection, person, self.now, self.accounts.limits)
        )
        client = self.client()
        client.cookies.set(self.cookie, secret, domain="localhost.local", path="/")
        return client

    @property
    def cookie(self) -> str:
        return next(iter(self.client().get("/login").cookies))

    def post(self, client: TestClient, path: str, fields: dict[str, Any], **headers: str) -> Any:
        """Send a form as its page would: with the token of the browser."""
        found = TOKEN.search(client.get("/account").text) or TOKEN.search(client.get("/login").text)
        assert found is not None
        sent = {**fields, "token": found.group(1)}
        return client.post(path, data=sent, headers={**SAME_SITE, **headers})

    def kinds(self) -> list[str]:
        """The kinds of all events."""
        with self.studio.read() as connection:
            return list(
                connection.execute(sa.text("SELECT kind FROM event ORDER BY seq")).scalars()
            )

    @property
    def routes(self) -> list[Route]:
        """Every route, in order."""
        return self.app._app.routes  # type: ignore[attr-defined,no-any-return]


@contextlib.contextmanager
def served(house: House) -> Iterator[str]:
    """The studio's address in a server of its own, in a thread."""
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(house.app, log_config=None, log_level="critical", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield url_of(listener)
    finally:
        server.should_exit = True
        thread.join()


def addresses(house: House, values: Callable[[str], str] = lambda _: "nothing") -> list[str]:
    """An address of each page, its parts filled in by name."""
    return [
        re.sub(r"{(\w+)(?::\w+)?}", lambda part: values(part.group(1)), route.path)
        for route in house.routes
        if "GET" in (route.methods or ())
    ]


def crawl(
    house: House, values: Callable[[str], str] = lambda _: "nothing"
) -> Iterator[tuple[str, str, Any]]:
    """Every page as each person: name, address, response."""
    for name in house.people:
        client = house.signed_in(name)
        for address in addresses(house, values):
            yield name, address, client.get(address)
