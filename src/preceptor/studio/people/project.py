"""The project of a database: its name, and how many people a task needs."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.errors import StoreError
from preceptor.studio.people.roles import Policy
from preceptor.studio.people.tables import projects

__all__ = ["Project", "project"]


class Project(msgspec.Struct, frozen=True):
    """What a database is for."""

    id: str
    name: str
    policy: Policy


def project(connection: sa.Connection) -> Project:
    """The one project of this database. Raises StoreError where there is none."""
    found = connection.execute(sa.select(projects)).one_or_none()
    if found is None:
        raise StoreError("the studio has no project: make one with `preceptor studio init`")
    return Project(found.id, found.name, found.policy)
