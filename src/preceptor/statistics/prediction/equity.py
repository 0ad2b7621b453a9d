"""One number for how far groups differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["equity_scaled", "gap"]


def gap(values: Sequence[Floats]) -> Floats:
    """The largest less the smallest; NaN with fewer than two, or where one is not defined."""
    if len(values) < 2:
        return np.full(np.shape(values[0]) if values else (), np.nan)
    table = np.stack(values)
    width: Floats = table.max(axis=0) - table.min(axis=0)
    return width


def equity_scaled(overall: Floats, groups: Sequence[Floats], *, by: str = "sum") -> Floats:
    """A score, lowered by how far its groups are from it.

    I / (1 + Σ_g |I − I_g|): ES-AUC of FairVision (Luo et al. 2023, arXiv 2310.02492) and FairSeg's
    third version (Tian et al., arXiv 2311.02189). ``by`` ``sd`` is FairSeg's first version,
    I / (1 + SD of the groups), with ddof 1. Only for scores of which more is better.
    """
    if len(groups) < 2:
        return np.full(np.shape(overall), np.nan)
    table = np.stack(groups)
    spread: Floats = (
        table.std(axis=0, ddof=1) if by == "sd" else np.abs(overall - table).sum(axis=0)
    )
    return overall / (1 + spread)
