"""Laboratory series for the patients of the tasks, drawn around the answers of the real server.

The chart of the real server is not public; its answers to the tasks are. A series has the newest
value, the mean or the absence that its tasks have an answer from, and other readings beside it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import msgspec

from preceptor.environments.fhir.held import drawn
from preceptor.environments.fhir.search import PAGE

__all__ = ["LABS", "Wanted", "series"]

_SYSTEMS = {
    "category": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "http://loinc.org",
    "unit": "http://unitsofmeasure.org",
}
_DAY = timedelta(hours=24)


class _Lab(msgspec.Struct, frozen=True):
    """Unit, usual range and decimals of a laboratory value."""

    unit: str
    low: float
    high: float
    decimals: int


LABS = {
    "MG": _Lab("mg/dL", 1.2, 2.9, 1),
    "GLU": _Lab("mg/dL", 70, 260, 0),
    "K": _Lab("mmol/L", 3.0, 5.4, 1),
    "A1C": _Lab("%", 4.8, 11.5, 1),
}


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a series must give.

    Attributes
    ----------
    newest
        Its last value.
    at
        When that was, ISO 8601; else within the day before now.
    mean
        Of the day before now.
    recent
        Whether there is a reading in the day before now; False: older ones alone.
    none
        There is no reading at all.
    """

    newest: float | None = None
    at: str | None = None
    mean: float | None = None
    recent: bool = True
    none: bool = False


def series(patient: str, lab: str, wanted: Wanted, now: datetime) -> Iterator[dict[str, Any]]:
    """The Observations of one patient and laboratory value, in no order."""
    if wanted.none:
        return
    # No secret: the same chart for everybody.
    chance = random.Random(f"{patient}/{lab}")  # noqa: S311
    form = LABS[lab]
    recent = _recent(chance, form, wanted, now)
    newest = max(recent) if recent else now
    older = _older(chance, form, lab, wanted, min(newest, now - _DAY))
    if not recent and wanted.newest is not None:
        older[max(older)] = wanted.newest
    readings = {**older, **recent}
    hidden = lab == "K" and chance.random() < 0.5
    last = max(readings)
    while hidden and len(readings) <= PAGE + 5:
        readings.setdefault(_before(chance, now - _DAY, 1460), _value(chance, form))
    ids = {at: _id(patient, lab, at) for at in readings}
    if hidden:
        ids[last] = _late_id(patient, lab, last, [ids[at] for at in readings if at != last])
    for at in sorted(readings, key=ids.__getitem__):
        yield _observation(ids[at], patient, lab, at, readings[at])


def _recent(
    chance: random.Random, form: _Lab, wanted: Wanted, now: datetime
) -> dict[datetime, float]:
    """The readings that the answer comes from."""
    if wanted.at is not None and wanted.newest is not None:
        return {datetime.fromisoformat(wanted.at): wanted.newest}
    if not wanted.recent:
        return {}
    if wanted.mean is not None:
        values = _with_mean(chance, wanted.mean, wanted.newest)
    else:
        assert wanted.newest is not None
        others = [_value(chance, form) for _ in range(chance.randint(0, 2))]
        values = [*(each for each in others if each != wanted.newest), wanted.newest]
    times: set[datetime] = set()
    while len(times) < len(values):
        times.add(now - timedelta(minutes=chance.randint(5, 24 * 60 - 5)))
    return dict(zip(sorted(times), values, strict=True))


def _with_mean(chance: random.Random, mean: float, newest: float | None) -> list[float]:
    """Whole values with a mean, the last of them given."""
    share = Fraction(mean).limit_denominator(20)
    size = share.denominator * (1 if share.denominator > 1 else chance.randint(1, 6))
    while newest is not None and not _plausible(share * size - Fraction(newest), size - 1):
        size += share.denominator
        if size > 400:
            raise ValueError(f"no readings with the mean {mean} end with {newest}")
    total = share * size
    if newest is None:
        return _parts(chance, int(total), size)
    return [*_parts(chance, int(total - Fraction(newest)), size - 1), newest]


def _plausible(total: Fraction, size: int) -> bool:
    return total == 0 if size == 0 else 45 <= total / size <= 350


def _parts(chance: random.Random, total: int, size: int) -> list[float]:
    """Whole numbers near each other with a sum."""
    if not size:
        return []
    values = [total // size] * size
    for place in range(total - sum(values)):
        values[place] += 1
    for _ in range(size):
        one, other = chance.randrange(size), chance.randrange(size)
        moved = chance.randint(0, max(1, values[one] // 8))
        values[one] -= moved
        values[other] += moved
    return [float(each) for each in values]


def _older(
    chance: random.Random, form: _Lab, lab: str, wanted: Wanted, before: datetime
) -> dict[datetime, float]:
    """Up to forty readings of four years, and what a careless reader takes for the answer."""
    found: dict[datetime, float] = {}
    for _ in range(chance.randint(0, 40)):
        found.setdefault(_before(chance, before, 1460), _value(chance, form))
    if not wanted.recent or wanted.newest is None:  # just outside the day, or none would be there
        found[before - timedelta(minutes=chance.randint(5, 60))] = _value(chance, form)
    if lab == "K" and wanted.newest is not None:
        for step in (-0.4, 0.5):
            found[_before(chance, before, 1460)] = round(wanted.newest + step, form.decimals)
    return found


def _before(chance: random.Random, time: datetime, days: int) -> datetime:
    return time - timedelta(minutes=chance.randint(65, days * 24 * 60))


def _value(chance: random.Random, form: _Lab) -> float:
    return round(chance.uniform(form.low, form.high), form.decimals)


def _id(patient: str, lab: str, at: datetime, attempt: int = 0) -> str:
    digest = hashlib.sha256(f"{patient}/{lab}/{at.isoformat()}/{attempt}".encode()).hexdigest()
    return f"lab-{digest[:12]}"


def _late_id(patient: str, lab: str, at: datetime, others: list[str]) -> str:
    """An id with which the reading stands behind the first page of a search."""
    places = sorted(drawn("Observation", each) for each in others)
    attempt = 0
    while drawn("Observation", key := _id(patient, lab, at, attempt)) < places[PAGE - 1]:
        attempt += 1
    return key


def _observation(key: str, patient: str, lab: str, at: datetime, value: float) -> dict[str, Any]:
    unit = LABS[lab].unit
    issued = at + timedelta(minutes=60 + int(key[-2:], 16) % 60)
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": _SYSTEMS["category"],
                        "code": "laboratory",
                        "display": "Laboratory",
                    }
                ]
            }
        ],
        "code": {
            "coding": [{"system": _SYSTEMS["code"], "code": lab, "display": lab}],
            "text": lab,
        },
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": at.isoformat(),
        "issued": issued.isoformat(),
        "valueQuantity": {
            "value": int(value) if value == int(value) and not LABS[lab].decimals else value,
            "unit": unit,
            "system": _SYSTEMS["unit"],
            "code": unit,
        },
    }
