"""A family of benchmarks: how it asks, interacts, judges and scores."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.environments.base import Environment
from preceptor.protocols.asking import Asking
from preceptor.protocols.judging import NOT_JUDGED, Judging
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Message, Metric, Score

__all__ = ["Protocol", "replies"]


#: Methods that only hand on → the part whose they are.
_PARTS = {"messages": "Asking", "score": "Scoring", "summarise": "Scoring"}


class Protocol:
    """A composition of four parts. Families share parts and replace them one by one.

    Parameters
    ----------
    asking
        What a system is sent.
    environment
        What answers the system's turns; None where there is a single question.
    judging
        Who judges, and what they are asked.
    scoring
        What answers and verdicts are worth.
    """

    environment: Environment | None = None

    def __init_subclass__(cls) -> None:
        for method, part in _PARTS.items():
            if method in vars(cls):
                raise TypeError(f"{cls.__name__}.{method}: override it in its {part}, a part of it")

    def __init__(
        self,
        name: str,
        *,
        scoring: Scoring,
        asking: Asking | None = None,
        environment: Environment | None = None,
        judging: Judging = NOT_JUDGED,
    ) -> None:
        self.name, self.scoring, self.judging = name, scoring, judging
        self.asking = asking or Asking()
        if environment is not None:
            self.environment = environment

    def messages(self, example: Example) -> tuple[Message, ...]:
        """The conversation that a system is asked to continue."""
        return self.asking.messages(example)

    def score(self, graded: Graded) -> Score:
        """One response, and its verdicts if it is judged → its scores."""
        return self.scoring.score(graded)

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        """Scores of all responses → the run's metrics."""
        return self.scoring.summarise(scores, examples)


def replies(graded: Graded) -> tuple[str, ...]:
    """What the system said in an interaction, in order; none where the call failed."""
    response = graded.response
    if response is None or response.failure is not None:
        return ()
    given = graded.example.messages
    # Turns before the first reply are not the system's, whatever their role.
    earlier = (response.sent or given)[len(given) :]
    said = [message.text for message in earlier if message.is_reply]
    return (*said, response.text)
