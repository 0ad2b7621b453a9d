"""Which slices the sides have, in what order, and how they are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from preceptor.reports.figures.words import clean
from preceptor.reports.format import pretty
from preceptor.reports.view import sorted_slices
from preceptor.results.pool import Side
from preceptor.results.values import in_order as results_in_order
from preceptor.results.values import stated
from preceptor.scoring import OVERALL
from preceptor.scoring.names import is_adjusted

__all__ = ["in_order", "kind_of", "label_of", "main_kind", "slice_names"]


def slice_names(sides: Sequence[Side], space: str) -> list[str]:
    """The slices of a namespace that a side has a mean for, as the HTML report sorts them."""
    results = [side.result for side in sides]
    names = {
        name: None
        for result in results
        for name, metric in result.metrics.items()
        if name.startswith(f"{space}:")
        and metric.raw_mean is not None
        and not is_adjusted(name, result.metrics)
    }
    return sorted_slices(space, list(names), results)


def main_kind(sides: Sequence[Side]) -> str | None:
    """The kind of slices that stands beside the overall score: the first that is stated."""
    kinds = (each.name for each in stated(side.result for side in sides) if each.compared)
    return next((space for space in kinds if slice_names(sides, space)), None)


def in_order(spaces: Iterable[str], sides: Sequence[Side]) -> list[str]:
    """Namespaces in the benchmark's order; others at the end."""
    return results_in_order(spaces, stated(side.result for side in sides))


def label_of(name: str, sides: Sequence[Side]) -> str:
    """A slice, as it is printed."""
    return "Overall" if name == OVERALL else clean(pretty(name, _labels(sides)))


def kind_of(space: str, sides: Sequence[Side]) -> str:
    """A namespace, as it is printed within a sentence."""
    text = clean(pretty(space, _labels(sides)))
    return text[:1].lower() + text[1:]


def _labels(sides: Sequence[Side]) -> dict[str, str]:
    return {name: label for side in sides for name, label in side.result.labels.items()}
