"""Signing in and joining with an account at a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from preceptor.studio.ids import digest
from preceptor.studio.people import identities, invitations, sessions, tries
from preceptor.studio.people.accounts import Accounts
from preceptor.studio.people.claims import NotProven
from preceptor.studio.people.identities import Attempt, Awaited

if TYPE_CHECKING:
    from preceptor.studio.people.provider import Provider

__all__ = ["SingleSignOn"]

#: Errors of RFC 6749, 4.1.2.1 and of OpenID Connect Core 1.0, 3.1.2.6 that say something to people.
_SAID = {
    "access_denied": "you or the provider said no",
    "login_required": "it asks you to sign in there first",
    "interaction_required": "it asks you to sign in there first",
    "account_selection_required": "it asks you to choose an account first",
    "consent_required": "it asks for your consent first",
    "temporarily_unavailable": "it is busy",
    "server_error": "it has a fault",
    "unauthorized_client": "it does not know this studio: tell a lead",
}


class SingleSignOn:
    """A provider, and the accounts of the studio. ``browser`` is the browser's secret."""

    def __init__(self, accounts: Accounts, provider: Provider) -> None:
        self._accounts, self._provider = accounts, provider

    @property
    def name(self) -> str:
        """The provider's host."""
        return self._provider.name

    async def begin(self, attempt: Attempt, browser: str, address: str) -> str:
        """Where the browser goes. Raises InputError, TooMany."""
        accounts, now = self._accounts, self._accounts.clock()
        wait = await accounts.studio.write(
            lambda connection: tries.count(connection, _counted(browser), address, now)
        )
        if wait is not None:
            raise tries.TooMany(wait)
        asked = await self._provider.ask(accounts.limits.most_s)
        awaited = Awaited(asked.nonce, asked.verifier, attempt)
        await accounts.studio.write(
            lambda connection: identities.leave(
                connection, asked.state, browser, awaited, now=accounts.clock()
            )
        )
        return asked.address

    async def take(self, state: str, browser: str) -> Awaited:
        """What was begun with that state in that browser; once. Raises InputError."""
        now = self._accounts.clock()
        return await self._accounts.studio.write(
            lambda connection: identities.take(connection, state, browser, now=now)
        )

    async def enter(
        self, awaited: Awaited, reply: dict[str, str], browser: str, address: str
    ) -> str:
        """The secret of a new session, for the parameters of a reply.

        Raises InputError, UnknownName.
        """
        accounts, attempt = self._accounts, awaited.attempt
        if not (code := reply.get("code", "")):
            words = _SAID.get(reply.get("error", ""), "it does not say why in words we know")
            raise NotProven(f"{self.name}: did not sign you in ({words}): try again")
        who = await self._provider.prove(
            code, reply.get("iss", ""), awaited.nonce, awaited.verifier, accounts.limits.most_s
        )
        now = accounts.clock()

        def come_in(connection: sa.Connection) -> str:
            if attempt.invitation:
                person: str | None = invitations.accept(
                    connection, attempt.invitation, who, name=attempt.name, now=now
                )
            else:
                person = identities.person_of(connection, who.account)
            if person is None:
                raise NotProven(
                    f"account at {self.name}: nobody of this project has it: "
                    "open an invitation link of a lead, and join with it there"
                )
            tries.forgive(connection, _counted(browser), address)
            return sessions.begin(connection, person, now, accounts.limits)[0]

        return await accounts.studio.write(come_in)


def _counted(browser: str) -> str:
    """A browser as its tries are counted."""
    return f"browser {digest(browser)}"
