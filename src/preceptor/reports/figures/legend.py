"""Who is drawn how: systems as marks, the physicians as a band to measure them against."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.reports.figures.style import Look
from preceptor.reports.figures.words import metric_of, names, physicians
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL

__all__ = ["Band", "band_of", "key_of"]


class Band(msgspec.Struct, frozen=True):
    """The physicians' mean with its interval, 0–1 scale."""

    value: float
    interval: tuple[float, float] | None


def band_of(sides: Sequence[Side], name: str = OVERALL) -> Band | None:
    """The physicians under a metric; None where no side is theirs, or has no score."""
    for side in sides:
        metric = metric_of(side.result, name)
        if physicians(side) and metric is not None and metric.raw_mean is not None:
            return Band(metric.raw_mean, metric.raw_ci95)
    return None


def key_of(sides: Sequence[Side], looks: Sequence[Look]) -> list[tuple[str, Look | None]]:
    """Entries of the key: each side by its look, the physicians by their band (None)."""
    return [
        (name, None if physicians(side) else look)
        for side, name, look in zip(sides, names(sides), looks, strict=True)
    ]
