"""Multiple choice with a stated confidence: is the system as sure as it is right?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from preceptor.protocols.choice import ACCURACY_READ, ChoiceScoring
from preceptor.records import Graded, Score
from preceptor.scoring.answers import answered
from preceptor.scoring.ratings import Scale
from preceptor.scoring.rubric import OVERALL

__all__ = ["ACCURACY_READ", "CONFIDENT", "ConfidentScoring", "read_confidence", "with_values"]

CONFIDENT = (
    "Which option is right? Reply with two lines and nothing else:\n"
    "Answer: <letter>\n"
    "Confidence: <how sure you are of it, in percent, from 0 to 100>"
)

_NUMBER = r"(?<![\d.])(\d+(?:\.\d+)?)(?![\d.]*\d)\s*(%?)"
_BEFORE = r"[^\w\n]{0,40}+"
_NAMED = re.compile(rf"confiden(?:ce|t){_BEFORE}(?:(?:is|of)\b{_BEFORE})?{_NUMBER}", re.IGNORECASE)
_BARE = (re.compile(rf"&{_BEFORE}{_NUMBER}"), re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*(%)\W*$"))


def read_confidence(text: str) -> tuple[str, float | None]:
    """The answer without its stated confidence, and that confidence from 0 to 1.

    Read are ``Confidence: 80``, ``80 %`` at the end, and ``B & 80``, the last of several; a number
    of at most 1 with a decimal point is a share. None where nothing, or no number from 0 to 100, is
    stated.
    """
    for pattern in (_NAMED, *_BARE):
        found = list(pattern.finditer(text))
        if found:
            last = found[-1]
            number, percent = float(last[1]), last[2]
            share = number <= 1 and "." in last[1] and not percent
            rest = text[: last.start()] + text[last.end() :]
            return rest, number if share else number / 100 if number <= 100 else None
    return text, None


def with_values(score: Score, values: Mapping[str, float], undecided: Sequence[str] = ()) -> Score:
    """The score with further metrics; those of ``undecided`` could be anything from 0 to 1."""
    open_ = dict.fromkeys(undecided, 0.0)
    return msgspec.structs.replace(
        score,
        values={**score.values, **values},
        low={**score.low, **values, **open_},
        high={**score.high, **values, **dict.fromkeys(undecided, 1.0)},
        counts={
            **score.counts,
            **dict.fromkeys(values, (1, 1)),
            **dict.fromkeys(undecided, (0, 1)),
        },
    )


class ConfidentScoring(ChoiceScoring):
    """Multiple choice whose answers state how sure they are.

    Beside those of :class:`ChoiceScoring` there are ``brier`` (0 to 1, lower is better: the mean
    of (confidence − right)², Brier 1950, Mon. Weather Rev. 78:1) over the answers that state a
    confidence, and the accuracy over the answers that could be read.
    """

    # As it is published, not in percent.
    scales: Mapping[str, Scale] = {"brier": Scale(0, 1, "of 1", higher_is_better=False)}

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None or graded.response is None:
            return super().score(graded)
        rest, confidence = read_confidence(text)
        bare = msgspec.structs.replace(graded.response, text=rest)
        score = super().score(msgspec.structs.replace(graded, response=bare))
        score = msgspec.structs.replace(score, length=len(text))
        if score.prediction is None:
            return score
        right = score.values[OVERALL]
        values = {ACCURACY_READ: right}
        if confidence is None:
            return with_values(score, values, undecided=("brier",))
        return with_values(score, {**values, "brier": (confidence - right) ** 2})
