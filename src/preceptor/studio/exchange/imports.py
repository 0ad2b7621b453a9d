"""Taking tasks of a file into the studio: all of them, or none where a row is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import sqlalchemy as sa

from preceptor.errors import Faults, InputError
from preceptor.studio.database import Studio
from preceptor.studio.exchange.reading import Incoming, read_incoming
from preceptor.studio.ids import digest, new_id
from preceptor.studio.items import workflow
from preceptor.studio.items.acts import Imported
from preceptor.studio.items.content import Content
from preceptor.studio.items.tables import items, versions
from preceptor.studio.ledger.chain import append

__all__ = ["STATES", "Taken", "TargetState", "look_at", "take_in"]

TargetState = Literal["draft", "submitted", "accepted"]
STATES: tuple[TargetState, ...] = ("draft", "submitted", "accepted")


class Row(msgspec.Struct, frozen=True):
    """A task as it comes in.

    Where the id of the file is not free, ``id`` is a new one; empty before it comes in.
    """

    place: str
    id: str
    renamed: bool
    criteria: int
    language: str
    specialty: str
    physician: bool


class Taken(msgspec.Struct, frozen=True):
    """What comes in, or would. ``doubles`` are tasks that are there already, with that rubric."""

    file: str
    state: str
    tasks: tuple[Row, ...]
    doubles: int
    faults: tuple[str, ...]


def look_at(studio: Studio, path: Path, state: TargetState, *, language: str = "") -> Taken:
    """What :func:`take_in` would do. Raises InputError for a file that cannot be read at all."""
    found, faults = _read(path, state, language)
    with studio.read() as connection:
        planned, doubles = _plan(connection, found)
    lines = tuple(str(each) for each in faults)
    rows = tuple(msgspec.structs.replace(row, id="") if row.renamed else row for row, _ in planned)
    return Taken(str(path), state, rows, doubles, lines)


def take_in(
    studio: Studio, path: Path, state: TargetState, *, language: str = "", author: str = ""
) -> Taken:
    """Make a task of each row, in that state.

    Parameters
    ----------
    language
        Of tasks that say none.
    author
        Id of the person they are given to; a draft needs one.

    Raises
    ------
    InputError, Faults
        The file cannot be read, or rows of it are wrong: nothing comes in.
    """
    if state == "draft" and not author:
        raise InputError("import: a draft is opened by its author alone: name one (--author)")
    found, faults = _read(path, state, language)
    if faults:
        raise faults[0] if len(faults) == 1 else Faults(faults)

    def write(connection: sa.Connection) -> Taken:
        planned, doubles = _plan(connection, found)
        for row, each in planned:
            act = Imported(
                content=each.content,
                source=path.name,
                tags=each.tags,
                physician=each.physician,
                author=author,
            )
            append(connection, act, by=None, subject=row.id, outcome=state)
        return Taken(str(path), state, tuple(row for row, _ in planned), doubles, ())

    return studio.write_now(write)


def _read(path: Path, state: TargetState, language: str) -> tuple[list[Incoming], list[InputError]]:
    found, faults = read_incoming(path, language)
    for each in found:
        try:
            workflow.imported(each.id or each.place, state, each.content)
        except workflow.Refused as error:
            faults.append(InputError(f"{each.place}: {error}"))
    return found, faults


def _plan(
    connection: sa.Connection, found: list[Incoming]
) -> tuple[list[tuple[Row, Incoming]], int]:
    """Rows without doubles, each with an id that is free; and the number of doubles."""
    there = set(_there(connection))
    used = set(connection.scalars(sa.select(items.c.id)))
    planned: list[tuple[Row, Incoming]] = []
    for each in found:
        if (key := _key(each.content)) in there:
            continue
        there.add(key)
        free = each.id is not None and each.id not in used
        id = each.id if free and each.id else new_id()
        used.add(id)
        row = Row(
            each.place,
            id,
            not free,
            len(each.content.criteria),
            each.content.language,
            each.content.specialty,
            each.physician is not None,
        )
        planned.append((row, each))
    return planned, len(found) - len(planned)


def _there(connection: sa.Connection) -> Iterator[str]:
    """Keys of the latest versions of all tasks."""
    latest = sa.select(versions.c.content).join(
        items, (items.c.id == versions.c.item) & (items.c.version == versions.c.version)
    )
    for body in connection.scalars(latest):
        yield _key(msgspec.json.decode(body, type=Content))


def _key(content: Content) -> str:
    """The same for the same conversation with the same rubric, in whatever order."""
    rubric = sorted((each.text, each.points or 0) for each in content.criteria)
    return digest(msgspec.json.encode([content.messages, rubric]))
