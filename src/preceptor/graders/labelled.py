"""A grader that gives labels or ordinals, as the protocol of a family says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.graders.base import Case, Grader, Question, Recorder
from preceptor.graders.model import AskingGrader
from preceptor.graders.rubric import ask_until_parsed
from preceptor.records import NO_GRADER, Completion, Criterion, Verdict, content_key
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
        if not self._judge.own_words:
            return []
        return [
            "Judged with Preceptor's own prompt: not comparable with published scores of the "
            "authors' judge."
        ]

    def question(self, case: Case, criterion: Criterion) -> Question:
        return self.asking("verdict", self._judge.prompt(case, criterion), case, criterion)

    async def grade(
        self, case: Case, wanted: Sequence[int], recorder: Recorder
    ) -> dict[int, Verdict]:
        found: dict[int, Verdict] = {}
        labels, why, left = dict(case.labels), dict(case.explanations), list(wanted)
        due, settled = self._judge.due(case, labels)
        while now := [place for place in left if place in due and place not in settled]:
            left = [place for place in left if place not in now]
            case = msgspec.structs.replace(case, labels=labels, explanations=why)
            gave = await recorder.judge(self.calls(case, now, left))
            found |= gave
            said = {place: each for place, each in gave.items() if each.label is not None}
            labels = labels | {place: str(each.label) for place, each in said.items()}
            why = why | {place: each.explanation for place, each in said.items()}
            due, settled = self._judge.due(case, labels)
            if any(each.given and each.label is None for each in gave.values()):
                due = left  # an estimate's, which say nothing: it counts all that may follow
        if left:
            ruled = {place: self._ruled(case, place, settled.get(place)) for place in left}
            await recorder.rule(ruled)
            found |= ruled
        return found

    def _ruled(self, case: Case, place: int, label: str | None) -> Verdict:
        """The verdict on a criterion that is not asked, by what others say."""
        criterion = case.criteria[place]
        key = content_key("ruled", self._judge.text, criterion, label)
        if label is not None:
            return Verdict(key, None, label=label, cost_usd=0.0)
        why = "whether it is asked depends on a criterion without a verdict"
        return Verdict(key, None, reason="waiting", detail=why, cost_usd=0.0)

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
