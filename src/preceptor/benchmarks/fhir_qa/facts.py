"""What a patient's resources say: readings, diagnoses, medicines, stays, with their sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

__all__ = ["Chart", "Fact", "Reading", "chart_of"]

_Resource = Mapping[str, Any]


class Fact(msgspec.Struct, frozen=True):
    """Something with a name that a resource says, such as a diagnosis.

    Attributes
    ----------
    source
        ``Type/id`` of the resource.
    active
        Whether it is so at the end of the record.
    dose
        Of a medicine, in mg.
    """

    source: str
    name: str
    day: date
    active: bool = True
    dose: float | None = None


class Reading(msgspec.Struct, frozen=True):
    """A laboratory value of a day."""

    source: str
    code: str
    name: str
    unit: str
    day: date
    value: float


class Chart(msgspec.Struct, frozen=True):
    """One patient."""

    patient: str
    resources: tuple[_Resource, ...]
    readings: tuple[Reading, ...]
    conditions: tuple[Fact, ...]
    medicines: tuple[Fact, ...]
    stays: tuple[Fact, ...]


def chart_of(patient: str, resources: Iterable[_Resource]) -> Chart:
    """The chart of a patient; what lacks a name, a day or a value is no part of any question."""
    kept = tuple(resources)
    return Chart(
        patient,
        kept,
        tuple(_readings(kept)),
        tuple(_facts(kept, "Condition", "recordedDate", _condition)),
        tuple(_facts(kept, "MedicationRequest", "authoredOn", _medicine)),
        tuple(_facts(kept, "Encounter", "period", _stay)),
    )


def _readings(resources: Iterable[_Resource]) -> Iterator[Reading]:
    for each in resources:
        quantity, day = each.get("valueQuantity"), _day(each.get("effectiveDateTime"))
        if each.get("resourceType") != "Observation" or not isinstance(quantity, dict) or not day:
            continue
        coding, value = _coding(each.get("code")), quantity.get("value")
        if each.get("status") in ("entered-in-error", "cancelled") or not coding.get("display"):
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            unit = str(quantity.get("unit") or quantity.get("code") or "")
            code = str(coding.get("code", ""))
            yield Reading(_source(each), code, str(coding["display"]), unit, day, float(value))


def _facts(resources: Iterable[_Resource], kind: str, dated: str, about: Any) -> Iterator[Fact]:
    for each in resources:
        when = each.get(dated)
        day = _day(when.get("start") if isinstance(when, dict) else when)
        if each.get("resourceType") != kind or day is None:
            continue
        name, active, dose = about(each)
        if name:
            yield Fact(_source(each), name, day, active, dose)


def _condition(each: _Resource) -> tuple[str, bool, None]:
    status = str(_coding(each.get("clinicalStatus")).get("code", ""))
    return _name(each.get("code")), status in ("active", "recurrence", "relapse"), None


def _medicine(each: _Resource) -> tuple[str, bool, float | None]:
    try:
        dose = each["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
        amount = float(dose["value"]) if dose.get("unit") == "mg" else None
    except (KeyError, IndexError, TypeError, ValueError):
        amount = None
    return _name(each.get("medicationCodeableConcept")), each.get("status") == "active", amount


def _stay(each: _Resource) -> tuple[str, bool, None]:
    kind = each.get("class")
    return (str(kind.get("code") or "") if isinstance(kind, dict) else ""), False, None


def _source(each: _Resource) -> str:
    return f"{each.get('resourceType')}/{each.get('id')}"


def _coding(concept: object) -> Mapping[str, Any]:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    first = codings[0] if isinstance(codings, list) and codings else None
    return first if isinstance(first, dict) else {}


def _name(concept: object) -> str:
    text = concept.get("text") if isinstance(concept, dict) else None
    return str(text or _coding(concept).get("display") or "")


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
