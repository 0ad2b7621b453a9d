"""Criteria whose points have the wrong sign."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from preceptor.lint.rows import Finding, Row

__all__ = ["signs"]

_SUBJECT = r"^\W*(?:the\s+)?(?:response|answer|model|assistant|reply|it)?\s*"
_BAD = (
    r"(?:false|wrong|incorrect|inaccurate|misleading|harmful|dangerous|unsafe|irrelevant"
    r"|unnecessary|inappropriate|contraindicated)"
)
#: How the description of a fault begins. Of 13,066 criteria of HealthBench by physicians 2,382
#: begin so, of which 17 give points.
_FAULT = re.compile(
    _SUBJECT + r"(?:fails?\s+to|failed\s+to|neglects?\s+to|forgets?\s+to|omits?|overlooks?"
    r"|ignores?|dismisses|misses|lacks|minimi[sz]es|downplays|overstates|delays|unnecessarily"
    r"|do(?:es)?\s?(?:not|n['’]t)|did\s?(?:not|n['’]t)|never"
    r"|incorrectly|inaccurately|wrongly|falsely|erroneously|inappropriately|misleadingly"
    r"|hallucinates?|fabricates?|invents|misdiagnoses?|misinterprets?|misstates?"
    r"|(?:recommends|suggests|advises|provides|contains|includes|makes|offers|states|gives|uses)"
    rf"\s+(?:(?!that\b)\w+\s+){{0,2}}{_BAD})\b",
    re.IGNORECASE,
)
#: How the description of what is wanted begins; of the same, 1,076, of which 8 take points.
_WANTED = re.compile(
    _SUBJECT + r"(?:correctly|accurately|appropriately|rightly|properly|clearly"
    r"|acknowledges|emphasi[sz]es|inquires|clarifies|recogni[sz]es|specifies)\b",
    re.IGNORECASE,
)


def signs(rows: Sequence[Row]) -> Iterator[Finding]:
    """``wrong-sign``: points for what is called a fault, or points off for what is called right.

    Told by how the criterion begins, in English. Also an example whose rubric has no positive
    points: its score is not defined.
    """
    for row in rows:
        criteria = row.example.criteria
        for number, criterion in enumerate(criteria, start=1):
            if criterion.points > 0 and _FAULT.match(criterion.text):
                problem = (
                    f"criterion {number} describes a fault and has {criterion.points:+} points"
                )
                yield row.finding("wrong-sign", problem)
            elif criterion.points < 0 and _WANTED.match(criterion.text):
                problem = (
                    f"criterion {number} describes what is right and has {criterion.points} points"
                )
                yield row.finding("wrong-sign", problem)
        if criteria and all(criterion.points <= 0 for criterion in criteria):
            yield row.finding(
                "wrong-sign", "no criterion has positive points: nothing can be scored"
            )
