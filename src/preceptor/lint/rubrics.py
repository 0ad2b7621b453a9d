"""Rule on criteria whose points have the wrong sign."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from preceptor.lint.rows import Finding, Row

__all__ = ["signs"]

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


def signs(rows: Sequence[Row]) -> Iterator[Finding]:
    """``wrong-sign``: positive points for a fault, or negative points for a desired behaviour.

    Recognised by the first words of the criterion, in English. Also a rubric without positive
    points: its score is undefined.
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
                    f"criterion {number} describes what is wanted and has {criterion.points} points"
                )
                yield row.finding("wrong-sign", problem)
        if criteria and all(criterion.points <= 0 for criterion in criteria):
            yield row.finding(
                "wrong-sign", "no criterion has positive points: the score is undefined"
            )
