"""What a person's work came to: for the person and the leads alone, and never a ranking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
import numpy as np
import sqlalchemy as sa

from preceptor.statistics.intervals import median_interval, share_interval
from preceptor.studio.items.acts import Submitted
from preceptor.studio.items.content import Content, ItemCriterion, Review
from preceptor.studio.items.tables import decisions, items, reviews, versions
from preceptor.studio.labelling.tables import labels, units
from preceptor.studio.ledger.acts import read_act
from preceptor.studio.ledger.chain import recorded
from preceptor.studio.ledger.tables import event as events
from preceptor.studio.oversight.active_time import slices
from preceptor.studio.oversight.agreement import taken_back

__all__ = ["LEAST", "Measure", "scores"]

#: Below this many, a page shows their number and no figure.
LEAST = 20
#: The count of labels on units that check people grows in steps of this size.
_GOLD_STEP = 10


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure with its 95 % interval; both None while there are fewer than :data:`LEAST`.

    ``n`` counts ``of``; ``kind`` is the unit of the figure.
    """

    name: str
    of: str
    n: int
    kind: Literal["share", "seconds"] = "share"
    value: float | None = None
    ci95: tuple[float, float] | None = None


#: The task that a row is of, and whether the row counts for the share.
_Hits = Iterable[tuple[str, bool]]


def scores(connection: sa.Connection, person: str) -> list[Measure]:
    """All figures of a person that there is anything for."""
    found = [
        _share(
            "Criteria that stand as you first wrote them",
            "criteria of accepted tasks",
            _surviving(connection, person),
        ),
        _share(
            "Decisions on criteria that the outcome bears out",
            "criteria you reviewed of accepted tasks",
            _borne_out(connection, person),
        ),
        _share(
            "Tasks with advice that you dismissed",
            "tasks you handed in",
            _dismissed(connection, person),
        ),
        _share(
            "Labels that are right where the answer is known",
            f"criteria, counted in steps of {_GOLD_STEP}; “cannot tell” is not right",
            _on_gold(connection, person),
        ),
        *_times(connection, person),
    ]
    return [each for each in found if each.n]


def _share(name: str, of: str, hits: _Hits) -> Measure:
    rows = list(hits)
    if len(rows) < LEAST:
        return Measure(name=name, of=of, n=len(rows))
    tasks = np.array([task for task, _ in rows])
    value, ci95 = share_interval(np.array([[float(hit)] for _, hit in rows]), tasks)
    return Measure(name=name, of=of, n=len(rows), value=value, ci95=ci95)


def _times(connection: sa.Connection, person: str) -> Iterator[Measure]:
    """Active time of a task, by kind of work."""
    by_work: dict[str, dict[str, float]] = {}
    for each in slices(connection, person):
        if each.subject:
            of = by_work.setdefault(each.work, {})
            of[each.subject] = of.get(each.subject, 0.0) + each.seconds
    for work, found in sorted(by_work.items()):
        bare = Measure(name=f"Median active time: {work}", of="tasks", n=len(found), kind="seconds")
        if len(found) < LEAST:
            yield bare
            continue
        value, ci95 = median_interval(np.array(list(found.values())))
        yield msgspec.structs.replace(bare, value=value, ci95=ci95)


def _surviving(connection: sa.Connection, person: str) -> Iterator[tuple[str, bool]]:
    """Whether each criterion of a first version stands unchanged in the accepted one."""
    mine = _accepted().where(items.c.author == person, items.c.state.in_(("accepted", "retired")))
    for item, body in connection.execute(mine):
        outcome = _criteria(body)
        for each in _criteria(_content(connection, item, 1)).values():
            yield item, _fate(each, outcome) == "keep"


def _borne_out(connection: sa.Connection, person: str) -> Iterator[tuple[str, bool]]:
    """Whether each criterion that the person judged was kept, edited or dropped as they said."""
    gone = {item for item, who in taken_back(connection) if who == person}
    outcomes = {item: _criteria(body) for item, body in connection.execute(_accepted())}
    query = sa.select(reviews).where(reviews.c.person == person).order_by(reviews.c.seq)
    for row in connection.execute(query).all():
        if row.item in outcomes and row.item not in gone:
            before = _criteria(_content(connection, row.item, row.version))
            for each in msgspec.json.decode(row.body, type=Review).criteria:
                if (criterion := before.get(each.criterion)) is not None:
                    yield row.item, _fate(criterion, outcomes[row.item]) == each.decision


def _on_gold(connection: sa.Connection, person: str) -> Iterator[tuple[str, bool]]:
    """Whether each label on a unit that checks people is the known one, by answer.

    If the count grew with each label, it would show which units these are.
    """
    query = (
        sa.select(units.c.answer, units.c.gold, labels.c.said)
        .join(units, units.c.id == labels.c.unit)
        .where(labels.c.person == person, units.c.gold.is_not(None), labels.c.reason != "field")
        .order_by(labels.c.seq)
    )
    found = connection.execute(query).all()
    for row in found[: len(found) // _GOLD_STEP * _GOLD_STEP]:
        yield row.answer, row.said == ("met" if row.gold else "not_met")


def _dismissed(connection: sa.Connection, person: str) -> Iterator[tuple[str, bool]]:
    """Whether advice was dismissed in each task, as it was handed in last."""
    last = {}
    own = (events.c.kind == Submitted.kind) & (events.c.person == person)
    for event, _, body in recorded(connection, own):
        act = read_act(event.kind, body)
        last[event.subject] = isinstance(act, Submitted) and bool(act.dismissed)
    yield from last.items()


def _accepted() -> sa.Select[Any]:
    """Task and content as it was accepted last, unless somebody decided otherwise since."""
    latest = sa.select(sa.func.max(decisions.c.seq)).group_by(decisions.c.item)
    return (
        sa.select(decisions.c.item, versions.c.content)
        .join(
            versions,
            (versions.c.item == decisions.c.item) & (versions.c.version == decisions.c.version),
        )
        .join(items, items.c.id == decisions.c.item)
        .where(decisions.c.seq.in_(latest), decisions.c.decision == "accepted")
        .order_by(decisions.c.seq)
    )


def _content(connection: sa.Connection, item: str, version: int) -> str:
    query = sa.select(versions.c.content).where(
        (versions.c.item == item) & (versions.c.version == version)
    )
    return str(connection.execute(query).scalar_one())


def _criteria(body: str) -> dict[str, ItemCriterion]:
    return {each.id: each for each in msgspec.json.decode(body, type=Content).criteria}


def _fate(criterion: ItemCriterion, outcome: dict[str, ItemCriterion]) -> str:
    after = outcome.get(criterion.id)
    if after is None:
        return "drop"
    return "keep" if after.same_as(criterion) else "edit"
