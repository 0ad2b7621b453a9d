"""Answers that are right or wrong by themselves, without a judge → the scores of one response."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from preceptor.records import Graded, Score
from preceptor.scoring.columns import Scores

__all__ = [
    "LEAST_READ",
    "PARSED",
    "answered",
    "merged",
    "missing",
    "poorly_read",
    "scored",
    "share_read",
    "unparsed",
    "unread",
]

#: Share of answers out of which something could be read.
PARSED = "parse_rate"
#: Share read below which a score is marked: the reader may be at fault.
LEAST_READ = 0.95


def answered(graded: Graded) -> str | None:
    """The answer's text; None where there is none: not asked yet, or the call failed."""
    response = graded.response
    return None if response is None or response.failure is not None else response.text


def scored(graded: Graded, values: Mapping[str, float], prediction: Any) -> Score:
    """The score of an answer that is there.

    Parameters
    ----------
    values
        Metric name → score of this response, 0 to 1 for ``overall_score``.
    prediction
        What was read out of the answer; None where nothing could be read. That it could is the
        metric ``parse_rate``.
    """
    whole = {**values, PARSED: float(prediction is not None)}
    text = answered(graded)
    return Score(
        example_id=graded.example.id,
        repeat=graded.repeat,
        values=whole,
        low=whole,
        high=whole,
        counts=dict.fromkeys(whole, (1, 1)),
        length=None if text is None else len(text),
        prediction=prediction,
    )


def merged(score: Score, other: Score, names: Iterable[str]) -> Score:
    """A score with these metrics of another score of the same answer."""
    fields, chosen = ("values", "low", "high", "counts"), set(names)
    return msgspec.structs.replace(
        score,
        **{
            field: getattr(score, field)
            | {name: each for name, each in getattr(other, field).items() if name in chosen}
            for field in fields
        },
    )


def missing(graded: Graded, ranges: Mapping[str, tuple[float, float]]) -> Score:
    """The score of a missing answer: no value, and what it could have been.

    Parameters
    ----------
    ranges
        Metric name → lowest and highest value, those that have bounds.
    """
    return Score(
        example_id=graded.example.id,
        repeat=graded.repeat,
        values={},
        low={name: low for name, (low, _) in ranges.items()},
        high={name: high for name, (_, high) in ranges.items()},
        counts=dict.fromkeys(ranges, (0, 1)),
        length=None,
    )


def unread(graded: Graded, names: Sequence[str] = ("overall_score",)) -> Score:
    """The score of a judge's reply out of which nothing can be read: no value, but it is counted.

    A judge that is measured and cannot be read has not disagreed.

    Parameters
    ----------
    names
        Metrics that could have been anything from 0 to 1.
    """
    score, open_ = scored(graded, {}, None), missing(graded, dict.fromkeys(names, (0.0, 1.0)))
    return msgspec.structs.replace(
        score,
        low={**open_.low, **score.low},
        high={**open_.high, **score.high},
        counts={**open_.counts, **score.counts},
    )


def unparsed(scores: Sequence[Score]) -> int | None:
    """Answers that are there and out of which nothing could be read; None where none is read."""
    table = Scores.of(scores)
    parsed = table.columns.get(PARSED)
    if parsed is None:
        return None
    there = ~np.isnan(table.length[parsed.rows])
    return int((parsed.known & (parsed.value == 0) & there).sum())


def share_read(scores: Sequence[Score]) -> float | None:
    """Share of the answers given that could be read, 0 to 1.

    None where a grader reads them, or none was given.
    """
    table = Scores.of(scores)
    unread, there = unparsed(table), len(table.lengths)
    return None if unread is None or not there else 1 - unread / there


def poorly_read(share: float | None) -> bool:
    """Whether the share read is so small that the score must be marked."""
    return share is not None and share < LEAST_READ
