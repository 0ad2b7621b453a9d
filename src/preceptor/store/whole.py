"""Answers whose verdicts all come at once: packed straight away, without being rows before.

An import brings them, and a grader that judges all criteria in one call. What is written is what
:mod:`preceptor.store.judged` and :mod:`preceptor.store.packs` make of the rows.
"""

from __future__ import annotations

import itertools
import operator
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from preceptor.billing import Usage
from preceptor.records import Verdict
from preceptor.store.column_types import key_bytes
from preceptor.store.packs import TOGETHER, keep_pack
from preceptor.store.rows import VERDICT, now, verdict_values
from preceptor.store.schema import TOOK
from preceptor.store.statements import plain, present

__all__ = ["pack_whole"]

#: Position, repeat, criterion, verdict, and whether it was in the store before.
_Row = tuple[int, int, int, Verdict, bool]
_Place = tuple[int, int]
_NEW = """
    SELECT criteria FROM run_examples x WHERE run_id = ?1 AND position = ?2 AND NOT EXISTS (
        SELECT 1 FROM run_verdicts WHERE run_id = ?1 AND position = ?2 AND repeat = ?3
    ) AND NOT EXISTS (
        SELECT 1 FROM judged WHERE run_id = ?1 AND position = ?2 AND repeat = ?3
    )"""
_COLUMNS = (
    *("run_id", "position", "repeat", "met", "more"),
    *(prefix + name for prefix in ("", "reused_") for name in TOOK),
    *("pack_id", "first"),
)
_JUDGED = (
    f"INSERT INTO judged ({', '.join(_COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)
#: Of the values of a verdict: what it says, and what it took.
_SAID, _PAID = (
    operator.itemgetter(*map(VERDICT[1:].index, names))
    for names in (("label", "reason", "probability"), ("cost_usd", *Usage.__struct_fields__))
)
_SILENT = (None, None, None)
_SIGNS = {True: "1", False: "0", None: "-"}
_NOTHING_REUSED = (0, 0.0) + (0,) * (len(TOOK) - 2)


class _Answer(NamedTuple):
    """A complete answer, in the order of its criteria."""

    place: _Place
    keys: Sequence[bytes]
    verdicts: Sequence[Verdict]


def pack_whole(
    connection: sa.Connection, run: int, rows: Sequence[_Row], others: Collection[str]
) -> Sequence[_Row]:
    """Pack the answers that are new and complete; returns the verdicts of all others.

    An answer is left to the others where the store, or another answer among these, has one of its
    keys already. ``others`` are keys of votes.
    """
    raw = plain(connection)
    if raw is None or not rows:
        return rows
    keys = [key_bytes(row[3].key) for row in rows]
    answers = list(_complete(raw, run, rows, keys))
    if not answers:
        return rows
    taken = _taken(connection, raw, keys, others)
    new = [each for each in answers if taken.isdisjoint(each.keys)]
    led: list[tuple[bytes, int, int]] = []
    for start in range(0, len(new), TOGETHER):
        led += _pack(raw, run, new[start : start + TOGETHER])
    # In their order, so that each page of the index is written once.
    raw.executemany("INSERT INTO packed_keys VALUES (?, ?, ?)", sorted(led))
    done = {each.place for each in new}
    return [row for row in rows if row[:2] not in done]


def _complete(
    raw: sqlite3.Connection, run: int, rows: Sequence[_Row], keys: Sequence[bytes]
) -> Iterator[_Answer]:
    """The answers of which all verdicts are here and given, and none was there before."""
    found: dict[_Place, dict[int, tuple[bytes, Verdict]]] = {}
    unfit: set[_Place] = set()
    for (position, repeat, criterion, verdict, reused), key in zip(rows, keys, strict=True):
        place = position, repeat
        some = found.setdefault(place, {})
        if reused or criterion in some or not verdict.given:
            unfit.add(place)
        some[criterion] = key, verdict
    for place, some in sorted(found.items()):
        count = len(some)
        if place in unfit or max(some) != count - 1:
            continue
        if raw.execute(_NEW, (run, *place)).fetchone() == (count,):
            names, verdicts = zip(*map(some.__getitem__, range(count)), strict=True)
            yield _Answer(place, names, verdicts)


def _taken(
    connection: sa.Connection,
    raw: sqlite3.Connection,
    keys: Sequence[bytes],
    others: Iterable[str],
) -> set[bytes]:
    """The keys that are in the store, that are here twice, and the ``others``."""
    asked = sorted(keys)
    taken = {key for key, after in itertools.pairwise(asked) if key == after}
    taken |= set(map(key_bytes, others))
    for table in ("verdicts", "packed_keys"):
        if raw.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():  # noqa: S608
            taken |= present(connection, table, "TRUE", asked)
    return taken


def _pack(
    raw: sqlite3.Connection, run: int, answers: Sequence[_Answer]
) -> Iterator[tuple[bytes, int, int]]:
    """Write a pack and what scores need of its answers; returns where its keys lead."""
    at = now()
    values = [verdict_values(verdict, at)[1:] for answer in answers for verdict in answer.verdicts]
    number = keep_pack(raw, [("", *each) for each in values])
    rows, first = [], 0
    for answer in answers:
        size = len(answer.keys)
        part = values[first : first + size]
        said = "".join(_SIGNS[verdict.met] for verdict in answer.verdicts)
        took = *_took(part), *_NOTHING_REUSED
        rows.append((run, *answer.place, said, _more(raw, part), *took, number, first))
        first += size
    raw.executemany(_JUDGED, rows)
    keys = (key for answer in answers for key in answer.keys)
    return ((key, number, place) for place, key in enumerate(keys))


def _took(values: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """What the verdicts took together, in the order of TOOK."""
    costs, *tokens = zip(*map(_PAID, values), strict=True)
    priced = [cost for cost in costs if cost is not None]
    return len(values), sum(priced, 0.0), len(values) - len(priced), *map(sum, tokens)


def _more(raw: sqlite3.Connection, values: Sequence[tuple[Any, ...]]) -> str | None:
    """Label, reason and probability of each verdict, in SQLite's own words."""
    said = list(map(_SAID, values))
    if said.count(_SILENT) == len(said):
        return None
    words = (
        "null" if each == _SILENT else raw.execute("SELECT json_array(?, ?, ?)", each).fetchone()[0]
        for each in said
    )
    return f"[{','.join(words)}]"
