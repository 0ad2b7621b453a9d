"""A small model trained on verdicts, in a file: it calls nothing and costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from preceptor.graders.base import Call, Case, Grader, Recorder, render_conversation
from preceptor.records import Criterion, Message, Verdict, content_key

__all__ = ["DistilledGrader", "Probabilities"]


class Probabilities(Protocol):
    """What such a model can do."""

    def probabilities(
        self, conversation: Sequence[Message], response: str, criteria: Sequence[Criterion]
    ) -> Iterable[float]:
        """That each criterion is met, 0 to 1. ``conversation`` ends before the response."""


class DistilledGrader(Grader):
    """Judges by the probability that a trained model gives; met from one half."""

    def __init__(self, address: str, model: Probabilities, sha256: str) -> None:
        self.address = address
        self.model = model
        self.sha256 = sha256

    def departures(self) -> list[str]:
        return ["Graded by a model distilled from verdicts, not with the reference prompt."]

    def identity(self) -> dict[str, Any]:
        return {"distilled": self.sha256}

    def files(self) -> dict[str, str]:
        return {self.address: self.sha256}

    async def grade(
        self, case: Case, wanted: Sequence[int], recorder: Recorder
    ) -> dict[int, Verdict]:
        conversation = content_key(render_conversation(case.conversation))
        keys: dict[int, str] = {}
        for place in wanted:
            criterion = case.criteria[place]
            parts = (self.identity(), conversation, criterion.text, criterion.points)
            keys[place] = content_key("distilled", *parts)
        # The answer is read once for all its criteria.
        verdicts = await recorder.judge(self._calls(case, keys))
        rest = {place: key for place, key in keys.items() if place not in verdicts}
        return {**verdicts, **await recorder.judge(self._calls(case, rest))}

    def _calls(self, case: Case, keys: Mapping[int, str]) -> list[Call]:
        about: dict[str, tuple[int, ...]] = {}
        for place, key in keys.items():
            about[key] = (*about.get(key, ()), place)
        criteria = {key: case.criteria[places[0]] for key, places in about.items()}
        return [Call(about, partial(self._judge_all, case, criteria), None)] if about else []

    async def _judge_all(self, case: Case, criteria: Mapping[str, Criterion]) -> list[Verdict]:
        *before, answer = case.conversation
        # In a thread: meanwhile the calls of others go on.
        chances = await asyncio.to_thread(
            self.model.probabilities, before, answer.text, list(criteria.values())
        )
        return [
            Verdict(key, bool(chance >= 0.5), probability=round(float(chance), 6), cost_usd=0.0)
            for key, chance in zip(criteria, chances, strict=True)
        ]
