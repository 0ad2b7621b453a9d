"""Short answers: closed ones are right or wrong, open ones share words with the reference."""

from __future__ import annotations

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Graded, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.short_answers import phrase, token_f1, token_recall, yes_or_no

__all__ = ["CLOSED_LABELS", "OPEN_LABELS", "closed", "opened"]

#: Display names of the metrics, for a benchmark's ``labels``.
CLOSED_LABELS = {OVERALL: "Right answers", PARSED: "Answers that could be read"}
OPEN_LABELS = {
    OVERALL: "Words of the reference that are said",
    PARSED: "Answers that are not empty",
    "token_f1": "F1 of words",
    "exact": "The same phrase",
}
_CLOSED = (
    "Answer with yes or no, or with one of the things that the question names, and nothing else."
)
_OPEN = "Answer with a word or a short phrase, and nothing else."


class ClosedScoring(Scoring):
    """Yes, no or a choice, as ``target["answer"]`` has it.

    Right is the same phrase, without case, marks and articles. Where it is yes or no, an answer may
    go on behind it; one that says neither cannot be read, and is wrong.
    """

    shares = (OVERALL, PARSED)
    units_are = "images"

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, PARSED), (0.0, 1.0)))
        right = phrase(graded.example.target["answer"])
        said = yes_or_no(text) if right in ("yes", "no") else phrase(text) or None
        return scored(graded, {OVERALL: float(said == right)}, said)


class OpenScoring(Scoring):
    """The overall score is the share of the reference's words that are said, as LLaVA-Med has it
    (Li et al. 2023, arXiv:2306.00890): a long answer gains by it, so F1 stands beside it.
    """

    shares = (PARSED, "exact")
    units_are = "images"

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            names = (OVERALL, PARSED, "token_f1", "exact")
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        right = graded.example.target["answer"]
        values = {
            OVERALL: token_recall(text, right),
            "token_f1": token_f1(text, right),
            "exact": float(phrase(text) == phrase(right)),
        }
        return scored(graded, values, phrase(text) or None)


def closed() -> Protocol:
    return Protocol("short-answers", asking=Asking(lambda _: _CLOSED), scoring=ClosedScoring())


def opened() -> Protocol:
    return Protocol("short-answers", asking=Asking(lambda _: _OPEN), scoring=OpenScoring())
