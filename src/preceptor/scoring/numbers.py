"""The result that a free answer states: a number, a date, weeks and days, or that there is none.

What an answer states is looked for in this order: the value of a key of JSON (``"answer": …``), a
box of LaTeX, what follows "Answer:" or "the answer is", the last sentence with a result. Of
several of a kind the last counts, so that reasoning before the answer is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from math import isfinite
from typing import TypeVar

from preceptor.reasoning import said_in

__all__ = ["ABSTAINED", "read_amount", "read_date", "read_number", "read_weeks"]

T = TypeVar("T")

#: What is read where an answer says that there is no result.
ABSTAINED = "N/A"

#: A value of JSON, or of what was meant to be JSON: often it has LaTeX in it and cannot be decoded.
_VALUE = r"""["']\s*:\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\]]*\]|[^}\n]*)"""
_KEYED = re.compile(r"""["'](?:final[ _])?(?:answer|result)""" + _VALUE, re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_MARKED = re.compile(r"\b(?:answer|result)\b[\s*_]*(?:is\b|:|=)[\s*_]*:?([^\n]*)", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")

_NONE = re.compile(
    r"\bN/?A\b|\bnot (?:applicable|possible|computable|calculable)\b|\bnull\b|\bunknown\b"
    r"|\b(?:cannot|can't|can not|could not|unable to)(?: \w+){0,3} "
    r"(?:calculate|compute|determine|answer|provide|assess)"
    r"|\binsufficient (?:data|information)\b|\bnot enough (?:data|information)\b"
    r"|\bundetermined\b|\bindeterminate\b",
    re.IGNORECASE,
)

# A sign is one only where no word or number ends before it: not in FIB-4, not in 10-12.
_NUMBER = re.compile(
    r"(?<![\w.,])(?<!\w[-])(?P<sign>[-+]\s?)?"
    r"(?:(?P<whole>\d+)\s+(?=\d+\s*/\s*\d))?"
    r"(?P<body>\d{1,3}(?:[,\u00a0\u202f']\d{3})+(?:\.\d+)?(?!\d)|\d+,\d{1,2}(?![\d,])|\d+(?:\.\d+)?|\.\d+)"
    r"(?:\s*/\s*(?P<under>\d+(?:\.\d+)?)(?![\d/]))?"
    r"(?:[eE](?P<power>[-+]?\d+)|\s*[x×*]\s*10\s*\^?\s*[{(]?(?P<ten>[-+]?\d+)[)}]?)?"
)
_RANGE_END = re.compile(r"\s*(?:-|to)\s*(?=\d)")
_NEXT = re.compile(r"\s*(?:,|;|and|or)\s*(?=[-+]?\d)")
_DIGIT, _WORD = re.compile(r"\d"), re.compile(r"\w")
_STATED = re.compile(
    r"(?:\b(?:is|are|was|equals?|of|be|(?:equal|comes|amounts|rounds) to)|:)\s+"
    r"(?:approximately|about|around|roughly|only)?\s*(?=[-+]?\s?\.?\d)",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\([^()]*\)")

_PLAIN = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "*": "", "`": "", "$": "", "~": ""}
    | {"≈": "=", "≃": "=", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3"}
)
_LATEX = (
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"\1/\2"),
    (re.compile(r"\\(?:text|mathrm|mathbf)\s*\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\(?:times|cdot)\b"), "×"),
    (re.compile(r"\\approx\b"), "="),
    (re.compile(r"\\[,;!() \[\]]|\\%"), " "),
)


def read_number(text: str, *, whole: bool = False) -> float | str | None:
    """The number that an answer states, :data:`ABSTAINED`, or None where neither can be read.

    Units, thousands separators (``1,234.5``), a decimal comma (``25,3``), fractions (``3/4``),
    powers of ten and LaTeX are understood. A range is no number.

    Parameters
    ----------
    whole
        It is a count of points: ``14/15`` means 14 of 15 and not 0.93.

    >>> read_number("2 + 2 = 4 points for age.\\nThe answer is 1,204.5 mg.")
    1204.5
    """
    read: Callable[[str], float | str | None] = _points if whole else _number
    return _first(text, read)


def read_date(text: str) -> str | None:
    """The date that an answer states, as ``2014-09-23``; None where none can be read.

    ``09/23/2014`` has the month first, as the questions ask, unless it can only be the day.

    >>> read_date("Answer: September 23rd, 2014")
    '2014-09-23'
    """
    return _first(text, _date)


def read_weeks(text: str) -> tuple[int, int] | None:
    """The time that an answer states in weeks and days; None where none can be read.

    >>> read_weeks('{"answer": "(34 weeks, 3 days)"}')
    (34, 3)
    """
    return _first(text, _weeks)


def read_amount(text: str, name: str) -> float | None:
    """The amount under a key of JSON that has ``name`` in it, else what the answer states.

    A range, as ``30-40`` or ``[30, 40]``, is its mean. −1 is a refusal and read as such; any other
    negative amount cannot be meant.

    >>> read_amount('{"total_carbohydrates": "30-40 g"}', "carb")
    35.0
    """
    keyed = re.compile(r"""["'][^"'\n]*""" + re.escape(name) + r"""[^"'\n]*""" + _VALUE, re.I)
    found = keyed.findall(said_in(text))
    amount = _amount(_plain(found[-1])) if found else _first(text, _amount)
    return amount if amount is not None and (amount >= 0 or amount == -1) else None


def _first(text: str, read: Callable[[str], T]) -> T | None:
    for statement in _statements(text):
        value = read(statement)
        if value is not None:
            return value
    return None


def _statements(text: str) -> Iterator[str]:
    """Where the result may be stated, the likeliest first.

    Nothing follows on the first kind that has a digit: a value that is stated and cannot be read
    (a range, two results) is not made good by another number.
    """
    text = said_in(text)
    for find in (_keyed, _boxed, _marked, _sentences):
        found = [_plain(statement) for statement in find(text)]
        yield from reversed(found)
        if any(map(_DIGIT.search, found)):
            return


def _keyed(text: str) -> list[str]:
    return [found[1] for found in _KEYED.finditer(text)]


def _boxed(text: str) -> list[str]:
    return [found[1] for found in _BOXED.finditer(text)]


def _marked(text: str) -> list[str]:
    # "Final answer:" may be a heading with the answer below it.
    return [
        found[1] if _WORD.search(found[1]) else text[found.end() :].lstrip().split("\n", 1)[0]
        for found in _MARKED.finditer(text)
    ]


def _sentences(text: str) -> list[str]:
    return [sentence for line in text.splitlines() for sentence in _SENTENCE.split(line)]


def _plain(text: str) -> str:
    """Without markdown, LaTeX and quotes around the whole."""
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    return text.translate(_PLAIN).strip().strip("\"'").strip()


def _points(text: str) -> float | str | None:
    return _number(text, whole=True)


def _number(text: str, whole: bool = False) -> float | str | None:
    found = _place(text)
    none = _NONE.search(text)
    if none is not None and (found is None or none.start() < found.start()):
        return ABSTAINED
    if found is None or _RANGE_END.match(text, found.end()):
        return None
    if found.start() < 2 and _NEXT.match(text, found.end()):
        return None
    return _value(found, whole)


def _place(text: str) -> re.Match[str] | None:
    """The number that a statement is about."""
    outside = _ASIDE.sub(lambda aside: " " * len(aside[0]), text)
    if _NUMBER.search(outside):
        text = outside
    sides = text.split("=")
    for number in range(len(sides) - 1, 0, -1):  # a sum is what comes after its last "="
        start = len(text) - len("=".join(sides[number:]))
        found = _NUMBER.match(text, start + len(text[start:]) - len(text[start:].lstrip()))
        if found:
            return found
    at_once = _NUMBER.match(text)
    if at_once:
        return at_once
    said = _STATED.search(text)
    return (_NUMBER.match(text, said.end()) if said else None) or _NUMBER.search(text)


def _value(found: re.Match[str], whole: bool) -> float | None:
    body = found["body"]
    decimal_comma = re.fullmatch(r"\d+,\d{1,2}", body)
    number = float(body.replace(",", ".") if decimal_comma else re.sub(r"[^\d.]", "", body))
    under = float(found["under"] or 1)
    if not whole:
        number = number / under if under else float("nan")
    number += float(found["whole"] or 0)
    number *= float(f"1e{found['power'] or found['ten'] or 0}")
    number = -number if (found["sign"] or "").startswith("-") else number
    return number if isfinite(number) else None


def _amount(text: str) -> float | None:
    first = _NUMBER.search(text) if text.startswith("[") else _place(text)
    if first is None:
        return None
    low = _value(first, whole=False)
    between = re.compile(r"\s*(?:g|kcal|grams)?\s*(?:-|to|,)\s*").match(text, first.end())
    # After a dash a number has no sign, and it is not looked for but expected.
    second = re.compile(r"\d+(?:\.\d+)?").match(text, between.end()) if between else None
    if low is None or low < 0 or second is None:
        return low
    return (low + float(second[0])) / 2


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<name>" + "|".join(_MONTHS) + r")[a-z]*\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})\b",
        r"\b(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>\d{4}|\d{2})\b",
        rf"\b{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}})\b",
        rf"\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})\b",
    )
)


def _date(text: str) -> str | None:
    dates = [found for pattern in _DATES for found in pattern.finditer(_ASIDE.sub(" ", text))]
    dates = dates or [found for pattern in _DATES for found in pattern.finditer(text)]
    if not dates:
        return None
    parts = max(dates, key=lambda found: found.start()).groupdict()
    name = parts.get("name")
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(parts["month"])
    day, year = int(parts["day"]), int(parts["year"])
    if month > 12:
        month, day = day, month
    try:
        return date(year + 2000 if year < 100 else year, month, day).isoformat()
    except ValueError:
        return None


_BOTH = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<!\d)(\d+)\s*(?:w|wk|wks|weeks?)\b\D{0,12}?(\d+)\s*(?:d|days?)\b",
        r"(?<!\d)(\d+)w(\d+)d?\b",
        r"(?<!\d)(\d+)\s*\+\s*(\d)\b",
        r"(?<!\d)(\d+)\s+(\d)\s*/\s*7",
        r"(?<!\d)(\d+)[\"']?\s*,\s*[\"']?(\d+)\b",
    )
)
_WEEKS = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*(?:w|wk|wks|weeks?)\b", re.IGNORECASE)
_DAYS = re.compile(r"(?<!\d)(\d+)\s*(?:d|days?)\b", re.IGNORECASE)
_LONGEST = 6  # digits of a number of weeks or days


def _weeks(text: str) -> tuple[int, int] | None:
    for pattern in _BOTH:
        found = pattern.search(text)
        if found and max(map(len, found.groups())) <= _LONGEST:
            return int(found[1]), int(found[2])
    weeks, days = _WEEKS.search(text), _DAYS.search(text)
    if weeks and len(weeks[1]) <= _LONGEST:
        return divmod(round(float(weeks[1]) * 7), 7)
    if days and len(days[1]) <= _LONGEST:
        return divmod(int(days[1]), 7)
    return None
