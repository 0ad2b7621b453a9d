"""What a reader must know before the numbers: what they are of, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np

from preceptor import benchmarks
from preceptor.records import NO_GRADER, Result, examples_of, singly_told
from preceptor.reports.format import percent, points, read_sentence
from preceptor.scoring import OVERALL
from preceptor.scoring.columns import Scores
from preceptor.wording import count

__all__ = ["Banner", "asked", "banners", "explain", "kind_of", "method_of", "reasons"]


#: More incomplete runs than this share one banner.
_FEW = 6


class Banner(msgspec.Struct, frozen=True):
    """``kind`` is ``comparison``, ``departure``, ``incomplete`` or ``note``.

    ``runs`` is empty where all are meant.
    """

    kind: str
    text: str
    runs: str


def explain(results: Sequence[Result]) -> str:
    """What is under the numbers, in two sentences."""
    by = "the system" if len(results) == 1 else "each system"
    return f"{asked(results)} by {by}. {method_of(results)}"


def asked(results: Sequence[Result]) -> str:
    """``200 questions of HealthBench, each answered once``."""
    sizes = sorted({result.info.n_examples for result in results})
    times = (np.bincount(Scores.of(result.scores).example) for result in results)
    repeats = sorted({number for each in times for number in each.tolist()}) or [1]
    size = count(sizes[0]) + (f" to {count(sizes[-1])}" if len(sizes) > 1 else "")
    often = f"{repeats[0]} to {repeats[-1]} times" if len(repeats) > 1 else f"{repeats[0]} times"
    one, done = benchmarks.of(results[0].info).protocol.scoring.called
    return (
        f"{size} {one if sizes[-1] == 1 else f'{one}s'} of {results[0].title}, "
        f"each {done} {'once' if repeats == [1] else often}"
    )


def method_of(results: Sequence[Result]) -> str:
    """How a score comes about, in one sentence."""
    method = benchmarks.of(results[0].info).protocol.scoring.method
    if method is not None:
        return method
    graders = list(dict.fromkeys(result.info.grader for result in results))
    judge = graders[0] if len(graders) == 1 else f"one of {len(graders)} graders"
    judge = "a grader that is not stated" if judge == "not stated" else judge
    judge = judge[:1].upper() + judge[1:] if judge.startswith(("a ", "one ")) else judge
    return {
        "points": f"{judge} judged whether an answer meets each criterion of the question’s "
        "rubric. 100 points are everything desirable and nothing undesirable.",
        "labels": f"{judge} judged each answer; the score follows from its verdicts, and 100 is "
        "the best.",
        "answers": "What an answer says was compared with the right answer; 100 is the best.",
    }[kind_of(results)]


def kind_of(results: Sequence[Result]) -> Literal["points", "labels", "answers"]:
    """What scores are made from: criteria met, labels of a judge, or the answers alone."""
    if all(result.info.grader == NO_GRADER for result in results):
        return "answers"
    verdicts = (v for result in results for each in singly_told(result.graded) for v in each if v)
    return "labels" if any(verdict.label is not None for verdict in verdicts) else "points"


def banners(results: Sequence[Result]) -> list[Banner]:
    """Differences between the runs, departures, what is missing, notes; each sentence once."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in results:
        said = [("departure", text) for text in result.departures]
        if result.coverage < 1:
            said.append(("incomplete", _incomplete(result, few=len(results) <= _FEW)))
        if (unread := read_sentence(result.scores)) is not None:
            said.append(("incomplete" if unread.startswith("†") else "note", unread))
        said += [("note", text) for text in result.notes]
        for sentence in dict.fromkeys(said):
            found.setdefault(sentence, []).append(result.info.name)
    order = ("departure", "incomplete", "note")
    shared = [
        Banner(kind, text, "" if len(names) == len(results) else _list(names))
        for (kind, text), names in sorted(found.items(), key=lambda item: order.index(item[0][0]))
    ]
    return [Banner("comparison", text, "") for text in _differences(results)] + shared


def _incomplete(result: Result, *, few: bool) -> str:
    if not few:
        return "Not every verdict was given: see coverage and bounds beside the score."
    metric = result.metrics.get(OVERALL)
    text = f"{percent(result.coverage)} of the verdicts were given"
    if result.ungraded:
        text += f"; missing: {reasons(result)}"
    if metric is not None and metric.bounds is not None:
        text += (
            f". Whatever the missing ones would say, the score over all examples "
            f"lies between {points(metric.bounds[0])} and {points(metric.bounds[1])}"
        )
    return text + "."


def _differences(results: Sequence[Result]) -> Iterable[str]:
    """What makes the runs of one report hard to compare."""
    titles = sorted({result.title for result in results})
    graders = sorted({result.info.grader for result in results})
    examples = {frozenset(examples_of(result.graded)) for result in results}
    if len(titles) > 1:
        yield f"The runs are of different benchmarks: {_list(titles)}."
    elif len(examples) > 1:
        yield "The runs did not answer the same examples, which may explain part of a difference."
    if len(graders) > 1:
        yield f"The runs were graded by different graders: {_list(graders)}."


def _list(names: Sequence[str], most: int = 4) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def reasons(result: Result) -> str:
    """How many verdicts are missing, by reason, the most frequent first."""
    ordered = sorted(result.ungraded.items(), key=lambda item: -item[1])
    return ", ".join(f"{count(number)} {reason.replace('_', ' ')}" for reason, number in ordered)
