"""A scale as wide as its numbers need, for differences and for scores that lie close together."""

from __future__ import annotations

import math
from collections.abc import Iterable

from preceptor.reports.charts import Axis, Tick
from preceptor.reports.format import points, signed

__all__ = ["Scale", "scale_for"]

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
_MOST_STEPS = 7


class Scale(Axis, frozen=True):
    """Contains zero; its ticks are ``step`` apart, those of differences with their signs."""

    step: float = 0.1
    signs: bool = False

    @property
    def marks(self) -> list[float]:
        first, last = round(self.low / self.step), round(self.high / self.step)
        return [index * self.step for index in range(first, last + 1)]

    @property
    def ticks(self) -> list[Tick]:
        say = signed if self.signs else points
        return [Tick(say(mark).removesuffix(".0"), self.at(mark), mark == 0) for mark in self.marks]


def scale_for(values: Iterable[float], *, signs: bool = False) -> Scale:
    """From the lowest to the highest of these numbers (0–1 scale) and zero, in round steps."""
    seen = [0.0, *values]
    low, high = min(seen), max(seen)
    step = next((step for step in _STEPS if (high - low) / step <= _MOST_STEPS), _STEPS[-1])
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if first == last:
        first, last = -1, 1
    return Scale(first * step, last * step, step, signs)
