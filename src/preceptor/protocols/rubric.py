"""The rubric protocol: one free answer, each criterion judged alone, signed points."""

from __future__ import annotations

import math

from preceptor.protocols.base import Protocol, ReferenceGrader
from preceptor.records import Example, Graded, Message, Score
from preceptor.scoring import LengthRule, score_rubric

__all__ = ["RubricProtocol"]


class RubricProtocol(Protocol):
    """HealthBench's protocol (arXiv 2505.08775), with a length rule (arXiv 2604.27470)."""

    name = "rubric"
    lowest = -math.inf  # what is undesirable may weigh more than all that is wanted

    def __init__(self, reference_grader: ReferenceGrader, length_rule: LengthRule) -> None:
        self.reference_grader = reference_grader
        self.length_rule = length_rule

    def prompt_choice(self, given: str | None) -> str | None:
        return given

    def messages(self, example: Example) -> tuple[Message, ...]:
        return example.messages

    def score(self, graded: Graded) -> Score:
        return score_rubric(graded)
