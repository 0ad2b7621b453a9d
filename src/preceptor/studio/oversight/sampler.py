"""Drawing tasks so that difficult ones are more frequent, with weights that undo it.

HealthBench Professional (arXiv 2604.27470, section 3) drew difficult tasks 3.5 times as often,
between writing and review, and left out red-team tasks that were not difficult.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError
from preceptor.statistics.subsets import enriched_sample, sample_weights
from preceptor.studio.ids import digest
from preceptor.studio.items.commands import move
from preceptor.studio.items.tables import items
from preceptor.studio.items.workflow import Refused
from preceptor.studio.ledger.acts import Event, Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.oversight import tables
from preceptor.studio.oversight.acts import Sampled

__all__ = [
    "RATIO",
    "Candidate",
    "Line",
    "Plan",
    "Preview",
    "candidates",
    "draw",
    "preview",
    "release_sample",
    "sample",
    "weights",
]

#: How many times as likely HealthBench Professional drew a difficult task as another.
RATIO = 3.5


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn.

    Attributes
    ----------
    size
        Tasks to draw.
    ratio
        How many times as likely a difficult task is drawn as another.
    parked
        Whether parked tasks may be drawn, beside submitted ones.
    only_hard_attacks
        Whether red-team tasks that are not difficult are left out.
    """

    size: int
    ratio: float = RATIO
    seed: int = 0
    parked: bool = True
    only_hard_attacks: bool = True


class Candidate(msgspec.Struct, frozen=True):
    """A task that may be drawn."""

    id: str
    state: str
    difficult: bool
    mode: str
    use_case: str
    specialty: str

    @property
    def stratum(self) -> tuple[str, ...]:
        difficulty = "difficult" if self.difficult else "typical"
        return difficulty, self.mode.replace("_", " "), self.use_case, self.specialty


class Line(msgspec.Struct, frozen=True):
    """A stratum, its tasks, and those drawn of them."""

    stratum: tuple[str, ...]
    before: int
    after: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan would draw.

    Attributes
    ----------
    seen
        Digest of the plan and the tasks: a draw with the same one is this draw.
    lines
        By stratum.
    difficult, drawn_difficult
        Difficult tasks, and those drawn.
    ratio
        Odds of a difficult task among those drawn ÷ among all; None without two kinds.
    """

    seen: str
    lines: tuple[Line, ...]
    total: int
    drawn: int
    difficult: int
    drawn_difficult: int
    ratio: float | None


def candidates(connection: sa.Connection, plan: Plan) -> list[Candidate]:
    """Tasks that wait for review, and that the plan does not leave out."""
    found = _in_states(connection, "submitted", *(["parked"] if plan.parked else []))
    return [each for each in found if not _is_left_out(each, plan)]


def draw(found: Sequence[Candidate], size: int, ratio: float, seed: int) -> dict[str, float]:
    """Task → weight, of those drawn. Raises InputError."""
    hard = [each.difficult for each in found]
    least = len(set(hard))
    if not found:
        raise InputError("sample: no task to draw from: wait until some are handed in")
    if not least <= size <= len(found):
        raise InputError(f"size: expected {least} to {len(found)} tasks, found {size}")
    # Where all are of one kind, none is more likely than another.
    chosen = enriched_sample(hard, any(hard), ratio if least > 1 else 1.0, size, seed)
    each_for = sample_weights(hard, chosen)
    return {found[i].id: float(w) for i, w in zip(chosen, each_for, strict=True)}


def preview(found: Sequence[Candidate], plan: Plan) -> Preview:
    """What the plan would draw. Raises InputError."""
    drawn = draw(found, plan.size, plan.ratio, plan.seed)
    before = Counter(each.stratum for each in found)
    after = Counter(each.stratum for each in found if each.id in drawn)
    hard = sum(each.difficult for each in found)
    drawn_hard = sum(each.difficult for each in found if each.id in drawn)
    easy, drawn_easy = len(found) - hard, len(drawn) - drawn_hard
    return Preview(
        seen=_seen(found, plan),
        lines=tuple(Line(each, count, after[each]) for each, count in sorted(before.items())),
        total=len(found),
        drawn=len(drawn),
        difficult=hard,
        drawn_difficult=drawn_hard,
        ratio=(drawn_hard / drawn_easy) / (hard / easy) if hard and drawn_easy else None,
    )


def sample(connection: sa.Connection, who: Who | None, plan: Plan, seen: str) -> Event:
    """Queue the tasks that are drawn, and park the others. Raises InputError.

    ``seen`` is of the preview: nothing else than what it showed is drawn. Where parked tasks may be
    drawn, tasks of earlier draws stand for themselves from then on: those that they stood for are
    in this draw.
    """
    found = candidates(connection, plan)
    if seen != _seen(found, plan):
        raise Refused(
            "sample: other tasks or numbers than in the table: look at the new table, then draw"
        )
    drawn = draw(found, plan.size, plan.ratio, plan.seed)
    again = any(each.state == "parked" for each in found)
    earlier = dict.fromkeys(weights(connection), 1.0) if again else {}
    event = append(
        connection,
        Sampled(
            seed=plan.seed,
            ratio=plan.ratio,
            size=plan.size,
            items=tuple(each.id for each in found),
            weights=earlier | drawn,
        ),
        by=who,
        subject="sample",
    )
    for each in _in_states(connection, "submitted", "parked"):
        if each.id in drawn:
            move(connection, who, each.id, "queue", f"drawn in event {event.seq}")
        elif each.state == "submitted":
            move(connection, who, each.id, "park", f"not drawn in event {event.seq}")
    return event


def weights(connection: sa.Connection) -> dict[str, float]:
    """Task → how many it stands for. A task that was never drawn stands for itself."""
    table = tables.sample_weights
    rows = connection.execute(sa.select(table.c.item, table.c.weight))
    return {row.item: row.weight for row in rows}


def release_sample(
    connection: sa.Connection, among: Collection[str], size: int, seed: int
) -> dict[str, float]:
    """Task → weight, of the accepted ones drawn for a release; earlier draws are in the weights.

    Raises InputError.
    """
    known = weights(connection)
    found = [each for each in _in_states(connection, "accepted") if each.id in among]
    drawn = draw(found, size, RATIO, seed)
    return {item: weight * known.get(item, 1.0) for item, weight in drawn.items()}


def _in_states(connection: sa.Connection, *states: str) -> list[Candidate]:
    columns: list[Any] = [items.c[name] for name in Candidate.__struct_fields__]
    query = sa.select(*columns).where(items.c.state.in_(states)).order_by(items.c.id)
    return [Candidate(*row) for row in connection.execute(query)]


def _is_left_out(task: Candidate, plan: Plan) -> bool:
    return plan.only_hard_attacks and task.mode == "red_teaming" and not task.difficult


def _seen(found: Collection[Candidate], plan: Plan) -> str:
    return digest(msgspec.json.encode([plan, list(found)]))
