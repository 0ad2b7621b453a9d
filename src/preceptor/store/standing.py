"""What is there of a run: counted, found by a text, and the latest of it.

All of it can be asked while another process is at work on the run.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa

from preceptor.records import Response, RunInfo
from preceptor.store import schema as t
from preceptor.store.graded import read_answers, read_examples
from preceptor.store.statements import driver_rows

__all__ = ["Latest", "Standing", "answer_texts", "latest", "standings"]

#: Examples whose answers are read together.
_PART = 1000


class Standing(msgspec.Struct, frozen=True):
    """How much of a run is there.

    Attributes
    ----------
    answers, verdicts
        Those given, of ``answers_asked`` and ``verdicts_asked``.
    failed, ungraded
        Answers and verdicts that could not be had, by reason.
    """

    answers_asked: int = 0
    verdicts_asked: int = 0
    answers: int = 0
    verdicts: int = 0
    failed: dict[str, int] = {}
    ungraded: dict[str, int] = {}

    @property
    def done(self) -> int:
        return self.answers + self.verdicts + sum(self.failed.values())

    @property
    def asked(self) -> int:
        return self.answers_asked + self.verdicts_asked


class Latest(msgspec.Struct, frozen=True):
    """An answer of a run, by its place."""

    position: int
    repeat: int
    example_id: str
    response: Response


def standings(connection: sa.Connection, runs: Sequence[RunInfo]) -> list[Standing]:
    """How much is there of each of these runs."""
    ids = [run.id for run in runs]
    of, packed = t.run_examples.c, t.judged.c
    asked = {
        run: (int(answers), int(verdicts or 0))
        for run, answers, verdicts in connection.execute(
            sa.select(of.run_id, sa.func.sum(of.repeats), sa.func.sum(of.repeats * of.criteria))
            .where(of.run_id.in_(ids))
            .group_by(of.run_id)
        )
    }
    answers = _by_reason(connection, t.run_responses, t.responses, t.responses.c.failure, ids)
    missing = sa.case((t.given, None), else_=sa.func.coalesce(t.verdicts.c.reason, "unknown"))
    verdicts = _by_reason(connection, t.run_verdicts, t.verdicts, missing, ids)
    whole = {
        run: int(number)
        for run, number in connection.execute(
            sa.select(packed.run_id, sa.func.sum(sa.func.length(packed.met)))
            .where(packed.run_id.in_(ids), packed.pack_id.is_not(None))
            .group_by(packed.run_id)
        )
    }
    return [
        Standing(
            *asked.get(run, (0, 0)),
            answers=answers.get(run, {}).get(None, 0),
            verdicts=verdicts.get(run, {}).get(None, 0) + whole.get(run, 0),
            failed={kind: n for kind, n in answers.get(run, {}).items() if kind is not None},
            ungraded={kind: n for kind, n in verdicts.get(run, {}).items() if kind is not None},
        )
        for run in ids
    ]


def _by_reason(
    connection: sa.Connection,
    link: sa.Table,
    table: sa.Table,
    reason: sa.ColumnElement[str | None],
    ids: Sequence[int],
) -> dict[int, dict[str | None, int]]:
    """Run → reason → how many; those that were given have none."""
    found: dict[int, dict[str | None, int]] = {}
    query = (
        sa.select(link.c.run_id, reason.label("kind"), sa.func.count().label("n"))
        .join_from(link, table)
        .where(link.c.run_id.in_(ids))
        .group_by(link.c.run_id, "kind")
        .order_by(sa.desc("n"))
    )
    for run, kind, number in connection.execute(query):
        found.setdefault(run, {})[kind] = number
    return found


def latest(connection: sa.Connection, run: RunInfo, most: int) -> list[Latest]:
    """The answers that were written last, the last first."""
    link = t.run_responses.c
    query = (
        sa.select(link.position, link.repeat)
        .where(link.run_id == run.id)
        .order_by(link.response_id.desc())
        .limit(most)
    )
    places = [(position, repeat) for position, repeat in connection.execute(query)]
    positions = sorted({position for position, _ in places})
    if not positions:
        return []
    ids = {at: example.id for at, example, _ in read_examples(connection, run, positions)}
    answers = read_answers(connection, run, positions)
    return [Latest(*place, ids[place[0]], answers[place]) for place in places if place in answers]


def answer_texts(
    connection: sa.Connection, run: RunInfo
) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Position and repeat of each answer of a run, and its text as stored, with its reasoning.

    The text is UTF-8, as the driver gives it: there may be many.
    """
    link = t.run_responses.c
    for start in range(0, run.n_examples, _PART):
        found = connection.execute(
            sa.select(link.position, link.repeat, t.responses.c.text)
            .join_from(t.run_responses, t.responses)
            .where(link.run_id == run.id, link.position.between(start, start + _PART - 1))
        )
        for position, repeat, text in driver_rows(found):
            plain = text.encode() if isinstance(text, str) else zlib.decompress(text)
            yield (position, repeat), plain
