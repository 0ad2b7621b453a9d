"""A comparison as JSON with stable keys, and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.analysis.comparison import Comparison, Contrast
from preceptor.analysis.comparison_notes import LEVEL
from preceptor.analysis.paired import FEWEST, SliceDifference
from preceptor.reports.format import (
    chance,
    interval,
    marked,
    p_value,
    percent,
    points,
    pretty,
    read_cell,
    short_name,
    signed,
)
from preceptor.reports.tables import left_out, main_kinds, plain_table
from preceptor.statistics.comparisons import Difference
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "comparison_json",
    "contrast_table",
    "equivalence_sentence",
    "headline",
    "pairs_table",
    "sides_table",
    "slices_table",
    "undivided_sentences",
    "ways",
]


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The documented form of a comparison: docs/compare.md lists the keys."""
    found: dict[str, Any] = msgspec.to_builtins(comparison)
    return found


def sides_table(comparison: Comparison) -> Table:
    """Each side on its own."""
    table = plain_table(
        f"{comparison.title}: {_small(pretty(comparison.metric, comparison.labels))}",
        ("side",),
        ("runs", "answers", "mean", "95 % interval", "n", "characters", "coverage", "read"),
    )
    for side in comparison.sides:
        table.add_row(
            side.label,
            count(len(side.runs)),
            count(side.answers),
            marked(points(side.mean), side.share_read),
            interval(side.ci95),
            count(side.n),
            "–" if side.mean_length is None else count(side.mean_length),
            percent(side.coverage),
            read_cell(side.share_read),
        )
    return table


def headline(contrast: Contrast) -> str:
    """``No difference was shown: −1.4, −14.8 to 12.0 points for b against a, on 36 …``."""
    whole = contrast.overall
    numbers = signed(whole.difference)
    if whole.ci95 is not None:
        low, high = map(points, whole.ci95)
        numbers += f", {low} to {high}"
    where = plural(whole.n, "common example")
    if contrast.prompts < contrast.common:
        where += f" ({plural(contrast.prompts, 'unit')})"
    found = _conclusion(contrast)
    if found in ("higher", "lower"):
        start = f"{contrast.contender} scored {found} than {contrast.reference}: {numbers} points"
    else:
        start = f"{found}: {numbers} points for {contrast.contender} against {contrast.reference}"
    return f"{start}, on {where}{_chance(whole)}."


def _conclusion(contrast: Contrast) -> str:
    """``higher``, ``lower``, or why nothing is shown; all comparisons are allowed for."""
    whole = contrast.overall
    if whole.difference is None or whole.n < FEWEST:
        return "Too few examples for a conclusion"
    if whole.ci95 is None:
        return "Every example differs by the same" if whole.difference else "No difference"
    p = whole.p if whole.p_holm is None else whole.p_holm
    if p is None or p >= LEVEL:
        return "No difference was shown"
    return "higher" if whole.difference > 0 else "lower"


def _chance(whole: SliceDifference) -> str:
    if whole.p is None:
        return ""
    return f" ({chance(whole.p, whole.p_holm)})"


def equivalence_sentence(contrast: Contrast) -> str:
    """What the test of equivalence shows; empty without a margin."""
    same = contrast.equivalence
    if same is None:
        return ""
    text = "are equivalent" if same.equivalent else "were not shown to be equivalent"
    return (
        f"{contrast.contender} and {contrast.reference} {text} within ±{points(same.margin)} "
        f"points: 90 % interval {interval(same.ci90)}, p {p_value(same.p)}."
    )


def ways(contrast: Contrast) -> Iterable[tuple[str, str, str, str, str]]:
    """Method, difference, interval, p, n: the same difference tested in several ways."""
    tests, whole = contrast.tests, contrast.overall
    examples = f"{count(contrast.common)} examples"
    yield from _way("Paired t-test, by example", tests.paired, examples)
    yield (
        "Permutation of signs",
        signed(whole.difference),
        "",
        p_value(tests.permutation_p),
        examples,
    )
    yield "Bootstrap (BCa)", signed(whole.difference), interval(tests.bootstrap_ci95), "", examples
    if tests.signed_rank is not None:
        rank = tests.signed_rank
        shift, bounds = signed(rank.shift), interval(rank.ci95)
        yield "Wilcoxon, Hodges–Lehmann", shift, bounds, p_value(rank.p), examples
    if tests.as_if_independent is not None:
        answers = f"{count(tests.as_if_independent.n)} answers"
        yield from _way("Answers, clustered by prompt", tests.clustered, answers)
        yield from _way("Answers, as if independent", tests.as_if_independent, answers)
    if contrast.adjusted is not None:
        one = contrast.adjusted
        yield (
            "Length-adjusted, by example",
            signed(one.difference),
            interval(one.ci95),
            p_value(one.p),
            f"{count(one.n)} examples",
        )
    if contrast.effect_size is not None:
        size = contrast.effect_size
        low, high = (_decimal(bound) for bound in size.ci95)
        yield "Effect size (Hedges, paired)", _decimal(size.value), f"{low} to {high}", "", examples
    for name, rate in (
        ("Win rate", contrast.win_rate),
        ("Win rate, lengths within 10 %", contrast.win_rate_length_controlled),
    ):
        if rate is not None:
            bounds = "–" if rate.ci95 is None else interval(rate.ci95)
            where = f"{count(rate.n)} examples, {percent(rate.ties)} ties"
            yield name, f"{points(rate.rate)} %", bounds, "", where
    if contrast.equivalence is not None:
        same = contrast.equivalence
        word = "equivalent" if same.equivalent else "not shown"
        name = f"Equivalent within ±{points(same.margin)}"
        yield name, word, f"90 %: {interval(same.ci90)}", p_value(same.p), examples
    if contrast.mcnemar is not None:
        odd = contrast.mcnemar
        only = f"{count(odd.only_a)} against {count(odd.only_b)}"
        yield "McNemar, met by one only", only, "", p_value(odd.p), examples


def _way(
    name: str, difference: Difference | None, n: str
) -> Iterable[tuple[str, str, str, str, str]]:
    if difference is not None:
        yield (
            name,
            signed(difference.mean),
            interval(difference.ci95),
            p_value(difference.p),
            n,
        )


def contrast_table(contrast: Contrast) -> Table:
    """One contrast, tested in all ways."""
    table = plain_table(None, ("method",), ("estimate", "95 % interval", "p", "n"))
    for row in ways(contrast):
        table.add_row(*row)
    return table


def pairs_table(comparison: Comparison) -> Table:
    """All pairs, a row each: the second less the first, by the size of the adjusted p."""
    table = plain_table(
        None, ("first", "second"), ("n", "difference", "95 % interval", "p", "Holm")
    )
    rows = sorted(comparison.contrasts, key=lambda each: _order(each.overall))
    cut = _common_folder([side.label for side in comparison.sides])
    for each in rows:
        whole = each.overall
        table.add_row(
            each.reference[cut:],
            each.contender[cut:],
            count(whole.n),
            signed(whole.difference),
            interval(whole.ci95),
            p_value(whole.p),
            p_value(whole.p_holm),
        )
    return table


def _common_folder(labels: Sequence[str]) -> int:
    """Length of what all names of runs begin with, up to a ``/``."""
    first, last = min(labels), max(labels)
    alike = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return first[:alike].rfind("/") + 1


def _order(whole: SliceDifference) -> tuple[float, float]:
    return (2.0 if whole.p_holm is None else whole.p_holm, -abs(whole.difference or 0.0))


def undivided_sentences(comparison: Comparison) -> Iterable[str]:
    """Which sides no test tells apart."""
    cut = _common_folder([side.label for side in comparison.sides])
    for labels in comparison.undivided:
        yield f"Not told apart: {', '.join(label[cut:] for label in labels)}."
    if not comparison.undivided and len(comparison.contrasts) > 1:
        yield "Every two neighbours in the order are told apart."


def slices_table(
    contrast: Contrast, labels: dict[str, str], *, every: bool = True
) -> tuple[Table | None, str]:
    """The difference in each slice with adjusted p, or in the main ones; and what is left out."""
    spaces: dict[str, list[SliceDifference]] = {}
    for item in contrast.slices:
        spaces.setdefault(item.metric.partition(":")[0], []).append(item)
    shown = list(spaces) if every else main_kinds(spaces)
    sides = (short_name(contrast.reference), short_name(contrast.contender))
    table = plain_table(
        None, ("slice",), ("n", *sides, "difference", "95 % interval", "p", "Holm", "BH")
    )
    for space in shown:
        table.add_section()
        table.add_row(pretty(space, labels), style="bold")
        for item in spaces[space]:
            table.add_row(*_slice(item, labels), style="dim" if item.p is None else "")
    return table if shown else None, left_out(spaces, shown, labels)


def _slice(item: SliceDifference, labels: dict[str, str]) -> tuple[str, ...]:
    return (
        f"  {pretty(item.metric, labels)}",
        count(item.n),
        points(item.reference),
        points(item.contender),
        signed(item.difference),
        interval(item.ci95),
        p_value(item.p),
        p_value(item.p_holm),
        p_value(item.p_bh),
    )


def _decimal(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _small(words: str) -> str:
    """Within a sentence: only the first letter, so that names keep theirs."""
    return words[:1].lower() + words[1:]
