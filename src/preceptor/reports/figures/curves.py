"""Curves of predictions of yes or no: ROC, precision and recall, calibration, net benefit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.legend import key_of
from preceptor.reports.figures.page import WIDTH, Page, Panel
from preceptor.reports.figures.style import FAINT, QUIET, TEXT, Look, looks
from preceptor.results.pool import Side
from preceptor.scoring.predicted.table import Predicted, unit_word
from preceptor.statistics.intervals import share_interval
from preceptor.statistics.prediction import decisions, discrimination
from preceptor.statistics.prediction.outcomes import Outcomes
from preceptor.wording import plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["calibration", "net_benefit", "roc"]

#: Points of a curve that are drawn and tabulated.
_POINTS = 300
_BINS = 10
_LEFT, _GAP, _HEIGHT = 0.5, 0.55, 2.9


class _Curve(msgspec.Struct, frozen=True):
    """A line of one side, or a dotted one of nobody's."""

    name: str
    x: Any
    y: Any


def roc(sides: Sequence[Side], tables: Sequence[Predicted]) -> Figure | None:
    """ROC and precision-recall curves; None where no side has both classes."""
    every = [_outcomes(table).sums() for table in tables]
    drawn = [
        (side, sums) for side, sums in zip(sides, every, strict=True) if 0 < sums.cases < sums.n
    ]
    if not drawn:
        return None
    left, right = [], []
    for side, sums in drawn:
        false, true, _ = discrimination.roc_curve(sums)
        left.append(_thinned(side.label, false, true))
        recall, precision = discrimination.pr_curve(sums)
        right.append(_thinned(side.label, recall, precision))
    chosen = [side for side, _ in drawn]
    share = float(drawn[0][1].cases / drawn[0][1].n)

    def draw(page: Page) -> None:
        one, two = _panels(page, chosen, ("ROC", "Precision and recall"))
        _unit(one, "1 − specificity", "Sensitivity")
        _unit(two, "Recall (sensitivity)", "Precision")
        one.axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)))
        two.axes.axhline(share, color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)))
        _lines(one, left, chosen)
        _lines(two, right, chosen)

    return Figure(
        name="roc",
        title="Who is told apart: ROC, precision and recall",
        caption=f"{_basis(sides, tables)} Dashed: chance. Precision's chance is the prevalence, "
        f"{share:.1%}.",
        rows=[*_rows("roc", left), *_rows("precision_recall", right)],
        draw=draw,
    )


def calibration(sides: Sequence[Side], tables: Sequence[Predicted]) -> Figure | None:
    """Observed share against predicted probability in ten bins of equally many rows."""
    shown = [
        (side, _bins(table))
        for side, table in zip(sides, tables, strict=True)
        if not table.rank and table.known.any()
    ]
    if not shown:
        return None
    rows: list[Row] = [{"side": side.label, **each} for side, bins in shown for each in bins]
    chosen = [side for side, _ in shown]
    tops = [float(each["high"] or each["observed"]) for _, bins in shown for each in bins]  # type: ignore[arg-type]
    tops += [float(each["predicted"]) for _, bins in shown for each in bins]  # type: ignore[arg-type]
    top = min(1.0, 1.08 * max(tops))

    def draw(page: Page) -> None:
        one, two = _panels(page, chosen, ("Calibration", "Number of rows by probability"))
        _scaled(one, (0, top), (0, top), "Predicted probability, mean of bin", "Observed share")
        one.axes.plot([0, top], [0, top], color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)))
        styles = looks(chosen)
        for (_, bins), look in zip(shown, styles, strict=True):
            _bin_marks(one, bins, look)
        _histograms(two, [table for table in tables if not table.rank], styles)

    return Figure(
        name="calibration",
        title="Whether a probability is what happens",
        caption=f"{_basis(sides, tables)} Ten bins of equally many rows, with 95 % intervals that "
        "allow for several rows of a patient. Dashed: perfect calibration. Below it risks are "
        "too high.",
        rows=rows,
        draw=draw,
    )


def net_benefit(sides: Sequence[Side], tables: Sequence[Predicted]) -> Figure | None:
    """Decision curves, beside treating everyone and no one."""
    pairs = [
        (side, _outcomes(table).sums())
        for side, table in zip(sides, tables, strict=True)
        if not table.rank and table.known.any()
    ]
    if not pairs:
        return None
    prevalence = float(pairs[0][1].cases / pairs[0][1].n)
    most = min(0.99, max(0.3, 4 * prevalence))
    thresholds = np.linspace(0.005, most, 100)
    curves = [
        _Curve(
            side.label,
            thresholds,
            np.array([float(decisions.net_benefit(sums, t)) for t in thresholds]),
        )
        for side, sums in pairs
    ]
    first = pairs[0][1]
    everyone = np.array([float(decisions.net_benefit_of_all(first, t)) for t in thresholds])
    chosen = [side for side, _ in pairs]
    top = max(prevalence, *(float(each.y.max()) for each in curves))

    def draw(page: Page) -> None:
        page.bottom = page.key(page.bottom, key_of(chosen, looks(chosen)), lines=True)
        top_edge = page.bottom + 0.1
        panel = page.panel(_LEFT + 0.15, top_edge, WIDTH - _LEFT - 0.4, _HEIGHT)
        _scaled(panel, (0, most), (-0.25 * top, 1.1 * top), "Threshold probability", "Net benefit")
        panel.axes.plot(thresholds, everyone, color=QUIET, linewidth=0.9)
        panel.axes.axhline(0, color=QUIET, linewidth=0.9, linestyle=(0, (3, 2)))
        _lines(panel, curves, chosen)
        page.use(top_edge + _HEIGHT + 0.4)

    return Figure(
        name="net-benefit",
        title="Net benefit by threshold (decision curve)",
        caption=f"{_basis(sides, tables)} True positives a row, less false ones at the odds of the "
        "threshold. Grey line: treating everyone; dashed: no one. Intervals at .05, .1 and .2 are "
        "in the table of metrics.",
        rows=[*_rows("", curves), *_rows("", [_Curve("treat all", thresholds, everyone)])],
        draw=draw,
    )


def _outcomes(table: Predicted) -> Outcomes:
    known = table.known
    y, score = table.outcome["y_true"][known], table.said["y_score"][known]
    return Outcomes(y, score, probability=not table.rank)


def _basis(sides: Sequence[Side], tables: Sequence[Predicted]) -> str:
    """What the curves are of."""
    counts = {int(table.known.sum()) for table in tables}
    n = f"{min(counts):,}" if len(counts) == 1 else f"{min(counts):,} to {max(counts):,}"
    units, who = max(len(table.units) for table in tables), unit_word(tables[0].kind)
    each = " per side" if len(sides) > 1 else ""
    return f"n = {n} rows of {plural(units, who)}{each}, all repeats together."


def _thinned(name: str, x: Floats, y: Floats) -> _Curve:
    """At most some points of a curve, its ends among them."""
    if len(x) <= _POINTS:
        return _Curve(name, x, y)
    keep = np.unique(np.linspace(0, len(x) - 1, _POINTS).astype(int))
    # Where all happens near the left edge, places by value show more than places by number.
    at = np.searchsorted(x, np.linspace(float(x[0]), float(x[-1]), _POINTS))
    keep = np.unique(np.concatenate([keep, np.minimum(at, len(x) - 1)]))
    return _Curve(name, x[keep], y[keep])


def _rows(kind: str, curves: Sequence[_Curve]) -> list[Row]:
    return [
        {**({"curve": kind} if kind else {}), "side": curve.name, "x": float(x), "y": float(y)}
        for curve in curves
        for x, y in zip(curve.x, curve.y, strict=True)
    ]


def _bins(table: Predicted) -> list[Row]:
    known = table.known
    p, y, unit = table.said["y_score"][known], table.outcome["y_true"][known], table.unit[known]
    found: list[Row] = []
    for part in np.array_split(np.argsort(p, kind="stable"), min(_BINS, len(p))):
        mean, interval = share_interval(y[part][:, None], unit[part])
        found.append(
            {
                "predicted": float(p[part].mean()),
                "observed": float(mean),
                "low": float(interval[0]),
                "high": float(interval[1]),
                "n": len(part),
            }
        )
    return found


def _panels(page: Page, sides: Sequence[Side], titles: tuple[str, str]) -> tuple[Panel, Panel]:
    """Two square panels beside each other below the key."""
    page.bottom = page.key(page.bottom, key_of(sides, looks(sides)), lines=True)
    width = (WIDTH - _LEFT - _GAP - 0.15) / 2
    top = page.bottom + 0.2
    panels = []
    for column, title in enumerate(titles):
        x = _LEFT + column * (width + _GAP)
        page.text(x, top - 0.2, title, TEXT, weight="bold")
        panels.append(page.panel(x, top, width, _HEIGHT))
    page.use(top + _HEIGHT + 0.38)
    return panels[0], panels[1]


def _unit(panel: Panel, across: str, up: str) -> None:
    _scaled(panel, (-0.01, 1.01), (-0.01, 1.02), across, up)


def _scaled(
    panel: Panel, x: tuple[float, float], y: tuple[float, float], across: str, up: str
) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes = panel.axes
    axes.set_xlim(*x)
    axes.set_ylim(*y)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}".replace("-", "−")))
    axes.grid(True)
    axes.set_xlabel(across)
    axes.set_ylabel(up)


def _lines(panel: Panel, curves: Sequence[_Curve], sides: Sequence[Side]) -> None:
    for curve, look in zip(curves, looks(sides), strict=True):
        panel.axes.plot(
            curve.x, curve.y, color=look.colour, linewidth=1.2, linestyle=look.line, zorder=3
        )


def _bin_marks(panel: Panel, bins: Sequence[Row], look: Look) -> None:
    x = [float(each["predicted"]) for each in bins]  # type: ignore[arg-type]
    y = [float(each["observed"]) for each in bins]  # type: ignore[arg-type]
    panel.axes.plot(x, y, color=look.colour, linewidth=1.0, linestyle=look.line, zorder=2)
    for at, each in zip(x, bins, strict=True):
        ends = [float(each["low"]), float(each["high"])]  # type: ignore[arg-type]
        panel.axes.plot([at, at], ends, color=look.colour, linewidth=0.9, zorder=3)
    panel.axes.plot(x, y, zorder=4, **look.markers(4.2))


def _histograms(panel: Panel, tables: Sequence[Predicted], styles: Sequence[Look]) -> None:
    edges = np.linspace(0, 1, 21)
    counts = [np.histogram(table.said["y_score"][table.known], edges)[0] for table in tables]
    _scaled(
        panel, (-0.01, 1.01), (0.8, 1.5 * max(each.max() for each in counts)), "Probability", "Rows"
    )
    panel.axes.set_yscale("log")
    _thousands(panel.axes)
    for count, look in zip(counts, styles, strict=True):
        panel.axes.stairs(
            np.maximum(count, 0.5), edges, color=look.colour, linewidth=1.2, linestyle=look.line
        )


def _thousands(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.yaxis.set_major_locator(LogLocator(base=10))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))
