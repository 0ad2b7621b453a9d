"""Source × target: how well the model of each place does in each place."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.analysis.transfer import Cell, Transfer, transfer
from preceptor.records import Metric
from preceptor.reports.figures.base import Figure, Row
from preceptor.reports.figures.page import WIDTH, Page, line_height, text_width, wrap
from preceptor.reports.figures.style import GRID, INK, QUIET, SMALL_TEXT, TEXT
from preceptor.reports.format import p_value
from preceptor.results.pool import Side
from preceptor.wording import count, plural

__all__ = ["transfer_matrix"]

#: A cell of fewer rows is grey.
_FEWEST = 100
#: More targets do not fit beside each other.
_MOST = 5
_MARGIN, _WIDEST = 0.08, 1.3
_PAD = 0.06


def transfer_matrix(sides: Sequence[Side]) -> Figure | None:
    """The matrix of AUROC and average precision; None without sources and targets."""
    found = transfer(sides)
    if found is None or len(found.targets) > _MOST:
        return None
    small = sum(cell.n < _FEWEST for cell in found.cells.values())
    said = [
        "Rows: where the model was made; columns: whose rows it predicts. 95 % intervals. Framed: "
        "the target's own model. Δ: less that one, on the same rows (paired)."
    ]
    if small:
        said.append(f"Grey: {plural(small, 'cell')} of fewer than {_FEWEST} rows.")
    said += [f"No Δ of {each}." for each in found.missing]
    return Figure(
        name="transfer",
        title=f"{found.metric} from each source to each target",
        caption=" ".join(said),
        rows=[_row(cell) for cell in found.cells.values()],
        draw=lambda page: _draw(page, found),
    )


def _draw(page: Page, found: Transfer) -> None:
    left = _MARGIN + min(_WIDEST, max(text_width(name) for name in found.sources)) + 0.12
    width = (WIDTH - left - _MARGIN) / len(found.targets)
    lines = max(len(_lines(cell, found.metric)) for cell in found.cells.values())
    height = 2 * _PAD + lines * line_height(SMALL_TEXT)
    top = page.bottom + 0.02
    for column, name in enumerate(found.targets):
        title = wrap(f"on {name}", width - 0.1, weight="bold")[0]
        page.text(left + (column + 0.5) * width, top, title, TEXT, weight="bold", align="center")
    top += line_height(TEXT) + 0.05
    for row, source in enumerate(found.sources):
        y = top + row * height
        for place, line in enumerate(wrap(source, left - _MARGIN - 0.1)[:3]):
            page.text(_MARGIN, y + _PAD + place * line_height(TEXT), line, weight="bold")
        for column, target in enumerate(found.targets):
            x = left + column * width
            _frame(page, (x, y, width, height), own=source == target)
            cell = found.cells.get((source, target))
            texts = ["–"] if cell is None else _lines(cell, found.metric)
            colour = QUIET if cell is None or cell.n < _FEWEST else INK
            for place, text in enumerate(texts):
                at = y + _PAD + place * line_height(SMALL_TEXT)
                page.text(x + width / 2, at, text, SMALL_TEXT, colour=colour, align="center")
        page.use(y + height)


def _frame(page: Page, box: tuple[float, float, float, float], *, own: bool) -> None:
    x, y, width, height = box
    inset = 0.025 if own else 0.0
    across = [x + inset, x + width - inset]
    down = [y + inset, y + height - inset]
    page.canvas.plot(
        [across[0], across[1], across[1], across[0], across[0]],
        [down[0], down[0], down[1], down[1], down[0]],
        color=INK if own else GRID,
        linewidth=1.0 if own else 0.8,
        zorder=3 if own else 2,
    )


def _lines(cell: Cell, metric: str) -> list[str]:
    """What stands in a cell."""
    texts = [f"{metric if len(metric) < 12 else ''} {_words(cell.headline)}".strip()]
    if cell.average_precision is not None:
        texts.append(f"AP {_words(cell.average_precision)}")
    change = cell.change
    if change is not None and change.difference is not None:
        between = "" if change.ci95 is None else " ({:+.3f} to {:+.3f})".format(*change.ci95)
        texts.append(f"Δ {change.difference:+.3f}{between}; p {p_value(change.p)}")
    events = "" if cell.events is None else f", {plural(cell.events, 'event')}"
    texts.append(f"n = {count(cell.n)}{events}")
    return [text.replace("-", "−") for text in texts]


def _words(metric: Metric) -> str:
    if metric.raw_mean is None:
        return "not defined"
    if metric.raw_ci95 is None:
        return f"{metric.raw_mean:.3f}"
    return "{:.3f} ({:.3f} to {:.3f})".format(metric.raw_mean, *metric.raw_ci95)


def _row(cell: Cell) -> Row:
    low, high = cell.headline.raw_ci95 or (None, None)
    change = cell.change
    ap = cell.average_precision
    return {
        "source": cell.source,
        "target": cell.target,
        "n": cell.n,
        "events": cell.events,
        "value": cell.headline.raw_mean,
        "low": low,
        "high": high,
        "average_precision": None if ap is None else ap.raw_mean,
        "difference": None if change is None else change.difference,
        "difference_low": None if change is None or change.ci95 is None else change.ci95[0],
        "difference_high": None if change is None or change.ci95 is None else change.ci95[1],
        "p": None if change is None else change.p,
    }
