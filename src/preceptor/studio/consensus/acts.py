"""What happens to categories, each with what it changes."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.store.statements import Prepared
from preceptor.studio.consensus.tables import categories, votes
from preceptor.studio.items.content import ItemCriterion
from preceptor.studio.ledger.acts import Act, Event

__all__ = ["CategoriesSet", "Categorised", "Category"]

_VOTE = Prepared(votes.insert())
_UNVOTE = Prepared(
    votes.delete().where(
        (votes.c.item == sa.bindparam("of")) & (votes.c.person == sa.bindparam("who"))
    )
)


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of task, and the criteria that every task of it gets."""

    name: str
    about: str = ""
    criteria: tuple[ItemCriterion, ...] = ()


class CategoriesSet(Act, frozen=True, kw_only=True):
    """A lead set the categories; votes for one that is no more count no more."""

    says = "Categories set"

    categories: tuple[Category, ...] = ()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        connection.execute(categories.delete())
        for place, each in enumerate(self.categories):
            body = msgspec.json.encode(each).decode()
            row = {"name": each.name, "place": place, "body": body}
            connection.execute(categories.insert().values(row))


class Categorised(Act, frozen=True, kw_only=True):
    """A person said which categories a task belongs to, or that it belongs to none."""

    says = "Categories of task {} chosen"

    names: tuple[str, ...] = ()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        who = event.person or ""
        _UNVOTE(connection, {"of": event.subject, "who": who})
        names = msgspec.json.encode(self.names).decode()
        row = {"item": event.subject, "person": who, "seq": event.seq, "names": names}
        _VOTE(connection, row)
