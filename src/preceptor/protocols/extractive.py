"""Answers that are a span of a text, or that there is none: exact match and F1 of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.overlap import words
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.short_answers import phrase

__all__ = ["EXTRACTIVE_LABELS", "extractive", "span_scores"]

_EXACT, _PRECISION, _RECALL, _NONE = "exact", "word_precision", "word_recall", "no_answer"
#: What a system says where the text has no answer.
NO_ANSWER = "no answer"

#: Display names of the metrics, for a benchmark's ``labels``.
EXTRACTIVE_LABELS = {
    OVERALL: "F1 of words",
    _EXACT: "Exact match",
    _PRECISION: "Precision of words",
    _RECALL: "Recall of words",
    _NONE: "Right that there is no answer, where there is none",
    PARSED: "Answers that are not empty",
}
_ASKED = f"""\
Answer with the words of the text alone, copied, and as few as answer the question. If the text \
has no answer, reply: {NO_ANSWER}"""


def span_scores(said: str, references: Sequence[str]) -> dict[str, float]:
    """Exact match, and F1, precision and recall of words, by the reference with the best F1.

    The formulas and the normal form (case, punctuation and articles do not count) are those of
    SQuAD (Rajpurkar et al. 2016); where there is no reference, all are 1 for "no answer" and 0 for
    anything else, as in SQuAD 2.0 (2018). In Chinese and Japanese a word is a character.
    """
    plain = phrase(said)
    none = plain == NO_ANSWER
    if not references:
        return dict.fromkeys((OVERALL, _EXACT, _PRECISION, _RECALL), float(none))
    if none:
        return dict.fromkeys((OVERALL, _EXACT, _PRECISION, _RECALL), 0.0)
    found = [_overlap(plain, phrase(each)) for each in references]
    best = max(found, key=lambda each: each[OVERALL])
    return {**best, _EXACT: max(each[_EXACT] for each in found)}


def _overlap(said: str, reference: str) -> dict[str, float]:
    given, wanted = Counter(words(said)), Counter(words(reference))
    both = (given & wanted).total()
    return {
        OVERALL: 2 * both / max(given.total() + wanted.total(), 1),
        _EXACT: float(said == reference),
        _PRECISION: both / max(given.total(), 1),
        _RECALL: both / max(wanted.total(), 1),
    }


class ExtractiveScoring(Scoring):
    """F1 of words with the reference span, as SQuAD has it; exact match, precision, recall beside.

    ``no_answer`` is the share that is right of the questions without an answer. An empty answer is
    wrong there too: it says nothing.
    """

    shares = (_EXACT, _NONE, PARSED)

    def wants_list(self, example: Example) -> bool:
        return False

    def score(self, graded: Graded) -> Score:
        references = graded.example.target["answers"]
        names = (OVERALL, _EXACT, _PRECISION, _RECALL, PARSED, *(() if references else (_NONE,)))
        text = answered(graded)
        if text is None:
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        said = phrase(text)
        values = span_scores(text, references) if said else dict.fromkeys(names, 0.0)
        if not references:
            values[_NONE] = values[OVERALL]
        return scored(graded, values, said or None)


def extractive() -> Protocol:
    """A text and a question that a span of it answers; nothing is judged."""
    return Protocol("extractive", asking=Asking(lambda _: _ASKED), scoring=ExtractiveScoring())
