"""Health records that are drawn: patients, their laboratory values, diagnoses, medicines, stays.

They are nobody's, and the same for everybody who draws them with the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec

__all__ = ["LABS", "NOW", "Lab", "records"]

#: The day on which the records end, and on which questions are asked.
NOW = date(2026, 6, 30)
_DAYS = 3 * 365


class Lab(msgspec.Struct, frozen=True):
    """A laboratory value: its LOINC code, name, unit, usual range and decimals."""

    code: str
    name: str
    unit: str
    low: float
    high: float
    decimals: int


LABS = (
    Lab("2823-3", "Potassium", "mmol/L", 3.0, 5.6, 1),
    Lab("2160-0", "Creatinine", "mg/dL", 0.5, 3.2, 2),
    Lab("4548-4", "Hemoglobin A1c", "%", 4.8, 11.0, 1),
    Lab("718-7", "Hemoglobin", "g/dL", 7.5, 16.5, 1),
    Lab("2345-7", "Glucose", "mg/dL", 62, 290, 0),
    Lab("6690-2", "Leukocytes", "10*3/uL", 2.5, 18.0, 1),
)
_CONDITIONS = (
    ("I10", "Essential (primary) hypertension"),
    ("E11.9", "Type 2 diabetes mellitus without complications"),
    ("N18.3", "Chronic kidney disease, stage 3"),
    ("J45.909", "Unspecified asthma, uncomplicated"),
    ("I48.91", "Unspecified atrial fibrillation"),
    ("M10.9", "Gout, unspecified"),
    ("D50.9", "Iron deficiency anemia, unspecified"),
)
_MEDICINES = (
    ("Metformin", (500, 850, 1000)),
    ("Lisinopril", (5, 10, 20)),
    ("Apixaban", (2.5, 5)),
    ("Allopurinol", (100, 300)),
    ("Atorvastatin", (10, 20, 40)),
    ("Furosemide", (20, 40)),
)
_STAYS = (("IMP", "inpatient encounter"), ("EMER", "emergency"), ("AMB", "ambulatory"))
_SYSTEMS = {
    "loinc": "http://loinc.org",
    "icd": "http://hl7.org/fhir/sid/icd-10-cm",
    "unit": "http://unitsofmeasure.org",
    "status": "http://terminology.hl7.org/CodeSystem/condition-clinical",
    "class": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
}


def records(patients: int, seed: int) -> Iterator[list[dict[str, Any]]]:
    """The resources of each patient."""
    for number in range(1, patients + 1):
        chance = random.Random(f"{seed}/{number}")  # noqa: S311  # no secret
        yield [*_patient(chance, f"p{number:03}")]


def _patient(chance: random.Random, patient: str) -> Iterator[dict[str, Any]]:
    born = date(1930, 1, 1) + timedelta(days=chance.randint(0, 75 * 365))
    yield {
        "resourceType": "Patient",
        "id": patient,
        "gender": chance.choice(("female", "male")),
        "birthDate": born.isoformat(),
    }
    subject = {"reference": f"Patient/{patient}"}
    for lab in chance.sample(LABS, 4):
        days = sorted(chance.sample(range(1, _DAYS), chance.randint(2, 6)))
        for place, day in enumerate(days):
            yield _observation(
                chance, lab, NOW - timedelta(days=day), f"{patient}-{lab.code}-{place}"
            ) | {"subject": subject}
    for place, (code, name) in enumerate(chance.sample(_CONDITIONS, 3)):
        status = "active" if place == 0 or chance.random() < 0.6 else "resolved"
        yield {
            "resourceType": "Condition",
            "id": f"{patient}-c{place}",
            "clinicalStatus": {"coding": [{"system": _SYSTEMS["status"], "code": status}]},
            "code": {"coding": [{"system": _SYSTEMS["icd"], "code": code, "display": name}]},
            "subject": subject,
            "recordedDate": _day(chance),
        }
    for place, (name, doses) in enumerate(chance.sample(_MEDICINES, 3)):
        dose = chance.choice(doses)
        yield {
            "resourceType": "MedicationRequest",
            "id": f"{patient}-m{place}",
            "status": "active" if place == 0 or chance.random() < 0.6 else "stopped",
            "intent": "order",
            "medicationCodeableConcept": {"text": name},
            "subject": subject,
            "authoredOn": _day(chance),
            "dosageInstruction": [
                {"doseAndRate": [{"doseQuantity": {"value": dose, "unit": "mg"}}]}
            ],
        }
    for place in range(chance.randint(2, 5)):
        code, display = chance.choice(_STAYS)
        yield {
            "resourceType": "Encounter",
            "id": f"{patient}-e{place}",
            "status": "finished",
            "class": {"system": _SYSTEMS["class"], "code": code, "display": display},
            "subject": subject,
            "period": {"start": _day(chance)},
        }


def _day(chance: random.Random) -> str:
    return (NOW - timedelta(days=chance.randint(1, _DAYS))).isoformat()


def _observation(chance: random.Random, lab: Lab, day: date, key: str) -> dict[str, Any]:
    value = round(chance.uniform(lab.low, lab.high), lab.decimals)
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "code": {"coding": [{"system": _SYSTEMS["loinc"], "code": lab.code, "display": lab.name}]},
        "effectiveDateTime": day.isoformat(),
        "valueQuantity": {
            "value": value if lab.decimals else int(value),
            "unit": lab.unit,
            "system": _SYSTEMS["unit"],
            "code": lab.unit,
        },
    }
