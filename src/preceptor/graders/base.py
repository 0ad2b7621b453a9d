"""What judges an answer, criterion by criterion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from preceptor.records import Criterion, Message, Verdict, content_key
from preceptor.systems.base import Ask, System
from preceptor.systems.tokens import common_length

__all__ = [
    "Call",
    "Case",
    "Desk",
    "Grader",
    "Question",
    "render_conversation",
    "render_item",
    "together",
]

T = TypeVar("T")


class _LateAsk(Ask, frozen=True):
    """An Ask whose messages are made anew each time that somebody looks at them."""

    render: Callable[[], tuple[Message, ...]] = tuple

    @property  # type: ignore[misc]  # read-only as the field is; mypy knows no such override
    def messages(self) -> tuple[Message, ...]:
        return self.render()


class Question(msgspec.Struct, frozen=True):
    """One judgement to make: the prompt, and the key under which its verdict is kept.

    ``about`` is the case and the criterion, where reading the reply depends on them.
    """

    key: str
    ask: Ask
    about: tuple[Case, Criterion] | None = None


class Case(msgspec.Struct, frozen=True):
    """One answer to judge.

    Attributes
    ----------
    conversation
        Ends with the answer under review.
    criteria
        Place in the rubric → criterion: all that are judged together, those included of which the
        verdicts are there already.
    run
        The run's name.
    target
        The example's; see :class:`preceptor.records.Example`.
    """

    conversation: tuple[Message, ...]
    criteria: dict[int, Criterion]
    run: str
    target: Any = None


class Call(msgspec.Struct, frozen=True):
    """One piece of work that gives one verdict or several.

    Attributes
    ----------
    about
        Key of each verdict → the places in the rubric that are waiting for it; none where nobody
        does.
    judge
        Does the work. Raises EndpointRefused where no call can succeed; every other failure is a
        verdict.
    system
        What is called; None for work that calls nothing.
    ask
        The question that the work begins with.
    """

    about: dict[str, tuple[int, ...]]
    judge: Callable[[], Awaitable[Sequence[Verdict]]]
    system: System | None
    ask: Ask | None = None


class Desk(Protocol):
    """Where a grader hands in its work on one answer: who looks up, calls, pays and keeps."""

    async def judge(self, calls: Sequence[Call]) -> dict[int, Verdict]:
        """Verdicts by place in the rubric, from the store or by making the calls.

        A call is made only where none of its verdicts is known: of one that is known in part, the
        rest is missing in what is returned. All have ended when it returns or raises.
        """

    def member(self, number: int, grader: str, roles: Mapping[int, str]) -> Desk:
        """The desk of a grader whose verdicts are votes.

        Parameters
        ----------
        number
            Of the member, from 0.
        grader
            Its address.
        roles
            What its vote is for, by place in the rubric: ``juror``, ``cheap``, ``strong``,
            ``audit``.
        """

    async def rule(self, verdicts: Mapping[int, Verdict]) -> None:
        """Keep verdicts that follow from votes and cost nothing more."""


class Grader:
    """Judges one criterion a call with a model, itself a :class:`System`.

    A grader that goes about it in another way has its own :meth:`grade`.
    """

    #: As the user typed it, and what it is for tables.
    address: str
    system: System
    #: Of members of a jury that are alike, all but the first ask once more.
    repeat: int = 0

    @property
    def systems(self) -> tuple[System, ...]:
        """All that it calls."""
        return (self.system,)

    def departures(self) -> list[str]:
        """Where it departs from the reference prompt, one sentence each."""
        return []

    def identity(self) -> dict[str, Any]:
        """All that its verdicts depend on beside the prompt, as JSON."""
        return self.system.identity()

    def prompt(self, conversation: Sequence[Message], criterion: Criterion) -> str:
        """The text that the model is shown. ``conversation`` ends with the answer under review."""
        raise NotImplementedError

    def question(self, case: Case, criterion: Criterion) -> Question:
        """The judgement of one criterion."""
        prompt = self.prompt(case.conversation, criterion)
        return Question(self.key("verdict", prompt, case.run), self.ask(prompt))

    def key(self, kind: str, prompt: str, run: str) -> str:
        """Under which what is said to a prompt is kept.

        The user's own code may change from run to run, so its verdicts stay in theirs.
        """
        scope = None if self.system.reusable else run
        again = (self.repeat,) if self.repeat else ()
        return content_key(kind, self.identity(), prompt, scope, *again)

    def ask(self, prompt: str) -> Ask:
        return Ask((Message("user", prompt),), repeat=self.repeat)

    async def judge(self, question: Question) -> Verdict:
        """Ask, and ask again where the reply is no verdict; ungraded with a reason in the end.

        Raises EndpointRefused where no call can succeed; every other failure is a verdict.
        """
        raise NotImplementedError

    async def grade(self, case: Case, wanted: Sequence[int], desk: Desk) -> dict[int, Verdict]:
        """Judge the criteria at the places ``wanted``; the verdicts by place."""
        questions: dict[str, tuple[Question, list[int]]] = {}
        for place in wanted:  # an item may stand twice in a rubric
            question = self.question(case, case.criteria[place])
            questions.setdefault(question.key, (question, []))[1].append(place)
        shared = self._shared([question.ask for question, _ in questions.values()])
        for key, (question, places) in questions.items():
            ask = question.ask
            if shared:
                ask = msgspec.structs.replace(ask, shared=shared)
            if self.system.slow:  # tens of thousands may wait, for hours
                render = partial(self._messages, case, case.criteria[places[0]])
                ask = _LateAsk((), ask.example, ask.repeat, ask.shared, render)
            if ask is not question.ask:
                questions[key] = msgspec.structs.replace(question, ask=ask), places
        return await desk.judge([self.call(*asked) for asked in questions.values()])

    def _messages(self, case: Case, criterion: Criterion) -> tuple[Message, ...]:
        return self.question(case, criterion).ask.messages

    def _shared(self, asks: Sequence[Ask]) -> int:
        """With how many characters all prompts begin, where the provider wants to be told."""
        if not self.system.marks_shared or len(asks) < 2:
            return 0
        prompts = [ask.messages[-1].content for ask in asks]
        return common_length(min(prompts), max(prompts))

    def call(self, question: Question, places: Sequence[int]) -> Call:
        """The call that one question is."""
        judge = partial(self._only, question)
        return Call({question.key: tuple(places)}, judge, self.system, question.ask)

    async def _only(self, question: Question) -> tuple[Verdict, ...]:
        return (await self.judge(question),)


async def together(*works: Coroutine[Any, Any, T] | Awaitable[T]) -> list[T]:
    """What all give. If one fails, the others are finished first."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes  # type: ignore[return-value]


def render_conversation(messages: Sequence[Message]) -> str:
    """``role: content``, with a blank line between messages."""
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)


def render_item(criterion: Criterion) -> str:
    """``[points] text``."""
    return f"[{criterion.points}] {criterion.text}"
