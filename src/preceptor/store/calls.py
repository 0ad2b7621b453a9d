"""Calls under way: two processes that want the same answer or verdict ask once.

A process claims the keys of what it asks for. The claim ends in the transaction that writes the
result; it lapses with its process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa

from preceptor.store import schema as t
from preceptor.store.column_types import Key, key_bytes, key_text
from preceptor.store.lease import Owner, clock, now_of
from preceptor.store.statements import AT_ONCE, Upsert, plain, present

__all__ = ["beat_calls", "claim", "forget", "give_back", "release_calls"]

_KEEP = Upsert(t.calls)
#: Where a result may be, and what makes it one.
_DONE = (
    ("responses", "failure IS NULL"),
    ("verdicts", "(met IS NOT NULL OR label IS NOT NULL)"),
    ("packed_keys", "TRUE"),
)
_KEYS: sa.BindParameter[str] = sa.bindparam("keys", expanding=True, type_=Key)
_TAKEN = sa.select(t.calls).where(t.calls.c.key.in_(_KEYS), t.calls.c.owner != sa.bindparam("mine"))


def claim(connection: sa.Connection, groups: Sequence[Sequence[str]], me: Owner) -> list[bool]:
    """Claim the keys of each group, all of them or none.

    False for a group of which one is asked for by another process, or is in the store by now.
    """
    keys = sorted({key for group in groups for key in group})
    now = now_of(connection)
    _claim(connection, keys, me, now)
    theirs = _others(connection, keys, me)
    lapsed = [
        {"of": key, "whose": owner}
        for key, owner, since in theirs
        if not msgspec.json.decode(owner, type=Owner).alive(since, now)
    ]
    if lapsed:
        whose = t.calls.c.owner == sa.bindparam("whose")
        connection.execute(
            t.calls.delete().where(t.calls.c.key == sa.bindparam("of"), whose), lapsed
        )
        _claim(connection, [each["of"] for each in lapsed], me, now)
        theirs = _others(connection, keys, me)
    others = {key for key, *_ in theirs}
    # Only now: what another process had written until then is seen.
    stored = list(map(key_bytes, keys))
    for table, where in _DONE:
        others.update(map(key_text, present(connection, table, where, stored)))
    granted = [not others.intersection(group) for group in groups]
    if others:
        kept = {key for group, yes in zip(groups, granted, strict=True) if yes for key in group}
        give_back(connection, [key for key in keys if key not in kept], me)
    return granted


def _claim(connection: sa.Connection, keys: Iterable[str], me: Owner, now: float) -> None:
    mine = me.encode()
    _KEEP(connection, [{"key": key, "owner": mine, "since": now} for key in keys])


def _others(
    connection: sa.Connection, keys: Sequence[str], me: Owner
) -> list[tuple[str, str, float]]:
    """Key, owner and last sign of life of what other processes ask for."""
    mine = me.encode()
    if not present(connection, "calls", "owner <> ?", list(map(key_bytes, keys)), mine):
        return []
    return [
        (row.key, row.owner, row.since)
        for start in range(0, len(keys), AT_ONCE)
        for row in connection.execute(_TAKEN, {"keys": keys[start : start + AT_ONCE], "mine": mine})
    ]


def give_back(connection: sa.Connection, keys: Iterable[str], me: Owner) -> None:
    """Give up claims of ours without a result."""
    rows = [{"of": key} for key in keys]
    if rows:
        ours = t.calls.c.owner == me.encode()
        connection.execute(t.calls.delete().where(t.calls.c.key == sa.bindparam("of"), ours), rows)


def forget(connection: sa.Connection, keys: Iterable[str]) -> None:
    """Delete all claims on these keys, of any process: their results are stored."""
    if (raw := plain(connection)) is not None:
        if raw.execute("SELECT 1 FROM calls LIMIT 1").fetchone():
            raw.executemany("DELETE FROM calls WHERE key = ?", [(key_bytes(key),) for key in keys])
    elif rows := [{"of": key} for key in sorted(keys)]:
        connection.execute(t.calls.delete().where(t.calls.c.key == sa.bindparam("of")), rows)


def beat_calls(connection: sa.Connection, me: Owner) -> None:
    """Give a sign of life for all claims of ours."""
    ours = t.calls.update().where(t.calls.c.owner == me.encode())
    connection.execute(ours.values(since=clock(connection)))


def release_calls(connection: sa.Connection, me: Owner) -> None:
    """Give up all claims of ours."""
    connection.execute(t.calls.delete().where(t.calls.c.owner == me.encode()))
