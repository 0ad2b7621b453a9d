"""Agreement with physicians and cost of several graders of the same rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from preceptor.audit.agreement import (
    Estimate,
    Pairs,
    chance_f1,
    estimate,
    gap,
    grader_pairs,
    physician_pairs,
)
from preceptor.audit.card import Cost
from preceptor.audit.labels import Judged, Labels
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.graders.base import judged
from preceptor.records import Graded, Message, Verdict
from preceptor.statistics.agreement import macro_f1

__all__ = [
    "CHARACTERS_PER_TOKEN",
    "Frontier",
    "Point",
    "Spent",
    "Unit",
    "conversation_of",
    "estimated_tokens",
    "frontier",
    "reply_characters",
    "with_stored",
]

#: Rule of thumb for English text, as given by makers of common tokenisers.
CHARACTERS_PER_TOKEN = 4

Unit = Literal["usd", "tokens"]


class Spent(msgspec.Struct, frozen=True):
    """Cost of 1,000 verdicts of a grader; ``estimated`` if its tokens were not counted."""

    cost: Cost
    estimated: bool = False


class Point(msgspec.Struct, frozen=True):
    """Agreement and cost of one grader.

    Attributes
    ----------
    rows, prompts, pairs
        Judged rows, their distinct prompts, and pairs with a physician.
    every_row
        Whether it judged every row that any of the graders judged.
    macro_f1
        Agreement with single physicians.
    gap
        ``macro_f1`` minus that of physicians with each other, on the rows that it judged.
    cost, estimated
        As in :class:`Spent`; None if unknown.
    on_front
        Whether no grader that judged every row agrees as well for less.
    """

    grader: str
    rows: int
    prompts: int
    pairs: int
    every_row: bool
    macro_f1: Estimate
    gap: Estimate
    cost: Cost | None
    estimated: bool
    on_front: bool


class Frontier(msgspec.Struct, frozen=True):
    """Graders by agreement and cost.

    Attributes
    ----------
    rows
        Number of rows that any of the graders judged.
    unit
        Unit of the compared costs: dollars if known for any grader, else tokens.
    physicians
        Macro F1 of each physician with every other of the same row, pooled; None if no row has two.
    coin
        Expected macro F1 of verdicts by the toss of a coin.
    points
        Graders, highest agreement first.
    """

    source: str
    rows: int
    prompts: int
    unit: Unit | None
    physicians: Estimate | None
    coin: float | None
    points: list[Point]


def frontier(
    labels: Labels,
    graders: Sequence[str] | None = None,
    spent: Mapping[str, Spent] | None = None,
    *,
    seed: int = 0,
) -> Frontier:
    """Compare graders of one file of labels.

    Parameters
    ----------
    graders
        Graders to compare; None for all of the file.
    spent
        Known costs, by grader.

    Raises
    ------
    InputError
        A grader has no verdict in the file, or the file has no verdicts.
    """
    chosen = list(dict.fromkeys(labels.graders if graders is None else graders))
    known = spent or {}
    rows = [row for row in labels.rows if any(name in row.verdicts for name in chosen)]
    for name in chosen:
        if name not in labels.graders:
            listed = ", ".join(labels.graders) or "none"
            raise InputError(f"--grader {name}: not in {labels.source}, which has {listed}")
    if not rows:
        raise InputError(f"{labels.source}: no row has a grader's verdict")
    theirs = physician_pairs(rows)
    unit = _unit(known[name].cost for name in chosen if name in known)
    points = [_point(rows, name, known.get(name), seed) for name in chosen]
    points.sort(
        key=lambda point: -1.0 if (f1 := point.macro_f1.value) is None else f1, reverse=True
    )
    front = _pareto_front(points, unit)
    return Frontier(
        source=labels.source,
        rows=len(rows),
        prompts=len({row.prompt for row in rows}),
        unit=unit,
        physicians=_f1(theirs, seed) if len(theirs.ratings) else None,
        coin=_coin_toss_f1(rows),
        points=[msgspec.structs.replace(point, on_front=point.grader in front) for point in points],
    )


def amount(point: Point, unit: Unit | None) -> float | None:
    """Cost of 1,000 verdicts in that unit; None if unknown."""
    if point.cost is None or unit is None:
        return None
    if unit == "usd":
        return point.cost.usd
    return point.cost.input_tokens + point.cost.output_tokens


def _point(rows: Sequence[Judged], grader: str, spent: Spent | None, seed: int) -> Point:
    judged = [row for row in rows if grader in row.verdicts]
    pairs = grader_pairs(judged, grader)
    return Point(
        grader=grader,
        rows=len(judged),
        prompts=len({row.prompt for row in judged}),
        pairs=len(pairs.ratings),
        every_row=len(judged) == len(rows),
        macro_f1=_f1(pairs, seed),
        gap=gap(judged, grader, seed=seed),
        cost=None if spent is None else spent.cost,
        estimated=spent is not None and spent.estimated,
        on_front=False,
    )


def _f1(pairs: Pairs, seed: int) -> Estimate:
    return estimate(macro_f1(pairs.ratings), pairs.prompts, seed=seed)


def _coin_toss_f1(rows: Iterable[Judged]) -> float | None:
    """Expected macro F1 of coin tosses: `chance_f1` with a share of met of one half."""
    labels = np.array([float(label) for row in rows for label in row.labels])
    ratings = np.concatenate(
        [np.column_stack([np.full(len(labels), side), labels]) for side in (0.0, 1.0)]
    )
    return chance_f1(Pairs(ratings, np.zeros(len(ratings), dtype=np.int64), np.ones(len(ratings))))


def _unit(costs: Iterable[Cost]) -> Unit | None:
    listed = list(costs)
    if any(cost.usd is not None for cost in listed):
        return "usd"
    return "tokens" if listed else None


def _pareto_front(points: Sequence[Point], unit: Unit | None) -> set[str]:
    """Graders on the Pareto front of cost and macro F1, among those that judged every row."""
    priced = [
        (cost, -point.macro_f1.value, point.grader)
        for point in points
        if point.every_row
        and point.macro_f1.value is not None
        and (cost := amount(point, unit)) is not None
    ]
    found: set[str] = set()
    best = 1.0
    for _, loss, grader in sorted(priced):
        if loss < best:
            found.add(grader)
            best = loss
    return found


# Stored verdicts on the same answers


def with_stored(
    labels: Labels, runs: Iterable[tuple[str, Iterable[Graded]]]
) -> tuple[Labels, dict[str, list[Verdict]]]:
    """Add verdicts of other runs on the same answers and criteria.

    Parameters
    ----------
    runs
        The grader of each run, and its answers with their verdicts.

    Returns
    -------
    The labels with the added verdicts, and the added verdicts by grader.

    Notes
    -----
    Answers match if the whole conversation is equal. A grader whose name is already in the file
    becomes ``NAME (store)``. If a grader has several verdicts on one row, the first counts.
    """
    places: dict[tuple[tuple[Message, ...], str], list[int]] = defaultdict(list)
    for place, row in enumerate(labels.rows):
        if row.conversation:
            places[row.conversation, row.criterion].append(place)
    added: dict[str, dict[int, Verdict]] = defaultdict(dict)
    for name, graded in runs:
        known = f"{name} (store)" if name in labels.graders else name
        for key, verdict in _verdicts_by_key(graded):
            for place in places.get(key, ()):
                added[known].setdefault(place, verdict)
    rows = list(labels.rows)
    for name, verdicts in added.items():
        for place, verdict in verdicts.items():
            row = rows[place]
            rows[place] = msgspec.structs.replace(
                row,
                verdicts={**row.verdicts, name: verdict.met is True},
                probabilities=row.probabilities
                if verdict.probability is None
                else {**row.probabilities, name: verdict.probability},
            )
    listed = {name: list(verdicts.values()) for name, verdicts in added.items()}
    return Labels(labels.source, rows, (*labels.graders, *listed)), listed


def conversation_of(item: Graded) -> tuple[Message, ...] | None:
    """The conversation with its answer; None if there is no answer."""
    answer = item.response
    if answer is None or answer.failure is not None:
        return None
    return judged(answer, item.example.messages)


def _verdicts_by_key(
    graded: Iterable[Graded],
) -> Iterable[tuple[tuple[tuple[Message, ...], str], Verdict]]:
    for item in graded:
        whole = conversation_of(item)
        if whole is None:
            continue
        for criterion, verdict in zip(item.example.criteria, item.verdicts, strict=True):
            if verdict is not None and verdict.met is not None:
                yield (whole, criterion.text), verdict


# Tokens that were not counted


def estimated_tokens(
    labels: Labels, grader: str, *, prompt: int, reply: float
) -> tuple[float, float] | None:
    """Estimate a grader's input and output tokens per 1,000 verdicts from lengths of texts.

    Parameters
    ----------
    prompt
        Characters of the grading prompt without conversation and criterion.
    reply
        Mean characters of a reply.

    Returns
    -------
    Input and output tokens; None if the rows have no conversations.
    """
    rows = [row for row in labels.rows if grader in row.verdicts and row.conversation]
    if not rows:
        return None
    # A turn is shown as role, colon, text, with an empty line between turns.
    lengths = [
        prompt
        + len(row.criterion)
        + sum(len(turn.role) + len(turn.text) + 4 for turn in row.conversation)
        - 2
        for row in rows
    ]
    scale = 1_000 / CHARACTERS_PER_TOKEN
    return scale * sum(lengths) / len(lengths), scale * reply


def reply_characters(path: Path) -> dict[str, float]:
    """Mean length in characters of each grader's replies in the file."""
    lengths: dict[str, list[int]] = defaultdict(list)
    for _, row in read_rows(path):
        graders = row.get("graders")
        for name, said in graders.items() if isinstance(graders, dict) else ():
            if isinstance(said, dict) and isinstance(said.get("raw"), str):
                lengths[name].append(len(said["raw"]))
    return {name: sum(each) / len(each) for name, each in lengths.items()}
