"""FHIR's dates: a text of any precision is a span of time, and spans are compared.

Source: HL7 FHIR R4, Search, 3.1.1.4.5 (prefixes) and 3.1.1.4.7 (date).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

__all__ = ["COMPARISONS", "Span", "prefixed", "span", "span_of_element"]

_FORM = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


class Span(NamedTuple):
    """From ``start`` up to but not including ``end``, both in UTC."""

    start: datetime
    end: datetime

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


def span(text: str) -> Span:
    """The time that a date, dateTime or instant stands for. A time without a zone is in UTC.

    Raises
    ------
    ValueError
        It is none.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no date such as 2023-11-13 or 2023-11-13T10:15:00Z")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        start = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=_zone(zone),
        ).astimezone(UTC)
        if month is None:
            end = start.replace(year=start.year + 1)
        elif day is None:
            end = (start + timedelta(days=31)).replace(day=1)
        else:
            end = start + _length(hour, second, fraction)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no date: {error}") from None
    return Span(start, end)


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def _length(hour: str | None, second: str | None, fraction: str | None) -> timedelta:
    if hour is None:
        return timedelta(days=1)
    if second is None:
        return timedelta(minutes=1)
    if fraction is None:
        return timedelta(seconds=1)
    return timedelta(microseconds=10 ** (6 - min(len(fraction), 6)))


def span_of_element(value: Any) -> Span | None:
    """What a date, Period or Timing of a resource covers; None where it is none, or is wrong."""
    try:
        if isinstance(value, str):
            return span(value)
        if not isinstance(value, Mapping):
            return None
        if isinstance(events := value.get("event"), list):
            spans = [span(each) for each in events]
            return Span(min(each.start for each in spans), max(each.end for each in spans))
        if not isinstance(value.get("start"), str) and not isinstance(value.get("end"), str):
            return None
        start = span(value["start"]).start if "start" in value else _EARLIEST
        return Span(start, span(value["end"]).end if "end" in value else _LATEST)
    except (ValueError, TypeError):
        return None


#: Prefix → whether a resource's span (first) stands so to the one searched for (second).
COMPARISONS: dict[str, Callable[[Span, Span], bool]] = {
    "eq": lambda held, asked: asked.contains(held),
    "ne": lambda held, asked: not asked.contains(held),
    "gt": lambda held, asked: held.end > asked.end,
    "lt": lambda held, asked: held.start < asked.start,
    "ge": lambda held, asked: held.end > asked.end or asked.contains(held),
    "le": lambda held, asked: held.start < asked.start or asked.contains(held),
    "sa": lambda held, asked: held.start >= asked.end,
    "eb": lambda held, asked: held.end <= asked.start,
    "ap": lambda held, asked: held.overlaps(asked),
}


def prefixed(text: str) -> tuple[str, str]:
    """``ge2023`` → its prefix and the rest; ``eq`` where there is none."""
    return (text[:2], text[2:]) if text[:2] in COMPARISONS else ("eq", text)
