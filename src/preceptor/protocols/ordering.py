"""Putting shuffled steps in order: exact match, and Kendall's tau for how far off it is."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.confident import with_values
from preceptor.protocols.scoring import Scoring
from preceptor.reasoning import said_in
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import mean_metric, set_metric
from preceptor.scoring.units import units

__all__ = ["ORDERING", "OrderingScoring", "kendall_tau", "ordering_example", "read_order"]

#: Exact match over the answers that could be read alone.
_READ = "exact_of_read"
_INSTRUCTION = (
    "Put these steps in the right order. Reply with the numbers of all steps in that order, as a "
    "list such as [2, 3, 1], and nothing else."
)
_STEP = r"(?:steps?|schritte?|pasos?|passos?|étapes?|fas[ei]|шаг\w?|步骤|步|ステップ|手順|단계)"
#: Numbers with nothing but signs between them, or also with such words as "then step".
_LISTS = (
    re.compile(r"(?<!\d)\d++(?:(?:\s*+(?:,|;|>|->|→|⇒|、)\s*+|\s++)\d++)+"),
    re.compile(
        r"(?<!\d)\d++(?:[^\w\n:.]{0,9}+(?:(?:and|then|finally|lastly|next|und|dann|y|luego|e|et|puis|и"
        rf"|{_STEP})[^\w\n:.]{{1,9}}+){{0,3}}\d++)+",
        re.IGNORECASE,
    ),
)
#: How a line begins: its own number, and the step that it names.
_NUMBERING = re.compile(r"^\s*(?:[-*•]\s*)?(?:step\s*)?(?:\(?\d+[.):]\s*)?", re.IGNORECASE)
_NAMED = re.compile(
    rf"^[ \t*•>-]*(?:\(?\d+[.):][ \t]+)?[^\w\n]{{0,3}}(?:{_STEP}\s?(\d+)\b|(\d+)[.)]?[ \t]*$)(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
#: Between steps that are written out one after the other.
_BETWEEN = re.compile(r"(?:[\W\d]|and|then|finally){0,30}", re.IGNORECASE)


def ordering_example(
    id: str, stem: str, shuffled: Sequence[str], ordered: Sequence[str], tags: Sequence[str] = ()
) -> Example:
    """The Example of one list of steps: as it is shown, and as it should be."""
    shown = "\n".join(f"{number}. {step}" for number, step in enumerate(shuffled, start=1))
    return Example(
        id=id,
        messages=(Message("user", f"{stem.strip()}\n\n{shown}"),),
        criteria=(),
        tags=tuple(tags),
        target={"steps": list(shuffled), "order": list(ordered)},
    )


def read_order(text: str, steps: Sequence[str]) -> list[int] | None:
    """Places in ``steps``, from 0, in the order that an answer gives them; None where it does not.

    Numbers count from 1, or from 0 where a 0 is among them. The last complete list counts; without
    one, the steps themselves, a line each.
    """
    text = unicodedata.normalize("NFKC", said_in(text))
    for form in _LISTS:
        for found in reversed(form.findall(text)):
            numbers = [int(number) for number in re.findall(r"\d+", found) if len(number) < 5]
            if order := _from_zero(numbers, len(steps)):
                return order
    return _by_text(text, steps) or _by_lines(text, len(steps))


def _by_lines(text: str, length: int) -> list[int] | None:
    """The same where each line names a step: "1. Step 3"."""
    for part in reversed(re.split(r"\n[ \t]*\n", text)):
        named = [each for each in _NAMED.findall(part) if len(each[0] + each[1]) < 5]
        order = _from_zero([int(step or number) for step, number, _ in named], length)
        # "Step 1: …, Step 2: …" may be the numbers of lines.
        if order and (order != sorted(order) or not any(rest.strip() for *_, rest in named)):
            return order
    return None


def _from_zero(numbers: Sequence[int], length: int) -> list[int] | None:
    """The numbers as places from 0; None where they are not each step once."""
    first = 0 if 0 in numbers else 1
    complete = sorted(numbers) == list(range(first, first + length))
    return [number - first for number in numbers] if complete else None


def _by_text(text: str, steps: Sequence[str]) -> list[int] | None:
    """The same where the steps are written out: a line each, or one after the other."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, step in enumerate(steps):
        places[_plain(step)].append(place)
    found = []
    for line in text.splitlines():
        waiting = places.get(_plain(line)) or places.get(_plain(_NUMBERING.sub("", line)))
        if waiting:
            found.append(waiting.pop(0))
    return found if len(found) == len(steps) else _in_a_row(text, steps)


def _in_a_row(text: str, steps: Sequence[str]) -> list[int] | None:
    """Steps that stand once each in a text, with nothing but signs and numbers between them."""
    text, written = " ".join(text.casefold().split()), [_plain(step) for step in steps]
    if not all(written) or any(text.count(step) != 1 for step in written):
        return None
    begins = [text.index(step) for step in written]
    order = sorted(range(len(steps)), key=begins.__getitem__)
    between = (
        text[begins[first] + len(written[first]) : begins[then]] for first, then in pairwise(order)
    )
    return order if all(_BETWEEN.fullmatch(each) for each in between) else None


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(" .*").casefold()


def kendall_tau(given: Sequence[str], ordered: Sequence[str]) -> float:
    """Kendall's tau between an order of steps and the right one, by ``scipy.stats.kendalltau``.

    From −1 (reversed) to 1 (right). Steps of the same text are not told apart: the first of them in
    the one is the first in the other. NaN for fewer than two steps.
    """
    from scipy.stats import kendalltau

    ranks: dict[str, list[int]] = defaultdict(list)
    for rank, step in enumerate(ordered):
        ranks[step].append(rank)
    return float(kendalltau(range(len(given)), [ranks[step].pop(0) for step in given]).statistic)


class OrderingScoring(Scoring):
    """One list of shuffled steps, whose numbers are to be given in the right order.

    ``overall_score`` is the share of lists that are exactly right; steps of the same text may stand
    for each other. An answer that names not each step once cannot be read: it is not right. Over
    the answers that can be read there are ``exact_of_read``; ``kendall_tau``, the mean over lists;
    and ``kendall_tau_pooled``, over all pairs of steps of all lists, where long lists weigh more.
    """

    shares = (OVERALL, PARSED, _READ)

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            return missing(graded, {OVERALL: (0.0, 1.0), PARSED: (0.0, 1.0)})
        steps, order = graded.example.target["steps"], graded.example.target["order"]
        said = read_order(text, steps)
        if said is None:
            return scored(graded, {OVERALL: 0.0}, None)
        exact = float([steps[place] for place in said] == order)
        score = scored(graded, {OVERALL: exact}, [place + 1 for place in said])
        return with_values(score, {_READ: exact})

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        read = [score for score in scores if score.prediction is not None]
        targets = {example.id: example.target for example in examples}
        taus = np.array(list(_taus(read, targets)))
        sizes = np.array([len(score.prediction) for score in read], dtype=float)
        pairs = sizes * (sizes - 1) / 2
        ids, unit_of = [score.example_id for score in read], units(examples)
        coverage = len(read) / len(scores) if scores else 0.0
        return {
            "kendall_tau": mean_metric(taus, ids, unit_of, unit="τ", coverage=coverage),
            "kendall_tau_pooled": set_metric(
                lambda rows: float(np.average(taus[rows], weights=pairs[rows])),
                ids,
                unit_of,
                unit="τ",
                coverage=coverage,
            ),
        }


def _taus(scores: Sequence[Score], targets: dict[str, dict[str, list[str]]]) -> Iterable[float]:
    for score in scores:
        target = targets[score.example_id]
        given = [target["steps"][number - 1] for number in score.prediction]
        yield kendall_tau(given, target["order"])


ORDERING = Protocol("ordering", asking=Asking(_INSTRUCTION), scoring=OrderingScoring())
