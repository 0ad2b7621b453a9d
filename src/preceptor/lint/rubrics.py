"""Rules on a rubric: what stops a task from being scored as its author means it, and advice."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from preceptor.lint.answers import leaked_criteria
from preceptor.lint.personal import IDENTIFIERS, kinds
from preceptor.lint.personal import RULES as FORMS
from preceptor.lint.rows import Finding, Row, Weighted, words
from preceptor.lint.similar import SIMILAR, alike
from preceptor.lint.wording import Found, english, wording

__all__ = ["ADVICE", "RubricFinding", "Said", "rubric_findings", "rubrics"]

#: Rules whose findings are advice, in the order of docs/lint.md.
ADVICE = (
    "two-demands",
    "vague-word",
    "not-self-contained",
    "author-or-model",
    "near-duplicate-criterion",
    "short-criterion",
    "long-criterion",
    "negative-outweighs",
    "many-criteria",
    "equal-points",
)
#: Points of a criterion lie between these and are not 0.
_MOST_POINTS = 10
#: Graders favour themselves most on shorter and longer criteria (arXiv:2604.06996).
_SHORT, _LONG = 25, 300
_WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]")
#: More criteria than these are hard to review.
_MANY = 20
#: Fewer criteria may well have equal points.
_FEW = 3
#: Similarity from which "Asks X" and "Fails to ask X" say the same.
_MIRRORED = 0.55

_SUBJECT = r"^\W*(?:the\s+)?(?:response|answer|model|assistant|reply|it)?\s*"
_FAULTY = (
    r"(?:false|wrong|incorrect|inaccurate|misleading|harmful|dangerous|unsafe|irrelevant"
    r"|unnecessary|inappropriate|contraindicated)"
)
#: Beginnings of a fault's description. Of 13,066 criteria that physicians wrote for HealthBench
#: 2,382 match, and 17 of these have positive points.
_FAULT = re.compile(
    _SUBJECT + r"(?:fails?\s+to|failed\s+to|neglects?\s+to|forgets?\s+to|omits?|overlooks?"
    r"|ignores?|dismisses|misses|lacks|minimi[sz]es|downplays|overstates|delays|unnecessarily"
    r"|do(?:es)?\s?(?:not|n['’]t)|did\s?(?:not|n['’]t)|never"
    r"|incorrectly|inaccurately|wrongly|falsely|erroneously|inappropriately|misleadingly"
    r"|hallucinates?|fabricates?|invents|misdiagnoses?|misinterprets?|misstates?"
    r"|(?:recommends|suggests|advises|provides|contains|includes|makes|offers|states|gives|uses)"
    rf"\s+(?:(?!that\b)\w+\s+){{0,2}}{_FAULTY})\b",
    re.IGNORECASE,
)
#: Beginnings of a desired behaviour; 1,076 of the same criteria match, 8 with negative points.
_WANTED = re.compile(
    _SUBJECT + r"(?:correctly|accurately|appropriately|rightly|properly|clearly"
    r"|acknowledges|emphasi[sz]es|inquires|clarifies|recogni[sz]es|specifies)\b",
    re.IGNORECASE,
)


class Said(Protocol):
    """A turn of a conversation."""

    @property
    def text(self) -> str: ...


class RubricFinding(Finding, frozen=True, kw_only=True):
    """A finding on the rubric of one task; ``line`` and ``id`` are None.

    Attributes
    ----------
    advice
        Whether the task may be handed in all the same.
    fix
        Text that may replace the criterion's, a line for each criterion; "" removes it; None where
        there is no proposal. It holds words of the task.
    """

    advice: bool
    fix: str | None = None


def rubric_findings(
    messages: Sequence[Said],
    criteria: Sequence[Weighted],
    language: str,
    confirmed: Collection[int] = (),
) -> list[RubricFinding]:
    """Check one task while it is written.

    Parameters
    ----------
    messages
        The conversation.
    criteria
        The rubric; points that are not said yet are None.
    language
        BCP 47 tag. Rules on words hold for English only.
    confirmed
        Numbers of the criteria, from 1, whose sign the author has confirmed.

    Returns
    -------
    list of RubricFinding
        What blocks the task first, then the advice; each by criterion, the whole rubric last.
    """
    found = [*_rubric(criteria, english(language), confirmed), *_personal(messages, criteria)]
    asked = f" {words(' '.join(message.text for message in messages))} "
    for number in leaked_criteria(asked, criteria):
        found.append(_advice("leaked-answer", "the conversation contains this criterion", number))
    return sorted(found, key=lambda each: (each.advice, each.criterion or len(criteria) + 1))


def rubrics(rows: Sequence[Row]) -> Iterator[Finding]:
    """Findings of the rules on rubrics in a file, those of ``ADVICE`` included.

    The language is that of a tag ``language:…``, else English. No proposal is given: it would hold
    text of the rows.
    """
    for row in rows:
        criteria = row.example.criteria
        tags = dict(tag.partition(":")[::2] for tag in row.example.tags)
        for found in _rubric(criteria, english(tags.get("language", "en"))) if criteria else ():
            # Weights of users' own columns are read as 1 and -1.
            if found.rule != "equal-points" or abs(criteria[0].points) > 1:
                place = f"criterion {found.criterion} " if found.criterion else ""
                yield row.finding(found.rule, place + found.problem, found.criterion)


def _fault(rule: str, problem: str, number: int | None, fix: str | None = None) -> RubricFinding:
    return RubricFinding(rule, None, None, problem, number, advice=False, fix=fix)


def _advice(rule: str, problem: str, number: int | None, fix: str | None = None) -> RubricFinding:
    return RubricFinding(rule, None, None, problem, number, advice=True, fix=fix)


def _rubric(
    criteria: Sequence[Weighted], in_english: bool, confirmed: Collection[int] = ()
) -> Iterator[RubricFinding]:
    """Findings that the criteria alone decide."""
    plain = [words(criterion.text) for criterion in criteria]
    for number, criterion in enumerate(criteria, start=1):
        if not plain[number - 1]:
            yield _fault("empty-criterion", "has no text", number)
            continue
        yield from _length(criterion.text, number)
        if in_english:
            if number not in confirmed:
                yield from _sign(criterion, number)
            for rule, problem, fix in _wording(criterion.text):
                yield _advice(rule, problem, number, fix)
    yield from _points(criteria)
    yield from _doubles(criteria, plain)


# While a task is written, most of its criteria are as they were at the last save.
@functools.lru_cache(2000)
def _wording(text: str) -> tuple[Found, ...]:
    return tuple(wording(text))


@functools.lru_cache(2000)
def _kinds(text: str) -> tuple[str, ...]:
    return tuple(kinds(text))


def _length(text: str, number: int) -> Iterator[RubricFinding]:
    """A Chinese, Japanese or Korean character says as much as three letters."""
    length = len(text.strip()) + 2 * len(_WIDE.findall(text))
    if length < _SHORT:
        problem = f"has {length} characters; graders are least fair below {_SHORT}"
        yield _advice("short-criterion", problem, number)
    elif length > _LONG:
        problem = f"has {length:,} characters; graders are least fair above {_LONG}"
        yield _advice("long-criterion", problem, number)


def _sign(criterion: Weighted, number: int) -> Iterator[RubricFinding]:
    """``wrong-sign``: positive points for a fault, or negative points for a desired behaviour.

    Recognised by the first words of the criterion.
    """
    points = criterion.points or 0
    if points > 0 and _FAULT.match(criterion.text):
        yield _fault("wrong-sign", f"describes a fault and has {points:+} points", number)
    elif points < 0 and _WANTED.match(criterion.text):
        yield _fault("wrong-sign", f"describes what is wanted and has {points} points", number)


def _points(criteria: Sequence[Weighted]) -> Iterator[RubricFinding]:
    points = [criterion.points for criterion in criteria]
    for number, each in enumerate(points, start=1):
        if each is None:
            yield _fault("invalid-points", "has no points yet", number)
        elif not 0 < abs(each) <= _MOST_POINTS:
            problem = f"has {each} points: expected a whole number from -10 to 10, not 0"
            yield _fault("invalid-points", problem, number)
    best = sum(each for each in points if each is not None and each > 0)
    if best <= 0:
        problem = "no criterion has positive points: the score is undefined"
        yield _fault("no-positive-points", problem, None)
        return
    for number, each in enumerate(points, start=1):
        if each is not None and -each > best:
            problem = f"takes {-each} points, all positive criteria together give {best}"
            yield _advice("negative-outweighs", problem, number)
    if len(criteria) > _MANY:
        yield _advice("many-criteria", f"the rubric has {len(criteria)} criteria", None)
    if len(points) >= _FEW and len(set(points)) == 1:
        problem = f"all {len(points)} criteria have {best // len(points)} points"
        yield _advice("equal-points", problem, None)


def _doubles(criteria: Sequence[Weighted], plain: Sequence[str]) -> Iterator[RubricFinding]:
    first: dict[str, int] = {}
    unlike: list[int] = []
    for number, text in enumerate(plain, start=1):
        earlier = first.setdefault(text, number) if text else number
        if earlier == number:
            unlike += [number] if text else []
        elif _opposite(criteria[earlier - 1], criteria[number - 1]):
            problem = f"is criterion {earlier} again, with points of the opposite sign"
            yield _fault("contradictory-label", problem, number)
        else:
            yield _fault("duplicate-criterion", f"is criterion {earlier} again", number, "")
    for one, other, found in alike([plain[number - 1] for number in unlike], _MIRRORED):
        earlier, number = unlike[one], unlike[other]
        said = f"criterion {earlier} (similarity {found:.2f})"
        if _opposite(criteria[earlier - 1], criteria[number - 1]):
            problem = f"mirrors {said}: one behaviour counts twice"
        elif found >= SIMILAR:
            problem = f"is nearly {said}"
        else:
            continue
        yield _advice("near-duplicate-criterion", problem, number)


def _opposite(one: Weighted, other: Weighted) -> bool:
    return (one.points or 0) * (other.points or 0) < 0


def _personal(messages: Sequence[Said], criteria: Sequence[Weighted]) -> Iterator[RubricFinding]:
    """``personal-data``: a number of a register blocks; a name or an address may be made up."""
    turns = [(f"message {n}: ", kinds(each.text), None) for n, each in enumerate(messages, 1)]
    rubric = [("", _kinds(each.text), number) for number, each in enumerate(criteria, 1)]
    for place, found, number in (*turns, *rubric):
        for kind in found:
            made = _fault if kind in IDENTIFIERS else _advice
            yield made("personal-data", f"{place}contains {FORMS[kind].words} ({kind})", number)
