"""Claims as tables for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from preceptor.reports.format import interval, p_value, percent, points, pretty, signed
from preceptor.wording import count

if TYPE_CHECKING:
    from rich.table import Table

    from preceptor.analysis.estimating import SampleEstimate
    from preceptor.analysis.length import Lengths
    from preceptor.analysis.planning import PowerPlan
    from preceptor.analysis.reliability import Reliability
    from preceptor.statistics.length import LengthFit
    from preceptor.statistics.stratified import Estimate

__all__ = [
    "estimate_table",
    "left_out",
    "length_sentences",
    "length_table",
    "main_kinds",
    "plain_table",
    "power_table",
    "reliability_sentence",
    "reliability_table",
]

_NONE = "–"
#: Most values of a kind of slices, and most rows of slices, in a short table.
_MOST_VALUES, _ROOM = 10, 24


def plain_table(title: str | None, words: Iterable[str], numbers: Iterable[str]) -> Table:
    """An empty table: columns of words to the left, of numbers to the right."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for heading in words:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def main_kinds(spaces: Mapping[str, Sequence[object]]) -> list[str]:
    """The kinds of slices that a short table has: in order, those of few values, while there is
    room; overall ("") always."""
    shown: list[str] = []
    room = _ROOM
    for space, rows in spaces.items():
        if not space:
            shown.append(space)
        elif len(rows) <= min(_MOST_VALUES, room):
            shown.append(space)
            room -= len(rows)
    return shown


def left_out(
    spaces: Mapping[str, Sequence[object]], shown: Collection[str], labels: dict[str, str]
) -> str:
    """What a short table lacks, in a sentence; empty where it has all."""
    rest = {space: len(rows) for space, rows in spaces.items() if space not in shown}
    if not rest:
        return ""
    names = ", ".join(f"{pretty(space, labels)} ({number})" for space, number in rest.items())
    return f"Not shown: {names}; --slices shows all."


def reliability_table(found: Sequence[Reliability]) -> Table:
    """Worst-at-k and best-at-k, a row for each k."""
    passes = all(one.passes for one in found)
    worst, best = ("all right (pass^k)", "any right (pass@k)") if passes else ("worst", "best")
    table = plain_table(
        "Worst and best of k answers to the same question",
        ("side",),
        ("k", worst, "95 % interval", best, "95 % interval", "examples", "answers"),
    )
    for one in found:
        table.add_section()
        for place, k in enumerate(one.k):
            table.add_row(
                one.label if place == 0 else "",
                count(k),
                points(one.worst[place]),
                interval(one.worst_ci95[place]),
                points(one.best[place]),
                interval(one.best_ci95[place]),
                count(one.n),
                count(one.answers),
            )
    return table


def length_table(found: Lengths) -> Table:
    """Slopes of score on length, in points for each further 500 characters."""
    table = plain_table(
        "Points for each further 500 characters",
        ("side",),
        ("score", "adjusted", "characters", "same question", "p", "over questions", "p", "answers"),
    )
    for side in found.sides:
        table.add_row(
            side.label,
            points(side.score),
            points(side.adjusted),
            _NONE if side.mean_length is None else count(side.mean_length),
            *_fit(side.within_examples),
            *_fit(side.across_examples),
            count(side.answers),
        )
    return table


def _fit(fit: LengthFit | None) -> tuple[str, str]:
    if fit is None:
        return _NONE, _NONE
    return f"{signed(fit.per_500)} ({interval(fit.ci95)})", p_value(fit.p)


def _change(slope: float) -> str:
    return f"{100 * slope:+.2f}".replace("-", "−")


def length_sentences(found: Lengths) -> list[str]:
    """The benchmark's own price of length, and the one that these sides give."""
    said = []
    if found.rule_per_500 is not None:
        said.append(
            f"{found.benchmark} takes off {100 * found.rule_per_500:.2f} points for each 500 "
            "characters above 2,000 and gives as many for each below."
        )
    if found.penalty is None:
        said.append(
            "No setting was tried at two lengths of at most 4,000 characters, so no price of "
            "length can be derived: `preceptor sweep --vary instruction=brief,normal,thorough`, or "
            "name levels as SETTING/LEVEL=RUN with --levels."
        )
        return said
    slopes = "; ".join(f"{name}: {_change(slope)}" for name, slope in found.penalty.slopes.items())
    said.append(
        f"Derived from these runs: {_change(found.penalty.per_500)} points for each 500 "
        f"characters (95 % interval {interval(found.penalty_ci95)}, "
        f"{count(found.penalty_examples)} examples), the mean over settings ({slopes})."
    )
    if found.penalty.left_out:
        said.append(
            f"Left out, for want of two lengths up to 4,000: {', '.join(found.penalty.left_out)}."
        )
    return said


def power_table(plan: PowerPlan) -> Table:
    """Examples needed, and the difference that the pilot's own number of examples would show."""
    table = plain_table(
        f"Pilot: {' and '.join(plan.pilots)}",
        (),
        (
            "answers each",
            "power",
            f"examples to show {100 * plan.difference:g} points",
            f"points that {count(plan.examples)} examples show",
        ),
    )
    for needed, shown in zip(plan.needed, plan.detectable, strict=True):
        table.add_row(
            count(needed.repeats),
            f"{needed.power:g}",
            "none would do" if needed.examples is None else count(needed.examples),
            points(shown.difference),
        )
    return table


def estimate_table(found: SampleEstimate) -> Table:
    """The mean over all examples, without and with the control."""
    table = plain_table(
        f"{found.sample}: {count(found.n)} of {count(found.n_total)} examples",
        ("estimate of the mean over all examples",),
        ("score", "95 % interval", "standard error"),
    )
    table.add_row("from the sample alone", *_estimate(found.plain))
    table.add_row(f"with {found.control} as control variate", *_estimate(found.controlled))
    return table


def _estimate(found: Estimate) -> tuple[str, str, str]:
    return points(found.value), interval(found.ci95), points(found.se)


def reliability_sentence(one: Reliability) -> str:
    """How much repeats differ, in words."""
    return (
        f"{one.label}: {percent(one.changed)} of {count(one.repeated)} repeated examples change "
        f"their score from answer to answer, by {points(one.within_sd)} points (standard deviation "
        f"within an example); the mean over them moves by {points(one.run_to_run_sd)} from run to "
        "run."
    )
