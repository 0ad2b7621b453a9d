"""Length adjustment: a longer answer has more chances to meet a criterion, so length is priced.

Source: HealthBench Professional (arXiv 2604.27470) and the system cards since GPT-5.5::

    s' = s − slope · (L − 2000)

with L the characters of the final answer. The rule is symmetric about 2,000, so a short answer
gains; neither s nor s' is clipped, only the mean over examples is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CENTRE", "LengthRule"]

#: Characters at which the adjustment is zero.
CENTRE = 2000

#: Of one answer, or of many.
Number = TypeVar("Number", float, "NDArray[np.float64]")


class LengthRule(msgspec.Struct, frozen=True):
    """How a benchmark prices length.

    Attributes
    ----------
    points_per_500
        Points on the 0–100 scale taken off for each 500 characters above the centre, as the system
        cards print it: 1.47 for HealthBench Professional, 2.99, 3.92 and 0.20 for HealthBench,
        Hard and Consensus.
    """

    points_per_500: float
    centre: int = CENTRE

    @property
    def slope(self) -> float:
        """Score (0–1 scale) per character; 2.94e-5 for Professional."""
        return self.points_per_500 / 100 / 500

    def adjust(self, score: Number, length: Number) -> Number:
        """The adjusted score of an answer of ``length`` characters. Linear, so it holds for means.

        >>> round(LengthRule(1.47).adjust(0.8, 2500), 4)
        0.7853
        """
        return score - self.slope * (length - self.centre)
