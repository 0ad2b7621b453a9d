"""Cases with several questions in turn: a case is right when all its questions are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from preceptor.protocols.base import Protocol, replies
from preceptor.protocols.choice import DIRECT
from preceptor.protocols.dialogue import SCRIPT
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.scoring.answers import PARSED, missing, scored
from preceptor.scoring.choices import listed, read_choice
from preceptor.scoring.names import OVERALL
from preceptor.scoring.sets import mean_metric

__all__ = ["STAGED", "STAGED_LABELS", "Question", "staged_example"]

_QUESTIONS, _TURN = "question_accuracy", "turn:"
#: Display names of the family's metrics, for a benchmark's ``labels``.
STAGED_LABELS = {
    OVERALL: "Cases with every question right",
    _QUESTIONS: "Questions right",
    PARSED: "Cases with every answer read",
    "turn": "Number of the question",
}


class Question(msgspec.Struct, frozen=True):
    """One question of a case: its text with what belongs before it, and lettered options."""

    stem: str
    options: Mapping[str, str]
    answer: str

    @property
    def asked(self) -> str:
        return f"{self.stem.strip()}{listed(self.options)}\n\n{DIRECT}"


def staged_example(id: str, questions: Sequence[Question], tags: Sequence[str] = ()) -> Example:
    """A case: each question is asked after the answer to the one before, whatever that was."""
    first, *later = (question.asked for question in questions)
    target: dict[str, Any] = {"questions": msgspec.to_builtins(questions), "turns": later}
    return Example(id, (Message("user", first),), (), tuple(tags), target=target)


class StagedScoring(Scoring):
    """1 for a case whose questions are all answered right, else 0; ``turn:N`` is its N-th question.

    ``question_accuracy`` counts questions, its interval cases. A case whose dialogue did not come
    to its end is missing, not wrong.
    """

    shares = (OVERALL, PARSED, "turn")
    units_are = "cases"

    def score(self, graded: Graded) -> Score:
        questions = msgspec.convert(graded.example.target["questions"], list[Question])
        said = replies(graded)
        if len(said) < len(questions):
            return missing(graded, {OVERALL: (0.0, 1.0), PARSED: (0.0, 1.0)})
        letters = [
            read_choice(text, question.options, question=question.stem)
            for question, text in zip(questions, said, strict=False)
        ]
        right = [read == one.answer for read, one in zip(letters, questions, strict=True)]
        values = {f"{_TURN}{turn}": float(each) for turn, each in enumerate(right, 1)}
        values[OVERALL] = float(all(right))
        return scored(graded, values, letters if all(letters) else None)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        rows = [
            (value, score.example_id)
            for score in scores
            for name, value in score.values.items()
            if name.startswith(_TURN)
        ]
        values, ids = zip(*rows, strict=True) if rows else ((), ())
        return {_QUESTIONS: mean_metric(values, ids, share=True)}


STAGED = Protocol("staged", environment=SCRIPT, scoring=StagedScoring())
