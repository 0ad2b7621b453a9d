"""Caps on what a run may spend."""

from __future__ import annotations

from preceptor.errors import BudgetExceeded
from preceptor.records import Usage

__all__ = ["Budget"]

_RESUME = ("resume with a higher --max-cost", "resume with a higher --max-total-tokens")


class Budget:
    """Counts cost and tokens, and says when a cap is reached.

    Every reply is added as it comes, a useless one too, and no call starts without a look at the
    sum: so a cap is passed by no more than the calls that are under way when it is reached.

    Parameters
    ----------
    remedies
        What to do about a cap on cost, or on tokens, that is reached.
    """

    def __init__(
        self,
        *,
        max_cost: float | None = None,
        max_tokens: int | None = None,
        cost: float = 0.0,
        tokens: int = 0,
        remedies: tuple[str, str] = _RESUME,
    ) -> None:
        self.max_cost, self.max_tokens = max_cost, max_tokens
        self.cost, self.tokens = cost, tokens
        self._remedies = remedies

    def add(self, usage: Usage, cost: float | None) -> None:
        self.tokens += usage.total
        self.cost += cost or 0.0

    @property
    def reached(self) -> bool:
        """Whether a cap is reached."""
        if self.max_cost is not None and self.cost >= self.max_cost:
            return True
        return self.max_tokens is not None and self.tokens >= self.max_tokens

    def check(self) -> None:
        """Raises BudgetExceeded when a cap is reached."""
        if self.reached:
            raise BudgetExceeded(self._why())

    def _why(self) -> str:
        for_cost, for_tokens = self._remedies
        if self.max_cost is not None and self.cost >= self.max_cost:
            return f"the cap of ${self.max_cost:g} is reached (${self.cost:.4f} spent): {for_cost}"
        return (
            f"the cap of {self.max_tokens:,} tokens is reached ({self.tokens:,} used): {for_tokens}"
        )
