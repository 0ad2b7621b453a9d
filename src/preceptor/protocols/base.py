"""How a family of benchmarks asks, grades, scores and aggregates."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.systems.base import Parameters

__all__ = ["Protocol", "ReferenceGrader"]


class ReferenceGrader(msgspec.Struct, frozen=True):
    """The grader that the benchmark's authors used, and how they called it."""

    address: str
    parameters: Parameters


class Protocol:
    """One family. The engine asks, the store keeps; what it all means is decided here."""

    name: str
    reference_grader: ReferenceGrader

    def messages(self, example: Example) -> tuple[Message, ...]:
        """The conversation that a system is asked to continue."""
        raise NotImplementedError

    def score(self, graded: Graded) -> Score:
        """One response's verdicts → its scores."""
        raise NotImplementedError

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        """Scores of all responses → the run's metrics."""
        raise NotImplementedError
