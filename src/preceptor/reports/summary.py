"""The first screen of a report: the answer in words, and the facts that it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from preceptor.audit.card import GraderCard
from preceptor.records import NO_GRADER, Metric, Result
from preceptor.reports.banners import asked, kind_of, method_of
from preceptor.reports.card import card_of, card_sentences, is_card_of, verdict_on
from preceptor.reports.format import SHARE, measured, percent, points, pretty
from preceptor.reports.harmful import Harm, harm_words
from preceptor.reports.score import namespaces
from preceptor.reports.view import RunView
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL
from preceptor.scoring.answers import poorly_read, share_read
from preceptor.wording import plural

__all__ = ["Claim", "Summary", "answer_words", "summaries", "unchecked"]


class Claim(msgspec.Struct, frozen=True):
    """What one run's answers achieved; ``name`` is empty where there is only one."""

    run: RunView
    name: str
    words: str


class Summary(msgspec.Struct, frozen=True):
    """The answer on one benchmark.

    ``facts`` are a heading with its sentences; ``slices`` says how slices of points come about, and
    is empty where there are none.
    """

    title: str
    kind: str
    claims: list[Claim]
    facts: list[tuple[str, list[str]]]
    slices: str


def summaries(
    sides: Sequence[Side],
    runs: Sequence[RunView],
    harm: Sequence[Harm],
    cards: Sequence[GraderCard],
    differences: Sequence[str],
) -> list[Summary]:
    """One for each benchmark, in the order of the sides; ``harm`` is of the first of them."""
    found: dict[str, list[tuple[Side, RunView, Harm | None]]] = {}
    padded = [*harm, *[None] * (len(sides) - len(harm))]
    for side, run, each in zip(sides, runs, padded, strict=True):
        found.setdefault(side.result.info.benchmark, []).append((side, run, each))
    return [_summary(part, len(sides) == 1, cards, differences) for part in found.values()]


def _summary(
    part: Sequence[tuple[Side, RunView, Harm | None]],
    alone: bool,
    cards: Sequence[GraderCard],
    differences: Sequence[str],
) -> Summary:
    results = [side.result for side, _, _ in part]
    kind = kind_of(results)
    facts = [
        ("What was tested", [_tested(side) for side, _, _ in part] if alone else []),
        ("On what", [f"{asked(results)}."]),
        ("How it was scored", [method_of(results)]),
        ("Differences", list(differences)),
        ("How sure this is", _certainty(results, kind)),
        ("Trust in the grader", list(_trust(results, cards))),
        ("What harmed", list(_harm(part, alone)) if kind == "points" else []),
    ]
    claims = [
        Claim(run, "" if alone else side.label, _claim(side.result, kind, cards if alone else None))
        for side, run, _ in part
    ]
    slices = _slices(results) if kind == "points" else ""
    return Summary(results[0].title, kind, claims, [fact for fact in facts if fact[1]], slices)


def _slices(results: Sequence[Result]) -> str:
    """How a score by a kind of tags comes about, with the kinds that these results have."""
    kinds: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for result in results:
        for space, names in namespaces(result.metrics).items():
            if space:
                title = pretty(space, result.labels)
                by_example = result.metrics[names[0]].tag is not None
                kinds[by_example][title[:1].lower() + title[1:]] = None
    said = []
    if kinds[True]:
        said.append(f"A score by {' or '.join(kinds[True])} is the mean over its examples.")
    if kinds[False]:
        said.append(
            f"A score by {' or '.join(kinds[False])} uses the criteria with that tag, where they "
            "have positive points."
        )
    return " ".join(said)


# The answer


def answer_words(result: Result, kind: str) -> str:
    """The score with its interval: ``Answers met 62.4 of 100 points; between 57.1 and 66.9``."""
    metric = result.metrics.get(OVERALL)
    if metric is None or metric.value is None:
        return "There is no score: no answer has all its verdicts"
    between = _between(metric.raw_ci95, metric.unit)
    if kind == "points":
        text = f"Answers met {points(metric.value)} of 100 points"
    else:
        text = f"{pretty(OVERALL, result.labels)} was {measured(metric.value, metric.unit)}"
        text += " of 100" if metric.unit == SHARE else ""
    if metric.raw_mean is not None and abs(metric.raw_mean - metric.value) > 1e-9:
        raw = f"mean {points(metric.raw_mean)} before clipping{between and ', ' + between}"
        return f"{text}: what they should not say outweighed what they should ({raw})"
    return f"{text}; {between or _no_interval(metric)}"


def _between(pair: tuple[float, float] | None, unit: str) -> str:
    if pair is None:
        return ""
    low, high = (measured(bound, unit) for bound in pair)
    return f"between {low} and {high}"


def _no_interval(metric: Metric) -> str:
    number = metric.units or metric.n
    return f"how sure this is cannot be estimated from {plural(number, 'question')}"


def _claim(result: Result, kind: str, cards: Sequence[GraderCard] | None) -> str:
    """Ends with what is known of the grader, where there are cards, if only none."""
    closing = "" if cards is None else f"; {_verdict(result.info.grader, cards)}"
    return f"{answer_words(result, kind)}{closing}."


def _verdict(grader: str, cards: Sequence[GraderCard]) -> str:
    if grader == NO_GRADER:
        return "no grader was needed"
    card = card_of(cards, grader)
    return "the grader was not checked" if card is None else verdict_on(card)


# The facts


def _tested(side: Side) -> str:
    """``Assistant A (openai/gpt-5), run board-1``."""
    system, runs = side.result.info.system, side.runs
    text = f"{side.label} ({system})" if side.label not in (*runs, system) else system
    if len(runs) == 1:
        return f"{text}, run {runs[0]}."
    answers = plural(len(side.result.graded), "answer")
    return f"{text}, {answers} of {len(runs)} runs."


def _certainty(results: Sequence[Result], kind: str) -> list[str]:
    said = []
    if any(result.metrics.get(OVERALL, _NONE).raw_ci95 is not None for result in results):
        said.append(
            "The range allows for the choice of questions: of a hundred such ranges, about 95 hold "
            "the score on all questions of this kind."
            + (" Errors of the grader come on top." if kind != "answers" else "")
        )
    for result in results:
        metric, share = result.metrics.get(OVERALL, _NONE), share_read(result.scores)
        name = f"{result.info.name}: " if len(results) > 1 else ""
        if result.coverage < 1:
            text = f"{name}{percent(result.coverage)} of the verdicts were given"
            if metric.bounds is not None:
                text += "; with the others the score lies " + _between(metric.bounds, metric.unit)
            said.append(f"{text}.")
        if share is not None and poorly_read(share):
            said.append(
                f"{name}{percent(share)} of the answers could be read; the others count as wrong."
            )
    return said


_NONE = Metric(None, None, 0, None, None, None, 0.0)


def _trust(results: Sequence[Result], cards: Sequence[GraderCard]) -> Iterable[str]:
    """Of the graders that were checked; of the others :func:`unchecked` tells."""
    graders = dict.fromkeys(result.info.grader for result in results)
    of = [card for each in graders for card in cards if is_card_of(card, each)]
    return [sentence for card in of for sentence in card_sentences(card)]


def _harm(part: Sequence[tuple[Side, RunView, Harm | None]], alone: bool) -> Iterable[str]:
    for side, _, harm in part:
        if harm is not None:
            yield harm_words(harm) if alone else f"{side.label}: {harm_words(harm)}"


def unchecked(results: Iterable[Result], cards: Sequence[GraderCard]) -> tuple[str, str]:
    """Heading and sentence on the graders without a card; empty where each has one, or none was
    needed."""
    graders = dict.fromkeys(result.info.grader for result in results)
    missing = [each for each in graders if each != NO_GRADER and card_of(cards, each) is None]
    if not missing:
        return "", ""
    names = ["a grader that is not stated" if each == "not stated" else each for each in missing]
    if len(names) == 1:
        heading, whose, its = "The grader was not checked.", names[0], "its"
    else:
        heading, its = "The graders were not checked.", "their"
        whose = f"{', '.join(names[:-1])} and {names[-1]}"
    text = f"No audit of {whose} was given, so it is unknown how often {its} verdicts are wrong."
    return heading, text
