"""Calls under way: two processes that want the same answer or verdict ask once.

A process claims the keys of what it asks for. The claim ends in the transaction that writes the
result; it lapses with its process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa

from preceptor.store import schema as t
from preceptor.store.database import upsert
from preceptor.store.lease import Owner, clock

__all__ = ["beat_calls", "claim", "forget", "give_back", "release_calls"]

_AT_ONCE = 500
_KEYS: sa.BindParameter[str] = sa.bindparam("keys", expanding=True, type_=t.Key)
_TAKEN = sa.select(t.calls).where(t.calls.c.key.in_(_KEYS))
_DONE = sa.union_all(
    sa.select(t.responses.c.key).where(t.responses.c.key.in_(_KEYS), t.answered),
    sa.select(t.verdicts.c.key).where(t.verdicts.c.key.in_(_KEYS), t.given),
    sa.select(t.packed_keys.c.key).where(t.packed_keys.c.key.in_(_KEYS)),
)


def claim(connection: sa.Connection, groups: Sequence[Sequence[str]], me: Owner) -> list[bool]:
    """Claim the keys of each group, all of them or none.

    False for a group of which one is asked for by another process, or is in the store by now.
    """
    keys = sorted({key for group in groups for key in group})
    mine = me.encode()
    now = connection.execute(sa.select(clock(connection))).scalar_one()
    lapsed = [
        {"of": row.key, "whose": row.owner}
        for row in _rows(connection, _TAKEN, keys)
        if row.owner != mine
        and not msgspec.json.decode(row.owner, type=Owner).alive(row.since, now)
    ]
    if lapsed:
        whose = t.calls.c.owner == sa.bindparam("whose")
        connection.execute(
            t.calls.delete().where(t.calls.c.key == sa.bindparam("of"), whose), lapsed
        )
    upsert(connection, t.calls, [{"key": key, "owner": mine, "since": now} for key in keys])
    # Only now: what another process had written until then is seen.
    others = {row.key for row in _rows(connection, _TAKEN, keys) if row.owner != mine}
    others |= {row.key for row in _rows(connection, _DONE, keys)}
    granted = [not others.intersection(group) for group in groups]
    kept = {key for group, yes in zip(groups, granted, strict=True) if yes for key in group}
    give_back(connection, [key for key in keys if key not in kept], me)
    return granted


def give_back(connection: sa.Connection, keys: Iterable[str], me: Owner) -> None:
    """Give up claims of ours without a result."""
    rows = [{"of": key} for key in keys]
    if rows:
        ours = t.calls.c.owner == me.encode()
        connection.execute(t.calls.delete().where(t.calls.c.key == sa.bindparam("of"), ours), rows)


def forget(connection: sa.Connection, keys: Iterable[str]) -> None:
    """Delete the claims on these keys, whoever made them: their results are stored."""
    if rows := [{"of": key} for key in sorted(keys)]:
        connection.execute(t.calls.delete().where(t.calls.c.key == sa.bindparam("of")), rows)


def beat_calls(connection: sa.Connection, me: Owner) -> None:
    """Give a sign of life for all claims of ours."""
    ours = t.calls.update().where(t.calls.c.owner == me.encode())
    connection.execute(ours.values(since=clock(connection)))


def _rows(
    connection: sa.Connection, query: sa.Executable, keys: Sequence[str]
) -> list[sa.Row[tuple[object, ...]]]:
    return [
        row
        for start in range(0, len(keys), _AT_ONCE)
        for row in connection.execute(query, {"keys": keys[start : start + _AT_ONCE]})
    ]


def release_calls(connection: sa.Connection, me: Owner) -> None:
    """Give up all claims of ours."""
    connection.execute(t.calls.delete().where(t.calls.c.owner == me.encode()))
