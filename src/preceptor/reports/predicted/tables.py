"""Scores, differences and ranks of predictions, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from preceptor.analysis.comparison_notes import LEVEL
from preceptor.analysis.prediction_ranking import Ranking
from preceptor.analysis.predictions import PredictionComparison, PredictionContrast
from preceptor.records import Metric, Result
from preceptor.reports.format import chance, p_value, percent, pretty
from preceptor.reports.score import namespaces
from preceptor.reports.tables import plain_table
from preceptor.scoring import OVERALL
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "contrast_table",
    "decimal",
    "decimals",
    "group_name",
    "headline",
    "interval_words",
    "metric_name",
    "ranking_sentences",
    "ranking_table",
    "score_table",
    "signed",
    "sized",
]

_FEW = 4
#: Of the thresholds' tables: shown with --slices.
DETAIL = ("at_0.5", "at_prevalence", "treat_all")


def decimal(value: float | None) -> str:
    """0.74747 → ``0.7475``: four decimals, for a large number fewer."""
    if value is None:
        return "–"
    digits = _FEW if abs(value) < 100 else 1
    text = f"{value:,.{digits}f}"
    return ("0." + "0" * digits if float(text.replace(",", "")) == 0 else text).replace("-", "−")


def decimals(pair: tuple[float, float] | None) -> str:
    """``0.6858 to 0.8092``."""
    return "–" if pair is None else f"{decimal(pair[0])} to {decimal(pair[1])}"


def interval_words(metric: Metric) -> str:
    """The interval; over folds the standard deviation, of undefined ones why."""
    if metric.units_are == "folds":
        return f"SD {decimal(metric.bootstrap_std)}"
    if metric.raw_mean is None:
        return f"not defined for n = {count(metric.n)}"
    return decimals(metric.raw_ci95)


def main_spaces(spaces: Sequence[str]) -> list[str]:
    """What a short table has: the overall metrics, and of groups the scores and their gaps."""
    columns = [name.removesuffix("_fairness") for name in spaces if name.endswith("_fairness")]
    rates = {f"{column}_" for column in columns}
    return [
        name
        for name in spaces
        if name not in DETAIL
        and (
            name in columns
            or name.endswith("_fairness")
            or not any(name.startswith(each) for each in rates)
        )
    ]


def score_table(result: Result, *, every: bool = False) -> tuple[Table, str]:
    """Metrics with interval, n and coverage; and a sentence on what is not shown."""
    info = result.info
    table = plain_table(
        f"{result.title}: {info.system}", ("",), ("value", "95 % interval", "n", "coverage")
    )
    spaces = namespaces(result.metrics, result.slices)
    shown = list(spaces) if every else main_spaces(list(spaces))
    for space in shown:
        if space:
            table.add_section()
            table.add_row(pretty(space, result.labels), style="bold")
        for name in spaces[space]:
            metric = result.metrics[name]
            table.add_row(
                ("  " if space else "") + group_name(name, result.labels),
                decimal(metric.raw_mean),
                interval_words(metric),
                sized(metric),
                percent(metric.coverage),
            )
    rest = len(spaces) - len(shown)
    hidden = f"{plural(rest, 'further table')} (rates by group, thresholds): --slices shows all."
    return table, hidden if rest else ""


def group_name(name: str, labels: dict[str, str]) -> str:
    """A metric's name within its table; a group is called as in the file."""
    if name in labels or ":" not in name:
        return pretty(name, labels)
    space, _, rest = name.partition(":")
    return pretty(name, {}) if space in DETAIL else rest


def sized(metric: Metric) -> str:
    if metric.units in (0, metric.n) or metric.units_are == "folds":
        return count(metric.n)
    return f"{count(metric.n)} rows, {plural(metric.units, metric.units_are.removesuffix('s'))}"


def headline(contrast: PredictionContrast, labels: dict[str, str], lower: Sequence[str]) -> str:
    """One sentence on the difference of the overall score."""
    whole = contrast.changes[0]
    name = pretty(OVERALL, labels)
    where = f"on {plural(contrast.n, 'common row')}"
    if contrast.units < contrast.n:
        where += f" of {plural(contrast.units, contrast.units_are)}"
    if whole.difference is None or whole.ci95 is None:
        return f"{name} of {contrast.contender} against {contrast.reference}: no test {where}."
    p = whole.p if whole.p_holm is None else whole.p_holm
    numbers = f"{signed(whole.difference)}, {decimals(whole.ci95)}; {chance(whole.p, whole.p_holm)}"
    if p is None or p >= LEVEL:
        return (
            f"No difference in {name} was shown: {numbers} for {contrast.contender} against "
            f"{contrast.reference}, {where}."
        )
    word = "higher" if whole.difference > 0 else "lower"
    better = (whole.difference > 0) != (OVERALL in lower)
    said = "better" if better else "worse"
    return (
        f"{contrast.contender} has a {word} ({said}) {name} than {contrast.reference}: {numbers}, "
        f"{where}."
    )


def signed(value: float) -> str:
    return f"+{decimal(value)}" if value > 0 else decimal(value)


def contrast_table(
    contrast: PredictionContrast, comparison: PredictionComparison, *, every: bool = False
) -> Table:
    """Each metric on both sides, and its difference."""
    table = plain_table(
        None,
        ("metric",),
        (contrast.reference, contrast.contender, "difference", "95 % interval", "p"),
    )
    for change in contrast.changes:
        space = change.metric.partition(":")[0]
        if ":" in change.metric and not every and space in DETAIL:
            continue
        table.add_row(
            metric_name(change.metric, comparison.labels),
            decimal(change.reference),
            decimal(change.contender),
            "–" if change.difference is None else signed(change.difference),
            decimals(change.ci95),
            p_value(change.p),
        )
    return table


def metric_name(name: str, labels: dict[str, str]) -> str:
    space, colon, rest = name.partition(":")
    if not colon:
        return pretty(name, labels)
    return f"{pretty(space, labels)}: {labels.get(name, rest)}"


def ranking_table(ranking: Ranking) -> Table:
    """The runs of one benchmark by rank."""
    adjusted: tuple[str, ...] = ()
    if any(place.adjusted is not None for place in ranking.places):
        adjusted = ("difficulty-adjusted", "95 % interval")
    table = plain_table(
        f"{ranking.benchmark}: {ranking.metric} on {plural(ranking.n, 'common row')}",
        ("run", "system"),
        ("rank", "95 % interval", "value", "95 % interval", "n", "coverage", *adjusted),
    )
    for place in ranking.places:
        table.add_row(
            place.run,
            place.system,
            str(place.rank),
            "–" if place.rank_ci95 is None else "{} to {}".format(*place.rank_ci95),
            decimal(place.value),
            decimals(place.ci95),
            count(place.n),
            percent(place.coverage),
            *((decimal(place.adjusted), decimals(place.adjusted_ci95)) if adjusted else ()),
        )
    return table


def ranking_sentences(rankings: Sequence[Ranking]) -> Iterator[str]:
    """What is ranked, and which runs are not."""
    for ranking in rankings:
        way = "less is better" if ranking.lower_is_better else "more is better"
        yield (
            f"{ranking.benchmark}: by {ranking.metric} ({way}); intervals over 1,000 resamples of "
            f"{plural(ranking.units, ranking.units_are)}."
        )
        if any(place.adjusted is not None for place in ranking.places):
            yield (
                f"{ranking.benchmark}: difficulty-adjusted is on each run's own rows, less how "
                "hard these were for all runs (least squares with an effect of each row)."
            )
        for run, reason in ranking.left_out.items():
            yield f"{ranking.benchmark}: {run} is left out: {reason}."
