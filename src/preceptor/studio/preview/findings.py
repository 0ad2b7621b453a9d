"""What a preview tells about each criterion. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.studio.items.content import Content, ItemCriterion

__all__ = ["MET", "NOT_MET", "REPEATS", "Finding", "Preview", "Tried", "finding", "findings"]

#: How often the grader judges each answer.
REPEATS = 2
MET, NOT_MET = "met", "not_met"


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that the rubric was tried on.

    Attributes
    ----------
    key
        In the run store; empty for one that was typed.
    failure
        Why there is no answer, in words; all other fields are then empty.
    verdicts
        By repeat, then by criterion: ``met``, ``not_met``, or the kind of the failure.
    scores
        By repeat, from 0 to 1; None where a verdict is missing.
    """

    alias: str = ""
    system: str = ""
    text: str = ""
    key: str = ""
    failure: str = ""
    verdicts: tuple[tuple[str, ...], ...] = ()
    scores: tuple[float | None, ...] = ()

    def first(self, place: int) -> bool | None:
        """The first verdict on a criterion: the grader may fail in one repeat and judge in the
        next. None where it never judged."""
        given = (row[place] for row in self.verdicts if row[place] in (MET, NOT_MET))
        return next((each == MET for each in given), None)


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A rubric as it was tried; ``asked`` is the digest of the conversation."""

    asked: str = ""
    grader: str = ""
    criteria: tuple[ItemCriterion, ...] = ()
    answers: tuple[Tried, ...] = ()

    @property
    def judged(self) -> tuple[Tried, ...]:
        """The answers that arrived."""
        return tuple(each for each in self.answers if not each.failure)

    @property
    def whole(self) -> bool:
        """Whether every system answered and every verdict was given."""
        cells = (cell for each in self.answers for repeat in each.verdicts for cell in repeat)
        return self.judged == self.answers and all(cell in (MET, NOT_MET) for cell in cells)


class Finding(msgspec.Struct, frozen=True):
    """What a preview tells about a criterion, in words.

    ``kind`` is ``all`` (met by all answers), ``none``, ``some``, ``flips`` (between repeats) or
    ``failed`` (a verdict is missing: that is not "not met"); the last two come before the others.
    """

    kind: str
    words: str


def findings(preview: Preview, content: Content) -> dict[str, Finding]:
    """Criterion → what the preview found of it, unless it has changed since."""
    now = {each.id: each for each in content.criteria}
    return {
        each.id: finding([[repeat[place] for repeat in one.verdicts] for one in preview.judged])
        for place, each in enumerate(preview.criteria)
        if preview.judged and each.id in now and now[each.id].same_as(each)
    }


def finding(cells: Sequence[Sequence[str]]) -> Finding:
    """What the verdicts on one criterion tell; ``cells`` are by answer, then by repeat."""
    flips = [n for n, each in enumerate(cells, 1) if {MET, NOT_MET} <= set(each)]
    failed = [cell for each in cells for cell in each if cell not in (MET, NOT_MET)]
    met = [n for n, each in enumerate(cells, 1) if set(each) == {MET}]
    unmet = [n for n, each in enumerate(cells, 1) if set(each) == {NOT_MET}]
    sentences = []
    if failed:
        total = sum(map(len, cells))
        reasons = ", ".join(sorted({each.replace("_", " ") for each in failed}))
        sentences.append(f"No verdict in {len(failed)} of {total}: {reasons}.")
    if flips:
        sentences.append(f"The grader changes its mind on {_answers(flips)}.")
    if len(cells) == 1 and (met or unmet):
        sentences.append(f"{'Met' if met else 'Not met'} by the answer.")
    elif len(met) == len(cells):
        sentences.append("Met by all answers: it does not tell them apart.")
    elif len(unmet) == len(cells):
        sentences.append("Met by none of the answers.")
    elif met or unmet:
        parts = {"met by": met, "not met by": unmet}
        said = ", ".join(f"{how} {_answers(each)}" for how, each in parts.items() if each)
        sentences.append(f"{said[0].upper()}{said[1:]}.")
    whole = "all" if len(met) == len(cells) else "none" if len(unmet) == len(cells) else "some"
    return Finding("failed" if failed else "flips" if flips else whole, " ".join(sentences))


def _answers(numbers: Sequence[int]) -> str:
    *others, last = map(str, numbers)
    return f"answers {', '.join(others)} and {last}" if others else f"answer {last}"
