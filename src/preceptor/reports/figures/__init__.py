"""Figures for papers and pages: each a drawing with its numbers. Matplotlib draws them."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.analysis.comparison import Comparison
from preceptor.analysis.reliability import Reliability
from preceptor.errors import InputError, shorten
from preceptor.reports.figures.answers import difficulty
from preceptor.reports.figures.base import FORMATS, Figure, check_formats, csv, png, svg, write
from preceptor.reports.figures.contrasts import differences, harnesses
from preceptor.reports.figures.cost import cost, time
from preceptor.reports.figures.length import length
from preceptor.reports.figures.missed import missed
from preceptor.reports.figures.ranking import ranking
from preceptor.reports.figures.reliability import worst_at_k
from preceptor.reports.figures.scatter import scatter
from preceptor.reports.figures.scores import scores, slices, specialties
from preceptor.results.pool import Side

__all__ = ["FORMATS", "Figure", "check_formats", "csv", "figures", "png", "ranking", "svg", "write"]


def figures(
    sides: Sequence[Side],
    comparison: Comparison | None = None,
    reliability: Sequence[Reliability] = (),
) -> list[Figure]:
    """All figures that there is something to show in, in the order of a paper.

    Parameters
    ----------
    sides
        Of one benchmark. A side whose system is ``physician`` is drawn as a line with a band that
        the others are measured against.
    comparison
        Of these sides: adds their differences, and the gains of harnesses.
    reliability
        Of these sides: adds the curves of the worst and the best of k answers.

    Raises
    ------
    InputError
        No side, two of one label, or sides of different benchmarks.
    """
    if not sides:
        raise InputError("figures: expected at least one side, found none")
    labels = [side.label for side in sides]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(
                f"{shorten(label)}: two sides have this name: give each its own LABEL="
            )
    benchmarks = sorted({side.result.info.benchmark for side in sides})
    if len(benchmarks) > 1:
        raise InputError(f"figures: expected runs of one benchmark, found {', '.join(benchmarks)}")
    found = [
        scores(sides),
        *slices(sides),
        specialties(sides),
        harnesses(sides, comparison) if comparison else None,
        differences(sides, comparison) if comparison else None,
        length(sides),
        scatter(sides),
        worst_at_k(sides, reliability),
        cost(sides),
        time(sides),
        difficulty(sides),
        missed(sides),
    ]
    return [figure for figure in found if figure is not None]
