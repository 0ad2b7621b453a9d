"""What signs a person in: an e-mail address and the hash of a password."""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa

from preceptor.errors import InputError
from preceptor.studio.people.tables import credentials, memberships, persons

__all__ = ["credential", "email_of", "own_credential", "remove_password", "set_password"]

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


def email_of(text: str) -> str:
    """An address as it is kept and looked for. Raises InputError."""
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    if not _EMAIL.fullmatch(plain):
        raise InputError("e-mail: expected an address such as name@example.org")
    return plain


def credential(connection: sa.Connection, email: str) -> tuple[str, str] | None:
    """Person and hash of an address; None where nobody who takes part has it."""
    row = connection.execute(
        sa.select(credentials)
        .join(persons, persons.c.id == credentials.c.person)
        .join(memberships, memberships.c.person == persons.c.id)
        .where(persons.c.email == email, memberships.c.active)
    ).first()
    return None if row is None else (row.person, row.password)


def own_credential(connection: sa.Connection, person: str) -> str | None:
    """The hash of a person's password."""
    return connection.scalar(
        sa.select(credentials.c.password).where(credentials.c.person == person)
    )


def set_password(connection: sa.Connection, person: str, password: str) -> None:
    """Keep the hash of a password instead of the one before."""
    remove_password(connection, person)
    connection.execute(credentials.insert().values(person=person, password=password))


def remove_password(connection: sa.Connection, person: str) -> None:
    """The person signs in with no password."""
    connection.execute(credentials.delete().where(credentials.c.person == person))
