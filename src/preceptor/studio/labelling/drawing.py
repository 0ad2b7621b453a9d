"""Which criteria of a run's answers people label: drawn with a known chance, or the most telling.

A larger draw of the same run has all of a smaller one, with larger chances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

import msgspec
import sqlalchemy as sa

from preceptor.audit.marks import Item, Mark
from preceptor.errors import InputError, shorten
from preceptor.records import content_key
from preceptor.studio.ids import new_id
from preceptor.studio.items.known import recogniser
from preceptor.studio.labelling.acts import Pulled, PulledAnswer, PulledUnit
from preceptor.studio.labelling.queue import set_gold
from preceptor.studio.labelling.tables import pulls, units
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append

__all__ = ["TWICE", "Way", "chances_of", "pull"]

#: ``audit``: each with a chance; ``answers``: all criteria of some answers; ``telling``: those of
#: which least is known.
Way = Literal["audit", "answers", "telling"]
#: Share of units that two people label.
TWICE = 0.3
#: How often a grader is wrong that gives no probability.
_WRONG = 0.1
#: What a draw with chances goes together with: whole answers are another design.
_ALONE = "answers"


def chances_of(found: Sequence[Item], way: Way, count: int) -> list[float]:
    """The chance of each to be in a draw of about ``count``: 0 and 1 where none is drawn."""
    import numpy as np

    from preceptor.statistics.labelling import audit_chances, most_telling

    if way == "answers":
        share = min(1.0, count / len({_answer(item) for item in found}))
        return [share] * len(found)
    known = np.array([_probability(item) for item in found])
    weights = np.array(_weights(found))
    if way == "telling":
        chosen = set(most_telling(known, weights, count))
        return [float(place in chosen) for place in range(len(found))]
    if count >= len(found):
        return [1.0] * len(found)
    spread = np.abs(weights) * np.sqrt(known * (1 - known))
    return [float(each) for each in audit_chances(spread, count)]


def pull(
    connection: sa.Connection,
    who: Who | None,
    found: Sequence[Item],
    *,
    way: Way,
    count: int,
    gold: Mapping[str, Mark] | None = None,
) -> Pulled:
    """Draw criteria of a run for people to label. Raises InputError.

    Parameters
    ----------
    found
        Every criterion of every answer of the run.
    count
        About how many; of answers, where whole answers are drawn.
    gold
        Mark id → what is right, of criteria that check people.
    """
    if way not in get_args(Way) or count < 1:
        raise InputError(f"pull: expected a number of 1 or more, found {count}")
    run = found[0].run
    before = _before(connection, run.scope, way)
    chance = dict(zip((item.id for item in found), chances_of(found, way, count), strict=True))
    drawn = {id for id in chance if _uniform(run.scope, way, _drawn_by(id, way)) < chance[id]}
    right = {id: mark for id, mark in (gold or {}).items() if mark.met is not None}
    if unknown := sorted(right.keys() - chance.keys()):
        raise InputError(f"--gold: {shorten(unknown[0])} is no criterion of run {run.name}")
    new = [item for item in found if item.id in drawn | right.keys() and item.id not in before]
    new.sort(key=lambda item: content_key("pull", run.scope, item.id))
    raised = {
        unit: chance[id]
        for id, (unit, was) in before.items()
        if id in drawn and (was is None or was < chance[id])
    }
    if not new and not raised and not right:
        raise InputError(f"run {shorten(run.name)}: all of these were drawn before: ask for more")
    answers = _answers(connection, new)
    numbers = {key: number for number, key in enumerate(answers)}
    act = Pulled(
        scope=run.scope,
        run=run.name,
        benchmark=run.benchmark,
        system=run.system,
        grader=run.grader,
        way=way,
        answers=tuple(answers.values()),
        units=tuple(
            PulledUnit(
                id=new_id(),
                answer=numbers[_answer(item)],
                criterion=item.index,
                mark=item.id,
                met=item.met,
                probability=item.probability,
                chance=chance[item.id] if item.id in drawn else None,
                seats=1 + (_uniform(run.scope, "twice", item.id) < TWICE),
                gold=right[item.id].met if item.id in right else None,
                explanation=right[item.id].comment if item.id in right else "",
            )
            for item in new
        ),
        chances=tuple(raised.items()),
    )
    append(connection, act, by=who, subject=new_id())
    for id, mark in right.items():
        if id in before:
            set_gold(connection, who, before[id][0], bool(mark.met), mark.comment)
    return act


def _before(connection: sa.Connection, scope: str, way: Way) -> dict[str, tuple[str, float | None]]:
    """Mark id → unit and chance, of what was drawn of the run. Raises InputError."""
    rows = connection.execute(
        sa.select(units.c.mark, units.c.id, units.c.chance, pulls.c.way, pulls.c.run)
        .join(pulls, pulls.c.id == units.c.pull)
        .where(pulls.c.scope == scope)
    ).all()
    for row in rows:
        if row.chance is not None and (row.way == _ALONE) != (way == _ALONE):
            raise InputError(
                f"run {shorten(row.run)}: was drawn otherwise before ({row.way}): whole "
                "answers and single criteria do not make one sample"
            )
    return {row.mark: (row.id, row.chance) for row in rows}


def _answers(
    connection: sa.Connection, found: Iterable[Item]
) -> dict[tuple[str, str], PulledAnswer]:
    task_of = recogniser(connection)
    return {
        _answer(item): PulledAnswer(
            example=msgspec.structs.replace(item.example, physician=None),
            text=item.response.text,
            key=item.response.key,
            item=task_of(item.example),
        )
        for item in found
    }


def _answer(item: Item) -> tuple[str, str]:
    return item.response.key, item.example.key


def _drawn_by(id: str, way: Way) -> str:
    """What is drawn as a whole: the answer, or the criterion."""
    return id.rpartition(".")[0] if way == "answers" else id


def _uniform(*parts: str) -> float:
    """From 0 up to 1, the same for the same parts."""
    return int(content_key(*parts)[:12], 16) / 16**12


def _probability(item: Item) -> float:
    if item.probability is not None:
        return item.probability
    return {None: 0.5, True: 1 - _WRONG, False: _WRONG}[item.met]


def _weights(found: Sequence[Item]) -> list[float]:
    """What each verdict weighs in the score: its share of the points, of the answers to a task."""
    answers = Counter(example for _, example in {_answer(item) for item in found})
    weights = []
    for item in found:
        criteria = item.example.criteria
        attainable = sum(each.points for each in criteria if each.points > 0)
        share = criteria[item.index].points / attainable if attainable else 0.0
        weights.append(share / answers[item.example.key])
    return weights
