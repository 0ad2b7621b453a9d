"""What a run has done so far, for display."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from preceptor.engine.budget import Budget

if TYPE_CHECKING:
    from preceptor.systems.limiter import Limiter

__all__ = ["Progress"]


class Progress:
    """Counters that the pipeline moves and a display reads. Only acknowledged results count.

    Attributes
    ----------
    answers, verdicts
        Done so far, those found in the store included; ``…_total`` as asked for.
    fresh
        Answers and verdicts made by this process: what the time left is computed from.
    calls
        Calls that this process made for them: one may bring several verdicts, and a verdict may
        need several.
    ungraded
        Verdicts that could not be had, and answers that failed, by reason.
    batches
        Tells of batches at providers, a line for each.
    limiters
        Of the endpoints: how many calls each gets at once for now.
    warnings
        Sentences for the user, each once, in order.
    """

    def __init__(self, answers_total: int, verdicts_total: int, budget: Budget) -> None:
        self.answers_total, self.verdicts_total = answers_total, verdicts_total
        self.budget = budget
        self.answers = 0
        self.verdicts = 0
        self.fresh = 0
        self.calls = 0
        self.ungraded: Counter[str] = Counter()
        self.retries: list[Counter[str]] = []
        self.in_flight = 0
        self.limiters: list[Limiter] = []
        self.batches: Callable[[], list[str]] = list
        self.stopping: str | None = None
        self.warnings: dict[str, None] = {}
        self.started = time.monotonic()

    @property
    def total(self) -> int:
        return self.answers_total + self.verdicts_total

    @property
    def done(self) -> int:
        return self.answers + self.verdicts + self.ungraded.total()

    @property
    def rate(self) -> float:
        """Calls a second of this process since it started."""
        return self.calls / self._elapsed

    @property
    def seconds_left(self) -> float | None:
        left = self.total - self.done
        return left / self.fresh * self._elapsed if self.fresh else None

    @property
    def _elapsed(self) -> float:
        return max(time.monotonic() - self.started, 1e-9)

    @property
    def obstacle(self) -> tuple[str, str] | None:
        """Why resuming alone brings nothing of what is missing, and what to do first."""
        missing = self.ungraded.keys() - {"no verdict without an answer"}
        if self.stopping is not None or not missing:
            return None
        number = sum(self.ungraded[reason] for reason in missing)
        if missing == {"no answer: no_answer"}:
            why = f"{number:,} of the recorded answers asked for are missing"
            return why, "add them to the file"
        if missing <= {"no answer: bad_request", "bad_request"}:
            return f"the server refused {number:,} requests as they are", "have it take them"
        return None

    @property
    def coverage(self) -> float:
        if self.verdicts_total:
            return self.verdicts / self.verdicts_total
        return self.answers / self.answers_total if self.answers_total else 1.0

    @property
    def room(self) -> int | None:
        """Calls that may be under way for now, over all endpoints; None without an endpoint."""
        return sum(each.limit for each in self.limiters) if self.limiters else None

    def warn(self, sentence: str) -> None:
        """Show a sentence while the run goes on."""
        self.warnings.setdefault(sentence)

    def failed_attempts(self) -> Counter[str]:
        """Attempts that failed and were tried again or given up, by kind."""
        return sum(self.retries, Counter())
