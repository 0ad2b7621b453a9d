"""Tasks of the studio among the examples of a run."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from preceptor.records import Example
from preceptor.studio.items.content import Content
from preceptor.studio.items.tables import items, versions

__all__ = ["recogniser"]


def recogniser(connection: sa.Connection) -> Callable[[Example], str]:
    """Example → the task that it is, or empty; by its id, else by its conversation."""
    known = {id: id for id in connection.scalars(sa.select(items.c.id))}
    for item, body in connection.execute(sa.select(versions.c.item, versions.c.content)):
        content = msgspec.json.decode(body, type=Content)
        known[content.example(item, None).prompt_key] = item
    return lambda example: known.get(example.id) or known.get(example.prompt_key, "")
