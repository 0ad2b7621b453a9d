"""Systems by rank over several benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from preceptor.reports.figures.base import Figure
from preceptor.reports.figures.forest import Column, Group, Mark, draw_forest, groups_on_a_page
from preceptor.reports.figures.style import plain_looks
from preceptor.reports.figures.words import clean
from preceptor.scoring import OVERALL
from preceptor.wording import count

if TYPE_CHECKING:
    from preceptor.analysis.leaderboard import Leaderboard, Standing

__all__ = ["ranking"]


def ranking(board: Leaderboard) -> Figure | None:
    """Ranks by Plackett–Luce strength and mean ranks, with intervals; None without rivals.

    Systems that never met, directly or by a chain of benchmarks, are under different headings:
    their ranks cannot be compared.
    """
    ranked = [standing for standing in board.standings if standing.rank is not None]
    if not ranked:
        return None
    shown = ranked[: groups_on_a_page(1)]
    groups = _groups(shown)
    columns = [
        Column("Rank by strength", "Rank (1 is best)", ("rank (95 %)",), unit=1.0),
        Column("Mean rank", "Mean rank (1 is best)", ("mean (95 %)",), unit=1.0),
    ]
    looks = plain_looks(1)
    adjusted = "" if board.metric == OVERALL else "length-adjusted "
    omitted = len(ranked) - len(shown)
    said = [
        f"n: benchmarks. Ranks by {adjusted}score; strength is Plackett–Luce's. 95 % intervals: "
        "resamples of the examples, benchmarks and graders taken as given.",
        f"{count(omitted)} more systems are in the table." if omitted else "",
        *(text for text in board.sentences if not text.startswith("Intervals of ranks")),
    ]
    return Figure(
        name="ranking",
        title="Systems by rank",
        caption=" ".join(text for text in said if text),
        rows=[
            {
                "system": standing.system,
                "part": standing.part,
                "benchmarks": len(standing.cells),
                "rank": standing.rank,
                "rank_low": standing.rank_ci95[0] if standing.rank_ci95 else None,
                "rank_high": standing.rank_ci95[1] if standing.rank_ci95 else None,
                "strength": standing.strength,
                "strength_low": standing.strength_ci95[0] if standing.strength_ci95 else None,
                "strength_high": standing.strength_ci95[1] if standing.strength_ci95 else None,
                "mean_rank": standing.mean_rank,
                "mean_rank_low": standing.mean_rank_ci95[0] if standing.mean_rank_ci95 else None,
                "mean_rank_high": standing.mean_rank_ci95[1] if standing.mean_rank_ci95 else None,
            }
            for standing in ranked
        ],
        draw=lambda page: draw_forest(page, groups, columns, looks, 1),
    )


def _groups(standings: Sequence[Standing]) -> list[Group]:
    parts = {standing.part for standing in standings}
    groups, seen = [], set[int]()
    for standing in standings:
        heading = f"Part {standing.part}" if len(parts) > 1 and standing.part not in seen else ""
        seen.add(standing.part)
        groups.append(
            Group(
                label=clean(standing.system),
                n=count(len(standing.cells)),
                marks=(
                    _mark(standing.rank, standing.rank_ci95, 0),
                    _mark(standing.mean_rank, standing.mean_rank_ci95, 1),
                ),
                bands=(None, None),
                heading=heading,
            )
        )
    return groups


def _mark(
    value: float | None, interval: tuple[float, float] | None, places: int
) -> tuple[Mark, ...]:
    if value is None:
        return ()
    text = f"{value:.{places}f}"
    if interval is not None:
        text += f" ({interval[0]:.{places}f}–{interval[1]:.{places}f})"
    return (Mark(0, 0, value, interval, (text,)),)
