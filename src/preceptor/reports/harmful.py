"""The most harmful answers: those that earned the most negative points."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import msgspec

from preceptor.records import Graded, Result
from preceptor.reports.format import cut, plural
from preceptor.reports.missed_criteria import signs_by_example
from preceptor.reports.view import RunView

__all__ = ["Harm", "HarmfulAnswer", "harm_of", "harm_words"]

_SHOWN = 3


class HarmfulAnswer(msgspec.Struct, frozen=True):
    """An answer in full; ``met`` has points, text and the grader's explanation of each criterion
    with negative points that it met, the gravest first."""

    example: str
    repeat: int
    points: int
    messages: list[tuple[str, str]]
    answer: str
    met: list[tuple[int, str, str]]


class Harm(msgspec.Struct, frozen=True):
    """What one run's answers said that they should not.

    ``warned`` counts the answers whose rubric has negative points, ``harmful`` those of them that
    met such a criterion. ``worst`` is empty in a share-safe report.
    """

    run: RunView
    warned: int
    harmful: int
    worst: list[HarmfulAnswer]


def harm_of(result: Result, run: RunView, *, share: bool) -> Harm:
    """The harm of a run, with its three most harmful answers."""
    warned = harmful = 0
    worst: list[tuple[int, int]] = []
    for each in _totals(result.graded):
        warned += 1
        if each[0] < 0:
            harmful += 1
            if not share:
                worst = heapq.nsmallest(_SHOWN, [*worst, each])
    shown = [_shown(result.graded[row], total) for total, row in worst]
    return Harm(run, warned, harmful, shown)


def _totals(graded: Sequence[Graded]) -> Iterator[tuple[int, int]]:
    """Negative points and row of each answer to an example that has such points."""
    row = 0
    for example, answers in signs_by_example(graded):
        negative = [
            (place, each.points) for place, each in enumerate(example.criteria) if each.points < 0
        ]
        if negative:
            for at, signs in enumerate(answers, row):
                # A missing answer has fewer signs, or none that says met or not met.
                if signs.strip("-"):
                    yield sum(points for place, points in negative if signs[place] == "1"), at
        row += len(answers)


def _shown(item: Graded, total: int) -> HarmfulAnswer:
    met = [
        (criterion.points, cut(criterion.text), cut(verdict.explanation))
        for criterion, verdict in zip(item.example.criteria, item.verdicts, strict=True)
        if criterion.points < 0 and verdict is not None and verdict.met
    ]
    return HarmfulAnswer(
        example=item.example.id,
        repeat=item.repeat,
        points=total,
        messages=[(message.role, cut(message.text)) for message in item.example.messages],
        answer="" if item.response is None else cut(item.response.text),
        met=sorted(met, key=lambda each: each[0]),
    )


def harm_words(found: Harm) -> str:
    """How many answers harmed, in one sentence."""
    if not found.warned:
        return "Not measured: no criterion has negative points."
    answers = plural(found.warned, "answer")
    if not found.harmful:
        return f"None of {answers} said anything that its rubric warns against."
    return f"{found.harmful:,} of {answers} said at least one thing that the rubric warns against."
