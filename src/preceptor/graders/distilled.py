"""A small model trained on verdicts, in a file: it calls nothing and costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

from preceptor.graders.base import Call, Case, Desk, Grader, render_conversation
from preceptor.records import Criterion, Message, Verdict, content_key
from preceptor.systems.base import System

__all__ = ["DistilledGrader", "Probabilities"]


class Probabilities(Protocol):
    """What such a model can do."""

    def probability(
        self, conversation: Sequence[Message], response: str, criterion: str, points: int
    ) -> float:
        """That the criterion is met, 0 to 1."""


class DistilledGrader(Grader):
    """Judges by the probability that a trained model gives; met from one half."""

    def __init__(self, address: str, model: Probabilities, sha256: str) -> None:
        self.address = address
        self.model = model
        self.sha256 = sha256

    @property
    def systems(self) -> tuple[System, ...]:
        return ()

    def departures(self) -> list[str]:
        return ["Graded by a model distilled from verdicts, not with the reference prompt."]

    def identity(self) -> dict[str, Any]:
        return {"distilled": self.sha256}

    async def grade(self, case: Case, wanted: Sequence[int], desk: Desk) -> dict[int, Verdict]:
        conversation = render_conversation(case.conversation)
        about: dict[str, tuple[int, ...]] = {}
        criteria: dict[str, Criterion] = {}
        for place in wanted:
            criterion = case.criteria[place]
            parts = (self.identity(), conversation, criterion.text, criterion.points)
            key = content_key("distilled", *parts)
            about[key] = (*about.get(key, ()), place)
            criteria[key] = criterion
        return await desk.judge(
            [
                Call({key: places}, partial(self._one, key, case, criteria[key]), None)
                for key, places in about.items()
            ]
        )

    async def _one(self, key: str, case: Case, criterion: Criterion) -> tuple[Verdict, ...]:
        *before, answer = case.conversation
        # In a thread: meanwhile the calls of others go on.
        chance = await asyncio.to_thread(
            self.model.probability, before, answer.content, criterion.text, criterion.points
        )
        return (Verdict(key, chance >= 0.5, probability=round(float(chance), 6), cost_usd=0.0),)
