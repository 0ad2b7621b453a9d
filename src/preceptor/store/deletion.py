"""Renaming a run, and removing it with the answers and verdicts that no other run has."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, StoreBusy, shorten
from preceptor.records import RunInfo
from preceptor.store import judged, packs
from preceptor.store import schema as t
from preceptor.store.batches import OPEN, oldest_kept
from preceptor.store.lease import refuse_owned
from preceptor.store.names import check_name
from preceptor.store.statements import plain
from preceptor.store.store import Store

__all__ = ["Held", "held", "reclaim", "remove", "rename"]

_LINKS = (t.run_votes, t.run_verdicts, t.run_responses, t.run_examples)
#: Columns that lead to what is deleted and have no index: without one, each deletion reads them
#: all.
_LEADING = (
    t.run_responses.c.response_id,
    t.run_examples.c.example_key,
    t.judged.c.pack_id,
    t.packed_keys.c.pack_id,
)
_HASH = re.compile(r"[0-9a-f]{64}")
#: Share of a file that must be empty before it is written anew without that.
_EMPTY = 0.25


class Held(msgspec.Struct, frozen=True):
    """What a run has: how many answers and verdicts, and how many of them other runs have too."""

    answers: int
    verdicts: int
    shared_answers: int
    shared_verdicts: int


def held(store: Store, run: RunInfo) -> Held:
    """What removing a run would take, and what it would leave."""
    with store.reading() as connection:
        answers = _ids(connection, run, t.run_responses.c.response_id)
        others = _ids(connection, run, t.run_responses.c.response_id, others=True)
        rows = _ids(connection, run, t.run_verdicts.c.verdict_id)
        shared = len(rows & _ids(connection, run, t.run_verdicts.c.verdict_id, others=True))
        packed = _packed(connection, run)
        theirs = _packed(connection, run, others=True)
        return Held(
            len(answers),
            len(rows) + sum(packed.values()),
            len(answers & others),
            shared + sum(size for place, size in packed.items() if place in theirs),
        )


def rename(store: Store, run: RunInfo, name: str) -> RunInfo:
    """Give a run another name.

    Raises
    ------
    InputError
        The name is taken, or no run can have it.
    StoreBusy
        The run is under way.
    """
    check_name(name)
    with store.transaction() as connection:
        refuse_busy(connection, run)
        if connection.scalar(sa.select(t.runs.c.id).where(t.runs.c.name == name)) is not None:
            raise InputError(f"run {shorten(name)}: exists already: choose another name")
        settings = msgspec.structs.replace(run.settings, scope=run.scope)
        values = {"name": name, "settings": msgspec.json.encode(settings.plain()).decode()}
        connection.execute(t.runs.update().where(t.runs.c.id == run.id).values(**values))
    return msgspec.structs.replace(run, name=name, settings=settings)


def remove(store: Store, run: RunInfo) -> None:
    """Forget a run and what no other run has. Raises StoreBusy where it is under way."""
    with store.transaction() as connection:
        refuse_busy(connection, run)
        media = set(connection.scalars(sa.select(t.blobs.c.sha256)))
        named = _media(connection) if media else set()
        answers = _ids(connection, run, t.run_responses.c.response_id)
        verdicts = _ids(connection, run, t.run_verdicts.c.verdict_id)
        verdicts |= _ids(connection, run, t.run_votes.c.verdict_id)
        examples = _ids(connection, run, t.run_examples.c.example_key)
        with _indexed(connection):
            _remove_packed(connection, run)
            for table in _LINKS:
                connection.execute(table.delete().where(table.c.run_id == run.id))
            connection.execute(t.runs.delete().where(t.runs.c.id == run.id))
            _delete(connection, t.responses.c.id, answers, (t.run_responses.c.response_id,))
            links = (t.run_verdicts.c.verdict_id, t.run_votes.c.verdict_id)
            _delete(connection, t.verdicts.c.id, verdicts, links)
            _delete(connection, t.examples.c.key, examples, (t.run_examples.c.example_key,))
        if unused := media & named - _media(connection) if media else set():
            connection.execute(t.blobs.delete().where(t.blobs.c.sha256.in_(unused)))


def refuse_busy(connection: sa.Connection, run: RunInfo) -> None:
    """Raise StoreBusy where a process works on a run, or a provider's batch API does."""
    refuse_owned(connection, run)
    table = t.batches.c
    mine = (table.run_id == run.id, table.state.in_(OPEN), table.submitted_at > oldest_kept())
    provider = connection.scalar(sa.select(table.provider).where(*mine).limit(1))
    if provider is not None:
        raise StoreBusy(
            f"run {run.name}: a batch of it is under way at {provider}: resume the run first"
        )


def reclaim(store: Store) -> int:
    """Give empty space of the file back to the system; returns how many bytes it was.

    Little of it is kept for what comes next, and all where another process has the file open.
    """
    if store.engine.dialect.name != "sqlite":
        return 0  # PostgreSQL does that by itself
    with store.reading() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.rollback()
        pages, empty, size = (
            raw.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        if empty < _EMPTY * pages:
            return 0
        with contextlib.suppress(raw.OperationalError):
            raw.execute("PRAGMA busy_timeout = 1000")
            raw.execute("VACUUM")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (after,) = raw.execute("PRAGMA page_count").fetchone()
        return int(size * max(0, pages - after))


def _ids(
    connection: sa.Connection, run: RunInfo, link: sa.Column[Any], *, others: bool = False
) -> set[Any]:
    """What the run's rows lead to, or those of all other runs."""
    return set(connection.scalars(sa.select(link).where(_of(link.table, run, others))))


def _packed(
    connection: sa.Connection, run: RunInfo, *, others: bool = False
) -> dict[tuple[int, int], int]:
    """The packed answers of the run, or of all others: pack and place, and how many verdicts."""
    table = t.judged.c
    query = sa.select(table.pack_id, table.first, sa.func.length(table.met))
    query = query.where(_of(t.judged, run, others), table.pack_id.is_not(None))
    return {(number, first): size for number, first, size in connection.execute(query)}


def _of(table: Any, run: RunInfo, others: bool) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = table.c.run_id != run.id if others else table.c.run_id == run.id
    return found


def _delete(
    connection: sa.Connection,
    column: sa.Column[Any],
    found: Collection[Any],
    links: Collection[sa.Column[Any]],
) -> None:
    """Delete those rows of a table to which no run leads any more."""
    used = {each for link in links for each in connection.scalars(sa.select(link))}
    unused = [{"of": each} for each in found if each not in used]
    if unused:
        connection.execute(column.table.delete().where(column == sa.bindparam("of")), unused)


@contextlib.contextmanager
def _indexed(connection: sa.Connection) -> Iterator[None]:
    """With indices of _LEADING as long as it takes."""
    for each in _LEADING:
        connection.exec_driver_sql(
            f"CREATE INDEX removing_{each.table.name} ON {each.table.name} ({each.name})"
        )
    yield
    for each in _LEADING:
        connection.exec_driver_sql(f"DROP INDEX removing_{each.table.name}")


def _remove_packed(connection: sa.Connection, run: RunInfo) -> None:
    """Delete packs with verdicts that only this run has; what others have there is packed anew."""
    raw = plain(connection)
    kept = _packed(connection, run, others=True)
    lost = sorted({place[0] for place in _packed(connection, run) if place not in kept})
    connection.execute(t.judged.delete().where(t.judged.c.run_id == run.id))
    if raw is None or not lost:
        return
    others: dict[int, list[tuple[int, int]]] = defaultdict(list)
    keys: set[bytes] = set()
    for number in lost:
        rows = raw.execute(
            "SELECT run_id, position, repeat FROM judged WHERE pack_id = ?", [number]
        )
        for other, *place in rows:
            others[other].append(tuple(place))
        keys |= {
            key for (key,) in raw.execute("SELECT key FROM packed_keys WHERE pack_id = ?", [number])
        }
    for other, places in others.items():
        packs.unpack(connection, other, places)
    for number in lost:
        raw.execute("DELETE FROM packed_keys WHERE pack_id = ?", [number])
        raw.execute("DELETE FROM packed_verdicts WHERE id = ?", [number])
    packs.lead_elsewhere(connection, keys)
    for other, places in others.items():
        judged.pack(connection, other, places)
        packs.pack(connection, other, places)


def _media(connection: sa.Connection) -> set[str]:
    """Hashes of the images and files that something in the store names."""
    found: set[str] = set()
    texts = (t.examples.c.data, t.responses.c.sent, t.turns.c.data)
    queries = [sa.select(column).where(column.contains("sha256")) for column in texts]
    for query in (*queries, sa.select(t.runs.c.settings)):
        for text in connection.scalars(query):
            found.update(_HASH.findall(text))
    return found
