"""What judges an answer, criterion by criterion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from preceptor.records import Criterion, Graded, Message, Response, Verdict, closing, lean
from preceptor.systems.base import Ask, System

__all__ = [
    "Call",
    "Case",
    "Grader",
    "LateAsk",
    "Question",
    "Recorder",
    "case_of",
    "judged",
    "render_conversation",
    "render_item",
    "together",
    "whole_conversation",
]

T = TypeVar("T")


class LateAsk(Ask, frozen=True):
    """An Ask whose messages are made anew each time that somebody looks at them."""

    render: Callable[[], tuple[Message, ...]] = tuple

    @property  # type: ignore[misc]  # read-only as the field is; mypy knows no such override
    def messages(self) -> tuple[Message, ...]:
        return self.render()


class Question(msgspec.Struct, frozen=True):
    """One judgement to make: the prompt, and the key under which its verdict is kept.

    ``about`` is the case and the criterion, where reading the reply depends on them; ``former`` the
    older key, which names no server, where it differs.
    """

    key: str
    ask: Ask
    about: tuple[Case, Criterion] | None = None
    former: str | None = None


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
    labels
        Place in the rubric → label, of the verdicts that are there already and are labels.
    explanations
        Place in the rubric → why, of the same.
    closing
        What the other side said after the answer, where it had the last word.
    """

    conversation: tuple[Message, ...]
    criteria: dict[int, Criterion]
    run: str
    target: Any = None
    labels: Mapping[int, str] = {}
    closing: tuple[Message, ...] = ()
    explanations: Mapping[int, str] = {}


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
    former
        Key of each verdict → its older key, which names no server.
    tokens
        That a verdict takes in the reply: at least, usually, at most; None where that is as usual.
    doubtful
        Of how many of its verdicts an estimate assumes that they are asked for again.
    """

    about: dict[str, tuple[int, ...]]
    judge: Callable[[], Awaitable[Sequence[Verdict]]]
    system: System | None
    ask: Ask | None = None
    former: Mapping[str, str | None] = {}
    tokens: tuple[float, float, float] | None = None
    doubtful: int = 0

    def keys(self) -> dict[str, str | None]:
        """Each verdict's key → its former one, where it had another."""
        return {key: self.former.get(key) for key in self.about}


class Recorder(Protocol):
    """Looks up, makes, pays and records the calls of a grader about one answer."""

    async def judge(self, calls: Sequence[Call]) -> dict[int, Verdict]:
        """Verdicts by place in the rubric, from the store or by making the calls.

        A call is made only where none of its verdicts is known: of one that is known in part, the
        rest is missing in what is returned. All have ended when it returns or raises.
        """

    def member(self, number: int, grader: str, roles: Mapping[int, str]) -> Recorder:
        """The recorder of a grader whose verdicts are votes.

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
    """Judges the criteria of answers: the contract of every grader, whether or not it asks a model.

    `AskingGrader` and `ModelGrader` are the bases of those that do.
    """

    #: As the user typed it, and what it is for tables.
    address: str
    #: Index among identical jury members; members after the first bypass the cache.
    repeat: int = 0

    @property
    def systems(self) -> tuple[System, ...]:
        """All systems that it calls."""
        return ()

    def departures(self) -> list[str]:
        """Where it departs from the reference prompt, one sentence each."""
        return []

    def identity(self) -> dict[str, Any]:
        """All that its verdicts depend on beside the prompt, as JSON."""
        raise NotImplementedError

    def files(self) -> dict[str, str]:
        """The user's files behind its verdicts → their SHA-256."""
        return {name: sha for system in self.systems for name, sha in system.files().items()}

    async def grade(
        self, case: Case, wanted: Sequence[int], recorder: Recorder
    ) -> dict[int, Verdict]:
        """Judge the criteria at the places ``wanted``; the verdicts by place."""
        raise NotImplementedError


def case_of(graded: Graded, response: Response, asked: tuple[Message, ...], run: str) -> Case:
    """What a run's grader is given of an answer; ``asked`` are the messages of its example."""
    example = graded.example
    there = {at: each for at, each in enumerate(graded.verdicts) if each is not None and each.label}
    return Case(
        judged(response, asked),
        dict(enumerate(example.criteria)),
        run,
        example.target,
        {place: each.label for place, each in there.items() if each.label},
        closing(response.turns),
        {place: each.explanation for place, each in there.items()},
    )


async def together(*works: Coroutine[Any, Any, T] | Awaitable[T]) -> list[T]:
    """What all give. If one fails, the others are finished first."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes  # type: ignore[return-value]


def judged(response: Response, asked: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation that a judge is shown: it ends with the answer.

    The steps behind an answer, such as an agent's calls of its own tools, stand before it in one
    message of a tool: an assistant's message is a reply.

    Parameters
    ----------
    asked
        The messages of the example.
    """
    sent = lean(response.sent or asked)
    given = len(asked) + _instructions(sent) - _instructions(asked)
    rest = [turn.message for turn in response.turns]
    del rest[len(rest) - len(closing(response.turns)) :]
    found = [*sent[:given]]
    for message in sent[given:]:
        if message in rest:
            place = rest.index(message)
            found += _step(rest[:place])
            rest = rest[place + 1 :]
        found.append(message)
    answer = Message("assistant", response.text)
    if rest and rest[-1].role == "assistant" and rest[-1].text == response.text:
        answer = rest.pop()
    return (*found, *_step(rest), answer)


def whole_conversation(response: Response, asked: tuple[Message, ...]) -> tuple[Message, ...]:
    """All that was said and done, from the first message to the answer."""
    sent = response.sent or asked
    if not response.turns:
        return (*sent, Message("assistant", response.text))
    given = len(asked) + _instructions(sent) - _instructions(asked)
    return (*sent[:given], *(turn.message for turn in response.turns))


def _instructions(messages: Sequence[Message]) -> int:
    first = (at for at, each in enumerate(messages) if each.role not in ("system", "developer"))
    return next(first, len(messages))


def _step(messages: Sequence[Message]) -> list[Message]:
    parts = tuple(part for message in messages for part in message.parts)
    return [Message("tool", parts)] if parts else []


def render_conversation(messages: Sequence[Message]) -> str:
    """``role: content``, with a blank line between messages."""
    return "\n\n".join(f"{message.role}: {message.shown}" for message in messages)


def render_item(criterion: Criterion) -> str:
    """``[points] text``."""
    return f"[{criterion.points}] {criterion.text}"
