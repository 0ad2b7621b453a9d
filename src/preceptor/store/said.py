"""What scores are made from, and what it took: read without the words of answers and verdicts."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.records import Graded, Response, RunInfo, Usage, Verdict
from preceptor.store import schema as t
from preceptor.store.graded import read_answers, read_examples

__all__ = ["Took", "read_said"]

#: Examples whose answers are read together.
_PART = 200
_TOKENS = Usage.__struct_fields__
#: What a verdict says, as checked when it is read: met, label, reason, probability.
_Said = tuple[bool | None, str | None, str | None, float | None]
_More = list[tuple[str | None, str | None, float | None] | None]
#: What the verdicts about an example took, in the order of a bill: how many they are, dollars, how
#: many of them have no price, tokens by kind. By position, and whether they were reused.
Took = dict[tuple[int, bool], list[Any]]
#: Verdicts of an answer by its place: all, or those that there are by the place of the criterion.
_Judged = dict[tuple[int, int], tuple[Verdict, ...] | dict[int, Verdict]]

#: Answers by place, and how long the text of each is where that was not read.
_Answers = dict[tuple[int, int], tuple[Response, int | None]]
_Read = Callable[[sa.Connection, RunInfo, Sequence[int]], _Answers]
_MET = {"0": False, "1": True, "-": None}
_AT_ONCE = 1000


class _Answer(msgspec.Struct, array_like=True, gc=False):
    """Columns of an answer without its text. They are checked when read."""

    key: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    latency_s: float
    cost_usd: float | None
    failure: str | None
    detail: str
    reasoning_length: int | None
    stop_reason: str | None
    served_model: str | None
    created_at: str | None
    length: int


def read_said(
    connection: sa.Connection, run: RunInfo, *, texts: bool = True
) -> tuple[Iterator[Graded], Took]:
    """What scores are made from, and what it took, in one go through a run's verdicts.

    Of a verdict there is what it says: ``met``, ``label``, ``reason`` and ``probability``. Those
    that say the same are one object: a run may have a million. The answers are read while they are
    iterated over, so that not all of their texts need to be in memory at once.

    Parameters
    ----------
    texts
        False: an answer has no text, only its length.
    """
    took: Took = {}
    known: dict[tuple[Any, ...], Verdict] = {}
    judged = _read_packed(connection, run, took, known)
    _read_single(connection, run, judged, took, known)
    return _join(connection, run, judged, _read_texts if texts else _read_lengths), took


def _join(
    connection: sa.Connection, run: RunInfo, judged: _Judged, read: _Read
) -> Iterator[Graded]:
    for start in range(0, run.n_examples, _PART):
        part = range(start, min(start + _PART, run.n_examples))
        answers = read(connection, run, part)
        for position, example, repeats in read_examples(connection, run, part):
            for repeat in range(repeats):
                place = (position, repeat)
                found = judged.get(place, {})
                verdicts: tuple[Verdict | None, ...] = (
                    tuple(map(found.get, range(len(example.criteria))))
                    if isinstance(found, dict)
                    else found
                )
                response, length = answers.get(place, (None, None))
                yield Graded(example, repeat, response, verdicts, length)


def _read_packed(
    connection: sa.Connection, run: RunInfo, took: Took, known: dict[tuple[Any, ...], Verdict]
) -> _Judged:
    """The answers that have all their verdicts."""
    row = t.judged.c
    mine = row.run_id == run.id
    judged: _Judged = {}
    plain = {sign: _verdict(known, met, None, None, None) for sign, met in _MET.items()}
    rows = connection.execute(sa.select(row.position, row.repeat, row.met, row.more).where(mine))
    for position, repeat, met, more in rows:
        if more is None:
            judged[position, repeat] = tuple(map(plain.__getitem__, met))
        else:
            judged[position, repeat] = tuple(
                _verdict(known, _MET[sign], *(said or (None, None, None)))
                for sign, said in zip(met, msgspec.json.decode(more, type=_More), strict=True)
            )
    for reused, prefix in ((False, ""), (True, "reused_")):
        sums = (sa.func.sum(row[prefix + name]) for name in t.TOOK)
        query = sa.select(row.position, *sums).where(mine).group_by(row.position)
        for position, *values in connection.execute(query):
            if values[0]:
                took[position, reused] = values
    return judged


def _read_single(
    connection: sa.Connection,
    run: RunInfo,
    judged: _Judged,
    took: Took,
    known: dict[tuple[Any, ...], Verdict],
) -> None:
    """The verdicts of the other answers, one by one."""
    whole = Counter(position for position, _ in judged)
    asked = sa.select(t.run_examples.c.position, t.run_examples.c.repeats)
    asked = asked.where(t.run_examples.c.run_id == run.id)
    rest = [
        position for position, repeats in connection.execute(asked) if whole[position] < repeats
    ]
    link, verdicts = t.run_verdicts.c, t.verdicts.c
    # A database's truth values as they come: to convert each of a million takes a second.
    reused, met = sa.type_coerce(link.reused, sa.Integer), sa.type_coerce(verdicts.met, sa.Integer)
    query = (
        sa.select(
            *(link.position, link.repeat, link.criterion, reused),
            *(met, verdicts.label, verdicts.reason, verdicts.probability),
            *(verdicts.cost_usd, *(verdicts[name] for name in _TOKENS)),
        )
        .join_from(t.run_verdicts, t.verdicts)
        .where(link.run_id == run.id, link.position.in_(sa.bindparam("some", expanding=True)))
    )
    for start in range(0, len(rest), _AT_ONCE):
        for (
            position,
            repeat,
            place,
            again,
            *said,
            cost,
            put,
            got,
            cached,
            thought,
        ) in connection.execute(query, {"some": rest[start : start + _AT_ONCE]}):
            there = judged.setdefault((position, repeat), {})
            if isinstance(there, tuple):
                continue
            there[place] = _verdict(known, *said)
            sums = took.setdefault((position, bool(t.truth(again))), [0, 0.0, 0, 0, 0, 0, 0])
            new = (1, cost or 0.0, cost is None, put, got, cached, thought)
            sums[:] = map(operator.add, sums, new)


def _verdict(known: dict[tuple[Any, ...], Verdict], *said: Any) -> Verdict:
    """The one verdict that says that: met, label, reason, probability."""
    verdict = known.get(said)
    if verdict is None:
        yes, label, reason, probability = msgspec.convert((t.truth(said[0]), *said[1:]), _Said)
        verdict = Verdict("", yes, reason=reason, probability=probability, label=label)
        known[said] = verdict
    return verdict


def _read_texts(
    connection: sa.Connection, run: RunInfo, part: Sequence[int], *where: sa.ColumnElement[bool]
) -> _Answers:
    answers = read_answers(connection, run, part, *where)
    return {place: (response, None) for place, response in answers.items()}


def _read_lengths(connection: sa.Connection, run: RunInfo, part: Sequence[int]) -> _Answers:
    """Answers without their texts, by place, and how long these are."""
    answer, link = t.responses.c, t.run_responses.c
    mine = sa.and_(link.run_id == run.id, link.position.in_(part))
    query = (
        sa.select(link.position, link.repeat, *(answer[name] for name in _Answer.__struct_fields__))
        .join_from(t.run_responses, t.responses)
        .where(mine, answer.length.is_not(None))
    )
    found: _Answers = {}
    for position, repeat, *values in connection.execute(query):
        row = msgspec.convert(values, _Answer)
        response = Response(
            row.key,
            finish_reason=row.finish_reason,
            usage=Usage(*values[2:6]),
            latency_s=row.latency_s,
            cost_usd=row.cost_usd,
            failure=row.failure,
            detail=row.detail,
            reasoning_length=row.reasoning_length,
            stop_reason=row.stop_reason,
            served_model=row.served_model,
            created_at=row.created_at,
        )
        found[position, repeat] = (response, row.length)
    # Those with reasoning in their text, or from before lengths were kept.
    return found | _read_texts(connection, run, part, answer.length.is_(None))
