"""Physicians' answers: the queue of tasks, drafts, handing in, and the rows of a release."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, UnknownName, shorten
from preceptor.records import Example
from preceptor.studio.baselines import workflow
from preceptor.studio.baselines.acts import (
    Answer,
    BaselinesScored,
    BaselineWritten,
    Reference,
    ReferencesSet,
)
from preceptor.studio.baselines.tables import baselines, references, scores
from preceptor.studio.baselines.workflow import GROUPS
from preceptor.studio.ids import new_id
from preceptor.studio.items import assignment
from preceptor.studio.items.assignment import Lease, Worker
from preceptor.studio.items.commands import standing
from preceptor.studio.items.drafts import Draft, discard, draft_of, save
from preceptor.studio.items.known import recogniser
from preceptor.studio.items.tables import decisions, items, leases, skips
from preceptor.studio.labelling.tables import labels, units
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append

__all__ = [
    "KIND",
    "Written",
    "baseline_rows",
    "hand_in",
    "keep",
    "keep_scores",
    "next_task",
    "own_scores",
    "seat",
    "set_references",
    "shown",
    "skip",
    "under_way",
    "written",
]

#: Of drafts and skips; a lease has the group behind it.
KIND = "baseline"


class Written(msgspec.Struct, frozen=True):
    """What a person has written of an answer that is not handed in."""

    text: str = ""
    sources: str = ""
    web: bool = False
    attested: bool = False


# Who answers what


def next_task(
    connection: sa.Connection, worker: Worker, *, now: datetime, draw: random.Random
) -> str | None:
    """The task that a person goes on with, or the one that waits longest; None without any."""
    for group in GROUPS:
        held = assignment.lease_of(connection, worker.person, _kind(group), now)
        if held is not None and seat(connection, worker.person, held.subject, now) is not None:
            return assignment.extend(connection, held, now).subject
    for item in _waiting(connection, worker):
        for group in _open_groups(connection, item, worker.person, now):
            kind = _kind(group)
            return assignment.hold(
                connection, worker.person, kind, item, now=now, draw=draw
            ).subject
    return None


def seat(
    connection: sa.Connection, person: str, item: str, now: datetime
) -> tuple[str, Lease] | None:
    """A person's group and seat on a task, also one that lapsed and nobody has taken since."""
    mine = (leases.c.person == person) & (leases.c.subject == item)
    kinds = [_kind(group) for group in GROUPS]
    rows = connection.execute(sa.select(leases).where(mine, leases.c.kind.in_(kinds))).mappings()
    free = _open_groups(connection, item, person, now)
    for lease in (Lease(**row) for row in rows):
        group = lease.kind.rpartition("-")[2]
        if group in free and _may_write(connection, item, person):
            return group, lease
    return None


def under_way(connection: sa.Connection, person: str, now: datetime) -> list[str]:
    """Tasks that a person has, or had and nobody has taken since."""
    kinds = [_kind(group) for group in GROUPS]
    mine = (leases.c.person == person) & leases.c.kind.in_(kinds)
    found = connection.scalars(sa.select(leases.c.subject).where(mine).order_by(leases.c.until))
    return [item for item in found.all() if seat(connection, person, item, now) is not None]


def skip(connection: sa.Connection, who: Who, item: str, reason: str, now: datetime) -> None:
    """Give a task back for good. Raises UnknownName."""
    _, lease = _expect(connection, who.person, item, now)
    if not reason.strip():
        raise InputError("reason: say why you give this task back, such as: not my field")
    discard(connection, item, who.person, KIND)
    assignment.release(connection, lease.kind, item, who.person)
    assignment.skip(connection, who, KIND, item, reason)


# Writing


def shown(connection: sa.Connection, item: str, group: str) -> tuple[str, ...]:
    """The answers of systems that writers of a group see."""
    of_group = (references.c.item == item) & (references.c.group == group)
    query = sa.select(references.c.text).where(of_group).order_by(references.c.number)
    return tuple(connection.scalars(query))


def written(connection: sa.Connection, person: str, item: str) -> tuple[Written, int]:
    """What a person has written, and how many times it was saved."""
    draft = draft_of(connection, item, person, KIND)
    if draft is None:
        return Written(), 0
    return msgspec.json.decode(draft.body, type=Written), draft.rev


def keep(
    connection: sa.Connection, who: Who, item: str, text: Written, *, rev: int, now: datetime
) -> Draft:
    """Save a draft, and count the hours of the seat again. Raises UnknownName, Stale."""
    _, lease = _expect(connection, who.person, item, now)
    assignment.extend(connection, lease, now)
    body, at = msgspec.json.encode(text).decode(), now.isoformat(timespec="minutes")
    return save(connection, item, who.person, KIND, rev=rev, body=body, at=at)


def hand_in(connection: sa.Connection, who: Who, item: str, text: Written, now: datetime) -> None:
    """Hand an answer in. Raises Refused, UnknownName."""
    group, lease = _expect(connection, who.person, item, now)
    answer = Answer(
        text=text.text.strip(),
        sources=tuple(line for each in text.sources.split("\n") if (line := each.strip())),
        web=text.web,
        references=shown(connection, item, group),
    )
    task, involved = standing(connection, item), _involved(connection, item)
    workflow.written(task, who.person, involved, answer, attested=text.attested)
    act = BaselineWritten(answer=answer, attested=(workflow.ATTESTATION,))
    append(connection, act, by=who, subject=item, outcome=group)
    discard(connection, item, who.person, KIND)
    assignment.release(connection, lease.kind, item, who.person)


def set_references(
    connection: sa.Connection,
    who: Who | None,
    group: str,
    answers: Iterable[tuple[Example, str, str]],
) -> int:
    """Ask for answers by people who see these (example, text, system); returns of how many tasks.

    Raises InputError: not such a group, or none is of an accepted task.
    """
    if group not in GROUPS[1:]:
        raise InputError(f"group: expected 2 or 3, found {shorten(group)}")
    task_of = recogniser(connection)
    accepted = set(connection.scalars(sa.select(items.c.id).where(items.c.state == "accepted")))
    found = tuple(
        Reference(item=item, text=text, system=system)
        for example, text, system in answers
        if (item := task_of(example)) in accepted
    )
    if not found:
        raise InputError("references: none of these answers is to an accepted task of this studio")
    append(connection, ReferencesSet(answers=found), by=who, subject=new_id(), outcome=group)
    return len({each.item for each in found})


def keep_scores(
    connection: sa.Connection,
    who: Who | None,
    run: str,
    graded: Iterable[tuple[Example, str, float]],
) -> int:
    """Take over what a run gave physicians' answers (example, text, score); returns how many.

    Raises InputError where none of them was written here.
    """
    task_of, by_text = recogniser(connection), {}
    for row in connection.execute(sa.select(baselines)).mappings():
        answer = msgspec.json.decode(row["body"], type=Answer)
        by_text[row["item"], answer.text] = row["person"]
    found = {}
    for example, text, score in graded:
        item = task_of(example)
        if (person := by_text.get((item, text))) is not None:
            found[item, person] = score
    if not found:
        raise InputError(
            f"run {shorten(run)}: has no answer that a physician wrote here: run a release with "
            f"--system physician first"
        )
    listed = tuple((item, person, score) for (item, person), score in found.items())
    append(connection, BaselinesScored(scores=listed), by=who, subject=new_id(), outcome=run)
    return len(found)


def own_scores(connection: sa.Connection, person: str) -> list[tuple[str, str, float]]:
    """Task, run and score of each of a person's answers that a run graded."""
    mine = sa.select(scores.c.item, scores.c.run, scores.c.score).where(scores.c.person == person)
    return [tuple(row) for row in connection.execute(mine.order_by(scores.c.run, scores.c.item))]


# For a release


def baseline_rows(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """A row for each answer, also as ``replay:`` reads them; ``number`` counts those of a task.

    The writer is the person's id: who gives rows away puts an alias in its place.
    """
    numbers: dict[str, int] = {}
    for row in connection.execute(sa.select(baselines).order_by(baselines.c.seq)).mappings():
        answer = msgspec.json.decode(row["body"], type=Answer)
        numbers[row["item"]] = number = numbers.get(row["item"], 0) + 1
        if not answer.text:  # it was erased
            continue
        yield {
            "id": row["item"],
            "number": number,
            "system": "physician",
            "response": answer.text,
            "group": f"Group {row['group']}",  # HealthBench's words
            "references": list(answer.references),
            "sources": list(answer.sources),
            "web": answer.web,
            "writer": row["person"],
        }


# Reading


def _kind(group: str) -> str:
    return f"{KIND}-{group}"


def _expect(connection: sa.Connection, person: str, item: str, now: datetime) -> tuple[str, Lease]:
    found = seat(connection, person, item, now)
    if found is None:
        raise UnknownName(f"task {shorten(item)}: is not yours to answer, or no more")
    return found


def _waiting(connection: sa.Connection, worker: Worker) -> Iterator[str]:
    """Accepted tasks of the person's field that they had no part in, the oldest first."""
    person = worker.person
    skipped = sa.select(skips.c.item).where(skips.c.person == person, skips.c.work == KIND)
    mine = sa.select(baselines.c.item).where(baselines.c.person == person)
    query = sa.select(items.c.id, items.c.specialty, items.c.language)
    query = query.where(items.c.state == "accepted", items.c.id.not_in(skipped))
    query = query.where(items.c.id.not_in(mine)).order_by(items.c.since)
    for row in connection.execute(query).all():
        if worker.takes(row.specialty, row.language) and _may_write(connection, row.id, person):
            yield row.id


def _open_groups(connection: sa.Connection, item: str, person: str, now: datetime) -> list[str]:
    """Groups in which nobody has answered the task, and nobody else is answering it."""
    of_item = references.c.item == item
    asked = {GROUPS[0], *connection.scalars(sa.select(references.c.group).where(of_item))}
    done = set(connection.scalars(sa.select(baselines.c.group).where(baselines.c.item == item)))
    return [
        group
        for group in sorted(asked - done)
        if not connection.scalar(assignment.taken(_kind(group), item, person, now))
    ]


def _may_write(connection: sa.Connection, item: str, person: str) -> bool:
    involved = _involved(connection, item)
    return workflow.may_write(standing(connection, item), person, involved)


def _involved(connection: sa.Connection, item: str) -> Collection[str]:
    """Who decided about a task, or labelled answers to it: they have seen its criteria."""
    decided = sa.select(decisions.c.person).where(decisions.c.item == item)
    labelled = sa.select(labels.c.person).join(units, units.c.id == labels.c.unit)
    both = sa.union(decided, labelled.where(units.c.item == item))
    return set(connection.scalars(both))
