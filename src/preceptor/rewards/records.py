"""Rewards, their computation from verdicts, and inline examples."""

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

__all__ = ["InlineExample", "Reward", "inline_example", "lower_first", "no_answer", "to_reward"]

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
    """A user's own task: the conversation that the response answers, and its rubric."""

    messages: Annotated[tuple[InlineMessage, ...], msgspec.Meta(min_length=1)]
    criteria: Annotated[tuple[InlineCriterion, ...], msgspec.Meta(min_length=1)]
    id: str | None = None
    tags: tuple[str, ...] = ()

    def example(self) -> Example:
        """Convert to an `Example`; without an ``id``, its id is a hash of the content."""
        return Example(
            id=self.id or content_key(self.messages, self.criteria),
            messages=tuple(Message(m.role, m.content) for m in self.messages),  # type: ignore[arg-type]
            criteria=tuple(Criterion(c.text, c.points, c.tags) for c in self.criteria),
            tags=self.tags,
        )


def inline_example(given: Mapping[str, Any]) -> Example:
    """Read an example from a mapping with ``messages`` and ``criteria``.

    Raises
    ------
    InputError
        A field is missing or wrong; the message names it without quoting its value.
    """
    try:
        return msgspec.convert(given, InlineExample).example()
    except msgspec.ValidationError as error:
        raise InputError(f"example: {lower_first(str(error))}") from None


def lower_first(words: str) -> str:
    """Lower the first letter of a sentence, unless it starts with an acronym such as ``JSON``."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


class Reward(msgspec.Struct, frozen=True):
    """Reward of one response. ``float(reward)`` is its value, or NaN if it has none.

    Attributes
    ----------
    value
        Score of the rubric: 1 is all attainable points. It may be negative and is never clipped.
        None if too few criteria were graded, which is neither 0 nor "not met".
    reason
        Why there is no value, in one word: the most frequent reason of the ungraded verdicts
        (``timeout``, ``unparseable``, …), ``no_answer``, or ``reasoning_only`` for a response of
        reasoning alone.
    low, high
        Bounds of the value over all outcomes of the missing verdicts; equal to it if none is
        missing, None without an answer.
    coverage
        Share of the criteria with a verdict, 0 to 1.
    by_tag
        Scores of the criteria with one tag, if all are graded; without length adjustment.
    verdicts
        One per criterion, in the rubric's order.
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
    """Build the reward of a missing response, for which nothing was judged."""
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
    """Compute the reward of a response from its verdicts.

    Parameters
    ----------
    rule
        Adjustment for the length of the response; None for none.
    min_coverage
        Share of the criteria that must be graded, 0 to 1. If it is reached but verdicts are
        missing, the value is the score of the rubric without their criteria.
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
    """Score by the graded criteria alone."""
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
    # Without ungraded verdicts, the score is undefined for want of a positive criterion.
    return reasons.most_common(1)[0][0] if reasons else "undefined"
