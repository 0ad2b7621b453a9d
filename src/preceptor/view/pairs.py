"""Two runs side by side: their answers to each example that both were asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams

from preceptor.errors import InputError
from preceptor.records import Example
from preceptor.reports.format import points, pretty, signed
from preceptor.scoring.columns import means_of, repeats_of
from preceptor.view.answers import PAGE, pager
from preceptor.view.details import answer_of, question_of
from preceptor.view.finding import Part, Table, tag_counts
from preceptor.view.selection import pair_tabs, url, whole
from preceptor.view.workspace import Known, Workspace

__all__ = ["ORDERS", "pairs_page", "two"]

ORDERS = {
    "most": "Largest difference first",
    "worse": "Second worse first",
    "better": "Second better first",
    "given": "Benchmark’s order",
}
_START, _TAGS, _LONGEST = 160, 3, 200


class Pair(msgspec.Struct, frozen=True):
    """An example, and where its answers are: position in each run, mean score of each."""

    example: Example
    positions: tuple[int, int]
    scores: tuple[float, float]

    @property
    def difference(self) -> float:
        return self.scores[1] - self.scores[0]


def two(workspace: Workspace, given: QueryParams) -> list[Known]:
    """The two runs that ``run`` names. Raises InputError for another number of them."""
    names = list(dict.fromkeys(given.getlist("run")))
    if len(names) != 2:
        raise InputError(
            f"comparison: expected two runs, found {len(names)}: choose two in the list of runs"
        )
    return [workspace.run(name) for name in names]


def pairs_page(workspace: Workspace, given: QueryParams) -> dict[str, Any]:
    """What the page of answers side by side shows. Raises InputError, UnknownName."""
    runs = two(workspace, given)
    table = Table.of(workspace, runs)
    names = [("run", run.info.name) for run in runs]
    order = given.get("order", "") or "most"
    if order not in ORDERS:
        raise InputError(f"order: expected {', '.join(ORDERS)}")
    words, tag = given.get("text", "").strip()[:_LONGEST], given.get("tag", "")[:500]
    everything = _pairs(table.parts)
    found = _ordered([each for each in everything if _fits(each.example, words, tag)], order)
    base: list[tuple[str, object]] = [
        *names,
        ("text", words),
        ("tag", tag),
        ("order", "" if order == "most" else order),
    ]
    keys = {
        f"{one}-{other}": at for at, each in enumerate(found) for one, other in [each.positions]
    }
    at = keys.get(given.get("open", ""))
    number = whole(given, "page", 0) or (1 if at is None else at // PAGE + 1)
    pages = pager("/compare/answers", base, len(found), number)
    begin = (pages.number - 1) * PAGE
    reading = at is not None
    if at is None and found:
        at = begin

    def address(place: int) -> str:
        if not 0 <= place < len(found):
            return ""
        one, other = found[place].positions
        page, key = place // PAGE + 1, f"{one}-{other}"
        return url("/compare/answers", [*base, ("page", page), ("open", key)])

    return {
        "title": "Answers side by side",
        "runs": runs,
        "text": words,
        "tag": tag,
        "order": order,
        "orders": ORDERS,
        "tags": tag_counts(table),
        "clear": url("/compare/answers", names),
        "tabs": pair_tabs([run.info.name for run in runs], "Answers side by side"),
        "pager": pages,
        "all": len(everything),
        "items": [
            _item(each, table, address(begin + number), begin + number == at)
            for number, each in enumerate(found[begin : begin + PAGE])
        ],
        "reading": reading,
        "back": url("/compare/answers", [*base, ("page", pages.number)]),
        "previous": "" if at is None else address(at - 1),
        "next": "" if at is None else address(at + 1),
        "at": at,
        **({"question": None} if at is None else _opened(workspace, table, found[at])),
    }


def _pairs(parts: Sequence[Part]) -> list[Pair]:
    """The examples that both runs have, with the same rubric, in the first run's order."""
    means = [_means(part) for part in parts]
    second = {_key(example): at for at, example in enumerate(parts[1].examples)}
    return [
        Pair(example, (at, other), (float(means[0][at]), float(means[1][other])))
        for at, example in enumerate(parts[0].examples)
        if (other := second.get(_key(example))) is not None
    ]


def _key(example: Example) -> tuple[object, ...]:
    return (example.id, example.messages, example.criteria)


def _means(part: Part) -> NDArray[np.float64]:
    """The mean score of the answers to each example, NaN where none is known."""
    means = np.full(len(part.examples), np.nan)
    known = ~np.isnan(part.score)
    if known.any():
        places, rows = repeats_of(part.example[known], part.score[known])
        means[places] = means_of(rows)
    return means


def _fits(example: Example, words: str, tag: str) -> bool:
    if tag and tag not in example.tags:
        return False
    texts = (example.id, *(message.text for message in example.messages))
    return words.casefold() in "\n".join(texts).casefold()


def _ordered(pairs: list[Pair], order: str) -> list[Pair]:
    if order == "given":
        return pairs

    def key(pair: Pair) -> tuple[bool, float]:
        difference = pair.difference
        if math.isnan(difference):
            return True, 0.0
        rank = {"most": -abs(difference), "worse": difference, "better": -difference}
        return False, rank[order]

    return sorted(pairs, key=key)


def _item(pair: Pair, table: Table, address: str, current: bool) -> dict[str, object]:
    example = pair.example
    last = example.messages[-1].text.strip() if example.messages else ""
    return {
        "url": address,
        "start": last[:_START] or example.id,
        "is_id": not last,
        "score": signed(None if math.isnan(pair.difference) else pair.difference),
        "about": " · ".join(
            [
                " → ".join(points(None if math.isnan(each) else each) for each in pair.scores),
                *(pretty(tag, table.labels) for tag in example.tags[:_TAGS]),
            ]
        ),
        "current": current,
    }


def _opened(workspace: Workspace, table: Table, pair: Pair) -> dict[str, Any]:
    """Both sides' first answers to the example."""
    numbers = [table.number(f"{side}-{position}-0") for side, position in enumerate(pair.positions)]
    sides = [None if each is None else answer_of(workspace, table, each) for each in numbers]
    first = next((each for each in numbers if each is not None), None)
    return {
        "question": None if first is None else question_of(workspace, table, first),
        "sides": sides,
        "pair": pair,
    }
