"""What scores are made from, and what it took: read without the words of answers and verdicts."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from preceptor.records import (
    Answers,
    Example,
    Graded,
    Replies,
    RunInfo,
    Usage,
    Verdict,
    sign_of,
)
from preceptor.store import schema as t
from preceptor.store.column_types import truth
from preceptor.store.graded import read_answers, read_examples
from preceptor.store.keys import Keys
from preceptor.store.statements import driver_rows

__all__ = ["Sums", "Took", "read_columns", "read_said"]

#: Examples whose answers are read together.
_PART = 50
_TOKENS = Usage.__struct_fields__
#: What a verdict says, as checked when it is read: met, label, reason, probability.
_Said = tuple[bool | None, str | None, str | None, float | None]
_More = list[tuple[str | None, str | None, float | None] | None]
#: What the answers or verdicts of an example took, in the order of a bill: how many they are,
#: dollars, how many of them have no price, tokens by kind. By position, and whether reused.
Sums = dict[tuple[int, bool], list[Any]]
_MET = {"0": False, "1": True, "-": None}
_AT_ONCE = 1000

_JUDGED = sa.select(t.judged.c.position, t.judged.c.repeat, t.judged.c.met, t.judged.c.more).where(
    t.judged.c.run_id == sa.bindparam("run"),
    t.judged.c.position.between(sa.bindparam("first"), sa.bindparam("last")),
)


class Took(NamedTuple):
    """What a run's verdicts and answers took; None for answers that are yet to be read."""

    verdicts: Sums
    answers: Sums | None = None


def read_said(connection: sa.Connection, run: RunInfo) -> tuple[Iterator[Graded], Took]:
    """What scores are made from where answers must be read, and what it took.

    Of a verdict there is what it says: ``met``, ``label``, ``reason`` and ``probability``. Those
    that say the same are one object: a run may have a million. The answers are read while they are
    iterated over, so that not all of their texts need to be in memory at once.
    """
    verdicts = _Verdicts(connection, run)
    return _with_texts(connection, run, verdicts), Took(verdicts.took)


def read_columns(
    connection: sa.Connection, run: RunInfo, known: dict[str, Example] | None = None
) -> tuple[Answers, Took]:
    """The same without any text, all at once: an answer has only its length.

    ``known`` are examples of other runs: see :func:`read_examples`.
    """
    verdicts = _Verdicts(connection, run)
    examples: list[Example] = []
    replies: list[Replies] = []
    slots: list[int] = []
    took: Sums = {}
    for part in _parts(run):
        examples += [example for _, example, _ in read_examples(connection, run, part, known)]
        for some, places in _read_replies(connection, run, part, took):
            replies.append(some)
            slots += [verdicts.slot(*place) for place in places]
    signs, told = verdicts.aligned(examples)
    reply = np.full(len(signs), -1)
    reply[slots] = np.arange(len(slots))
    answers = Answers(
        examples,
        example=verdicts.example,
        repeat=verdicts.repeat,
        signs=signs,
        told=told,
        replies=Replies(*map(_joined, zip(Replies.of([]), *replies, strict=True))),
        reply=reply,
        plain=verdicts.plain,
    )
    return answers, Took(verdicts.took, took)


def _joined(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    if any(isinstance(part, Keys) for part in parts):
        return Keys.joined(parts)
    return [value for part in parts for value in part]


#: Columns of the question for answers, as checked when they are read.
_REPLY: dict[str, Any] = {
    "position": list[int],
    "repeat": list[int],
    "reused": list[bool | int],
    "key": list[bytes],
    "finish_reason": list[str],
    "failure": list[str | None],
    "detail": list[str],
    "stop_reason": list[str | None],
    "served_model": list[str | None],
    "created_at": list[str | None],
    **dict.fromkeys(_TOKENS, list[int]),
    "latency_s": list[float],
    "cost_usd": list[float | None],
    "reasoning_length": list[int | None],
    "length": list[int | None],
}
_REPLIES = (
    sa.select(
        *(t.run_responses.c[name] for name in ("position", "repeat", "reused")),
        *(t.responses.c[name] for name in list(_REPLY)[3:]),
    )
    .join_from(t.run_responses, t.responses)
    .where(
        t.run_responses.c.run_id == sa.bindparam("run"),
        t.run_responses.c.position.between(sa.bindparam("first"), sa.bindparam("last")),
    )
)


class _Verdicts:
    """What the verdicts of a run say, by the number of the answer, and what they took.

    Attributes
    ----------
    example, repeat
        Of each answer that was asked for: the place of its example, and which repeat it is.
    plain
        The verdicts that say met and not met, and nothing else.
    """

    def __init__(self, connection: sa.Connection, run: RunInfo) -> None:
        of = t.run_examples.c
        query = sa.select(of.position, of.repeats).where(of.run_id == run.id).order_by(of.position)
        rows = driver_rows(connection.execute(query))
        asked = [(int(position), int(repeats)) for position, repeats in rows]
        repeats = np.array([number for _, number in asked], dtype=np.intp)
        begins = np.cumsum(repeats) - repeats
        self.example = np.repeat(np.arange(len(asked)), repeats)
        self.repeat = np.arange(repeats.sum()) - np.repeat(begins, repeats)
        self._of = {
            position: range(begin, begin + number)
            for (position, number), begin in zip(asked, begins.tolist(), strict=True)
        }
        self._signs: list[str | None] = [None] * len(self.example)
        self._told: dict[int, tuple[Verdict, ...]] = {}
        self._single: dict[int, dict[int, Verdict]] = {}
        self._known: dict[tuple[Any, ...], Verdict] = {}
        self.took: Sums = {}
        self.plain = {
            sign: self._verdict(met, None, None, None)
            for sign, met in _MET.items()
            if met is not None
        }
        self._read_packed(connection, run)
        self._read_single(connection, run)

    def slot(self, position: int, repeat: int) -> int:
        """The number of an answer. Raises LookupError where it was not asked for."""
        return self._of[position][repeat]

    def of(self, slot: int, criteria: int) -> tuple[Verdict | None, ...]:
        """The verdicts of an answer, None where there is none."""
        if (told := self._told.get(slot)) is not None:
            return told
        if (signs := self._signs[slot]) is not None:
            return tuple(map(self.plain.__getitem__, signs))
        return tuple(map(self._single.get(slot, {}).get, range(criteria)))

    def aligned(
        self, examples: Sequence[Example]
    ) -> tuple[list[str], dict[int, tuple[Verdict | None, ...]]]:
        """Signs and verdicts of all answers, as in :class:`Answers`."""
        told: dict[int, tuple[Verdict | None, ...]] = dict(self._told)
        for slot, signs in enumerate(self._signs):
            if signs is None:
                told[slot] = self.of(slot, len(examples[self.example[slot]].criteria))
        whole = [
            "".join(map(sign_of, told[slot])) if known is None else known
            for slot, known in enumerate(self._signs)
        ]
        return whole, told

    def _read_packed(self, connection: sa.Connection, run: RunInfo) -> None:
        """The answers that have all their verdicts."""
        same: dict[str, str] = {}  # many say the same
        for part in _parts(run):
            for position, repeat, met, more in _rows(connection, _JUDGED, run, part):
                slot = self.slot(position, repeat)
                if met.strip("01-"):
                    raise ValueError("neither met nor unmet nor a label")
                self._signs[slot] = same.setdefault(met, met)
                if more is not None:
                    said = msgspec.json.decode(more, type=_More)
                    self._told[slot] = tuple(
                        self._verdict(_MET[sign], *(each or (None, None, None)))
                        for sign, each in zip(met, said, strict=True)
                    )
        row = t.judged.c
        for reused, prefix in ((False, ""), (True, "reused_")):
            sums = (sa.func.sum(row[prefix + name]) for name in t.TOOK)
            query = sa.select(row.position, *sums).where(row.run_id == run.id)
            found = driver_rows(connection.execute(query.group_by(row.position)))
            for position, count, cost, *rest in found:
                if count:  # PostgreSQL gives sums of whole numbers as decimals
                    self.took[position, reused] = [int(count), cost, *map(int, rest)]

    def _read_single(self, connection: sa.Connection, run: RunInfo) -> None:
        """The verdicts of the other answers, one by one."""
        rest = [
            at for at, slots in self._of.items() if None in self._signs[slots.start : slots.stop]
        ]
        link, verdicts = t.run_verdicts.c, t.verdicts.c
        # A database's truth values as they come: to convert each of a million takes a second.
        reused, met = (
            sa.type_coerce(link.reused, sa.Integer),
            sa.type_coerce(verdicts.met, sa.Integer),
        )
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
            some = {"some": rest[start : start + _AT_ONCE]}
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
            ) in connection.execute(query, some):
                slot = self.slot(position, repeat)
                if self._signs[slot] is not None:
                    continue
                self._single.setdefault(slot, {})[place] = self._verdict(*said)
                key = (position, bool(truth(again)))
                sums = self.took.setdefault(key, [0, 0.0, 0, 0, 0, 0, 0])
                new = (1, cost or 0.0, cost is None, put, got, cached, thought)
                sums[:] = map(operator.add, sums, new)

    def _verdict(self, *said: Any) -> Verdict:
        """The one verdict that says that: met, label, reason, probability."""
        verdict = self._known.get(said)
        if verdict is None:
            yes, label, reason, chance = msgspec.convert((truth(said[0]), *said[1:]), _Said)
            verdict = Verdict("", yes, reason=reason, probability=chance, label=label)
            self._known[said] = verdict
        return verdict


def _parts(run: RunInfo) -> Iterator[range]:
    """The positions of a run's examples, some at a time."""
    for start in range(0, run.n_examples, _PART):
        yield range(start, min(start + _PART, run.n_examples))


def _rows(
    connection: sa.Connection, query: sa.Select[Any], run: RunInfo, part: range
) -> list[tuple[Any, ...]]:
    """Rows about these positions."""
    values = {"run": run.id, "first": part[0], "last": part[-1]}
    return driver_rows(connection.execute(query, values))


def _with_texts(connection: sa.Connection, run: RunInfo, verdicts: _Verdicts) -> Iterator[Graded]:
    for part in _parts(run):
        answers = read_answers(connection, run, part)
        for position, example, repeats in read_examples(connection, run, part):
            for repeat in range(repeats):
                slot = verdicts.slot(position, repeat)
                judged = verdicts.of(slot, len(example.criteria))
                yield Graded(example, repeat, answers.get((position, repeat)), judged)


def _read_replies(
    connection: sa.Connection, run: RunInfo, part: range, took: Sums
) -> Iterator[tuple[Replies, Sequence[tuple[int, int]]]]:
    """The answers without their texts, and the place of each; what they took is added."""
    rows = _rows(connection, _REPLIES, run, part)
    if not rows:
        return
    columns = _checked(rows)
    took |= _sums(columns)
    if None in columns["length"]:
        # Those with reasoning in their text, or from before lengths were kept.
        answers = read_answers(connection, run, part, t.responses.c.length.is_(None))
        yield Replies.of(list(answers.values())), list(answers)
        known = [length is not None for length in columns["length"]]
        columns = {name: list(itertools.compress(columns[name], known)) for name in columns}
        if not any(known):
            return
    words: dict[Any, Any] = {}

    def texts(name: str) -> list[Any]:
        """A word that many answers have is in memory once."""
        return list(map(words.setdefault, columns[name], columns[name]))

    def numbers(name: str) -> Any:
        return np.array(columns[name], dtype=np.float64)

    replies = Replies(
        key=Keys.of(columns["key"]),
        finish_reason=texts("finish_reason"),
        failure=texts("failure"),
        detail=texts("detail"),
        stop_reason=texts("stop_reason"),
        served_model=texts("served_model"),
        created_at=texts("created_at"),
        tokens=_tokens(columns),
        latency_s=numbers("latency_s"),
        cost_usd=numbers("cost_usd"),
        reasoning_length=numbers("reasoning_length"),
        length=np.array(columns["length"], dtype=np.int64),
        thought=np.zeros(len(columns["key"]), dtype=np.bool_),
    )
    yield replies, list(zip(columns["position"], columns["repeat"], strict=True))


def _checked(rows: Sequence[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    columns = zip(_REPLY.items(), zip(*rows, strict=True), strict=True)
    return {name: msgspec.convert(values, kind) for (name, kind), values in columns}


def _tokens(columns: Mapping[str, Sequence[Any]]) -> NDArray[np.int64]:
    return np.array([columns[name] for name in _TOKENS], dtype=np.int64).T


def _sums(columns: Mapping[str, Sequence[Any]]) -> Sums:
    """What these answers took."""
    again = {value: truth(value) for value in set(columns["reused"])}
    flags = np.array([again[value] for value in columns["reused"]], dtype=np.int64)
    codes, of = np.unique(2 * np.array(columns["position"]) + flags, return_inverse=True)
    cost = np.array(columns["cost_usd"], dtype=np.float64)
    unpriced = np.isnan(cost)
    tokens = np.zeros((len(codes), len(_TOKENS)), dtype=np.int64)
    np.add.at(tokens, of, _tokens(columns))
    sums = (
        np.bincount(of).tolist(),
        np.bincount(of, np.where(unpriced, 0, cost)).tolist(),
        np.bincount(of, unpriced).tolist(),
        *tokens.T.tolist(),
    )
    return {
        (code >> 1, bool(code & 1)): list(each)
        for code, *each in zip(codes.tolist(), *sums, strict=True)
    }
