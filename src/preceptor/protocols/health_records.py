"""Questions about a patient's record, and a note that is checked against the record's tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.labels import ratio
from preceptor.scoring.reading import json_in
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.units import units
from preceptor.terminology.texts import fold

__all__ = [
    "NOTE_CHECK",
    "NOTE_LABELS",
    "RECORD_LABELS",
    "RECORD_QUESTIONS",
    "NoteCheckScoring",
    "RecordQuestionScoring",
    "same_answer",
]

RECORD_LABELS = {
    OVERALL: "Right answers",
    "resource_precision": "Resources named, precision",
    "resource_recall": "Resources named, recall",
    "resource_f1": "Resources named, F1",
    PARSED: "Answers that could be read",
}
_RESOURCES = ("resource_precision", "resource_recall", "resource_f1")
_NOTHING = ("", "none", "null", "no data", "not available", "n/a")
_NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def same_answer(said: Any, right: Any) -> bool:
    """Whether an answer is the computed one.

    Numbers agree to one part in a thousand or half of their last digit said, whichever is more; of
    days the first ten characters count; a list is complete and has nothing else; None is nothing.
    """
    if right is None:
        return said is None or said == [] or fold(str(said)) in _NOTHING
    if said is None:
        return False
    if isinstance(right, list):
        items = said if isinstance(said, list) else re.split(r"[;\n]", str(said))
        named = {fold(str(each)) for each in items if str(each).strip()}
        return named == {fold(name) for name in right}
    if isinstance(right, str):
        day = _DAY.search(str(said))
        known_day = _DAY.fullmatch(right) is not None
        return (
            (day is not None and day[0] == right) if known_day else fold(str(said)) == fold(right)
        )
    return _same_number(said, float(right))


def _same_number(said: Any, right: float) -> bool:
    """Whole numbers that count something, or are written so in the record, allow no rounding."""
    found = None if isinstance(said, bool | list | dict) else _NUMBER.search(str(said))
    if found is None:
        return False
    written = found[0].replace("−", "-")
    digits = len(written.partition(".")[2])
    allowed = 0.0
    if digits:
        rounding = 0.0 if right.is_integer() else 0.5 * 10.0**-digits
        allowed = max(rounding, 0.001 * abs(right))
    return abs(float(written) - right) <= allowed + 1e-9


class RecordQuestionScoring(Scoring):
    """The answer against the one that was computed, and the resources named against its sources.

    The target is ``{"answer": …, "sources": [ids], "cluster": patient}``. An answer is a JSON
    object with ``answer`` and ``resources``. Where there is no source, naming none is precision and
    recall 1, and any other 0.
    """

    units_are = "patients"
    shares = (OVERALL, PARSED)

    def score(self, graded: Graded) -> Score:
        text, target = answered(graded), graded.example.target
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, *_RESOURCES, PARSED), (0.0, 1.0)))
        found = json_in(text)
        found = found if isinstance(found, dict) and "answer" in found else None
        named, right = _named(found), set(target["sources"])
        hits = len(named & right)
        precision = hits / len(named) if named else float(not right)
        recall = hits / len(right) if right else float(not named)
        both = precision + recall
        values = {
            OVERALL: float(found is not None and same_answer(found["answer"], target["answer"])),
            "resource_precision": precision,
            "resource_recall": recall,
            "resource_f1": 2 * precision * recall / both if both else 0.0,
        }
        if found is None:
            values = dict.fromkeys(values, 0.0)
        return scored(graded, values, found)


def _named(found: dict[str, Any] | None) -> set[str]:
    listed = (found or {}).get("resources")
    return {str(each).strip() for each in listed} if isinstance(listed, list) else set()


RECORD_QUESTIONS = Protocol(
    "record-questions",
    asking=Asking(
        "Answer from this record alone. Reply with one JSON object: "
        '{"resources": ["Type/id", …], "answer": …}. resources are those that the answer is from. '
        "answer is a number without its unit, a day as YYYY-MM-DD, a list of names as they are "
        "written, or null where the record has none."
    ),
    scoring=RecordQuestionScoring(),
)

_CONSISTENT, _INCONSISTENT = "consistent", "inconsistent"
NOTE_LABELS = {
    OVERALL: "Statements judged right",
    "whole_note": "Notes without a fault",
    "precision": "Inconsistent, precision",
    "recall": "Inconsistent, recall",
    "f1": "Inconsistent, F1",
    PARSED: "Answers that could be read",
}


class NoteCheckScoring(Scoring):
    """Each statement of a note as consistent with the tables or not.

    The target is ``{"changes": [None or what was changed, …]}``, one for each statement. The
    overall score is the share of a note's statements judged right; precision, recall and F1 are of
    *inconsistent*, over all statements; ``recall:KIND`` of each kind of change. A statement that is
    not judged is wrong, and no finding.
    """

    units_are = "patients"
    shares = ("whole_note", PARSED)

    def score(self, graded: Graded) -> Score:
        text, changes = answered(graded), graded.example.target["changes"]
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, "whole_note", PARSED), (0.0, 1.0)))
        said = _judged(text, len(changes))
        right = [
            label == (_CONSISTENT if change is None else _INCONSISTENT)
            for label, change in zip(said or [None] * len(changes), changes, strict=True)
        ]
        values = {OVERALL: sum(right) / len(right), "whole_note": float(all(right))}
        return scored(graded, values, said)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        changes = {example.id: example.target["changes"] for example in examples}
        there = [score for score in scores if score.values]
        ids, unit_of = [score.example_id for score in there], units(examples)
        coverage = len(there) / len(scores) if scores else 0.0
        kinds = sorted({each for some in changes.values() for each in some if each is not None})
        rows = [_counts(score.prediction, changes[score.example_id]) for score in there]

        def column(name: str) -> list[float]:
            return [row.get(name, 0.0) for row in rows]

        both = [a + b for a, b in zip(column("said"), column("changed"), strict=True)]
        found = {
            "precision": (column("hits"), column("said")),
            "recall": (column("hits"), column("changed")),
            "f1": ([2 * each for each in column("hits")], both),
            **{f"recall:{kind}": (column(f"hits:{kind}"), column(kind)) for kind in kinds},
        }
        return {
            name: set_metric(ratio(*pair), ids, unit_of, coverage=coverage)
            for name, pair in found.items()
        }


def _counts(said: Sequence[str | None] | None, changes: Sequence[str | None]) -> dict[str, float]:
    found: dict[str, float] = {}
    for label, change in zip(said or [None] * len(changes), changes, strict=True):
        flagged = label == _INCONSISTENT
        names = ["said"] if flagged else []
        if change is not None:
            names += ["changed", change, *(("hits", f"hits:{change}") if flagged else ())]
        for name in names:
            found[name] = found.get(name, 0.0) + 1
    return found


def _judged(text: str, count: int) -> list[str | None] | None:
    """The label of each statement, by its number; None where the answer has none."""
    found = json_in(text)
    if isinstance(found, dict):
        labels = {str(key).strip(): fold(str(value)) for key, value in found.items()}
        said = [labels.get(str(number)) for number in range(1, count + 1)]
        kept = [each if each in (_CONSISTENT, _INCONSISTENT) else None for each in said]
        return kept if any(kept) else None
    return None


NOTE_CHECK = Protocol(
    "note-check",
    asking=Asking(
        "Which statements of the note agree with the tables? A statement is consistent if the "
        "tables have its name, value, unit, day, dose and status, and inconsistent otherwise. "
        'Reply with one JSON object: {"1": "consistent", "2": "inconsistent", …}.'
    ),
    scoring=NoteCheckScoring(),
)
