"""Cox's proportional hazards with ties as Breslow has them.

Cox 1972, J. R. Stat. Soc. B 34:187; Breslow 1974, Biometrics 30:89 (ties, and the hazard without
covariates).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Cox"]

_STEPS, _EXACT = 100, 1e-9


class Cox:
    """A model of hazards; ``penalty`` is on half the squared coefficients."""

    def __init__(self, penalty: float = 1e-4) -> None:
        self.penalty = penalty

    def fit(self, x: Floats, time: Floats, event: Floats) -> Cox:
        """Fit by Newton's method, with the step halved while the likelihood falls.

        ``x`` has finite values; rows in any order.
        """
        order = np.argsort(-time, kind="stable")
        x, time, event = x[order], time[order], event[order]
        # Those at risk at a time are all rows up to the last one of that time.
        last = np.searchsorted(-time, -time, side="right") - 1
        beta = np.zeros(x.shape[1])
        value, gradient, curvature = self._at(beta, x, event, last)
        for _ in range(_STEPS):
            step = np.linalg.solve(curvature, gradient)
            size = 1.0
            while True:
                tried = beta + size * step
                new = self._at(tried, x, event, last)
                if new[0] >= value - _EXACT or size < 1e-6:
                    break
                size /= 2
            gain, beta = new[0] - value, tried
            value, gradient, curvature = new
            if abs(gain) < _EXACT and float(np.abs(step).max(initial=0.0)) < 1e-7:
                break
        self.beta = beta
        weight = np.exp(np.clip(x @ beta, -500, 500))
        at_risk = np.cumsum(weight)[last]
        jumps = event / at_risk
        self.times, self.hazard = time[::-1], np.cumsum(jumps[::-1])
        return self

    def _at(
        self, beta: Floats, x: Floats, event: Floats, last: NDArray[np.intp]
    ) -> tuple[float, Floats, Floats]:
        """Partial likelihood, gradient, and the negative of the curvature."""
        score = np.clip(x @ beta, -500, 500)
        weight = np.exp(score)
        total = np.cumsum(weight)[last]
        mean = np.cumsum(weight[:, None] * x, axis=0)[last] / total[:, None]
        value = float((event * (score - np.log(total))).sum()) - self.penalty / 2 * beta @ beta
        gradient = (event[:, None] * (x - mean)).sum(axis=0) - self.penalty * beta
        # Σ over events of E[xxᵀ]: each row's share of all events at which it was at risk.
        share = np.zeros(len(x))
        np.add.at(share, last, event / total)
        share = np.cumsum(share[::-1])[::-1] * weight
        second = (x * share[:, None]).T @ x
        curvature = second - (mean * event[:, None]).T @ mean + self.penalty * np.eye(x.shape[1])
        return float(value), gradient, curvature

    def risk(self, x: Floats) -> Floats:
        """Log of the relative hazard: higher is earlier."""
        return np.asarray(x @ self.beta)

    def survival(self, x: Floats, horizon: float) -> Floats:
        """Probability of no event up to the horizon."""
        place = int(np.searchsorted(self.times, horizon, side="right"))
        hazard = self.hazard[place - 1] if place else 0.0
        return np.asarray(np.exp(-hazard * np.exp(self.risk(x))))
