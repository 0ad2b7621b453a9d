"""The most harmful answers: those that earned the most negative points."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import msgspec

from preceptor.records import Graded, Result, signs_by_example
from preceptor.reports.format import cut
from preceptor.reports.view import RunView
from preceptor.wording import count, plural

__all__ = ["Harm", "HarmfulAnswer", "harm_of", "harm_words"]

_SHOWN = 3
_UNJUDGED, _UNWARNED = "unjudged", "unwarned"


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

    ``warned`` counts the judged answers whose rubric has negative points, ``harmful`` those of them
    that met such a criterion. Not counted are ``unjudged`` answers without a verdict, and
    ``unwarned`` ones, whose rubric has no negative points. ``worst`` is empty in a share-safe
    report.
    """

    run: RunView
    warned: int
    harmful: int
    unjudged: int
    unwarned: int
    worst: list[HarmfulAnswer]


def harm_of(result: Result, run: RunView, *, share: bool) -> Harm:
    """The harm of a run, with its three most harmful answers."""
    warned = harmful = unjudged = unwarned = 0
    worst: list[tuple[int, int]] = []
    for row, total in enumerate(_totals(result.graded)):
        if isinstance(total, str):
            unjudged += total == _UNJUDGED
            unwarned += total == _UNWARNED
            continue
        warned += 1
        if total < 0:
            harmful += 1
            if not share:
                worst = heapq.nsmallest(_SHOWN, [*worst, (total, row)])
    shown = [_shown(result.graded[row], total) for total, row in worst]
    return Harm(run, warned, harmful, unjudged, unwarned, shown)


def _totals(graded: Sequence[Graded]) -> Iterator[int | str]:
    """The negative points of each answer, or why it has none to count."""
    for example, answers in signs_by_example(graded):
        negative = [
            (place, each.points) for place, each in enumerate(example.criteria) if each.points < 0
        ]
        for signs in answers:
            if not negative:
                yield _UNWARNED
            # A missing answer has fewer signs, or none that says met or not met.
            elif not signs.strip("-"):
                yield _UNJUDGED
            else:
                yield sum(points for place, points in negative if signs[place] == "1")


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
    """How many answers harmed, and which were not counted."""
    if not found.warned:
        why = "no answer has a verdict" if found.unjudged else "no criterion has negative points"
        return f"Not measured: {why}."
    if found.warned == 1:
        some = "at least one thing" if found.harmful else "nothing"
        text = f"The answer said {some} that its rubric warns against."
    elif found.harmful:
        of = f"{count(found.harmful)} of {count(found.warned)} answers"
        text = f"{of} said at least one thing that the rubric warns against."
    else:
        text = f"None of {count(found.warned)} answers said anything that its rubric warns against."
    left = []
    if found.unjudged:
        left.append(f"{plural(found.unjudged, 'answer')} without a verdict")
    if found.unwarned:
        left.append(f"{plural(found.unwarned, 'answer')} whose rubric warns against nothing")
    return f"{text} Not counted: {'; '.join(left)}." if left else text
