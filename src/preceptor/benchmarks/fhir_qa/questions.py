"""Questions about a patient's record, with answers that are computed from its resources."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from statistics import fmean
from typing import Any

import msgspec

from preceptor.benchmarks.fhir_qa.facts import Chart, Reading

__all__ = ["Asked", "asked_of"]


class Asked(msgspec.Struct, frozen=True):
    """A question, its answer, and the resources that the answer is from.

    Attributes
    ----------
    answer
        A number, a day as ISO 8601, a list of names, or None where the record has none.
    kind
        Name of what is asked.
    """

    text: str
    answer: Any
    sources: tuple[str, ...]
    kind: str


def asked_of(chart: Chart, laboratory: Sequence[tuple[str, str]]) -> Iterator[Asked]:
    """The questions about one patient: one of each kind that the record allows.

    Parameters
    ----------
    laboratory
        Code and name of all laboratory values of all patients: one that this patient lacks is
        asked for.
    """
    chance = random.Random(chart.patient)  # noqa: S311  # the same questions for everybody
    series: dict[str, list[Reading]] = {}
    for reading in chart.readings:
        series.setdefault(reading.code, []).append(reading)
    several = [each for each in series.values() if _clear(each)]
    for kind in _OF_READINGS if several else ():
        yield _OF_READINGS[kind](sorted(chance.choice(several), key=lambda r: r.day), chart, kind)
    lacking = [each for each in laboratory if each[0] not in series]
    if lacking:
        code, name = chance.choice(lacking)
        yield Asked(f"What is the latest {name} (LOINC {code})?", None, (), "absent")
    for kind, facts, words in (
        ("conditions", chart.conditions, "Which diagnoses are active?"),
        ("medicines", chart.medicines, "Which medicines are prescribed at present (active)?"),
    ):
        active = [each for each in facts if each.active]
        if facts:
            names = sorted({each.name for each in active})
            yield Asked(words, names or None, tuple(each.source for each in active), kind)
    if chart.stays:
        code = chance.choice(sorted({each.name for each in chart.stays}))
        found = [each for each in chart.stays if each.name == code]
        text = f"How many encounters of class {code} does the record have?"
        yield Asked(text, len(found), tuple(each.source for each in found), "encounters")


def _clear(readings: Sequence[Reading]) -> bool:
    """Whether there are two or more, of one unit and on different days."""
    days, units = {each.day for each in readings}, {each.unit for each in readings}
    return len(readings) == len(days) > 1 and len(units) == 1


def _called(reading: Reading) -> str:
    return f"{reading.name} (LOINC {reading.code}, in {reading.unit})"


def _latest(readings: Sequence[Reading], chart: Chart, kind: str) -> Asked:
    last = readings[-1]
    return Asked(f"What is the latest {_called(last)}?", last.value, (last.source,), kind)


def _day(readings: Sequence[Reading], chart: Chart, kind: str) -> Asked:
    last = readings[-1]
    text = f"On which day was {_called(last)} last measured?"
    return Asked(text, last.day.isoformat(), (last.source,), kind)


def _highest(readings: Sequence[Reading], chart: Chart, kind: str) -> Asked:
    top = max(each.value for each in readings)
    found = tuple(each.source for each in readings if each.value == top)
    return Asked(f"What is the highest {_called(readings[0])} of all?", top, found, kind)


def _mean(readings: Sequence[Reading], chart: Chart, kind: str) -> Asked:
    mean = fmean(each.value for each in readings)
    sources = tuple(each.source for each in readings)
    text = f"What is the mean of all values of {_called(readings[0])}?"
    return Asked(text, round(mean, 4), sources, kind)


def _since(readings: Sequence[Reading], chart: Chart, kind: str) -> Asked:
    first = readings[len(readings) // 2].day - timedelta(days=1)
    found = tuple(each.source for each in readings if each.day > first)
    text = f"How many times was {_called(readings[0])} measured after {first.isoformat()}?"
    return Asked(text, len(found), found, kind)


_OF_READINGS: dict[str, Callable[[Sequence[Reading], Chart, str], Asked]] = {
    "latest": _latest,
    "day": _day,
    "highest": _highest,
    "mean": _mean,
    "since": _since,
}
