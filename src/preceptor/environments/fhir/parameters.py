"""By what each kind of resource can be searched: HL7 FHIR R4, search parameter registry."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["PARAMETERS", "Kind", "Parameter", "parameter"]

Kind = Literal["token", "string", "date", "reference", "quantity"]


class Parameter(NamedTuple):
    """What is searched, and how.

    Attributes
    ----------
    paths
        Elements of the resource; ``effective[x]`` is each element that begins so.
    targets
        The kinds of resource that a reference may lead to, where the parameter says so.
    """

    kind: Kind
    paths: tuple[str, ...]
    targets: tuple[str, ...] = ()


def _token(*paths: str) -> Parameter:
    return Parameter("token", paths)


def _string(*paths: str) -> Parameter:
    return Parameter("string", paths)


def _date(*paths: str) -> Parameter:
    return Parameter("date", paths)


def _reference(path: str, *targets: str) -> Parameter:
    return Parameter("reference", (path,), targets)


_EVERY = {"_id": _token("id"), "_lastUpdated": _date("meta.lastUpdated")}
_CODE, _STATUS, _CATEGORY = _token("code"), _token("status"), _token("category")
_IDENTIFIER, _INTENT = _token("identifier"), _token("intent")
_ENCOUNTER = _reference("encounter", "Encounter")
_OF_SUBJECT = {
    "patient": _reference("subject", "Patient"),
    "subject": _reference("subject"),
    "identifier": _IDENTIFIER,
}
_OF_PATIENT = {"patient": _reference("patient", "Patient"), "identifier": _IDENTIFIER}

_OF_KIND: dict[str, dict[str, Parameter]] = {
    "AllergyIntolerance": {
        **_OF_PATIENT,
        "category": _CATEGORY,
        "clinical-status": _token("clinicalStatus"),
        "code": _token("code", "reaction.substance"),
        "criticality": _token("criticality"),
        "date": _date("recordedDate"),
    },
    "CareTeam": {
        **_OF_SUBJECT,
        "category": _CATEGORY,
        "date": _date("period"),
        "encounter": _ENCOUNTER,
        "status": _STATUS,
    },
    "Composition": {
        **_OF_SUBJECT,
        "category": _CATEGORY,
        "date": _date("date"),
        "encounter": _ENCOUNTER,
        "status": _STATUS,
        "title": _string("title"),
        "type": _token("type"),
    },
    "Condition": {
        **_OF_SUBJECT,
        "category": _CATEGORY,
        "clinical-status": _token("clinicalStatus"),
        "code": _CODE,
        "encounter": _ENCOUNTER,
        "onset-date": _date("onsetDateTime", "onsetPeriod"),
        "recorded-date": _date("recordedDate"),
        "severity": _token("severity"),
        "verification-status": _token("verificationStatus"),
    },
    "DiagnosticReport": {
        **_OF_SUBJECT,
        "category": _CATEGORY,
        "code": _CODE,
        "date": _date("effective[x]"),
        "encounter": _ENCOUNTER,
        "issued": _date("issued"),
        "status": _STATUS,
    },
    "DocumentReference": {
        **_OF_SUBJECT,
        "category": _CATEGORY,
        "date": _date("date"),
        "encounter": _reference("context.encounter", "Encounter"),
        "period": _date("context.period"),
        "status": _STATUS,
        "type": _token("type"),
    },
    "Encounter": {
        **_OF_SUBJECT,
        "class": _token("class"),
        "date": _date("period"),
        "status": _STATUS,
        "type": _token("type"),
    },
    "FamilyMemberHistory": {
        **_OF_PATIENT,
        "code": _token("condition.code"),
        "date": _date("date"),
        "relationship": _token("relationship"),
        "status": _STATUS,
    },
    "ImagingStudy": {
        **_OF_SUBJECT,
        "encounter": _ENCOUNTER,
        "modality": _token("series.modality"),
        "started": _date("started"),
        "status": _STATUS,
    },
    "Immunization": {
        **_OF_PATIENT,
        "date": _date("occurrence[x]"),
        "status": _STATUS,
        "vaccine-code": _token("vaccineCode"),
    },
    "MedicationAdministration": {
        **_OF_SUBJECT,
        "code": _token("medicationCodeableConcept"),
        "context": _reference("context", "Encounter"),
        "effective-time": _date("effective[x]"),
        "status": _STATUS,
    },
    "MedicationRequest": {
        **_OF_SUBJECT,
        "authoredon": _date("authoredOn"),
        "category": _CATEGORY,
        "code": _token("medicationCodeableConcept"),
        "encounter": _ENCOUNTER,
        "intent": _INTENT,
        "priority": _token("priority"),
        "status": _STATUS,
        # Not of R4, whose ``date`` is that of the doses; agents are told to use it.
        "date": _date("authoredOn"),
    },
    "Observation": {
        **_OF_SUBJECT,
        "category": _CATEGORY,
        "code": _CODE,
        "date": _date("effective[x]"),
        "encounter": _ENCOUNTER,
        "status": _STATUS,
        "value-concept": _token("valueCodeableConcept"),
        "value-date": _date("valueDateTime", "valuePeriod"),
        "value-quantity": Parameter("quantity", ("valueQuantity",)),
        "value-string": _string("valueString"),
    },
    "Patient": {
        "active": _token("active"),
        "address": _string("address"),
        "address-city": _string("address.city"),
        "address-country": _string("address.country"),
        "address-postalcode": _string("address.postalCode"),
        "address-state": _string("address.state"),
        "birthdate": _date("birthDate"),
        "deceased": _token("deceasedBoolean"),
        "family": _string("name.family"),
        "gender": _token("gender"),
        "given": _string("name.given"),
        "identifier": _IDENTIFIER,
        "name": _string("name"),
        "telecom": _token("telecom"),
    },
    "Procedure": {
        **_OF_SUBJECT,
        "category": _CATEGORY,
        "code": _CODE,
        "date": _date("performed[x]"),
        "encounter": _ENCOUNTER,
        "status": _STATUS,
    },
    "ServiceRequest": {
        **_OF_SUBJECT,
        "authored": _date("authoredOn"),
        "category": _CATEGORY,
        "code": _CODE,
        "encounter": _ENCOUNTER,
        "intent": _INTENT,
        "occurrence": _date("occurrence[x]"),
        "priority": _token("priority"),
        "status": _STATUS,
    },
    "Specimen": {
        **_OF_SUBJECT,
        "collected": _date("collection.collected[x]"),
        "status": _STATUS,
        "type": _token("type"),
    },
}

#: Kind of resource → name → what is searched.
PARAMETERS = {kind: {**_EVERY, **names} for kind, names in _OF_KIND.items()}


def parameter(kind: str, name: str) -> Parameter | None:
    """That of a kind of resource; a kind without a table can be searched by what all have."""
    return PARAMETERS.get(kind, _EVERY).get(name)
