"""The rubric protocol: one free answer, each criterion judged alone, signed points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from preceptor.protocols.base import Protocol
from preceptor.protocols.judging import Judging, ReferenceGrader
from preceptor.protocols.scoring import Scoring
from preceptor.records import (
    Answers,
    Example,
    Graded,
    Metric,
    Score,
    examples_of,
    signs_by_example,
)
from preceptor.scoring import LengthRule, score_rubric
from preceptor.scoring.lost import lost
from preceptor.scoring.rubric import lowest_scores, score_rubrics
from preceptor.scoring.units import units

__all__ = ["RubricProtocol", "RubricScoring"]


class RubricScoring(Scoring):
    """The signed points of the criteria that an answer meets (formula: arXiv 2505.08775).

    A length rule prices its length (arXiv 2604.27470).

    Parameters
    ----------
    length_rule
        None where length is not priced.
    """

    reads_text = False

    def __init__(self, length_rule: LengthRule | None = None) -> None:
        self.length_rule = length_rule

    def unscorable(self, example: Example) -> str | None:
        """The score is a share of the points that can be earned: without any it is undefined."""
        if any(criterion.points > 0 for criterion in example.criteria):
            return None
        return "no criterion with positive points"

    def score(self, graded: Graded) -> Score:
        return score_rubric(graded)

    def scores(self, graded: Sequence[Graded]) -> Sequence[Score]:
        if isinstance(graded, Answers):
            return score_rubrics(graded)
        return super().scores(graded)

    def of_verdicts(self, graded: Sequence[Graded]) -> dict[str, Metric]:
        return lost(signs_by_example(graded), units(examples_of(graded).values()))

    def lowest(self, examples: Sequence[Example]) -> Mapping[str, float]:
        return lowest_scores(examples)


class RubricProtocol(Protocol):
    """A free answer, and a grader of each criterion.

    Parameters
    ----------
    reference_grader
        None where the user must name a grader.
    length_rule
        None where length is not priced.
    prompt
        As in `Judging`.
    """

    def __init__(
        self,
        reference_grader: ReferenceGrader | None = None,
        length_rule: LengthRule | None = None,
        *,
        prompt: str | None = None,
    ) -> None:
        judging = Judging(reference_grader, prompt=prompt, healthbench=True)
        super().__init__("rubric", judging=judging, scoring=RubricScoring(length_rule))
