"""Answers whose verdicts all come at once: packed straight away, without being rows before.

An import brings them, and a grader that judges all criteria in one call. What is written is what
:mod:`preceptor.store.judged` and :mod:`preceptor.store.packs` make of the rows.
"""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from preceptor.billing import Usage
from preceptor.records import Verdict
from preceptor.store.column_types import key_bytes
from preceptor.store.packs import TOGETHER, keep_pack
from preceptor.store.rows import VERDICT, now, storable
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
_SIGNS = {True: "1", False: "0", None: "-"}
_NOTHING_REUSED = (0, 0.0) + (0,) * (len(TOOK) - 2)


class _Answer(NamedTuple):
    """A complete answer, in the order of its criteria."""

    place: _Place
    keys: list[bytes]
    verdicts: list[Verdict]


def pack_whole(
    connection: sa.Connection, run: int, rows: Sequence[_Row], others: Collection[str]
) -> Sequence[_Row]:
    """Pack the answers that are new and complete; returns the verdicts of all others.

    An answer is left to the others where the store, or another answer among these, has one of its
    keys already. ``others`` are keys of votes.
    """
    raw = plain(connection)
    answers = list(_complete(raw, run, rows)) if raw else []
    if not answers:
        return rows
    taken = _taken(connection, raw, rows, others)
    new = [each for each in answers if taken.isdisjoint(each.keys)]
    led: list[tuple[bytes, int, int]] = []
    for start in range(0, len(new), TOGETHER):
        led += _pack(raw, run, new[start : start + TOGETHER])
    # In their order, so that each page of the index is written once.
    raw.executemany("INSERT INTO packed_keys VALUES (?, ?, ?)", sorted(led))
    done = {each.place for each in new}
    return [row for row in rows if row[:2] not in done]


def _complete(raw: sqlite3.Connection, run: int, rows: Sequence[_Row]) -> Iterator[_Answer]:
    """The answers of which all verdicts are here and given, and none was there before."""
    found: dict[_Place, list[_Row]] = {}
    for row in rows:
        found.setdefault(row[:2], []).append(row)
    for place, some in sorted(found.items()):
        if any(reused or not verdict.given for *_, verdict, reused in some):
            continue
        some.sort(key=lambda row: row[2])
        if [row[2] for row in some] != list(range(len(some))):
            continue
        if raw.execute(_NEW, (run, *place)).fetchone() == (len(some),):
            verdicts = [row[3] for row in some]
            yield _Answer(place, [key_bytes(each.key) for each in verdicts], verdicts)


def _taken(
    connection: sa.Connection, raw: sqlite3.Connection, rows: Sequence[_Row], others: Iterable[str]
) -> set[bytes]:
    """The keys that are in the store, that are asked for twice, and the ``others``."""
    keys: set[bytes] = set()
    taken = set(map(key_bytes, others))
    for row in rows:
        key = key_bytes(row[3].key)
        (taken if key in keys else keys).add(key)
    asked = sorted(keys)
    for table in ("verdicts", "packed_keys"):
        if raw.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():  # noqa: S608
            taken |= present(connection, table, "TRUE", asked)
    return taken


def _pack(
    raw: sqlite3.Connection, run: int, answers: Sequence[_Answer]
) -> Iterator[tuple[bytes, int, int]]:
    """Write a pack and what scores need of its answers; returns where its keys lead."""
    at = now()
    values = [_values(verdict, at) for answer in answers for verdict in answer.verdicts]
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


def _values(verdict: Verdict, at: str) -> tuple[Any, ...]:
    """The columns VERDICT after the key, as a row of ``verdicts`` has them."""
    usage, chance, cost = verdict.usage, verdict.probability, verdict.cost_usd
    return (
        verdict.met,
        storable(verdict.explanation),
        _text(verdict.reason),
        verdict.detail,
        None if chance is None else float(chance),
        *(usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens),
        float(verdict.latency_s),
        None if cost is None else float(cost),
        verdict.attempts,
        _text(verdict.label),
        _text(verdict.served_model),
        _text(verdict.created_at) or at,
    )


def _text(value: str | None) -> str | None:
    return None if value is None else storable(value)


def _took(values: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """What the verdicts took together, in the order of TOOK."""
    costs, *tokens = zip(*map(_PAID, values), strict=True)
    priced = [cost for cost in costs if cost is not None]
    return len(values), sum(priced, 0.0), len(values) - len(priced), *map(sum, tokens)


def _more(raw: sqlite3.Connection, values: Sequence[tuple[Any, ...]]) -> str | None:
    """Label, reason and probability of each verdict, in SQLite's own words."""
    said = list(map(_SAID, values))
    if not any(any(part is not None for part in each) for each in said):
        return None
    words = (
        raw.execute("SELECT json_array(?, ?, ?)", each).fetchone()[0]
        if any(part is not None for part in each)
        else "null"
        for each in said
    )
    return f"[{','.join(words)}]"
