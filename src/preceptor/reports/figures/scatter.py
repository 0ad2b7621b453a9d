"""Single answers: score against length, with the slope among answers to the same question."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.analysis.length import lengths
from preceptor.reports.charts import longest_shown, response_axis
from preceptor.reports.figures.base import Figure
from preceptor.reports.figures.page import WIDTH, Page, Panel, line_height, wrap
from preceptor.reports.figures.plane import set_scales
from preceptor.reports.figures.style import INK, QUIET, SMALL_TEXT, looks
from preceptor.reports.figures.words import evidence, names
from preceptor.reports.format import points, signed
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL
from preceptor.scoring.columns import NO_SCORES, Scores
from preceptor.statistics.length import LengthFit
from preceptor.wording import count, plural

__all__ = ["scatter"]

#: Of these many sides the answers are drawn.
_MOST = 12
#: More dots than this say no more and make the file heavy.
_DOTS = 1200
_FEWEST = 10


class _Part(msgspec.Struct, frozen=True):
    """One panel: (characters, score) of each answer, and the line through their middle."""

    side: str
    name: str
    pairs: NDArray[np.float64]
    fit: LengthFit | None
    within: bool
    colour: str


def scatter(sides: Sequence[Side]) -> Figure | None:
    """Score against length of each answer, with a fitted line.

    The line is fitted among answers to the same question where questions are repeated, else over
    all answers. A side needs ten scored answers; None where none has them.
    """
    parts = [part for part in _parts(sides) if len(part.pairs) >= _FEWEST]
    if not parts:
        return None
    shown = parts[:_MOST]
    said = [
        "One dot an answer; those beyond an edge are drawn on it. Line: least squares through the "
        "mean, its slope in points for 500 characters with its 95 % interval.",
        _fitted_to(shown),
        f"More than {count(_DOTS)} answers are drawn in part."
        if any(len(part.pairs) > _DOTS for part in shown)
        else "",
        f"{plural(len(parts) - _MOST, 'further side')} not drawn." if len(parts) > _MOST else "",
        evidence(sides),
    ]
    return Figure(
        name="length-of-answers",
        title="Score and length of single answers",
        caption=" ".join(text for text in said if text),
        rows=[
            {
                "side": part.side,
                "answers": len(part.pairs),
                "among_answers_to_one_question": part.within,
                "per_500_characters": part.fit.per_500 if part.fit else None,
                "low": part.fit.ci95[0] if part.fit else None,
                "high": part.fit.ci95[1] if part.fit else None,
                "p": part.fit.p if part.fit else None,
                "correlation": part.fit.correlation if part.fit else None,
            }
            for part in parts
        ],
        draw=lambda page: _draw(page, shown, sides),
    )


def _fitted_to(parts: Sequence[_Part]) -> str:
    within = [part.within for part in parts]
    if all(within):
        return "Among answers to the same question, errors clustered by question."
    if not any(within):
        return "No question is repeated: the line is over all answers."
    return "Among answers to the same question where a side repeats questions, else over all."


def _parts(sides: Sequence[Side]) -> list[_Part]:
    found = []
    fits = lengths(sides).sides
    for side, name, look, fit in zip(sides, names(sides), looks(sides), fits, strict=True):
        scores = Scores.of(side.result.scores)
        part = scores.columns.get(OVERALL, NO_SCORES)
        pairs = np.column_stack((scores.length[part.rows], part.value))[part.known]
        pairs = pairs[~np.isnan(pairs[:, 0])]
        line = fit.within_examples or fit.across_examples
        within = fit.within_examples is not None
        found.append(_Part(side.label, name, pairs, line, within, look.colour))
    return found


def _draw(page: Page, parts: Sequence[_Part], sides: Sequence[Side]) -> None:
    columns = math.ceil(len(parts) / math.ceil(len(parts) / 3))
    left, gap = 0.55, 0.2
    width = min(3.4, (WIDTH - left - 0.2 - gap * (columns - 1)) / columns)
    height = 0.72 * width if columns > 1 else 2.3
    scores = [side.result.scores for side in sides]
    across, up = (0.0, longest_shown(scores)), response_axis(scores)
    top = page.bottom
    for start in range(0, len(parts), columns):
        row = parts[start : start + columns]
        heads = [wrap(part.name, width, SMALL_TEXT, "bold") for part in row]
        slopes = [wrap(_slope(part), width, SMALL_TEXT) for part in row]
        tallest = max(len(a) + len(b) for a, b in zip(heads, slopes, strict=True))
        below = top + tallest * line_height(SMALL_TEXT) + 0.06
        for number, part in enumerate(row):
            x = left + number * (width + gap)
            y = below - 0.06 - (len(heads[number]) + len(slopes[number])) * line_height(SMALL_TEXT)
            for line in heads[number]:
                page.text(x, y, line, SMALL_TEXT, weight="bold")
                y += line_height(SMALL_TEXT)
            for line in slopes[number]:
                page.text(x, y, line, SMALL_TEXT, colour=QUIET)
                y += line_height(SMALL_TEXT)
            panel = page.panel(x, below, width, height)
            last = start + number + columns >= len(parts)
            axis = ("Characters of the answer" if last else "", "" if number else "Score (0–100)")
            room = (-0.02 * across[1], 1.02 * across[1])
            set_scales(panel, room, (100 * up.low - 3, 103), names=axis)
            _dots(panel, part, across[1], up.low)
        top = below + height + 0.27
    page.use(top + 0.12)


def _slope(part: _Part) -> str:
    if part.fit is None:
        return "no slope: lengths or scores do not vary"
    low, high = part.fit.ci95
    return f"{signed(part.fit.per_500)} for 500 characters ({points(low)} to {points(high)})"


def _dots(panel: Panel, part: _Part, longest: float, lowest: float) -> None:
    step = math.ceil(len(part.pairs) / _DOTS)
    lengths_, scores = part.pairs.T
    order = np.lexsort((scores, lengths_))
    shown = part.pairs[order[::step]].tolist()
    panel.axes.plot(
        [min(x, longest) for x, _ in shown],
        [100 * max(y, lowest) for _, y in shown],
        linestyle="none",
        marker="o",
        markersize=1.6,
        markeredgewidth=0,
        color=part.colour,
        alpha=0.45,
        zorder=2,
    )
    if part.fit is None:
        return
    middle = math.fsum(lengths_) / len(lengths_), math.fsum(scores) / len(scores)
    ends = [float(lengths_[order[round(share * (len(order) - 1))]]) for share in (0.02, 0.98)]
    ends = [min(end, longest) for end in ends]
    panel.axes.plot(
        ends,
        [100 * (middle[1] + part.fit.per_500 * (x - middle[0]) / 500) for x in ends],
        color=INK,
        linewidth=1.4,
        zorder=3,
    )
