"""Figures as parts of a page: the picture, its caption, and the numbers behind it."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import msgspec

from preceptor.analysis.comparison import Comparison
from preceptor.analysis.reliability import Reliability
from preceptor.errors import InputError
from preceptor.installation import MissingExtra
from preceptor.reports.figures import Figure, csv, figures, svg
from preceptor.reports.figures.base import check
from preceptor.reports.figures.length import length
from preceptor.results.pool import Side
from preceptor.wording import count

__all__ = ["Picture", "Pictures", "embedded", "pictures"]

#: Bytes of the pictures of one page, and of one table; what is beyond is written by the command.
_MOST_PICTURES = 6_000_000
_MOST_TABLE = 300_000
_ROWS = 60


class Picture(msgspec.Struct, frozen=True):
    """``source`` and ``table`` are data URLs; ``rows`` the first ``len(rows)`` of ``total``."""

    name: str
    title: str
    caption: str
    source: str
    table: str | None
    columns: list[str]
    rows: list[list[str]]
    total: str
    more: bool


class Pictures(msgspec.Struct, frozen=True):
    """What can be shown, and a sentence on what cannot; "" where all is."""

    shown: list[Picture]
    missing: str


def pictures(
    sides: Sequence[Side],
    comparison: Comparison | None,
    reliability: Sequence[Reliability],
    everyone: Sequence[Side],
) -> Pictures:
    """Draw every figure that applies to these sides. Without matplotlib, say how to get it.

    Score against length is drawn of ``everyone``: the cells of a sweep soon are more than six.
    """
    try:
        check()
        applying = figures(sides, comparison, reliability)
    except MissingExtra as missing:
        return Pictures([], f"None: {missing.needs} (preceptor doctor says how to get it).")
    except InputError as undrawn:
        return Pictures([], f"None: {str(undrawn).removeprefix('figures: ')}.")
    one_benchmark = len({side.result.info.benchmark for side in everyone}) == 1
    whole = length(everyone) if len(everyone) > len(sides) and one_benchmark else None
    return embedded(
        [whole if whole is not None and each.name == whole.name else each for each in applying]
    )


def embedded(given: Sequence[Figure]) -> Pictures:
    """These figures, drawn. Without matplotlib, say how to get it."""
    try:
        check()
    except MissingExtra as missing:
        return Pictures([], f"None: {missing.needs} (preceptor doctor says how to get it).")
    shown, left_out, size = [], [], 0
    for figure in given:
        drawn = svg(figure, bare=True)
        if size + len(drawn) > _MOST_PICTURES:
            left_out.append(figure.name)
            continue
        size += len(drawn)
        shown.append(_picture(figure, drawn))
    if not left_out:
        return Pictures(shown, "")
    return Pictures(
        shown, f"Too large for this page: {', '.join(left_out)}; preceptor figures writes them."
    )


def _picture(figure: Figure, drawn: str) -> Picture:
    columns = list(dict.fromkeys(name for row in figure.rows for name in row))
    table = csv(figure)
    return Picture(
        name=figure.name,
        title=figure.title,
        caption=figure.caption,
        source=_data("image/svg+xml", drawn),
        table=_data("text/csv", table) if len(table) <= _MOST_TABLE else None,
        columns=columns,
        rows=[[_cell(row.get(name)) for name in columns] for row in figure.rows[:_ROWS]],
        total=count(len(figure.rows)),
        more=len(figure.rows) > _ROWS,
    )


def _data(kind: str, text: str) -> str:
    content = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    return f"data:{kind};base64,{content}"


def _cell(value: str | int | float | bool | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".").replace("-", "−")
    return count(value) if isinstance(value, int) else value
