"""What a reward is, how it follows from verdicts, and how an example may be given."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from preceptor.errors import InputError
from preceptor.protocols.base import Protocol
from preceptor.records import (
    Criterion,
    Example,
    Graded,
    Message,
    Response,
    Score,
    Verdict,
    content_key,
)
from preceptor.scoring import OVERALL, LengthRule

__all__ = ["InlineExample", "Reward", "inline_example", "lowered", "no_answer", "to_reward"]

_Points = Annotated[int, msgspec.Meta(ge=-10, le=10)]


class InlineCriterion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rubric item; ``points`` from −10 to 10, never 0."""

    text: Annotated[str, msgspec.Meta(min_length=1)]
    points: _Points
    tags: tuple[str, ...] = ()


class InlineMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of the conversation."""

    role: Annotated[str, msgspec.Meta(pattern="^(system|developer|user|assistant|tool)$")]
    content: str


class InlineExample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task of one's own: the conversation that the response answers, and its rubric."""

    messages: Annotated[tuple[InlineMessage, ...], msgspec.Meta(min_length=1)]
    criteria: Annotated[tuple[InlineCriterion, ...], msgspec.Meta(min_length=1)]
    id: str | None = None
    tags: tuple[str, ...] = ()

    def example(self) -> Example:
        """As the rest of the house knows it; without an ``id``, it is named by its content."""
        return Example(
            id=self.id or content_key(self.messages, self.criteria),
            messages=tuple(Message(m.role, m.content) for m in self.messages),  # type: ignore[arg-type]
            criteria=tuple(Criterion(c.text, c.points, c.tags) for c in self.criteria),
            tags=self.tags,
        )


def inline_example(given: Mapping[str, Any]) -> Example:
    """The example in a mapping with ``messages`` and ``criteria``.

    Raises
    ------
    InputError
        A field is missing or wrong; the message names it, and quotes nothing.
    """
    try:
        return msgspec.convert(given, InlineExample).example()
    except msgspec.ValidationError as error:
        raise InputError(f"example: {lowered(str(error))}") from None


def lowered(words: str) -> str:
    """A sentence within another: its first letter small, but where it begins with ``JSON``."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


class Reward(msgspec.Struct, frozen=True):
    """What one response earned. ``float(reward)`` is its value, and NaN where it has none.

    Attributes
    ----------
    value
        The score of the rubric: 1 is all attainable points. It may be negative and is never
        clipped. None where too few of the criteria were graded: that is neither 0 nor "not met".
    reason
        Why there is no value, in one word: the most frequent reason of the ungraded verdicts
        (``timeout``, ``unparseable``, …), or ``no_answer``; ``reasoning_only`` for a response of
        reasoning alone.
    low, high
        Between what the missing verdicts leave the value; equal to it where none is missing, None
        without an answer.
    coverage
        Share of the criteria with a verdict, 0 to 1.
    by_tag
        Scores of the criteria with one tag, where they are complete; without length adjustment.
    verdicts
        One for each criterion, in the rubric's order.
    """

    example_id: str
    value: float | None
    reason: str | None
    low: float | None
    high: float | None
    coverage: float
    by_tag: dict[str, float]
    verdicts: tuple[Verdict | None, ...]

    def __float__(self) -> float:
        return math.nan if self.value is None else self.value


def no_answer(example: Example, reason: str = "no_answer") -> Reward:
    """Of a response that there is not: nothing was judged."""
    nothing: tuple[Verdict | None, ...] = (None,) * len(example.criteria)
    return Reward(example.id, None, reason, None, None, 0.0, {}, nothing)


def to_reward(
    example: Example,
    response: Response,
    verdicts: Sequence[Verdict | None],
    *,
    protocol: Protocol,
    rule: LengthRule | None,
    min_coverage: float,
) -> Reward:
    """The reward that the verdicts on a response make.

    Parameters
    ----------
    rule
        Prices the length of the response; None leaves length out of it.
    min_coverage
        Share of the criteria that must be graded. Where it is reached but some are missing, the
        value is the score of the rubric without those.
    """
    score = protocol.score(Graded(example, 0, response, tuple(verdicts)))
    given, asked = score.counts[OVERALL]
    coverage = given / asked
    value = score.values.get(OVERALL)
    if value is None and coverage >= min_coverage:
        value = _partial(example, response, verdicts, protocol)

    def adjusted(number: float) -> float:
        return number if rule is None else rule.adjust(number, len(response.text))

    return Reward(
        example_id=example.id,
        value=None if value is None else adjusted(value),
        reason=None if value is not None else _reason(verdicts),
        low=adjusted(score.low[OVERALL]),
        high=adjusted(score.high[OVERALL]),
        coverage=coverage,
        by_tag={name: number for name, number in score.values.items() if name != OVERALL},
        verdicts=tuple(verdicts),
    )


def _partial(
    example: Example, response: Response, verdicts: Sequence[Verdict | None], protocol: Protocol
) -> float | None:
    """The score as if the rubric had only the criteria that were graded."""
    pairs = zip(example.criteria, verdicts, strict=True)
    graded = [(c, v) for c, v in pairs if v is not None and v.met is not None]
    part = msgspec.structs.replace(example, criteria=tuple(c for c, _ in graded))
    score: Score = protocol.score(Graded(part, 0, response, tuple(v for _, v in graded)))
    return score.values.get(OVERALL)


def _reason(verdicts: Sequence[Verdict | None]) -> str:
    reasons = Counter(
        "ungraded" if verdict is None else verdict.reason or "ungraded"
        for verdict in verdicts
        if verdict is None or verdict.met is None
    )
    # Nothing is ungraded, yet there is no score: no positive criterion is among those graded.
    return reasons.most_common(1)[0][0] if reasons else "undefined"
