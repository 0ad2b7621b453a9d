"""Error correction: is there an error in a text, in which sentence, and what should it say?"""

from __future__ import annotations

import functools
import re
from typing import Any

from preceptor.installation import MissingExtra
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.reasoning import said_in
from preceptor.records import Graded, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.reading import field_of
from preceptor.scoring.rubric import OVERALL

__all__ = [
    "CORRECTION",
    "CORRECTION_LABELS",
    "FIGURES",
    "CorrectionScoring",
    "read_correction",
    "rouge1",
]

#: Display names of the family's metrics, for a benchmark's ``labels``.
CORRECTION_LABELS = {
    OVERALL: "Correction (ROUGE-1, composite)",
    "flag_accuracy": "Error flag accuracy",
    "sentence_accuracy": "Error sentence accuracy",
    "rouge1": "ROUGE-1 of corrections",
    PARSED: "Answers that could be read",
}

#: Figures that are given by kind of error too.
FIGURES = ("flag_accuracy", "sentence_accuracy")

_INSTRUCTION = (
    "The text above is a clinical note, one numbered sentence a line. It is right, or exactly one "
    "sentence holds a medical error. Reply with one line and nothing else:\n"
    "{id} 0 -1 NA\n"
    "if there is no error, or\n"
    "{id} 1 <number of the sentence> <the whole sentence, corrected>"
)


def read_correction(text: str) -> dict[str, Any] | None:
    """``{"flag": …, "sentence": …, "correction": …}`` of an answer; None where it has none.

    Read is the last line of the form ``id flag sentence correction``, the id may be missing; or
    JSON with these keys. A correction of ``NA`` or nothing is None, and so is that of a text
    without an error.
    """
    text = said_in(text)
    for line in reversed(text.splitlines()):
        said = _line(line)
        if said is not None:
            return said
    flagged, place = (field_of(text, names) for names in (_FLAGS, _SENTENCES))
    number = r"-?\d+(?:\.0)?"
    if str(flagged) not in ("0", "1", "0.0", "1.0", "True", "False", "true", "false"):
        return None
    flag = int(str(flagged)[0] in "1Tt")
    sentence = int(float(str(place))) if re.fullmatch(number, str(place)) else -1
    return _known(flag, sentence, field_of(text, _CORRECTIONS))


def _line(line: str) -> dict[str, Any] | None:
    """What one line says, with an id before it (a word with a letter) or without."""
    words = line.strip(" \t*`#>").split(maxsplit=3)
    if words and any(letter.isalpha() for letter in words[0]):
        words = words[1:]
    if not words or words[0] not in ("0", "1"):
        return None
    flag, *rest = words
    if not rest:
        return _known(0, -1, None) if flag == "0" else None
    if not re.fullmatch(r"-?\d{1,6}", rest[0]):
        return None
    return _known(int(flag), int(rest[0]), " ".join(rest[1:]))


_FLAGS = ("flag", "error_flag", "error")
_SENTENCES = ("sentence_id", "error_sentence_id", "sentence")
_CORRECTIONS = ("correction", "corrected_sentence")


def _known(flag: int, sentence: int, correction: object) -> dict[str, Any]:
    fix = str(correction or "").strip().strip('"“”').strip()
    absent = not flag or fix.upper() in ("", "NA", "N/A", "NONE")
    return {"flag": flag, "sentence": sentence, "correction": None if absent else fix}


def rouge1(reference: str, said: str) -> float:
    """F1 of shared words, 0 to 1: ``rouge_score`` without stemmer (Lin 2004, W04-1013).

    Raises Unavailable without the package.
    """
    return float(_scorer().score(reference, said)["rouge1"].fmeasure)


@functools.cache
def _scorer() -> Any:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise MissingExtra("ROUGE needs rouge-score", "rouge") from None
    return RougeScorer(["rouge1"])


class CorrectionScoring(Scoring):
    """One error or none: its flag, its sentence, and the corrected sentence.

    The composite is that of MEDIQA-CORR 2024 (Ben Abacha et al. 2024, 2024.clinicalnlp-1.57) with
    ROUGE-1: 1 where neither the truth nor the answer has a correction, 0 where only one has, else
    the ROUGE-1 of both. ``rouge1`` is the mean of the last alone. An answer that cannot be read is
    wrong in all.

    The example's target is ``{"flag": 0 or 1, "sentence": …, "correction": …, "kind": …}``.
    """

    shares = (PARSED, *FIGURES)

    def score(self, graded: Graded) -> Score:
        text, truth = answered(graded), graded.example.target
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, *FIGURES, PARSED), (0.0, 1.0)))
        said = read_correction(text)
        if said is None:
            values = dict.fromkeys((OVERALL, *FIGURES), 0.0)
        else:
            values = {
                OVERALL: float(said["correction"] == truth["correction"] is None),
                "flag_accuracy": float(said["flag"] == truth["flag"]),
                "sentence_accuracy": float(said["sentence"] == truth["sentence"]),
            }
            if said["correction"] is not None and truth["correction"] is not None:
                values[OVERALL] = rouge1(truth["correction"], said["correction"])
                values["rouge1"] = values[OVERALL]
        for name in FIGURES:
            values[f"{name}:{truth['kind']}"] = values[name]
        return scored(graded, values, said)


CORRECTION = Protocol(
    "correction",
    asking=Asking(lambda example: _INSTRUCTION.format(id=example.id)),
    scoring=CorrectionScoring(),
)
