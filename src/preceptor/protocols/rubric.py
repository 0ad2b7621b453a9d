"""The rubric protocol: one free answer, each criterion judged alone, signed points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from preceptor.protocols.base import Protocol, ReferenceGrader
from preceptor.records import Answers, Example, Graded, Message, Score
from preceptor.scoring import LengthRule, score_rubric
from preceptor.scoring.rubric import lowest_scores, score_rubrics

__all__ = ["RubricProtocol"]


class RubricProtocol(Protocol):
    """HealthBench's protocol (arXiv 2505.08775), with a length rule (arXiv 2604.27470)."""

    name = "rubric"
    reads_text = False

    def __init__(self, reference_grader: ReferenceGrader, length_rule: LengthRule) -> None:
        self.reference_grader = reference_grader
        self.length_rule = length_rule

    def prompt_choice(self, given: str | None) -> str | None:
        return given

    def unscorable(self, example: Example) -> str | None:
        """The score is a share of the points that can be earned: without any it is undefined."""
        if any(criterion.points > 0 for criterion in example.criteria):
            return None
        return "no criterion with positive points"

    def messages(self, example: Example) -> tuple[Message, ...]:
        return example.messages

    def score(self, graded: Graded) -> Score:
        return score_rubric(graded)

    def scores(self, graded: Sequence[Graded]) -> Sequence[Score]:
        if isinstance(graded, Answers):
            return score_rubrics(graded)
        return super().scores(graded)

    def lowest(self, examples: Sequence[Example]) -> Mapping[str, float]:
        return lowest_scores(examples)
