"""The project of a database: its name, and how many people a task needs."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_uppercase

import msgspec
import sqlalchemy as sa

from preceptor.errors import StoreError
from preceptor.studio.ids import digest
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people.acts import SystemsAllowed
from preceptor.studio.people.roles import Policy
from preceptor.studio.people.tables import projects
from preceptor.systems import resolve
from preceptor.systems.base import Parameters

__all__ = ["Project", "allow", "project"]


class Project(msgspec.Struct, frozen=True):
    """What a database is for. ``systems`` are the addresses that authors may ask."""

    id: str
    name: str
    policy: Policy
    systems: tuple[str, ...] = ()

    def alias(self, item: str, system: str) -> str:
        """What people of a task read in place of a system's address: drawn for each task."""
        if system not in self.systems:
            return "A system"
        letters = sorted(ascii_uppercase, key=lambda letter: digest(self.id, item, letter))
        return f"System {letters[self.systems.index(system) % len(letters)]}"


def project(connection: sa.Connection) -> Project:
    """The one project of this database. Raises StoreError where there is none."""
    found = connection.execute(sa.select(projects)).one_or_none()
    if found is None:
        raise StoreError("the studio has no project: make one with `preceptor studio init`")
    systems = msgspec.json.decode(found.systems, type=tuple[str, ...])
    return Project(found.id, found.name, found.policy, systems)


def allow(connection: sa.Connection, systems: Iterable[str], by: Who | None) -> Project:
    """Let authors ask these systems, and no others. Raises InputError."""
    wanted = tuple(dict.fromkeys(systems))
    for system in wanted:
        resolve(system, Parameters())  # an address that nobody can ask is no setting
    found = project(connection)
    append(connection, SystemsAllowed(systems=wanted), by=by, subject=found.id)
    return project(connection)
