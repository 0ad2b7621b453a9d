"""Results → rows, in one transaction: answers, verdicts, votes, turns; and look-ups by key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from preceptor.billing import Usage
from preceptor.records import Response, RunInfo, Verdict
from preceptor.store import packs
from preceptor.store import schema as t
from preceptor.store.blobs import keep_media
from preceptor.store.calls import forget
from preceptor.store.column_types import key_bytes, key_text
from preceptor.store.judged import pack
from preceptor.store.rows import (
    ANSWER,
    Vote,
    read_response,
    response_row,
    storable,
    turn_rows,
    verdict_row,
    vote_row,
)
from preceptor.store.statements import Upsert, present
from preceptor.store.whole import pack_whole

__all__ = ["ANSWERS", "GIVEN", "UNFINISHED", "any_fresh", "rows_of", "write_results"]

_CHUNK = 500
#: Failure of a dialogue that goes on: the call is still under way.
UNFINISHED = "unfinished"
#: What a failed call had cost stays counted when a later one takes its place.
_PAID = (*Usage.__struct_fields__, "cost_usd")
# Built once: they are asked for every example.
_KEYS: sa.BindParameter[str] = sa.bindparam("keys", expanding=True)
_BY_KEY = sa.select(*ANSWER).where(t.responses.c.key.in_(_KEYS))
ANSWERS = _BY_KEY.where(t.answered)
#: Id of the row that has a key.
_RESPONSE, _VERDICT = (
    sa.select(table.c.id).where(table.c.key == sa.bindparam("of")).scalar_subquery()
    for table in (t.responses, t.verdicts)
)
GIVEN = sa.select(t.verdicts).where(t.verdicts.c.key.in_(_KEYS), t.given)
_KEEP_RESPONSES = Upsert(t.responses, by=("key",), replace=~t.answered, add=_PAID)
_KEEP_VERDICTS = Upsert(t.verdicts, by=("key",), replace=~t.given, add=(*_PAID, "attempts"))
_KEEP_TURNS = Upsert(t.turns, values={"response_id": _RESPONSE})
_LINK_RESPONSES = Upsert(t.run_responses, values={"response_id": _RESPONSE}, replace=sa.true())
_LINK_VERDICTS = Upsert(t.run_verdicts, values={"verdict_id": _VERDICT}, replace=sa.true())
#: A vote that this run paid for is found in the store when the run is resumed.
_LINK_VOTES = Upsert(
    t.run_votes, values={"verdict_id": _VERDICT}, replace=sa.true(), both=("reused",)
)


def write_results(
    connection: sa.Connection,
    run: RunInfo | None,
    answers: Sequence[tuple[int, int, Response, bool]],
    verdicts: Sequence[tuple[int, int, int, Verdict, bool]],
    votes: Sequence[Vote],
    *,
    turns: Sequence[Response],
) -> dict[str, Response]:
    """See :meth:`preceptor.store.Store.write`."""
    fresh = {response.key: response for _, _, response, reused in answers if not reused}
    fresh |= {response.key: response for response in turns}
    before = _there(connection, fresh)
    _KEEP_RESPONSES(connection, [response_row(response) for response in fresh.values()])
    done = {key for key, each in fresh.items() if each.failure != UNFINISHED}
    done |= {verdict.key for *_, verdict, reused in verdicts if not reused}
    done |= {vote.verdict.key for vote in votes if not vote.reused}
    forget(connection, done)
    if run is not None:
        verdicts = pack_whole(connection, run.id, verdicts, [vote.verdict.key for vote in votes])
    places = {(position, repeat) for position, repeat, *_ in verdicts}
    if run is not None:
        packs.unpack(connection, run.id, places)
    packs.unpack_verdicts(
        connection, [each.key for *_, each, _ in verdicts] + [vote.verdict.key for vote in votes]
    )
    judged = [verdict for *_, verdict, reused in verdicts if not reused]
    judged += [vote.verdict for vote in votes if not vote.reused]
    _KEEP_VERDICTS(connection, [verdict_row(verdict) for verdict in judged])
    elsewhere = _elsewhere(connection, {key: fresh[key] for key in before})
    keep_media(connection, (turn.message for each in fresh.values() for turn in each.turns))
    _write_turns(connection, [each for key, each in fresh.items() if key not in elsewhere])
    if run is None:
        return elsewhere
    _LINK_RESPONSES(
        connection,
        [
            {
                "run_id": run.id,
                "position": position,
                "repeat": repeat,
                "of": response.key,
                "reused": reused,
            }
            for position, repeat, response, reused in answers
        ],
    )
    _LINK_VERDICTS(
        connection,
        [
            {
                "run_id": run.id,
                "position": position,
                "repeat": repeat,
                "criterion": criterion,
                "of": verdict.key,
                "reused": reused,
            }
            for position, repeat, criterion, verdict, reused in verdicts
        ],
    )
    pack(connection, run.id, places)
    _LINK_VOTES(connection, [vote_row(run.id, vote) for vote in votes])
    packs.pack(connection, run.id, places)
    return elsewhere


def any_fresh(
    verdicts: Sequence[tuple[int, int, int, Verdict, bool]], votes: Sequence[Vote]
) -> bool:
    """Whether one of them was not in the store before."""
    return not (all(reused for *_, reused in verdicts) and all(vote.reused for vote in votes))


def _write_turns(connection: sa.Connection, responses: Sequence[Response]) -> None:
    """Write the transcripts of answers; they replace those of earlier failures."""
    if not responses:
        return
    connection.execute(
        t.turns.delete().where(t.turns.c.response_id == _RESPONSE),
        [{"of": response.key} for response in responses],
    )
    rows = [row for response in responses for row in turn_rows(response)]
    _KEEP_TURNS(connection, rows)


def _there(connection: sa.Connection, fresh: Mapping[str, Response]) -> Collection[str]:
    """Those of the answers that may be in the store before they are written."""
    if connection.dialect.name != "sqlite":  # there another process may write at this moment
        return fresh
    stored = present(connection, "responses", "TRUE", list(map(key_bytes, fresh)))
    return set(map(key_text, stored))


def rows_of(
    connection: sa.Connection, query: sa.Select[Any], keys: Sequence[str]
) -> list[sa.RowMapping]:
    found: list[sa.RowMapping] = []
    for start in range(0, len(keys), _CHUNK):
        found += connection.execute(query, {"keys": keys[start : start + _CHUNK]}).mappings()
    return found


def _elsewhere(connection: sa.Connection, fresh: Mapping[str, Response]) -> dict[str, Response]:
    """Of the answers just written, those that the database has otherwise."""
    return {
        row["key"]: read_response(row)
        for row in rows_of(connection, _BY_KEY, list(fresh))
        if (row["text"], row["failure"])
        != (storable(fresh[row["key"]].whole), fresh[row["key"]].failure)
    }
