"""Notes about a patient, some of whose statements were changed so that the record denies them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from preceptor.benchmarks.fhir_qa.facts import Chart

__all__ = ["Statement", "statements_of", "tables_of"]

#: Share of the statements that are changed.
_CHANGED = 0.4


class Statement(msgspec.Struct, frozen=True):
    """A sentence of a note.

    Attributes
    ----------
    change
        What was changed in it: ``value``, ``day``, ``dose``, ``status``, or ``invented``; None
        where the record says the same.
    """

    text: str
    change: str | None


def statements_of(chart: Chart) -> list[Statement]:
    """The sentences of a note on one patient, in an order drawn for it."""
    chance = random.Random(f"note/{chart.patient}")  # noqa: S311  # the same note for everybody
    found = [*_labs(chart, chance), *_medicines(chart, chance), *_conditions(chart, chance)]
    chance.shuffle(found)
    return found


def _labs(chart: Chart, chance: random.Random) -> Iterator[Statement]:
    for reading in chance.sample(chart.readings, min(4, len(chart.readings))):
        same = [each for each in chart.readings if each.code == reading.code]
        value, day, change = reading.value, reading.day, None
        if chance.random() < _CHANGED:
            change = chance.choice(("value", "day"))
            if change == "value":
                value = round(value * chance.choice((0.8, 1.25, 1.5)), 2)
            else:
                day -= timedelta(days=chance.randint(2, 25))
            if any((each.value, each.day) == (value, day) for each in same):
                value, day, change = reading.value, reading.day, None
        text = f"{reading.name} was {value:g} {reading.unit} on {day.isoformat()}."
        yield Statement(text, change)


def _medicines(chart: Chart, chance: random.Random) -> Iterator[Statement]:
    for each in chart.medicines:
        if each.dose is None:
            continue
        dose, active, change = each.dose, each.active, None
        if chance.random() < _CHANGED:
            change = chance.choice(("dose", "status"))
            dose = dose * 2 if change == "dose" else dose
            active = not active if change == "status" else active
        state = "is prescribed at present" if active else "was prescribed and has been stopped"
        yield Statement(f"{each.name} {dose:g} mg {state}.", change)


def _conditions(chart: Chart, chance: random.Random) -> Iterator[Statement]:
    for each in chart.conditions:
        changed = chance.random() < _CHANGED
        state = "active" if each.active != changed else "resolved"
        yield Statement(f"{each.name}: {state}.", "status" if changed else None)
    if chance.random() < _CHANGED:
        known = {each.name for each in chart.conditions}
        invented = [name for name in _INVENTED if name not in known]
        yield Statement(f"{chance.choice(invented)}: active.", "invented")


_INVENTED = ("Epilepsy, unspecified", "Hypothyroidism, unspecified", "Psoriasis, unspecified")


def tables_of(chart: Chart) -> str:
    """The record as four tables, a row a line, cells divided by semicolons."""
    labs = [f"{r.day};{r.name};{r.value:g};{r.unit}" for r in chart.readings]
    medicines = [
        f"{m.day};{m.name};{'' if m.dose is None else f'{m.dose:g}'};"
        f"{'active' if m.active else 'stopped'}"
        for m in chart.medicines
    ]
    conditions = [
        f"{c.day};{c.name};{'active' if c.active else 'resolved'}" for c in chart.conditions
    ]
    parts = (
        ("lab_results", "day;name;value;unit", labs),
        ("prescriptions", "day;medicine;dose_mg;status", medicines),
        ("diagnoses", "day;name;status", conditions),
    )
    return "\n\n".join("\n".join((f"# {name}", head, *sorted(rows))) for name, head, rows in parts)
