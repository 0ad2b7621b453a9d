"""How a family of benchmarks asks, grades, scores and aggregates."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from preceptor.environments.base import Environment
from preceptor.protocols.asking import Asking
from preceptor.protocols.judging import NOT_JUDGED
from preceptor.records import Example, Graded, Message, Metric, Score, content_key
from preceptor.scoring.length import LengthRule
from preceptor.scoring.summary import summarise
from preceptor.scoring.units import units

__all__ = ["Protocol", "fingerprint", "replies"]


class Protocol:
    """One family. The engine asks, the store keeps; what it all means is decided here."""

    name: str
    #: What a system is sent.
    asking = Asking()
    #: Who judges, and what they are asked.
    judging = NOT_JUDGED
    #: What answers the system's turns; None where there is a single question.
    environment: Environment | None = None
    #: A missing answer scores 0; imported runs are then padded to all examples.
    missing_is_wrong = False
    #: Whether a value is read out of an answer; otherwise its whole text is scored.
    reads = True
    #: Whether scores are made from the answer's text; otherwise its length and verdicts will do.
    reads_text = True
    #: How length is priced; None where it is not.
    length_rule: LengthRule | None = None
    #: Metrics whose every score is 0 or 1, by name or by namespace: `scoring.summary.summarise`.
    shares: Collection[str] = ()
    #: Name of the units, in the plural: see `scoring.units.units`.
    units_are = "prompts"
    #: Scores that a run recorded, by `fingerprint`: for what cannot be computed from the run again.
    recorded: Mapping[str, Score] = {}

    @property
    def measuring(self) -> bool:
        """Whether `measure` knows more than `score`."""
        return False

    def unscorable(self, example: Example) -> str | None:
        """Why the example can have no score; None where it can."""
        return None

    def messages(self, example: Example) -> tuple[Message, ...]:
        """The conversation that a system is asked to continue."""
        return self.asking.messages(example)

    def score(self, graded: Graded) -> Score:
        """One response, and its verdicts if it is judged → its scores."""
        raise NotImplementedError

    def scores(self, graded: Sequence[Graded]) -> Sequence[Score]:
        """The scores of all answers of a run."""
        return [self.score(item) for item in graded]

    def measure(self, graded: Graded) -> Score:
        """The scores at the end of a run, which keeps them: also those by a model of the user's."""
        return self.score(graded)

    def lowest(self, examples: Sequence[Example]) -> Mapping[str, float]:
        """Metric → its lowest possible score on these examples; 0 for a metric not listed."""
        return {}

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        """Scores of all responses → the run's metrics: the mean of each score, and of the overall
        score by example tag.
        """
        return summarise(
            scores,
            {example.id: example.tags for example in examples},
            self.length_rule,
            units(examples),
            shares=self.shares,
            units_are=self.units_are,
            lowest=self.lowest(examples),
        )


def fingerprint(graded: Graded) -> str:
    """What a recorded score is found by: the answer's place, whether it is there, its verdicts."""
    response = graded.response
    there = None if response is None else response.failure or ""
    said = [None if v is None else (v.met, v.label) for v in graded.verdicts]
    return content_key(graded.example.id, graded.repeat, there, said)


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
