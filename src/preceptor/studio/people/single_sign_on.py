"""Signing in and joining with an account at a provider."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from preceptor.studio.ids import digest
from preceptor.studio.people import identities, invitations, sessions, tries
from preceptor.studio.people.accounts import Accounts
from preceptor.studio.people.claims import NotProven, Proven
from preceptor.studio.people.identities import Attempt, Awaited
from preceptor.studio.people.sessions import Session

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
        asked = await self._provider.ask(0 if attempt.signs else accounts.limits.most_s)
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
        who = await self._who(awaited, reply, accounts.limits.most_s)
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

    async def prove(
        self,
        awaited: Awaited,
        reply: dict[str, str],
        session: Session,
        browser: str,
        address: str,
    ) -> str:
        """A secret with which the session's own person signs once, for the parameters of a reply.

        Raises InputError.
        """
        accounts, attempt = self._accounts, awaited.attempt
        # Signed in anew since they left, and not before.
        age = math.ceil(max(0.0, accounts.clock() - awaited.begun))
        who = await self._who(awaited, reply, age)
        secret, now = sessions.new_secret(), accounts.clock()
        proved = msgspec.structs.replace(attempt, proved=True)

        def note(connection: sa.Connection) -> None:
            person = identities.person_of(connection, who.account)
            if person != session.member.id or attempt.session != session.id:
                raise NotProven(
                    f"account at {self.name}: not the one you are signed in with: use that one"
                )
            tries.forgive(connection, _counted(browser), address)
            identities.leave(connection, secret, browser, Awaited("", "", proved), now=now)

        await accounts.studio.write(note)
        return secret

    async def use(self, proof: str, browser: str, session: Session, signs: str) -> None:
        """Use up what :meth:`prove` gave. Raises InputError."""
        attempt = (await self.take(proof, browser)).attempt
        if not attempt.proved or (attempt.session, attempt.signs) != (session.id, signs):
            raise NotProven("signature: not proved in this session: prove who you are again")

    async def _who(self, awaited: Awaited, reply: dict[str, str], max_age_s: int) -> Proven:
        """Raises NotProven."""
        if awaited.attempt.proved or not (code := reply.get("code", "")):
            words = _SAID.get(reply.get("error", ""), "it does not say why in words we know")
            raise NotProven(f"{self.name}: did not sign you in ({words}): try again")
        return await self._provider.prove(
            code, reply.get("iss", ""), awaited.nonce, awaited.verifier, max_age_s
        )


def _counted(browser: str) -> str:
    """A browser as its tries are counted."""
    return f"browser {digest(browser)}"
