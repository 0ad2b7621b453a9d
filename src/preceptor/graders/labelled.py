"""A grader that gives labels or ordinals, as the protocol of a family says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from preceptor.graders.base import Call, Case, Grader, Question, Recorder
from preceptor.graders.model import AskingGrader
from preceptor.graders.rubric import ask_until_parsed
from preceptor.records import NO_GRADER, Completion, Criterion, Verdict
from preceptor.systems.base import System

if TYPE_CHECKING:
    from preceptor.graders.judge import Judge

__all__ = ["LabelGrader", "NoGrader"]


class LabelGrader(AskingGrader):
    """One call for each criterion; the family's judge has the words of question and reply."""

    def __init__(self, address: str, system: System, judge: Judge) -> None:
        self.address, self.system = address, system
        self._judge = judge

    def departures(self) -> list[str]:
        return [
            "Judged with Preceptor's own prompt: not comparable with published scores of the "
            "authors' judge."
        ]

    def question(self, case: Case, criterion: Criterion) -> Question:
        return self.asking("verdict", self._judge.prompt(case, criterion), case, criterion)

    def call(self, question: Question, places: Sequence[int]) -> Call:
        assert question.about is not None
        label = self._judge.settled(*question.about)
        if label is None:
            return super().call(question, places)
        verdict = Verdict(question.key, None, "Settled without a call.", label=label)

        async def settled() -> tuple[Verdict, ...]:
            return (verdict,)

        return Call({question.key: tuple(places)}, settled, None)

    async def judge(self, question: Question) -> Verdict:
        def read(completion: Completion) -> Verdict:
            label, explanation = self._judge.read(completion.text)
            assert question.about is not None
            objection = self._judge.objection(label, *question.about)
            if objection is not None:
                raise ValueError(objection)
            return Verdict(question.key, None, explanation, label=label)

        return await ask_until_parsed(self.system, question, read)


class NoGrader(Grader):
    """Judges nothing: for protocols whose answers are right or wrong by themselves."""

    address = NO_GRADER

    def identity(self) -> dict[str, Any]:
        return {}

    async def grade(
        self, case: Case, wanted: Sequence[int], recorder: Recorder
    ) -> dict[int, Verdict]:
        return {}
