"""A grader that asks a model, criterion by criterion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from preceptor.graders.base import Call, Case, Grader, LateAsk, Question, Recorder
from preceptor.records import Criterion, Message, Verdict, content_key
from preceptor.systems.base import Ask, System
from preceptor.systems.servers import without_server
from preceptor.systems.tokens import common_length

__all__ = ["AskingGrader", "ModelGrader"]


class AskingGrader(Grader):
    """Grader that asks a model, itself a :class:`System`, one question per criterion.

    A grader that works in another way overrides :meth:`grade`.
    """

    system: System

    @property
    def systems(self) -> tuple[System, ...]:
        return (self.system,)

    def identity(self) -> dict[str, Any]:
        return self.system.identity()

    def question(self, case: Case, criterion: Criterion) -> Question:
        """The judgement of one criterion."""
        raise NotImplementedError

    def asking(
        self, kind: str, prompt: str, case: Case, criterion: Criterion | None = None
    ) -> Question:
        """A prompt as a question: with ``criterion`` where reading the reply depends on it."""
        identity = self.identity()
        former = without_server(identity)
        return Question(
            self._key(kind, prompt, case.run, identity),
            self.ask(prompt),
            None if criterion is None else (case, criterion),
            None if former is None else self._key(kind, prompt, case.run, former),
        )

    def _key(self, kind: str, prompt: str, run: str, identity: Mapping[str, Any]) -> str:
        """The key of the verdict on a prompt.

        The user's code may change from run to run, so that its verdicts stay in their run.
        """
        scope = None if self.system.reusable else run
        again = (self.repeat,) if self.repeat else ()
        return content_key(kind, identity, prompt, scope, *again)

    def ask(self, prompt: str) -> Ask:
        return Ask((Message("user", prompt),), repeat=self.repeat)

    async def judge(self, question: Question) -> Verdict:
        """Ask until the reply is a verdict; ungraded with a reason after the last attempt.

        Raises EndpointRefused where no call can succeed; every other failure is a verdict.
        """
        raise NotImplementedError

    async def grade(
        self, case: Case, wanted: Sequence[int], recorder: Recorder
    ) -> dict[int, Verdict]:
        return await recorder.judge(self.calls(case, wanted))

    def calls(self, case: Case, wanted: Sequence[int], later: Sequence[int] = ()) -> list[Call]:
        """The calls for these criteria; ``later`` are others that may be asked afterwards."""
        questions: dict[str, tuple[Question, list[int]]] = {}
        for place in wanted:  # an item may stand twice in a rubric
            question = self.question(case, case.criteria[place])
            questions.setdefault(question.key, (question, []))[1].append(place)
        asks = [question.ask for question, _ in questions.values()]
        if later and self.system.marks_shared:
            asks += [self.question(case, case.criteria[place]).ask for place in later]
        shared = self._shared(asks)
        for key, (question, places) in questions.items():
            ask = question.ask
            if shared:
                ask = msgspec.structs.replace(ask, shared=shared)
            if self.system.slow:  # tens of thousands may wait, for hours
                render = partial(self._messages, case, case.criteria[places[0]])
                ask = LateAsk((), ask.example, ask.repeat, ask.shared, render=render)
            if ask is not question.ask:
                questions[key] = msgspec.structs.replace(question, ask=ask), places
        return [self.call(*asked) for asked in questions.values()]

    def _messages(self, case: Case, criterion: Criterion) -> tuple[Message, ...]:
        return self.question(case, criterion).ask.messages

    def _shared(self, asks: Sequence[Ask]) -> int:
        """Length in characters of the prompts' common beginning, if the provider wants to know."""
        if not self.system.marks_shared or len(asks) < 2:
            return 0
        prompts = [ask.messages[-1].text for ask in asks]
        return common_length(min(prompts), max(prompts))

    def call(self, question: Question, places: Sequence[int]) -> Call:
        """The call for one question."""
        judge = partial(self._only, question)
        former = {question.key: question.former}
        return Call({question.key: tuple(places)}, judge, self.system, question.ask, former)

    async def _only(self, question: Question) -> tuple[Verdict, ...]:
        return (await self.judge(question),)


class ModelGrader(AskingGrader):
    """The same where a prompt is made of the conversation and the criterion alone."""

    def prompt(self, conversation: Sequence[Message], criterion: Criterion) -> str:
        """The text that the model is shown. ``conversation`` ends with the answer under review."""
        raise NotImplementedError

    def question(self, case: Case, criterion: Criterion) -> Question:
        return self.asking("verdict", self.prompt(case.conversation, criterion), case)
