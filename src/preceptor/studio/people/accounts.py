"""Signing in, joining and changing a password: hashes are made in threads, few at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from preceptor.errors import InputError
from preceptor.studio.database import Studio
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people import credentials, invitations, sessions, tries
from preceptor.studio.people.acts import PasswordSet
from preceptor.studio.people.passwords import Passwords
from preceptor.studio.people.sessions import Limits, Session

__all__ = ["Accounts"]

_T = TypeVar("_T")
#: Hashes at a time: each takes 64 MiB.
_AT_ONCE = 4
_WRONG = "e-mail or password: not right: both are needed as you set them"


class Accounts:
    """The accounts of a studio.

    Parameters
    ----------
    passwords
        How hashes are made.
    clock
        Seconds since 1970.
    """

    def __init__(
        self,
        studio: Studio,
        *,
        passwords: Passwords | None = None,
        limits: Limits = Limits(),  # noqa: B008  frozen
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.studio, self.limits, self.clock = studio, limits, clock
        self._passwords = passwords or Passwords()
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def read(self, question: Callable[[sa.Connection], _T]) -> _T:
        """Ask the database in a thread."""

        def ask() -> _T:
            with self.studio.read() as connection:
                return question(connection)

        return await asyncio.to_thread(ask)

    async def look_up(self, question: Callable[[sa.Connection], _T]) -> _T:
        """Ask for a few rows by their keys.

        On SQLite that takes less than to wake a thread for it.
        """
        if not self.studio.is_file:
            return await self.read(question)
        with self.studio.read() as connection:
            return question(connection)

    async def sign_in(self, email: str, password: str, address: str) -> str:
        """The secret of a new session. Raises InputError, TooMany.

        Whether anybody has that address shows neither in the words nor in the time.
        """
        now = self.clock()
        await self._count(email, address)
        try:
            account = credentials.email_of(email)
        except InputError:
            account = ""
        found = await self.read(lambda connection: credentials.credential(connection, account))
        person, kept = found or ("", None)
        if not await self._in_thread(lambda: self._passwords.check(password, kept)):
            raise InputError(_WRONG)
        fresh = None
        if kept is not None and self._passwords.is_old(kept):
            fresh = await self._in_thread(lambda: self._passwords.hash(password))

        def enter(connection: sa.Connection) -> str:
            tries.forgive(connection, _account(email), address)
            if fresh is not None:
                credentials.set_password(connection, person, fresh)
            return sessions.begin(connection, person, now, self.limits)[0]

        return await self.studio.write(enter)

    async def join(self, link: str, *, name: str, email: str, password: str) -> str:
        """Come in by an invitation; the secret of a new session. Raises InputError, UnknownName."""
        now = self.clock()
        await self.read(lambda connection: invitations.look(connection, link, now))
        kept = await self._hashed(password, email)

        def enter(connection: sa.Connection) -> str:
            person = invitations.join(
                connection, link, name=name, email=email, password=kept, now=now
            )
            return sessions.begin(connection, person, now, self.limits)[0]

        return await self.studio.write(enter)

    async def renew(self, link: str, *, password: str) -> str:
        """Set a password anew by a link; the secret of a new session.

        Raises InputError, UnknownName.
        """
        now = self.clock()
        found = await self.read(lambda connection: invitations.look(connection, link, now))
        kept = await self._hashed(password, found.email)

        def enter(connection: sa.Connection) -> str:
            person = invitations.renew(connection, link, password=kept, now=now)
            return sessions.begin(connection, person, now, self.limits)[0]

        return await self.studio.write(enter)

    async def prove(
        self, session: Session, password: str, address: str, *, email: str | None = None
    ) -> None:
        """Check that the session's own person is there: by password, and by e-mail address.

        Raises InputError, TooMany.
        """
        person = session.member.id
        await self._count(person, address)

        def known(connection: sa.Connection) -> tuple[str | None, str | None]:
            found = credentials.credential(connection, _account(email)) if email else None
            return found and found[0], credentials.own_credential(connection, person)

        found, kept = await self.read(known)
        right = await self._in_thread(lambda: self._passwords.check(password, kept))
        if not right or (email is not None and found != person):
            raise InputError(_WRONG)
        await self.studio.write(
            lambda connection: tries.forgive(connection, _account(person), address)
        )

    async def change_password(self, session: Session, old: str, new: str, address: str) -> None:
        """Change one's own password, and sign out everywhere else. Raises InputError, TooMany."""
        person = session.member.id
        await self._count(person, address)
        kept = await self.read(lambda connection: credentials.own_credential(connection, person))
        if not await self._in_thread(lambda: self._passwords.check(old, kept)):
            raise InputError("present password: not right")
        fresh = await self._hashed(new, "")

        def change(connection: sa.Connection) -> None:
            tries.forgive(connection, _account(person), address)
            credentials.set_password(connection, person, fresh)
            sessions.end_all(connection, person, but=session.id)
            append(connection, PasswordSet(), by=Who(person, session.id), subject=person)

        await self.studio.write(change)

    async def _count(self, name: str, address: str) -> None:
        now, account = self.clock(), _account(name)
        wait = await self.studio.write(
            lambda connection: tries.count(connection, account, address, now)
        )
        if wait is not None:
            raise tries.TooMany(wait)

    async def _hashed(self, password: str, email: str) -> str:
        return await self._in_thread(lambda: self._passwords.hash(password, email=email.casefold()))

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        async with self._room:
            return await asyncio.to_thread(work)


def _account(name: str) -> str:
    """An account as its tries are counted: as it is looked for, or as it was typed."""
    try:
        return credentials.email_of(name)
    except InputError:
        return name.strip().casefold()[:300]
