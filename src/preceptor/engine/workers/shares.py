"""One cap over several workers: the driver grants, each worker keeps to what it was granted."""

from __future__ import annotations

import math
import queue
from collections.abc import Callable

from preceptor.engine.budget import Budget
from preceptor.engine.workers.messages import Grant, More
from preceptor.systems.reserving import Calls, Reserved, Size

__all__ = ["BudgetShares", "GrantedBudget"]

#: A grant is not made smaller than this share of a worker's equal part of the cap.
_LEAST = 0.01


class GrantedBudget(Budget):
    """A worker's budget, which asks the driver for more if a call does not fit its grant.

    The grants of all workers never add up to more than the cap, and each worker keeps to its own as
    a single process keeps to the cap. The call waits for the driver's answer.

    Parameters
    ----------
    capped
        Whether dollars and tokens are.
    ask
        Tells the driver; what it says is put into ``replies``.
    """

    def __init__(self, capped: tuple[bool, bool], ask: Callable[[More], None]) -> None:
        cost, tokens = capped
        super().__init__(max_cost=0.0 if cost else None, max_tokens=0 if tokens else None)
        self.replies: queue.SimpleQueue[Grant] = queue.SimpleQueue()
        self._ask = ask
        self._refusal: str | None = None

    def _has_room(self, calls: Calls, call: Reserved) -> bool:
        if super()._has_room(calls, call):
            return True
        needed = self._outlook(calls, call).likely
        if self._left().fits(needed):  # it waits for others to end, and not for a grant
            return False
        self._ask(More(self.cost, self.tokens, needed.dollars, math.ceil(needed.tokens)))
        grant = self.replies.get()
        self._refusal = grant.refusal
        if self.max_cost is not None and grant.cost is not None:
            self.max_cost = grant.cost
        if self.max_tokens is not None and grant.tokens is not None:
            self.max_tokens = grant.tokens
        return super()._has_room(calls, call)

    def _why(self, needed: Size) -> str:
        return self._refusal or super()._why(needed)


class BudgetShares:
    """The driver's side: what is left of the caps, and who may spend how much of it.

    Parameters
    ----------
    budget
        The caps, and what was paid already; kept up to date for display.
    workers
        How many there are.
    """

    def __init__(self, budget: Budget, workers: int) -> None:
        self.budget = budget
        self._workers = workers
        self._settled = (budget.cost, float(budget.tokens))
        #: Of each worker at work: granted and spent, in dollars and tokens.
        self._granted: dict[object, tuple[float, float]] = {}
        self._spent: dict[object, tuple[float, float]] = {}

    @property
    def capped(self) -> tuple[bool, bool]:
        return self.budget.max_cost is not None, self.budget.max_tokens is not None

    def note(self, worker: object, cost: float, tokens: int) -> None:
        """What a worker has spent so far."""
        self._spent[worker] = (cost, tokens)
        self._show()

    def grant(self, worker: object, asked: More) -> Grant:
        """A larger grant, with the reason where it is less than the worker needs."""
        self.note(worker, asked.cost, asked.tokens)
        self._granted[worker] = self._spent[worker]
        refusal = None
        allowed: list[float | None] = []
        caps = (self.budget.max_cost, self.budget.max_tokens)
        needs = (asked.needs_cost, asked.needs_tokens)
        for which, (cap, needed) in enumerate(zip(caps, needs, strict=True)):
            if cap is None:
                allowed.append(None)
                continue
            left = max(0.0, cap - self._committed(which))
            if needed > left:
                refusal = refusal or self._refusal(which)
            share = max(left / (2 * self._workers), cap * _LEAST / self._workers, needed)
            allowed.append(self._spent[worker][which] + min(left, share))
        self._granted[worker] = (allowed[0] or 0.0, allowed[1] or 0.0)
        return Grant(allowed[0], None if allowed[1] is None else int(allowed[1]), refusal)

    def settle(self, worker: object, *, lost: bool = False) -> None:
        """A worker has ended. Of one that is lost, all that it was granted counts as spent."""
        spent = self._spent.pop(worker, (0.0, 0.0))
        granted = self._granted.pop(worker, (0.0, 0.0))
        last = tuple(map(max, spent, granted)) if lost else spent
        self._settled = (self._settled[0] + last[0], self._settled[1] + last[1])
        self._show()

    def _committed(self, which: int) -> float:
        spent = {worker: pair[which] for worker, pair in self._spent.items()}
        granted = {worker: pair[which] for worker, pair in self._granted.items()}
        each = (max(spent.get(who, 0), granted.get(who, 0)) for who in {*spent, *granted})
        return self._settled[which] + sum(each)

    def _show(self) -> None:
        self.budget.cost = self._settled[0] + sum(pair[0] for pair in self._spent.values())
        tokens = self._settled[1] + sum(pair[1] for pair in self._spent.values())
        self.budget.tokens = int(tokens)

    def _refusal(self, which: int) -> str:
        if which:
            cap, option = f"{self.budget.max_tokens:,} tokens", "--max-total-tokens"
        else:
            cap, option = f"${self.budget.max_cost:g}", "--max-cost"
        return (
            f"the cap of {cap} is reached (the rest is reserved for calls that may be under way): "
            f"resume with a higher {option}"
        )
