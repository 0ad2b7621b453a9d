"""How agreement is printed: from 0 to 1 with three decimals, as the literature does."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from preceptor.benchmarks import get
from preceptor.reports.charts import Axis, Tick
from preceptor.reports.format import percent, pretty

if TYPE_CHECKING:
    from preceptor.audit.agreement import Estimate

__all__ = ["UnitAxis", "decimal", "decimals", "name_of", "share", "signed_decimal", "with_interval"]

_NONE, _MINUS = "–", "−"


class UnitAxis(Axis, frozen=True):
    """From 0 to 1."""

    @property
    def ticks(self) -> list[Tick]:
        return [Tick(f"{mark:g}", self.at(mark), mark == 0) for mark in self.marks]


def decimal(value: float | None) -> str:
    """``0.543``, with a true minus sign."""
    return _NONE if value is None else f"{value:.3f}".replace("-", _MINUS)


def signed_decimal(value: float | None) -> str:
    """A difference: ``+0.010``."""
    text = decimal(value)
    return text if value is None or value <= 0 else f"+{text}"


def decimals(pair: tuple[float, float] | None) -> str:
    """``0.460–0.623``; with a negative one ``−0.229 to 0.001``."""
    if pair is None:
        return _NONE
    low, high = decimal(pair[0]), decimal(pair[1])
    return f"{low} to {high}" if _MINUS in low + high else f"{low}–{high}"


def with_interval(one: Estimate) -> str:
    """``0.543 (0.460–0.623)``."""
    return (
        decimal(one.value) if one.ci95 is None else f"{decimal(one.value)} ({decimals(one.ci95)})"
    )


def share(part: int, rest: int) -> str:
    """``part`` of both, in percent."""
    return percent(part / (part + rest)) if part + rest else _NONE


def name_of(kind: str, name: str) -> str:
    """The display name of a slice: HealthBench's for a theme, a grader's or a file's unchanged."""
    if kind == "theme":
        return pretty(f"theme:{name}", _labels())
    return pretty(name, {}) if kind in ("category", "points") else name


@cache
def _labels() -> dict[str, str]:
    return dict(get("healthbench").labels)
