"""Scripted dialogues: the user's turns are given, the system's replies are judged one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from preceptor.environments.scripted import Script
from preceptor.errors import InputError
from preceptor.graders.base import Case
from preceptor.graders.judge import LabelJudge
from preceptor.protocols.scoring import Scoring
from preceptor.records import Criterion, Example, Graded, Message, Score, Verdict
from preceptor.scoring.ratings import Measure, Scale, rated, share
from preceptor.scoring.rubric import OVERALL

__all__ = [
    "AXIS",
    "SCRIPT",
    "DialogueScoring",
    "TurnJudge",
    "by_axis",
    "named",
    "target_of",
    "turn_of",
]

#: Begins the tag that names what a criterion is about, and the tag that names the reply.
AXIS, _TURN = "axis:", "turn:"


def named(criterion: Criterion, begin: str) -> str | None:
    """What follows ``begin`` in the criterion's tag that starts so; None without such a tag."""
    return next((tag[len(begin) :] for tag in criterion.tags if tag.startswith(begin)), None)


def turn_of(criterion: Criterion) -> int | None:
    """Which reply a criterion is about, counted from 1 (tag ``turn:N``); None for the last."""
    turn = named(criterion, _TURN)
    return None if turn is None else int(turn)


class TurnJudge(LabelJudge):
    """Shows a judge the conversation up to the reply that the criterion is about.

    Of ``references`` in the target, the slot ``{target.reference}`` has the one of that reply.
    """

    def prompt(self, case: Case, criterion: Criterion) -> str:
        turn = turn_of(criterion)
        if turn is None:
            return super().prompt(case, criterion)
        target: Any = case.target
        references = target.get("references") if isinstance(target, dict) else None
        if references:
            target = target | {"reference": references[turn - 1]}
        conversation = _until(case.conversation, turn)
        return super().prompt(
            msgspec.structs.replace(case, conversation=conversation, target=target), criterion
        )


def _until(conversation: Sequence[Message], turn: int) -> tuple[Message, ...]:
    """The conversation up to the reply of that number, from 1.

    Raises InputError where there are fewer: an answer from elsewhere that is no whole dialogue.
    """
    replies = [at for at, message in enumerate(conversation) if message.is_reply]
    if len(replies) < turn:
        raise InputError(
            f"the answer to a scripted dialogue: expected {turn} replies or more, found "
            f"{len(replies)}: give it with all turns"
        )
    return tuple(conversation[: replies[turn - 1] + 1])


def target_of(example: Example) -> Mapping[str, Any]:
    """The example's target; empty where there is none."""
    return example.target if isinstance(example.target, dict) else {}


def by_axis(graded: Graded) -> dict[str, list[Verdict | None]]:
    """The verdicts of each axis, in the order of the turns."""
    found: dict[str, list[Verdict | None]] = {}
    for criterion, verdict in zip(graded.example.criteria, graded.verdicts, strict=True):
        found.setdefault(named(criterion, AXIS) or "", []).append(verdict)
    return found


#: Asks the user's turns in order: the example's messages end with the first, its target has the
#: others under ``turns``. Without them it is a single question.
SCRIPT = Script(lambda example: target_of(example).get("turns", ()))


class DialogueScoring(Scoring):
    """Every reply is rated on the same axes; the headline is the mean over axes and replies.

    ``overall_score`` is the mean of the ratings as shares of the scale, (rating − lowest) ÷
    (highest − lowest), first over a dialogue and then over dialogues. Each axis is given in points.
    """

    def __init__(self, axes: Mapping[str, Scale]) -> None:
        self.scales = axes

    def score(self, graded: Graded) -> Score:
        ratings = by_axis(graded)
        measures = {
            axis: Measure(tuple(share(verdict, scale) for verdict in ratings.get(axis, ())))
            for axis, scale in self.scales.items()
        }
        every = tuple(value for measure in measures.values() for value in measure.values)
        return rated(graded, {OVERALL: Measure(every), **measures})
