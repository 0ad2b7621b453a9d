"""A leaderboard as JSON with stable keys, and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.analysis.leaderboard import Cell, Column, Leaderboard, Standing
from preceptor.benchmarks.published import PublishedScore
from preceptor.reports.format import interval, marked, points, read_cell, sample_size
from preceptor.scoring import OVERALL

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = ["leaderboard_json", "leaderboard_sentences", "leaderboard_tables", "published_rows"]

_NONE = "–"
#: Borders and padding of one column of a table.
_FRAME = 3


def leaderboard_json(
    board: Leaderboard, published: Sequence[PublishedScore] = ()
) -> dict[str, Any]:
    """The documented form: docs/leaderboard.md lists the keys."""
    return {**msgspec.to_builtins(board), "published": msgspec.to_builtins(list(published))}


def published_rows(board: Leaderboard) -> list[PublishedScore]:
    """What others published on the benchmarks of the board, under its metric."""
    from preceptor.benchmarks import published

    metric = "raw" if board.metric == OVERALL else "adjusted"
    return [
        row
        for column in board.columns
        for row in published.rows(column.benchmark)
        if row.metric == metric
    ]


def leaderboard_sentences(board: Leaderboard) -> list[str]:
    """What must be said beside the tables."""
    negative = any(c.raw_mean < 0 for standing in board.standings for c in standing.cells.values())
    said = (
        ["Scores are means before clipping; a negative one is published as 0."] if negative else []
    )
    return [_printable(sentence) for sentence in [*board.sentences, *said]]


def leaderboard_tables(
    board: Leaderboard, published: Sequence[PublishedScore] = (), *, width: int = 140
) -> list[Table]:
    """Systems by rank with their scores on the 0–100 scale, then what others published.

    Where a cell does not fit in a line of ``width`` characters it has three lines; benchmarks that
    do not fit even so follow in further tables.
    """
    from rich.table import Table

    metric = "overall score" if board.metric == OVERALL else "length-adjusted score"
    tables = []
    ranks = max((len(_rank(standing)) for standing in board.standings), default=0)
    means = _FRAME + max((len(_mean_rank(standing)) for standing in board.standings), default=0)
    names = _name_width(board, width)
    room = width - 1 - 2 * _FRAME - max(4, ranks) - names - means
    stacked = not board.columns or room < sum(_width(board, c, "") for c in board.columns)
    between = "\n" if stacked else " "
    blocks = list(_blocks(board, room, means, between))
    for number, columns in enumerate(blocks):
        table = Table(title_justify="left", show_lines=stacked)
        if number == 0:
            table.title = f"Leaderboard: {metric}"
        table.add_column("rank", no_wrap=True)
        table.add_column("system", overflow="fold", min_width=min(12, names))
        if number == 0:
            table.add_column("mean rank", no_wrap=True)
        for column in columns:
            table.add_column(_heading(column, between), justify="right", no_wrap=True)
        for _, standings in groupby(board.standings, key=_section):
            for standing in standings:
                mean = [_mean_rank(standing)] if number == 0 else []
                cells = [_cell(standing.cells.get(c.benchmark), between) for c in columns]
                table.add_row(_rank(standing), _name(standing.system), *mean, *cells)
            table.add_section()
        tables.append(table)
    if published:
        tables.append(_published(board, published))
    return tables


def _section(standing: Standing) -> int:
    """Connected parts stand apart from each other, and all that have no rank together."""
    return -1 if standing.rank is None else standing.part


def _blocks(board: Leaderboard, room: int, means: int, between: str) -> Iterator[list[Column]]:
    """Columns that fit beside each other; at least one."""
    block: list[Column] = []
    left = room
    for column in board.columns:
        needed = _width(board, column, between)
        if block and needed > left:
            yield block
            block, left = [], room + means  # further tables have no mean ranks
        block.append(column)
        left -= needed
    yield block


def _width(board: Leaderboard, column: Column, between: str) -> int:
    cells = [standing.cells.get(column.benchmark) for standing in board.standings]
    texts = [_heading(column, between), *(_cell(cell, between) for cell in cells)]
    return _FRAME + max(len(line) for text in texts for line in text.split("\n"))


def _name_width(board: Leaderboard, width: int) -> int:
    """Of the systems' names, where a long one may fold."""
    return min(width // 5, max((len(standing.system) for standing in board.standings), default=6))


def _heading(column: Column, between: str) -> str:
    return column.title.replace(" ", "\n") if between == "\n" else column.title


def _cell(cell: Cell | None, between: str) -> str:
    if cell is None:
        return _NONE
    span = "" if cell.raw_ci95 is None else f"{between}{interval(cell.raw_ci95)}"
    score = marked(points(cell.raw_mean), cell.share_read)
    read = "" if cell.share_read is None else f"{between}read {read_cell(cell.share_read)}"
    size = sample_size(cell.n, cell.units, cell.units_are)
    middle = "" if cell.median is None else f"{between}median {points(cell.median)}"
    return f"{score}{span}{middle}{between}n {size}{read}"


def _rank(standing: Standing) -> str:
    if standing.rank is None:
        return _NONE
    low, high = standing.rank_ci95 or (None, None)
    return f"{standing.rank}" + ("" if low is None else f" ({low}–{high})")


def _mean_rank(standing: Standing) -> str:
    if standing.mean_rank is None:
        return _NONE
    text = f"{standing.mean_rank:.1f}"
    if standing.mean_rank_ci95 is None:
        return text
    low, high = standing.mean_rank_ci95
    return f"{text} ({low:.1f}–{high:.1f})"


def _published(board: Leaderboard, rows: Sequence[PublishedScore]) -> Table:
    """One line a number, the best of each benchmark first; graders are named, for they differ."""
    from rich.table import Table

    table = Table(title="Published, protocol may differ: not ranked", title_justify="left")
    for heading in ("benchmark", "system", "score", "grader", "source"):
        number = heading == "score"
        table.add_column(
            heading, overflow="fold", no_wrap=number, justify=("left", "right")[number]
        )
    for column in board.columns:
        here = [row for row in rows if row.benchmark == column.benchmark]
        for row in sorted(here, key=lambda row: -row.score):
            span = "" if row.ci95 is None else f" {interval(row.ci95)}"
            names = (row.grader or "not stated", row.source)
            table.add_row(
                column.title, _name(row.system), points(row.score) + span, *map(_name, names)
            )
        table.add_section()
    return table


def _name(text: str) -> Text:
    """A name of others as it is: no part of it is markup."""
    from rich.text import Text

    return Text(_printable(text))


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
