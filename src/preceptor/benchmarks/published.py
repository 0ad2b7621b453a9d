"""Scores that others published: for reference beside our own, never in a ranking with them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

__all__ = ["PublishedScore", "rows"]


class PublishedScore(msgspec.Struct, frozen=True):
    """One number of a paper or a system card.

    Attributes
    ----------
    system
        As the source calls it.
    benchmark
        Our name of it.
    metric
        ``raw``, or ``adjusted`` for length.
    score
        0 to 1.
    ci95
        95 % interval, None where the source prints none.
    grader
        None where the source does not say which.
    source
        The publication, and the table in it.
    """

    system: str
    benchmark: str
    metric: Literal["raw", "adjusted"]
    score: float
    ci95: tuple[float, float] | None
    grader: str | None
    source: str


def rows(benchmark: str | None = None) -> list[PublishedScore]:
    """The published scores of one benchmark, or of all, in the order of their sources.

    The protocol behind a number may differ from ours in grader, data, prompt and sampling. A
    system may be there twice, from two sources.
    """
    path = Path(__file__).parent / "data" / "published.json"
    known = msgspec.json.decode(path.read_bytes(), type=list[PublishedScore])
    return [row for row in known if benchmark in (None, row.benchmark)]
