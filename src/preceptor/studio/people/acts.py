"""What happens to people, each with what it changes.

A name and an e-mail address stand in an act of their own: once its payload is erased, roles and
work stay.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.studio.ledger.acts import Act, Event
from preceptor.studio.people.roles import Conflicts, Offer, Policy, Previews
from preceptor.studio.people.tables import identities, memberships, persons, projects

__all__ = [
    "Declared",
    "IdentityBound",
    "Invited",
    "Joined",
    "Named",
    "NamesRead",
    "PasswordSet",
    "PersonLeft",
    "PersonReturned",
    "PreviewsSet",
    "ProjectMade",
    "QualificationSet",
    "ResetOffered",
    "RolesSet",
    "SignaturesSet",
    "SpendingCapped",
    "SystemsAllowed",
]


class ProjectMade(Act, frozen=True):
    """The database was made."""

    says = "Project {} made"

    name: str = ""
    policy: Policy = "default"

    def apply(self, connection: sa.Connection, event: Event) -> None:
        connection.execute(
            projects.insert().values(
                id=event.subject,
                name=self.name,
                policy=self.policy,
                systems="[]",
                known="[]",
                grader="",
                grader_params="[]",
                previews="all",
                cap_usd=None,
                qualify=0,
                pass_share=0.0,
                signatures=False,
            )
        )


class SystemsAllowed(Act, frozen=True):
    """Authors of the project may ask these systems, and no others."""

    says = "Systems of project {} set"

    systems: tuple[str, ...] = ()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = projects.c.id == event.subject
        before = connection.scalar(sa.select(projects.c.known).where(row)) or "[]"
        known = dict.fromkeys((*msgspec.json.decode(before, type=tuple[str, ...]), *self.systems))
        values = {"systems": _json(self.systems), "known": _json(list(known))}
        connection.execute(projects.update().where(row).values(values))


class PreviewsSet(Act, frozen=True, kw_only=True):
    """Which grader judges rubrics while they are written, and for which tasks."""

    says = "Previews of project {} set"

    grader: str = ""
    grader_params: tuple[str, ...] = ()
    previews: Previews = "all"

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = projects.c.id == event.subject
        values = {"grader": self.grader, "grader_params": _json(self.grader_params)}
        connection.execute(projects.update().where(row).values(**values, previews=self.previews))


class SpendingCapped(Act, frozen=True):
    """The most dollars that live answers and previews may cost; None for no cap."""

    says = "Cap on spending of project {} set"

    cap_usd: float | None = None

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = projects.c.id == event.subject
        connection.execute(projects.update().where(row).values(cap_usd=self.cap_usd))


class QualificationSet(Act, frozen=True, kw_only=True):
    """How many units with a known answer a labeller does first, and the share to get right.

    ``units`` 0: labellers begin at once.
    """

    says = "Qualification of labellers of project {} set"

    units: int = 0
    share: float = 0.0

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = projects.c.id == event.subject
        values = {"qualify": self.units, "pass_share": self.share}
        connection.execute(projects.update().where(row).values(values))


class SignaturesSet(Act, frozen=True):
    """Whether what people hand in is signed."""

    says = "Signatures of project {} set"

    on: bool = False

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = projects.c.id == event.subject
        connection.execute(projects.update().where(row).values(signatures=self.on))


class Invited(Act, frozen=True):
    """A link was made for somebody who is to join; the subject is the invitation."""

    says = "Invitation {} made"

    offer: Offer = Offer()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        """Changes no projection."""


class Joined(Act, frozen=True):
    """A person came in."""

    says = "Person {} joined"

    offer: Offer = Offer()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        connection.execute(
            persons.insert().values(id=event.subject, name="", email="", joined=event.at)
        )
        connection.execute(
            memberships.insert().values(
                person=event.subject, active=True, conflicts="{}", declared="", **_lists(self.offer)
            )
        )


class Named(Act, frozen=True):
    """A person's name and e-mail address."""

    says = "Name of person {} set"

    name: str = ""
    email: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        row = persons.c.id == event.subject
        connection.execute(persons.update().where(row).values(name=self.name, email=self.email))


class RolesSet(Act, frozen=True):
    """A lead set what a person may do."""

    says = "Roles of person {} set"

    offer: Offer = Offer()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        _set(connection, event, **_lists(self.offer))


class Declared(Act, frozen=True):
    """A person declared conflicts of interest, or that there are none."""

    says = "Conflicts of person {} declared"

    conflicts: Conflicts = Conflicts()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        _set(connection, event, conflicts=_json(self.conflicts), declared=event.at)


class PersonLeft(Act, frozen=True):
    """A person takes part no more."""

    says = "Person {} taken out of the project"

    def apply(self, connection: sa.Connection, event: Event) -> None:
        _set(connection, event, active=False)


class PersonReturned(Act, frozen=True):
    """A person who had left takes part again."""

    says = "Person {} taken back in"

    def apply(self, connection: sa.Connection, event: Event) -> None:
        _set(connection, event, active=True)


class PasswordSet(Act, frozen=True):
    """A person has another password; it is not in the event."""

    says = "Password of person {} changed"

    def apply(self, connection: sa.Connection, event: Event) -> None:
        """Changes no projection."""


class IdentityBound(Act, frozen=True):
    """A person signs in with an account at a provider; once erased, with none."""

    says = "Person {} signs in by the identity provider"

    #: Digest of the provider's issuer and of the id that it has for the person.
    account: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        mine = identities.c.person == event.subject
        connection.execute(identities.delete().where(mine))
        if self.account:
            connection.execute(
                identities.insert().values(person=event.subject, account=self.account)
            )


class ResetOffered(Act, frozen=True):
    """A link was made with which a person sets another password."""

    says = "Link for a new password made: {}"

    def apply(self, connection: sa.Connection, event: Event) -> None:
        """Changes no projection."""


class NamesRead(Act, frozen=True):
    """A lead looked at the names of people."""

    says = "Names read: {}"

    def apply(self, connection: sa.Connection, event: Event) -> None:
        """Changes no projection."""


def _set(connection: sa.Connection, event: Event, **values: object) -> None:
    row = memberships.c.person == event.subject
    connection.execute(memberships.update().where(row).values(**values))


def _lists(offer: Offer) -> dict[str, str]:
    return {name: _json(getattr(offer, name)) for name in Offer.__struct_fields__}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
