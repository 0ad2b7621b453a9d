"""A run's examples, cut into shards of about the same work."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.protocols.base import Protocol
from preceptor.records import Graded, content_key

__all__ = ["cut"]


def cut(
    todo: Sequence[tuple[int, Graded]], protocol: Protocol, shards: int
) -> list[tuple[int, ...]]:
    """Positions of the examples by shard: at most ``shards``, none of them empty.

    Examples with the same conversation are in one shard: all that asks the same question is. The
    largest groups are dealt out first, each to the shard with the least work so far; so no shard
    has more than 4/3 of what the best cut would give the largest (R. L. Graham, *Bounds on
    Multiprocessing Timing Anomalies*, SIAM J. Appl. Math. 17, 1969).
    """
    groups: dict[str, set[int]] = {}
    work: dict[str, int] = {}
    for position, graded in todo:
        key = content_key("shard", protocol.messages(graded.example))
        groups.setdefault(key, set()).add(position)
        work[key] = work.get(key, 0) + _missing(graded)
    loads = [0] * min(shards, len(groups))
    dealt: list[list[int]] = [[] for _ in loads]
    for key in sorted(groups, key=lambda key: (-work[key], key)):
        least = min(range(len(loads)), key=lambda shard: (loads[shard], len(dealt[shard])))
        loads[least] += work[key]
        dealt[least] += groups[key]
    return [tuple(sorted(positions)) for positions in dealt]


def _missing(graded: Graded) -> int:
    """Answers and verdicts that are still to be had."""
    answered = graded.response is not None and graded.response.failure is None
    judged = sum(verdict is not None and verdict.given for verdict in graded.verdicts)
    return (not answered) + len(graded.verdicts) - judged
