"""Codes of ICD-10 and of its national forms in one way of writing."""

from __future__ import annotations

import re

__all__ = ["LEVELS", "at_level", "find_code", "normal_code"]

#: ICD-10-CM has categories with a letter in the third place (C7A), and since 2026 QA0.
_CODE = re.compile(r"([A-Z]\d[0-9A-Z]|QA\d)\.?([0-9A-Z]{1,4})?")
#: Name of a level → characters of a code that count, the point left out.
LEVELS = {"full": 7, "4 characters": 4, "3 characters": 3}


def normal_code(text: str) -> str | None:
    """The code in capitals with a point behind the third character; None where it is none.

    A range, such as a chapter, is no code.

    >>> normal_code(" q6211 "), normal_code("I10"), normal_code("A00-A09")
    ('Q62.11', 'I10', None)
    """
    found = _CODE.fullmatch(text.strip().upper())
    if found is None:
        return None
    return f"{found[1]}.{found[2]}" if found[2] else found[1]


def at_level(code: str, characters: int) -> str:
    """The first characters of a code in normal form.

    >>> at_level("Q62.11", 4), at_level("Q62.11", 3), at_level("I10", 4)
    ('Q62.1', 'Q62', 'I10')
    """
    return code if characters >= 7 else code[: characters + (characters > 3)]


def find_code(text: str) -> str | None:
    """The code that a line of an answer begins or ends with; None where there is none.

    >>> find_code("I10 - Essential hypertension"), find_code("Gout (M10.9)"), find_code("gout")
    ('I10', 'M10.9', None)
    """
    words = text.strip().split()
    for word in (*words[:1], *words[-1:]):
        code = normal_code(word.strip("()[]\"'`*,;:."))
        if code is not None:
            return code
    return None
