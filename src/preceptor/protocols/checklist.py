"""A checklist filled in from two texts: what one says on an item, and whether the other has it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from preceptor.graders.judge import LabelJudge
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.judging import Judging, ReferenceGrader
from preceptor.protocols.scoring import Scoring
from preceptor.records import Criterion, Graded, Score, Verdict
from preceptor.scoring.answers import answered
from preceptor.scoring.rubric import OVERALL

__all__ = ["ABSENT", "CONTAINED", "MISSING", "ChecklistScoring", "checklist", "checklist_criteria"]

CONTAINED, MISSING, ABSENT = "contained", "missing", "absent"
_LABELS = (CONTAINED, MISSING, ABSENT)
#: Direction → the text that an item is taken from, the text that should have it too.
_DIRECTIONS = {"recall": ("REFERENCE", "NOTE"), "precision": ("NOTE", "REFERENCE")}

_PROMPT = """\
Two clinical notes of one visit are below, REFERENCE and NOTE, and one item of a checklist.

<REFERENCE>
{target.reference}
</REFERENCE>

<NOTE>
{answer}
</NOTE>

{criterion}

Go about it in three steps.
1. Take out all that the first-named note says on this item, and only on this item. If it says
   nothing on it, the label is "absent", whatever the other note says.
2. Take out all that the other note says on this item.
3. Compare the two by meaning. Other words, another order and further detail in the other note do
   not matter, nor does whether it is true of the patient. If the other note has all of it, the
   label is "contained". If a fact of the first-named note is not there, or is otherwise there, the
   label is "missing".

Reply with JSON alone:
{"explanation": "<what each note says on the item, and what is missing>", "label": "<contained, \
missing or absent>"}
"""


def checklist_criteria(items: Mapping[str, str]) -> tuple[Criterion, ...]:
    """Two judgements of each item: is what the reference says in the note, and the reverse.

    Parameters
    ----------
    items
        Name → what belongs to it.

    Each has the tags ``item:NAME`` and ``direction:recall`` or ``direction:precision``.
    """
    return tuple(
        Criterion(
            f"Item: {name} ({what}).\nFirst-named note: {source}. Other note: {other}.",
            1,
            (f"item:{name}", f"direction:{direction}"),
        )
        for name, what in items.items()
        for direction, (source, other) in _DIRECTIONS.items()
    )


class ChecklistScoring(Scoring):
    """Items of a reference and of an answer, compared both ways.

    The arithmetic is that of CLEAR (Ruan et al. 2025, arXiv 2506.01241). Recall of an item is 1 if
    what the reference says on it is contained in the answer, precision the reverse; both are 1
    where neither says anything, and 0 where only one does. Precision and recall of an answer are
    means over all items, ``overall_score`` is their F1. ``item:NAME``, ``item:NAME:precision`` and
    ``item:NAME:recall`` are F1, precision and recall of one item.

    CLEAR first takes the items out of either text, one call each, and compares what it took out;
    here one call a direction takes out and compares.
    """

    def score(self, graded: Graded) -> Score:
        low: dict[str, float] = {}
        high: dict[str, float] = {}
        counts: dict[str, tuple[int, int]] = {}
        items = _by_item(graded)
        for item, labels in items.items():
            given = sum(label is not None for label in labels.values())
            ends = _ends(labels)
            for name, index in ((item, 2), (f"{item}:precision", 0), (f"{item}:recall", 1)):
                low[name], high[name] = ends[0][index], ends[1][index]
                counts[name] = (given, 2)
        for bound in (low, high):
            for way in ("precision", "recall"):
                bound[way] = sum(bound[f"{item}:{way}"] for item in items) / len(items)
            bound[OVERALL] = _f1(bound["precision"], bound["recall"])
        given = sum(count for name, (count, _) in counts.items() if name in items)
        counts |= dict.fromkeys(("precision", "recall", OVERALL), (given, 2 * len(items)))
        text = answered(graded)
        return Score(
            example_id=graded.example.id,
            repeat=graded.repeat,
            values={name: low[name] for name, (had, asked) in counts.items() if had == asked},
            low=low,
            high=high,
            counts=counts,
            length=None if text is None else len(text),
        )


def _by_item(graded: Graded) -> dict[str, dict[str, str | None]]:
    """Item → direction → label, None where the judgement is missing."""
    items: dict[str, dict[str, str | None]] = {}
    for criterion, verdict in zip(graded.example.criteria, graded.verdicts, strict=True):
        item, direction = criterion.tags
        items.setdefault(item, {})[direction.removeprefix("direction:")] = _label(verdict)
    return items


def _label(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.label


_Numbers = tuple[float, float, float]


def _ends(labels: Mapping[str, str | None]) -> tuple[_Numbers, _Numbers]:
    """Lowest and highest (precision, recall, F1) of an item that its missing labels allow."""
    ways = [(label,) if label is not None else _LABELS for label in map(labels.get, _DIRECTIONS)]
    found = [_numbers(recall, precision) for recall, precision in product(*ways)]
    columns = list(zip(*found, strict=True))
    low, high = ((end(columns[0]), end(columns[1]), end(columns[2])) for end in (min, max))
    return low, high


def _numbers(recall: str, precision: str) -> _Numbers:
    silent = (recall == ABSENT) + (precision == ABSENT)
    if silent:
        both = float(silent == 2)
        return both, both, both
    had, wanted = float(precision == CONTAINED), float(recall == CONTAINED)
    return had, wanted, _f1(had, wanted)


def _f1(precision: float, recall: float) -> float:
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def checklist(instructions: str, grader: ReferenceGrader) -> Protocol:
    """A text that is written by ``instructions``, and a judge of each item."""
    return Protocol(
        "checklist",
        asking=Asking(instructions, "before"),
        judging=Judging(grader, LabelJudge(_PROMPT, _LABELS)),
        scoring=ChecklistScoring(),
    )
