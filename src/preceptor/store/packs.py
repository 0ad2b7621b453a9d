"""Verdicts of complete answers, compressed together. SQLite alone: PostgreSQL keeps rows.

A verdict is a row of ``verdicts`` until its answer has all of them. Then they move, in the same
transaction, into a pack, with those of up to seven other answers that are complete at that moment.
``packed_keys`` finds a verdict by its key; ``judged`` says where those of an answer are.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.records import Verdict
from preceptor.store.column_types import key_bytes, key_text, truth
from preceptor.store.rows import VERDICT, VerdictRow
from preceptor.store.statements import plain

__all__ = [
    "TOGETHER",
    "find_packed",
    "keep_pack",
    "keys_of",
    "lead_elsewhere",
    "pack",
    "packed_answers",
    "unpack",
    "unpack_verdicts",
]

#: Position of the example in the run, and repeat.
_Place = tuple[int, int]
#: Run, position, repeat.
_Where = tuple[int, int, int]
#: zlib's level. The default, 6, takes three times as long and saves a twelfth.
_LEVEL = 4
#: Answers whose verdicts are compressed together, and keys in one question.
TOGETHER, _AT_ONCE = 8, 500
_COLUMNS, _VALUES = ", ".join(VERDICT), ", ".join("?" * len(VERDICT))
_PLACE = "run_id = ? AND position = ? AND repeat = ?"
_JUDGED = f"SELECT pack_id, first, met, reused FROM judged WHERE {_PLACE}"
_ROWS = (
    f"SELECT reused, id, {_COLUMNS} FROM run_verdicts JOIN verdicts ON id = verdict_id "
    f"WHERE {_PLACE} ORDER BY criterion"
)
_UNUSED = """
    DELETE FROM verdicts WHERE id = ?1
    AND NOT EXISTS (SELECT 1 FROM run_verdicts WHERE verdict_id = ?1)
    AND NOT EXISTS (SELECT 1 FROM run_votes WHERE verdict_id = ?1)"""


class _Answer(msgspec.Struct):
    """A complete answer whose verdicts are rows."""

    where: _Where
    reused: str | None
    ids: list[int]
    keys: list[bytes]
    rows: list[tuple[Any, ...]]


def pack(connection: sa.Connection, run: int, places: Iterable[_Place]) -> None:
    """After verdicts of these answers were written and judged: pack those that are complete."""
    raw = plain(connection)
    if raw is None:
        return
    answers = [each for place in sorted(places) if (each := _complete(raw, (run, *place)))]
    known = _packed(raw, [key for each in answers for key in each.keys])
    fresh = []
    for answer in answers:
        at = known.get(answer.keys[0])
        if at and [known.get(key) for key in answer.keys] == [
            (at[0], at[1] + n) for n in range(len(answer.keys))
        ]:
            _settle(raw, answer, *at)  # another answer has the same verdicts
        else:
            fresh.append(answer)
    for start in range(0, len(fresh), TOGETHER):
        _pack(raw, fresh[start : start + TOGETHER], set(known))


def _complete(raw: sqlite3.Connection, where: _Where) -> _Answer | None:
    number, *_ = raw.execute(_JUDGED, where).fetchone() or (0,)
    if number is not None:
        return None
    rows = raw.execute(_ROWS, where).fetchall()
    reused = "".join("1" if row[0] else "0" for row in rows)
    return _Answer(
        where,
        reused if "1" in reused else None,
        [row[1] for row in rows],
        [row[2] for row in rows],
        [(truth(row[3]), *row[4:]) for row in rows],
    )


def _pack(raw: sqlite3.Connection, answers: Sequence[_Answer], elsewhere: set[bytes]) -> None:
    keys = [key for answer in answers for key in answer.keys]
    # A key that leads elsewhere stands in the pack.
    named = [
        key if key in elsewhere or key in keys[:place] else None for place, key in enumerate(keys)
    ]
    rows = [row for answer in answers for row in answer.rows]
    whole = [(key_text(key) if key else "", *row) for key, row in zip(named, rows, strict=True)]
    number = keep_pack(raw, whole)
    raw.executemany(
        "INSERT INTO packed_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(key, number, place) for place, key in enumerate(keys)],
    )
    first = 0
    for answer in answers:
        _settle(raw, answer, number, first)
        first += len(answer.keys)


def keep_pack(raw: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write a pack of rows with the columns VERDICT; returns its number."""
    data = zlib.compress(msgspec.json.encode(rows), _LEVEL)
    number = raw.execute("INSERT INTO packed_verdicts (data) VALUES (?)", [data]).lastrowid
    assert number is not None
    return number


def _settle(raw: sqlite3.Connection, answer: _Answer, number: int, first: int) -> None:
    """Say where the verdicts are, and delete their rows."""
    raw.execute(
        f"UPDATE judged SET pack_id = ?, first = ?, reused = ? WHERE {_PLACE}",
        (number, first, answer.reused, *answer.where),
    )
    raw.execute(f"DELETE FROM run_verdicts WHERE {_PLACE}", answer.where)
    raw.executemany(_UNUSED, [(number,) for number in answer.ids])


def unpack(connection: sa.Connection, run: int, places: Iterable[_Place]) -> None:
    """Before verdicts of these answers are written: rows again, where they are packed."""
    raw = plain(connection)
    for where in [(run, *place) for place in places] if raw else ():
        number, first, met, reused = raw.execute(_JUDGED, where).fetchone() or (None, 0, "", None)
        if number is None:
            continue
        rows = _verdicts(raw, number, first, len(met))
        raw.execute(f"DELETE FROM judged WHERE {_PLACE}", where)
        keys = keys_of(connection, [number])
        for criterion, row in enumerate(rows):
            key = key_bytes(row.key) if row.key else keys[number, first + criterion]
            _keep_row(raw, key, row)
            raw.execute(
                "INSERT INTO run_verdicts SELECT ?, ?, ?, ?, id, ? FROM verdicts WHERE key = ?",
                (*where, criterion, (reused or "")[criterion : criterion + 1] == "1", key),
            )


def unpack_verdicts(connection: sa.Connection, keys: Iterable[str]) -> None:
    """Before verdicts with these keys are written: rows again of those that are packed."""
    raw = plain(connection)
    for key, row in _find(raw, keys) if raw else ():
        _keep_row(raw, key, row)


def _keep_row(raw: sqlite3.Connection, key: bytes, row: VerdictRow) -> None:
    raw.execute(
        f"INSERT INTO verdicts ({_COLUMNS}) VALUES ({_VALUES}) ON CONFLICT (key) DO NOTHING",
        (key, *msgspec.structs.astuple(row)[1:]),
    )


def find_packed(connection: sa.Connection, keys: Iterable[str]) -> dict[str, Verdict]:
    """Those of the verdicts that are packed."""
    raw = plain(connection)
    found = _find(raw, keys) if raw else ()
    return {(text := key_text(key)): row.verdict(text) for key, row in found}


def packed_answers(
    connection: sa.Connection, run: int, positions: Sequence[int] | None = None
) -> Iterator[tuple[_Place, tuple[int, int], list[VerdictRow]]]:
    """The place of each packed answer in the run, its pack and place in it, and its verdicts.

    A verdict has a key only where :func:`keys_of` has none.
    """
    raw = plain(connection)
    if raw is None:
        return
    some = "" if positions is None else f"AND position IN ({', '.join(map(str, positions))})"
    query = f"""
        SELECT position, repeat, pack_id, first, length(met) FROM judged
        WHERE run_id = ? AND pack_id IS NOT NULL {some} ORDER BY pack_id"""
    last, rows = None, []
    for position, repeat, number, first, count in raw.execute(query, (run,)).fetchall():
        if number != last:
            last, rows = number, _decode(raw, number)
        yield (position, repeat), (number, first), _part(rows, first, count)


def keys_of(connection: sa.Connection, packs: Iterable[int]) -> dict[tuple[int, int], bytes]:
    """The keys in these packs, by pack and place. All keys of the store are looked through."""
    raw = plain(connection)
    wanted = set(packs)
    if raw is None or not wanted:
        return {}
    rows = raw.execute(
        "SELECT pack_id, place, key FROM packed_keys WHERE pack_id BETWEEN ? AND ?",
        (min(wanted), max(wanted)),
    )
    return {(number, place): key for number, place, key in rows if number in wanted}


def lead_elsewhere(connection: sa.Connection, keys: set[bytes]) -> None:
    """After packs were deleted: these keys lead to other packs with the same verdicts, if any."""
    raw = plain(connection)
    numbers = raw.execute("SELECT id FROM packed_verdicts").fetchall() if raw and keys else ()
    for (number,) in numbers:
        found = [
            (key, number, place)
            for place, row in enumerate(_decode(raw, number))
            if row.key and (key := key_bytes(row.key)) in keys
        ]
        raw.executemany("INSERT INTO packed_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING", found)


def _find(raw: sqlite3.Connection, keys: Iterable[str]) -> Iterator[tuple[bytes, VerdictRow]]:
    found = sorted((at, key) for key, at in _packed(raw, [key_bytes(k) for k in keys]).items())
    last, rows = None, []
    for (number, place), key in found:
        if number != last:
            last, rows = number, _decode(raw, number)
        yield key, rows[place]


def _packed(raw: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
    """Pack and place of the keys that are in one."""
    found: dict[bytes, tuple[int, int]] = {}
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        signs = ", ".join("?" * len(some))
        query = f"SELECT key, pack_id, place FROM packed_keys WHERE key IN ({signs})"
        found |= {key: (number, place) for key, number, place in raw.execute(query, some)}
    return found


def _verdicts(raw: sqlite3.Connection, number: int, first: int, count: int) -> list[VerdictRow]:
    return _part(_decode(raw, number), first, count)


def _part(rows: list[VerdictRow], first: int, count: int) -> list[VerdictRow]:
    if len(rows) < first + count:
        raise LookupError("verdicts are missing in a pack")
    return rows[first : first + count]


def _decode(raw: sqlite3.Connection, number: int) -> list[VerdictRow]:
    (data,) = raw.execute("SELECT data FROM packed_verdicts WHERE id = ?", (number,)).fetchone()
    return msgspec.json.decode(zlib.decompress(data), type=list[VerdictRow])
