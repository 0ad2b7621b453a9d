"""The rubric protocol: one free answer, each criterion judged alone, signed points."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.protocols.base import Protocol, ReferenceGrader
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.scoring import LengthRule, score_rubric, summarise

__all__ = ["RubricProtocol"]


class RubricProtocol(Protocol):
    """HealthBench's protocol (arXiv 2505.08775), with a length rule (arXiv 2604.27470)."""

    name = "rubric"

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

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        tags = {example.id: example.tags for example in examples}
        prompts = {example.id: example.prompt_key for example in examples}
        return summarise(scores, tags, self.length_rule, prompts)
